"""The on-call system takes a ticket up: signed, checked, once."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sanic import Sanic

from bot.channels.oncall import BadCall, oncall_blueprint, read_call
from bot.channels.signature import sign
from bot.enrollment import migrations, queries, writes
from bot.enrollment.audit import Actor
from bot.enrollment.database import Database
from tests.server.conftest import serving

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="
GOOD = {"type": "ticket.acknowledged", "data": {"ticket": "T-1", "by": "on-call nurse"}}


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """A database with one ticket, T-1."""
    url = f"sqlite:///{tmp_path / 'sparc.db'}"
    migrations.upgrade(url)
    async with Database(url) as found:
        async with found.writing(Actor("unlinked", "public"), "test") as session:
            await writes.create_ticket(session, "symptom", None, "room", "stranger", "symptom:urgent:cough")
            await session.commit()
        yield found


@pytest.fixture
async def address(database: Database) -> AsyncIterator[str]:
    app = Sanic(f"oncall_{id(database)}", configure_logging=False)
    app.blueprint(oncall_blueprint(SECRET, database))
    async with serving(app) as port:
        yield f"http://127.0.0.1:{port}/webhooks/oncall/acknowledge"


async def post(address: str, body: Any = GOOD, secret: str = SECRET, **headers: str) -> tuple[int, Any]:
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    signed = {**sign(secret, "msg_1", raw), **headers}
    async with aiohttp.ClientSession() as session, session.post(address, data=raw, headers=signed) as answer:
        return answer.status, await answer.json()


async def _holder(database: Database) -> str | None:
    async with database.session() as session:
        (ticket,) = await queries.tickets(session, waiting_only=False)
    return ticket.acknowledged_by


async def test_a_ticket_is_taken_up_and_a_repetition_changes_nothing(address: str, database: Database) -> None:
    done = (200, {"ticket": "T-1", "acknowledged": True, "first": True})
    assert await post(address) == done
    assert await post(address) == done
    assert await _holder(database) == "on-call nurse"


async def test_where_somebody_has_it_already_the_caller_may_rest(address: str, database: Database) -> None:
    async with database.writing(Actor("nurse.qiu", "nurse"), "test") as session:
        await writes.acknowledge_ticket(session, "T-1")
        await session.commit()
    assert await post(address) == (200, {"ticket": "T-1", "acknowledged": True, "first": False})
    assert await _holder(database) == "nurse.qiu"


async def test_no_such_ticket(address: str) -> None:
    status, answer = await post(address, {**GOOD, "data": {"ticket": "T-99"}})
    assert (status, answer) == (404, {"error": "no ticket T-99"})


@pytest.mark.parametrize(
    "headers",
    [{"webhook-signature": "v1,AAAA"}, {"webhook-id": "msg_2"}, {"webhook-timestamp": "1"}, {"webhook-id": ""}],
)
async def test_what_is_not_signed_changes_nothing(address: str, database: Database, headers: dict[str, str]) -> None:
    status, _ = await post(address, **headers)
    assert status == 401
    assert await _holder(database) is None


async def test_another_secret_and_a_body_that_is_too_large(address: str) -> None:
    assert (await post(address, secret=OTHER))[0] == 401
    assert (await post(address, b" " * 5000))[0] == 413


async def test_our_own_notification_sent_back_acknowledges_nothing(address: str, database: Database) -> None:
    ours = {
        "type": "ticket.opened",
        "timestamp": "2026-11-24T04:00:00+00:00",
        "data": {"ticket": "T-1", "level": "urgent"},
    }
    assert await post(address, ours) == (400, {"error": "type: expected ticket.acknowledged"})
    assert await _holder(database) is None


def call(**data: Any) -> bytes:
    return json.dumps({"type": "ticket.acknowledged", "data": data}).encode()


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"", "body"), (b"\xff", "body"), (b"[" * 100_000, "body"), (b"[]", "type"), (b"{}", "type"), (b"null", "type"),
        (b'{"type": "ticket.acknowledged"}', "data"), (b'{"type": "ticket.acknowledged", "data": []}', "data"),
        (call(), "data.ticket"), (call(ticket=1), "data.ticket"), (call(ticket="1"), "data.ticket"),
        (call(ticket="T-"), "data.ticket"), (call(ticket="T-1x"), "data.ticket"), (call(ticket="T-\u0663"), "data.ticket"),
        (call(ticket="T-1234567890"), "data.ticket"), (call(ticket="T--1"), "data.ticket"),
        (call(ticket="T-1", by=""), "data.by"), (call(ticket="T-1", by=" "), "data.by"), (call(ticket="T-1", by=7), "data.by"),
        (call(ticket="T-1", by="x" * 65), "data.by"), (call(ticket="T-1", by="a\nb"), "data.by"),
    ],
)  # fmt: skip
def test_a_malformed_call_names_the_field(body: bytes, named: str) -> None:
    with pytest.raises(BadCall, match=f"^{named}: expected"):
        read_call(body)


def test_who_took_it_up_may_be_left_out() -> None:
    assert read_call(call(ticket="T-12")).by == "on-call"
