"""What chat and command line ask: who comes when, who is who, how far recruitment is."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from bot.enrollment import messages, queries, writes
from bot.enrollment.audit import Actor
from bot.enrollment.database import Database
from bot.enrollment.demo import demo_participants, load_demo
from bot.enrollment.planning import Planner
from bot.trial.protocol import Protocol
from bot.trial.schedule import next_visit

TODAY = date(2026, 6, 10)


async def test_nobody_is_on_file_at_first(database: Database) -> None:
    async with database.session() as session:
        assert await queries.is_empty(session)
        assert await queries.participant(session, "P-0001") is None
        assert await queries.participants(session) == []
        assert await queries.visits_near(session, TODAY, TODAY) == []


async def test_the_demonstration_is_loaded_into_an_empty_database_alone(database: Database) -> None:
    who = await load_demo(database)
    assert await load_demo(database) == {}
    assert sorted(set(who.values())) == [
        *(f"P-{number:04d}" for number in range(1, 11)),
        *("coordinator", "investigator", "nurse", "pharmacist"),
    ]
    async with database.session() as session:
        for account, person in who.items():
            found = await queries.identity(session, account)
            assert found is not None and person in (found.participant, found.role)


@pytest.mark.parametrize("day", [TODAY + timedelta(days=offset) for offset in range(7)])
def test_the_demonstration_has_somebody_at_every_point_on_any_day(protocol: Protocol, day: date) -> None:
    found = [next_visit(protocol, each.record, day) for each in demo_participants(day)]
    visits = {each.visit.visit for each in found if each.visit is not None}
    assert {"C2D1", "C3D1", "RESTAGE", "RT1"} <= visits
    assert {"completed", "withdrawn"} <= {each.reason for each in found}


async def test_pages_follow_one_another(database: Database) -> None:
    await load_demo(database)
    async with database.session() as session:
        first = await queries.participants(session, limit=4)
        rest = await queries.participants(session, after=first[-1].code)
        assert [each.code for each in first + rest] == [f"P-{number:04d}" for number in range(1, 11)]
        assert [each.code async for each in queries.every_participant(session)] == [each.code for each in first + rest]
        assert [each.code for each in await queries.participants(session, "withdrawn")] == ["P-0008"]


@pytest.mark.parametrize("length", [0, 1, 6])
async def test_visits_near_finds_whom_the_plan_names(database: Database, plan: Planner, length: int) -> None:
    await load_demo(database)
    async with database.session() as session:
        everybody = await queries.participants(session)
        for offset in range(-180, 120, 7):
            first = TODAY + timedelta(days=offset)
            last = first + timedelta(days=length)
            expected = [
                record
                for record in everybody
                if any(days is not None and days[0] <= last and days[1] >= first for days in plan(record).values())
            ]
            assert await queries.visits_near(session, first, last) == expected


async def test_counts_are_of_all_enrolled_and_by_status(database: Database) -> None:
    await load_demo(database)
    async with database.session() as session:
        counts = await queries.enrolment_counts(session)
    assert counts.by_status == {
        "screening": 1, "enrolled": 1, "on_treatment": 6, "completed": 1, "withdrawn": 1, "screen_failed": 0,
    }  # fmt: skip
    assert (counts.enrolled, counts.evaluable, counts.stage_one) == (9, 1, 9)
    assert counts.pcr == counts.stage_one_pcr == {"yes": 1, "no": 0, "not_assessed": 8}


async def test_who_speaks_in_a_conversation_is_looked_up_afresh(database: Database, operator: Actor) -> None:
    await load_demo(database)
    async with database.writing(operator, "test") as session:
        await messages.remember_conversation(session, "tracker-1", "room-1", "demo.chen", True)
        await messages.remember_conversation(session, "tracker-2", "room-2", "stranger.42", False)
        await session.commit()
    async with database.session() as session:
        known = await queries.conversation_identity(session, "tracker-1")
        assert known is not None and known[0] is not None
        assert (known[0].participant, known[1]) == ("P-0001", True)
        assert await queries.conversation_identity(session, "tracker-2") == (None, False)
        assert await queries.conversation_identity(session, "tracker-3") is None


async def test_withheld_doses_are_part_of_the_record(database: Database, operator: Actor) -> None:
    await load_demo(database)
    async with database.writing(operator, "test") as session:
        await writes.hold_dose(session, "P-0001", "capecitabine", date(2026, 6, 10), "toxicity")
        await session.commit()
    async with database.session() as session:
        record = await queries.participant(session, "P-0001")
    assert record is not None
    assert [(hold.drug, hold.first, hold.last) for hold in record.holds] == [("capecitabine", date(2026, 6, 10), None)]
