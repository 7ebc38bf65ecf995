"""The second line before the logs, with the demonstration's data and with what only looks personal."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from bot import redaction
from bot.enrollment import migrations
from bot.enrollment.database import Database
from bot.enrollment.demo import load_demo
from bot.enrollment.models import Account, Participant
from bot.logs import configure_logs
from bot.redaction import RedactingFormatter, redact_event, redact_text


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    yield
    structlog.reset_defaults()


async def _demo(tmp_path: Path) -> list[tuple[str, str, str]]:
    """Code, account and birth date of every demo participant."""
    url = f"sqlite:///{tmp_path / 'demo.db'}"
    migrations.upgrade(url)
    async with Database(url) as database:
        await load_demo(database)
        query = select(Participant.code, Account.account, Participant.birth_date).join(Account)
        async with database.session() as session:
            rows = (await session.execute(query)).all()
    return [(row.code, row.account, row.birth_date.isoformat()) for row in rows]


async def test_nothing_of_the_demo_participants_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    people = await _demo(tmp_path)
    assert len(people) == 10
    configure_logs()
    log = structlog.get_logger("bot.test")
    for code, account, born in people:
        log.info(
            "a line that should not be",
            account=account,
            why=f"{code} was born on {born}, and wrote 我叫李伟",
            nested={"participant": code, "list": [f"visit of {code.lower()}", {"text": account}], code: 1},
            place=("x", f"@{account}:hospital.test in !abc:hospital.test"),
        )
    printed = capsys.readouterr().err
    assert printed.count("a line that should not be") == 10
    for person in people:
        assert not [datum for datum in (*person, person[0].lower()) if datum in printed]
    assert "李伟" not in printed


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("next visit of P-0003?", "next visit of [participant]?"), ("Ｐ－０００３", "[participant]"), ("p‑0003", "[participant]"),
        ("born 1968-03-02", "born [date]"), ("born 2/3/1968", "born [date]"), ("2 March 1968", "[date]"), ("1968年3月2日", "[date]"), ("3月2日", "[date]"),
        ("call +86 138 0000 0000", "call [number]"), ("13800000000", "[number]"), ("li.wei@hospital.example", "[e-mail]"),
        ("@li.wei:hospital.test", "[chat id]"), ("!room:hospital.test", "[chat id]"), ("slack:T0/U0", "[chat id]"),
        ("code AB2DE-FGHJK", "code [link code]"), ("AB2DEFGHJK", "[link code]"), ("我胸口疼", "[text]"),
        ("KeyError bot/server/app.py:123 < python3.10/asyncio/tasks.py:44", None), ("message", None), ("the homeserver answers 502", None),
        ("homeserver not ready", None), ("2 of 10", None), ("P", None), ("CVE", None), ("T-17", None), ("UNDERSTAND_THIS", None),
    ],
)  # fmt: skip
def test_looks(text: str, redacted: str | None) -> None:
    assert redact_text(text) == (text if redacted is None else redacted)


@pytest.mark.parametrize(
    "key", ["account", "text", "sender", "user", "participant", "room", "token", "Account", "TEXT"]
)
def test_a_personal_key_is_emptied_whatever_it_holds(key: str) -> None:
    event = redact_event(None, "info", {"event": "x", key: "plain words"})
    assert event == {"event": "x", key: "[removed]"}


def test_our_own_figures_stay() -> None:
    line: dict[str, Any] = {
        "event": "message", "request": "0123456789abcdef0123456789abcdef", "timestamp": "2026-11-24T05:00:00Z", "ms": 1234567, "ok": True,
        "answers": ["next_visit"], "stages": {"read": 12}, "retry_after": 2.5, "nothing": None,
    }  # fmt: skip
    assert redact_event(None, "info", dict(line)) == line


def test_a_librarys_line_and_its_exception() -> None:
    try:
        raise ValueError("P-0003 says 我疼")
    except ValueError as error:
        info = (type(error), error, error.__traceback__)
    record = logging.LogRecord("sanic.error", logging.ERROR, __file__, 1, "failed for %s", ("P-0003",), info)
    printed = RedactingFormatter("%(name)s %(message)s").format(record)
    assert printed.startswith("sanic.error failed for [participant]\nValueError ")
    assert "test_redaction.py" in printed
    assert not [word for word in ("P-0003", "我疼", "says") if word in printed]


def test_a_value_that_is_no_json_is_written_as_text() -> None:
    event = redact_event(None, "info", {"event": "x", "what": ValueError("P-0003"), "many": {"P-0003", "b"}})
    assert "P-0003" not in json.dumps(event)


@pytest.mark.parametrize("look", [look for look, _ in redaction._LOOKS], ids=lambda look: look.pattern[:30])
def test_what_looks_personal_is_looked_at(look: re.Pattern[str]) -> None:
    """A text without certain characters is passed at once; nothing that would be taken out may lack them."""

    @settings(max_examples=100, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(st.from_regex(look.pattern.replace("(?=[A-Z2-9]*[A-Z])", "")))  # which texts cannot be made by
    def suspect(text: str) -> None:
        assert redaction._SUSPECT.search(text) or not look.search(text)

    suspect()
