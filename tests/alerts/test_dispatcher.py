"""The dispatcher against a real on-call system, on both databases."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from bot.alerts.receiver import Receiver
from bot.clock import Clock
from bot.enrollment import outbox, queries
from bot.enrollment.audit_check import verify
from bot.enrollment.database import Database
from bot.enrollment.models_alerts import ALERT_LEVELS
from bot.enrollment.models_audit import AuditEntry

from .conftest import HandClock, MakeDesk, rounds


async def _figures(database: Database, clock: HandClock) -> outbox.OutboxFigures:
    async with database.session() as session:
        return await outbox.figures(session, clock.now())


async def _actions(database: Database) -> list[str]:
    """What the audit trail says about alerts, in order."""
    async with database.session() as session:
        assert (await verify(session)).whole
        entries = await session.execute(
            select(AuditEntry.action).where(AuditEntry.entity.in_(("alerts", "notifications"))).order_by(AuditEntry.seq)
        )
        return list(entries.scalars())


async def test_a_ticket_is_told_once_and_that_is_in_the_trail(desk: MakeDesk, oncall: Receiver) -> None:
    team = desk()
    number = await team.open("emergency")
    dispatcher = team.dispatcher()
    await rounds(dispatcher, 3)
    (delivery,) = oncall.deliveries
    assert delivery.event["type"] == "ticket.opened"
    assert delivery.event["data"] == {
        "ticket": number, "level": "emergency", "kind": "symptom", "flags": ["cough", "fever"], "participant": None,
        "opened_at": "2026-06-10T09:00:00+08:00", "place": 1, "places": 1, "round": 1,
    }  # fmt: skip
    assert await _actions(team.database) == ["create", "notify"]
    assert (await _figures(team.database, team.clock)).waiting == 0


async def test_nothing_of_the_writer_leaves(desk: MakeDesk, oncall: Receiver) -> None:
    team = desk()
    await team.open(account="li.wei")
    await rounds(team.dispatcher())
    (delivery,) = oncall.deliveries
    for word in (b"li.wei", b"room-1", b"web-0123"):
        assert word not in delivery.body


async def test_an_outlet_that_is_down_gets_it_when_it_is_back_under_one_key(desk: MakeDesk, oncall: Receiver) -> None:
    team = desk()
    await team.open()
    dispatcher = team.dispatcher()
    oncall.mode = "mute"  # taken, but nobody hears of it
    await rounds(dispatcher)
    oncall.stop()
    for _ in range(4):
        team.clock.pass_by(seconds=31)
        await rounds(dispatcher)
    assert not dispatcher.reachable
    oncall.mode = "up"
    oncall.start()
    team.clock.pass_by(seconds=31)
    await rounds(dispatcher, 2)
    assert [delivery.answered for delivery in oncall.deliveries] == [False, True]
    assert len({delivery.key for delivery in oncall.deliveries}) == 1
    assert len({delivery.body for delivery in oncall.deliveries}) == 1
    assert dispatcher.reachable
    assert oncall.badly_signed == 0


async def test_a_pause_is_kept_and_so_is_the_one_that_an_outlet_asks_for(desk: MakeDesk, oncall: Receiver) -> None:
    team = desk()
    await team.open()
    dispatcher = team.dispatcher()
    oncall.mode = "refuse"
    await rounds(dispatcher, 3)
    assert oncall.requests == 1
    team.clock.pass_by(seconds=1.1)
    oncall.retry_after = 60
    await rounds(dispatcher)
    assert oncall.requests == 2
    oncall.mode, oncall.retry_after = "up", None
    team.clock.pass_by(seconds=55)
    await rounds(dispatcher)
    assert oncall.requests == 2
    team.clock.pass_by(seconds=6)
    await rounds(dispatcher)
    assert len(oncall.deliveries) == 1


async def test_unacknowledged_the_next_in_line_is_told_by_level(desk: MakeDesk, oncall: Receiver) -> None:
    team = desk(f"{oncall.url}/first; {oncall.url}/second", SPARC_ALERT_WAIT="emergency=2,urgent=10")
    emergency, urgent = await team.open("emergency"), await team.open("urgent")
    dispatcher = team.dispatcher()
    await rounds(dispatcher)
    team.clock.pass_by(minutes=2)
    await rounds(dispatcher)
    team.clock.pass_by(minutes=8)
    await team.acknowledge(emergency)
    await rounds(dispatcher)
    told = [
        (delivery.ticket, delivery.event["type"], delivery.event["data"]["place"]) for delivery in oncall.deliveries
    ]
    assert sorted(told) == [
        (emergency, "ticket.escalated", 2), (emergency, "ticket.opened", 1),
        (urgent, "ticket.escalated", 2), (urgent, "ticket.opened", 1),
    ]  # fmt: skip
    assert len({delivery.key for delivery in oncall.deliveries}) == 4
    assert (await _actions(team.database)).count("escalate") == 2


async def test_the_whole_line_is_told_three_times_and_then_no_more(desk: MakeDesk, oncall: Receiver) -> None:
    team = desk(f"{oncall.url}/a;{oncall.url}/b")
    await team.open("emergency")
    dispatcher = team.dispatcher()
    for _ in range(12):
        await rounds(dispatcher)
        team.clock.pass_by(minutes=5)
    steps = [(delivery.event["data"]["round"], delivery.event["data"]["place"]) for delivery in oncall.deliveries]
    assert steps == [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 2)]


async def test_an_acknowledgement_withdraws_what_waits(desk: MakeDesk, oncall: Receiver) -> None:
    team = desk(f"{oncall.url}/a;{oncall.url}/b")
    number = await team.open("emergency")
    dispatcher = team.dispatcher()
    oncall.mode = "refuse"
    await rounds(dispatcher)
    await team.acknowledge(number)
    oncall.mode = "up"
    for _ in range(5):
        team.clock.pass_by(minutes=10)
        await rounds(dispatcher)
    assert oncall.deliveries == []
    figures = await _figures(team.database, team.clock)
    assert (figures.waiting, sum(figures.open_alerts.values())) == (0, 0)


async def test_a_dead_step_is_passed_over_at_once(desk: MakeDesk, oncall: Receiver) -> None:
    team = desk(f"http://127.0.0.1:9/dead; {oncall.url}", SPARC_ALERT_WAIT="urgent=60")
    await team.open()
    dispatcher = team.dispatcher()
    for _ in range(4):
        await rounds(dispatcher)
        team.clock.pass_by(seconds=5)
    (delivery,) = oncall.deliveries
    assert delivery.event["data"]["place"] == 2
    assert dispatcher.reachable


async def test_outlets_of_a_step_are_told_together_and_none_twice(desk: MakeDesk, oncall: Receiver) -> None:
    team = desk(f"{oncall.url}/a, http://127.0.0.1:9/dead, {oncall.url}/b")
    await team.open()
    dispatcher = team.dispatcher()
    for _ in range(3):
        await rounds(dispatcher)
        team.clock.pass_by(seconds=31)
    assert len(oncall.deliveries) == 2
    assert (await _figures(team.database, team.clock)).waiting == 1


async def test_the_most_pressing_go_first(desk: MakeDesk, clock: HandClock) -> None:
    team = desk()
    for level in ("other", "urgent", "emergency", "urgent"):
        await team.open(level)
        clock.pass_by(seconds=1)
    claimed = await outbox.claim(team.database, 3, timedelta(seconds=20), clock.now())
    assert [one.level for one in claimed] == ["emergency", "urgent", "urgent"]


async def test_one_of_several_processes_sends(desk: MakeDesk, oncall: Receiver) -> None:
    team = desk()
    numbers = [await team.open() for _ in range(12)]
    dispatchers = [team.dispatcher() for _ in range(3)]
    await asyncio.gather(*(rounds(dispatcher, 3) for dispatcher in dispatchers))
    assert sorted(delivery.ticket for delivery in oncall.deliveries) == sorted(numbers)


async def test_a_lease_that_ran_out_is_taken_over_under_the_same_key(
    desk: MakeDesk, oncall: Receiver, clock: HandClock
) -> None:
    team = desk()
    await team.open()
    lease = timedelta(seconds=20)
    (died,) = await outbox.claim(team.database, 5, lease, clock.now())
    dispatcher = team.dispatcher()
    await rounds(dispatcher)
    assert oncall.deliveries == []
    clock.pass_by(seconds=20)
    await rounds(dispatcher)
    (delivery,) = oncall.deliveries
    assert delivery.key == died.key
    assert not await outbox.mark_sent(team.database, [died], clock.now())  # it was not dead after all, but late


async def test_it_wakes_at_once_and_finds_what_others_wrote(desk: MakeDesk, oncall: Receiver) -> None:
    team = desk()
    dispatcher = team.dispatcher(poll_seconds=3600.0)
    running = asyncio.create_task(dispatcher.run())
    try:
        await asyncio.sleep(0.2)
        await team.open()
        dispatcher.wake()
        await _until_delivered(oncall)
    finally:
        running.cancel()
    assert len(oncall.deliveries) == 1


async def _until_delivered(oncall: Receiver) -> None:
    for _ in range(1000):
        if oncall.deliveries:
            return
        await asyncio.sleep(0.02)


async def test_nobody_could_be_told_after_the_limit(desk: MakeDesk, oncall: Receiver) -> None:
    team = desk(SPARC_ALERT_LIMIT="2")
    await team.open(account="li.wei")
    dispatcher = team.dispatcher()
    oncall.stop()
    await rounds(dispatcher)
    assert not dispatcher.may_be_untold("li.wei")
    team.clock.pass_by(minutes=2)
    await rounds(dispatcher)
    assert dispatcher.may_be_untold("li.wei")
    assert not dispatcher.may_be_untold("he.tao")
    assert (await _actions(team.database))[-1] == "unreached"
    oncall.start()
    team.clock.pass_by(minutes=1)
    await rounds(dispatcher)
    assert len(oncall.deliveries) == 1  # it is still told, late as it is


async def test_without_an_outlet_what_was_opened_is_told_once_there_is_one(desk: MakeDesk, oncall: Receiver) -> None:
    nobody = desk("none")
    number = await nobody.open(outlets=False, unreached=True)
    await rounds(nobody.dispatcher(), 2)
    assert oncall.deliveries == []
    team = desk()
    await rounds(team.dispatcher(), 2)
    assert [delivery.ticket for delivery in oncall.deliveries] == [number]


async def test_an_outlet_that_left_the_line_is_replaced(desk: MakeDesk, oncall: Receiver) -> None:
    before = desk("http://127.0.0.1:9/a, http://127.0.0.1:9/b; http://127.0.0.1:9/c")
    await before.open()
    await rounds(before.dispatcher())
    after = desk(f"{oncall.url}")
    dispatcher = after.dispatcher()
    for _ in range(3):
        after.clock.pass_by(seconds=31)
        await rounds(dispatcher)
    assert len(oncall.deliveries) == 1
    assert (await _figures(after.database, after.clock)).waiting == 0


async def test_figures_and_the_list_of_staff(desk: MakeDesk, oncall: Receiver) -> None:
    team = desk()
    told = await team.open("emergency")
    await rounds(team.dispatcher())
    oncall.stop()
    await team.open("urgent")
    team.clock.pass_by(minutes=4)
    await rounds(team.dispatcher())
    figures = await _figures(team.database, team.clock)
    assert (figures.waiting, figures.oldest_seconds) == (1, 240.0)
    assert figures.open_alerts == {"emergency": 1, "urgent": 1, "other": 0}
    assert tuple(figures.open_alerts) == ALERT_LEVELS
    assert (figures.unreached, figures.untold) == (1, 1)
    ((name, failures),) = [(outlet.name, outlet.failures) for outlet in figures.outlets]
    assert (name, failures) == ("1-webhook", 1)
    async with team.database.session() as session:
        tickets = await queries.tickets(session)
    assert [(ticket.number == told, ticket.level, ticket.notified, ticket.unreached) for ticket in tickets] == [
        (True, "emergency", 1, False), (False, "urgent", 0, True),
    ]  # fmt: skip


@pytest.mark.parametrize("dialect", ["sqlite"])
async def test_an_error_of_the_database_ends_nothing(desk: MakeDesk, oncall: Receiver) -> None:
    team = desk()
    dispatcher = team.dispatcher(poll_seconds=0.05)
    async with team.database.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE notifications RENAME TO elsewhere"))
    running = asyncio.create_task(dispatcher.run())
    await asyncio.sleep(0.3)
    async with team.database.engine.begin() as connection:
        await connection.execute(text("ALTER TABLE elsewhere RENAME TO notifications"))
    await team.open()
    await _until_delivered(oncall)
    running.cancel()
    assert len(oncall.deliveries) == 1


def test_the_clock_by_which_it_waits_is_the_worlds() -> None:
    assert Clock().fixed is None
