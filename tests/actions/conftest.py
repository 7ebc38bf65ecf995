"""The actions with a real database and hand-made readings: what an answer is, without a model or a server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from actions.conversation import Ask, Services
from actions.reading import Reading
from actions.respond import Reply, respond
from bot.clock import Clock
from bot.config import ROOT
from bot.enrollment import queries, writes
from bot.enrollment.audit import Actor
from bot.enrollment.csv_import import import_participants
from bot.enrollment.database import Database
from bot.enrollment.migrations import upgrade
from bot.phrases import Phrases
from bot.trial.protocol import load_protocol
from bot.trial.triage import load_triage_rules

DIALOGUES = ROOT / "tests" / "data" / "dialogues"
NOW = datetime.fromisoformat("2026-09-16T14:00:00+08:00")
_ADMIN = Actor("test", "administrator")


@pytest.fixture(scope="session")
async def services(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Services]:
    """The participants and staff of tests/data/dialogues in a database of their own."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('actions') / 'sparc.db'}", clock=Clock(NOW))
    upgrade(database.url)
    await import_participants(database, DIALOGUES / "participants.csv", _ADMIN)
    async with database.writing(_ADMIN, "test") as session:
        for account, role in json.loads((DIALOGUES / "accounts.json").read_text(encoding="utf-8")).items():
            await writes.link_staff(session, account, role)
        await session.commit()
    yield Services(
        protocol=load_protocol(),
        triage=load_triage_rules(),
        phrases=Phrases.load(ROOT / "domain.yml"),
        database=database,
        emergency_number="120",
        ward_line="021-5550",
    )
    await database.dispose()


@dataclass
class Talk:
    """A conversation of one account; each message is given as the language side would read it."""

    services: Services
    account: str
    direct: bool = True
    conversation: str = "room"
    memory: dict[str, Any] = field(default_factory=dict)

    async def say(self, *parts: dict[str, Any], language: str | None = "en", **reading: Any) -> Reply:
        """One message of these parts; `symptoms` and `note` as `bot.nlu.reading` writes them."""
        full = [{"text": "", "intent": "nlu_fallback", **part} for part in parts]
        read = Reading.from_json({"language": language, "parts": full, **reading})
        async with self.services.database.session() as session:
            person = await queries.identity(session, self.account)
        own = "zh" if person is not None and person.language == "zh" else "en"
        ask = Ask(
            services=self.services,
            identity=person,
            account=self.account,
            conversation=self.conversation,
            direct=self.direct,
            now=NOW,
            language=own if read.language is None else "zh" if read.language == "zh" else "en",
            reading=read,
            part=read.parts[0],
            memory=self.memory,
            tracker_id="hospital-0123",
        )
        reply = await respond(ask)
        self.memory = dict(reply.memory)
        return replace(reply, custom=json.loads(json.dumps(reply.custom)))


@pytest.fixture
def talk(services: Services) -> Callable[..., Talk]:
    """Begins a conversation: `talk('ma.jun')`, `talk('nurse.qiu', direct=False)`."""
    return lambda account, direct=True: Talk(services, account, direct)


@pytest.fixture
def phrases() -> Phrases:
    """The responses of the domain."""
    return Phrases.load(Path(ROOT / "domain.yml"))
