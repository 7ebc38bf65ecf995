"""The functions behind the commands: plain values that JSON knows, and nothing without its entry in the trail."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bot.enrollment import admin
from bot.enrollment.audit import Actor
from bot.enrollment.database import Database
from bot.enrollment.errors import InvalidValue, NotOnFile
from bot.trial.protocol import Protocol

OPERATOR = Actor("root", "operator")
COMMANDS: dict[str, Callable[[Database], Awaitable[Any]]] = {
    "list": lambda d: admin.list_participants(d),
    "show": lambda d: admin.show_participant(d, "P-0101", OPERATOR),
    "link a participant": lambda d: admin.link(d, "a.b", OPERATOR, participant="P-0101"),
    "link staff": lambda d: admin.link(d, "n.zhou", OPERATOR, role="nurse"),
    "link code": lambda d: admin.link_code(d, OPERATOR, participant="P-0102"),
    "unlink": lambda d: admin.unlink(d, "ding.yu", OPERATOR),
    "export": lambda d: admin.export(d, "P-0101", OPERATOR),
    "erase": lambda d: admin.erase_participant(d, "P-0101", OPERATOR, "request"),
    "verify": lambda d: admin.verify_audit(d),
    "history": lambda d: admin.audit_history(d, "P-0101"),
    "tickets": lambda d: admin.list_tickets(d),
}


@pytest.fixture
async def filled(database: Database, three: Path) -> Database:
    await admin.import_file(database, three, OPERATOR)
    return database


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
async def test_a_command_says_what_json_can_say(
    filled: Database, command: Callable[[Database], Awaitable[Any]]
) -> None:
    assert json.loads(json.dumps(await command(filled))) is not None
    assert (await admin.verify_audit(filled))["whole"]


async def test_the_list_is_in_order_and_by_status(filled: Database) -> None:
    assert [each["code"] for each in await admin.list_participants(filled)] == ["P-0101", "P-0102", "P-0103"]
    assert [each["code"] for each in await admin.list_participants(filled, "completed")] == ["P-0103"]


async def test_who_was_shown_is_in_the_trail(filled: Database, coordinator: Actor) -> None:
    shown = await admin.show_participant(filled, "P-0101", coordinator)
    assert {event["visit"]: event["status"] for event in shown["events"]}["C2D1"] == "booked"
    last = (await admin.audit_history(filled, "P-0101"))[-1]
    assert (last["action"], last["actor"]) == ("read", "coord.ye")


async def test_nobody_is_shown_linked_or_given_a_strange_role(filled: Database) -> None:
    with pytest.raises(NotOnFile):
        await admin.show_participant(filled, "P-9999", OPERATOR)
    with pytest.raises(NotOnFile):
        await admin.link(filled, "a.b", OPERATOR, participant="P-9999")
    with pytest.raises(InvalidValue):
        await admin.link(filled, "a.b", OPERATOR, role="surgeon")


async def test_recruitment_and_its_picture(filled: Database, protocol: Protocol) -> None:
    figures = await admin.recruitment_figures(filled, protocol)
    assert (figures["enrolled"], figures["target"], figures["pcr"]) == (3, 55, 1)
    assert (await admin.accrual_picture(filled, protocol)).startswith(b"\x89PNG")


async def test_a_ticket_is_listed_until_taken_up(filled: Database, coordinator: Actor) -> None:
    from bot.enrollment import writes

    async with filled.writing(OPERATOR, "test") as session:
        number = await writes.create_ticket(session, "handoff", "P-0101", "room", "ding.yu", "handoff")
        await session.commit()
    assert [each["number"] for each in await admin.list_tickets(filled)] == [number]
    await admin.acknowledge(filled, number, coordinator)
    assert await admin.list_tickets(filled) == []
