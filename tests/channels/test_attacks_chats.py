"""Runs the cases of `attacks.yml` that go against Matrix and Slack: the real channels before servers that are played."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from sanic import Sanic

from bot.channels.connectors.guarded import Common
from bot.channels.connectors.slack import GuardedSlack
from bot.channels.matrix.build import build_matrix
from bot.channels.matrix.messages import CARD
from bot.config import Settings
from bot.enrollment import writes
from bot.enrollment.audit import Actor
from bot.enrollment.database import Database
from bot.nlu.pieces import PiecewiseReader
from bot.trial.triage import TriageRules, assess_symptoms
from tests.helpers.homeserver import ME, Homeserver
from tests.helpers.slack import SIGNING_SECRET, TOKEN, Slack, SlackApi
from tests.helpers.synapse import SERVER_NAME, free_port

from .conftest import SECRET, RateLimit, serving
from .test_attacks import (  # noqa: F401 - fixtures
    _CODE,
    ALL,
    STAFF,
    AnsweringBot,
    GivenIntent,
    answering,
    classifier,
    reader,
    rules,
    services,
    symptoms,
)

CASES = [case for case in ALL if case.get("channel") in ("matrix", "slack")]
_PEOPLE = {"demo.chen": "P-0001", "demo.liu": "P-0002"}
_PATIENT, _NURSE = f"@demo.chen:{SERVER_NAME}", f"@demo.nurse:{SERVER_NAME}"


@dataclass
class Outcome:
    """What came of one request: its status, its body, and what was said in the chat because of it."""

    status: int
    body: str
    said: list[dict[str, Any]] = field(default_factory=list)

    @property
    def everything(self) -> str:
        return self.body + json.dumps(self.said, ensure_ascii=False)


class MatrixSide:
    """A homeserver that is played, and whoever can reach the assistant's port."""

    def __init__(self, server: Homeserver, channel: Any, settings: Settings, address: str) -> None:
        self.server = server
        self._channel = channel
        self._settings = settings
        self._address = address

    async def carry_out(self, case: dict[str, Any], step: dict[str, Any], number: int) -> Outcome:
        tokens = self._settings.matrix_tokens()
        token = {"own": tokens[0]}.get(step.get("token", ""), step.get("token", tokens[1]))
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        event = self._event(case, step, number)
        others = case.get("room", {}).get("others", [])
        self.server.members = {ME: "join", event["sender"]: "join", **dict.fromkeys(others, "invite")}
        self.server.state = case.get("room", {}).get("state", [])
        raw = step.get("raw") or json.dumps({"events": [event]})
        if "nested" in step:
            raw = '{"events": ' + "[" * step["nested"] + "]" * step["nested"] + "}"
        path = step.get("path", f"/_matrix/app/v1/transactions/{uuid.uuid4().hex}")
        if "query" in step:
            path += f"?{step['query']}={tokens[1]}"
        before = set(self.server.sent)
        async with aiohttp.ClientSession() as session:
            method = step.get("method", "PUT")
            async with session.request(method, self._address + path, data=raw.encode(), headers=headers) as reply:
                found = Outcome(reply.status, await reply.text())
        await self._channel._queues.idle()
        found.said = [self.server.sent[key] for key in self.server.order if key not in before]
        return found

    @staticmethod
    def _event(case: dict[str, Any], step: dict[str, Any], number: int) -> dict[str, Any]:
        send = dict(step.get("send", {}))
        sender = send.pop("sender", _PATIENT)
        body = "a " * (step["padding"] // 2) if "padding" in step else send.pop("text", "hello")
        content = send.pop("content", {"msgtype": "m.text", "body": body})
        return {
            "event_id": step.get("event_id", f"${uuid.uuid4().hex}"),
            "room_id": f"!{case['id']}:{SERVER_NAME}",
            "sender": f"@user{number}:{SERVER_NAME}" if sender == "each" else sender,
            "type": "m.room.message",
            "origin_server_ts": int(time.time() * 1000),
            "content": content,
            **send,
        }


class SlackSide:
    """A Slack that is played, and whoever can reach the assistant's port."""

    def __init__(self, slack: Slack) -> None:
        self.slack = slack

    async def carry_out(self, case: dict[str, Any], step: dict[str, Any], number: int) -> Outcome:
        send = {"text": "hello", "user": "demo.chen", **step.get("send", {})}
        if "event_id" in step:
            send["ts"] = step["event_id"]
        event = self.slack.event(**send)
        event["team_id"] = step.get("team", "T0HOSPITAL")
        headers = dict(step.get("headers", {}))
        if "at" in step:
            headers["at"] = str(int(time.time()) + step["at"])
        before = len(self.slack.api.posted)
        status, body = await self.slack.send(step["raw"].encode() if "raw" in step else event, **headers)
        return Outcome(status, body, self.slack.api.posted[before:])


@pytest.fixture(scope="session")
async def linked(database: Database) -> None:
    async with database.writing(Actor("test", "administrator"), "test") as session:
        for name, code in _PEOPLE.items():
            await writes.link_participant(session, f"@{name}:{SERVER_NAME}", code)
            await writes.link_participant(session, f"slack:T0HOSPITAL/{name}", code)
        await writes.link_staff(session, _NURSE, "nurse")
        await session.commit()


async def _no_sleep(_seconds: float) -> None:
    return None


@pytest.fixture
async def side(
    case: dict[str, Any],
    answering: AnsweringBot,  # noqa: F811
    classifier: GivenIntent,  # noqa: F811
    symptoms: PiecewiseReader,  # noqa: F811
    rules: TriageRules,  # noqa: F811
    database: Database,
    linked: None,
    tmp_path: Path,
) -> AsyncIterator[MatrixSide | SlackSide]:
    classifier.intent = case["intent"]

    def alarming(text: str) -> bool:
        return assess_symptoms(rules, symptoms.read(text)).level in ("emergency", "urgent")

    limit = RateLimit(case.get("rate", 0), lambda: 0.0)
    played, port = web.Application(client_max_size=10**7), free_port()
    server, api = Homeserver(), SlackApi()
    played.router.add_post("/api/chat.postMessage", api.post_message)
    played.router.add_route("*", "/_matrix/{path:.*}", server.handle)
    runner = web.AppRunner(played)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    app = Sanic(f"test_{uuid.uuid4().hex}", configure_logging=False)
    app.config.KEEP_ALIVE_TIMEOUT = 1
    if case["channel"] == "matrix":
        settings = Settings.from_environment(
            {
                "SPARC_HOME": str(tmp_path),
                "SPARC_WEBHOOK_SECRET": SECRET,
                "SPARC_RATE": str(case.get("rate", 0)),
                "SPARC_MATRIX_HOMESERVER": f"http://127.0.0.1:{port}",
                "SPARC_MATRIX_SERVER_NAME": SERVER_NAME,
            }
        )
        channel: Any = build_matrix(settings, database, limit, alarming, answering)
        channel._queues._sleep = _no_sleep
        app.blueprint(channel.blueprint())
        async with serving(app) as address:
            yield MatrixSide(server, channel, settings, address)
            await channel.stop()
    else:
        common = Common(SECRET, database, limit, alarming, "120")
        credentials = {
            "slack_token": TOKEN,
            "slack_signing_secret": SIGNING_SECRET,
            "slack_api": f"http://127.0.0.1:{port}/api/",
        }
        channel = GuardedSlack(credentials, common)
        channel.queues._sleep = _no_sleep
        app.blueprint(channel.blueprint(answering), url_prefix="/webhooks/slack")
        async with serving(app) as address, aiohttp.ClientSession() as session:
            yield SlackSide(Slack(address, session, channel, api))
            await channel.stop()
    await runner.cleanup()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
async def test_attack(case: dict[str, Any], side: MatrixSide | SlackSide, answering: AnsweringBot) -> None:  # noqa: F811
    for step in case["steps"]:
        outcomes = [await side.carry_out(case, step, number) for number in range(step.get("times", 1))]
        problems = _problems(step["expect"], outcomes, answering, side)
        problems += [problem for outcome in outcomes for problem in _leaks(step, outcome)]
        assert not problems, (case["what"], step, outcomes[-1])
    assert not [message for message in answering.heard if message.text.strip().startswith("/")]


def _problems(expect: dict[str, Any], outcomes: list[Outcome], bot: AnsweringBot, side: Any) -> list[str]:
    said = [message for outcome in outcomes for message in outcome.said]
    # The time of an answer is nobody's date.
    whole = " ".join(outcome.everything for outcome in outcomes).replace('\\"as_of\\":\\"2026-06-10', "")
    problems = [f"has {words!r}" for words in expect.get("lacks", ()) if words in whole]
    problems += [f"lacks {words!r}" for words in expect.get("has", ()) if words not in whole]
    statuses = expect.get("statuses", [expect.get("status")])
    problems += [f"status {outcome.status}" for outcome in outcomes if outcome.status not in statuses]
    if "heard" in expect and len(bot.heard) != expect["heard"]:
        problems.append(f"{len(bot.heard)} messages reached the bot")
    if "heard_text" in expect and (not bot.heard or bot.heard[-1].text != expect["heard_text"]):
        problems.append("the bot heard something else")
    if "said" in expect and len(said) != expect["said"]:
        problems.append(f"{len(said)} replies")
    if "answer" in expect or "about" in expect:
        card = json.loads(said[-1][CARD]) if said and CARD in said[-1] else {}
        problems += [
            f"{key} {card.get(key)!r}" for key in ("answer", "about") if key in expect and card.get(key) != expect[key]
        ]
    if "paths_hold" in expect and not any(expect["paths_hold"] in path for path in side.server.paths):
        problems.append("another address was called")
    return problems


def _leaks(step: dict[str, Any], outcome: Outcome) -> list[str]:
    """Nobody but staff reads another participant's code."""
    send = step.get("send", {})
    if any(name in str(send.get("sender", "")) for name in STAFF):
        return []
    own = (
        {"P-0001"}
        if send.get("sender", _PATIENT) == _PATIENT and send.get("user", "demo.chen") == "demo.chen"
        else set()
    )
    cards = " ".join(str(message.get(CARD, message.get("text", ""))) for message in outcome.said)
    return [f"{code} is another's" for code in sorted(set(_CODE.findall(cards)) - own)]
