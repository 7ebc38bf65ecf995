"""Deeds: what may be written, by whom it was, and what the database refuses whoever asks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, time
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from bot.enrollment import queries, writes
from bot.enrollment.audit import Actor
from bot.enrollment.database import Database
from bot.enrollment.demo import load_demo
from bot.enrollment.errors import Conflict, InvalidValue, NotOnFile
from bot.enrollment.models import Enrolment, Participant, PlannedVisit
from bot.enrollment.planning import Planner
from bot.trial.record import ParticipantRecord

TODAY = date(2026, 6, 10)


@pytest.fixture
async def demo(database: Database) -> Database:
    await load_demo(database)
    return database


async def _do(database: Database, actor: Actor, *deeds: Callable[[AsyncSession], Awaitable[Any]]) -> list[Any]:
    async with database.writing(actor, "test") as session:
        found = [await deed(session) for deed in deeds]
        await session.commit()
    return found


async def _record(database: Database, code: str) -> ParticipantRecord:
    async with database.session() as session:
        found = await queries.participant(session, code)
    assert found is not None
    return found


# --- accounts -------------------------------------------------------------------------------------------------


async def test_an_account_is_a_participant_s_or_of_staff(demo: Database, operator: Actor) -> None:
    await _do(
        demo,
        operator,
        lambda session: writes.link_participant(session, "gao.xin", "P-0001"),
        lambda session: writes.link_staff(session, "ph.sun", "pharmacist", "zh"),
    )
    async with demo.session() as session:
        person, staff = await queries.identity(session, "gao.xin"), await queries.identity(session, "ph.sun")
        assert await queries.identity(session, "stranger.42") is None
        assert await queries.identity(session, "GAO.XIN") is None
    assert person is not None and (person.kind, person.participant, person.role) == ("participant", "P-0001", None)
    assert staff is not None and (staff.kind, staff.participant, staff.role) == ("staff", None, "pharmacist")
    assert (person.language, staff.language) == ("en", "zh")
    assert (person.actor, staff.actor) == (Actor("P-0001", "participant"), Actor("ph.sun", "pharmacist"))


async def test_an_unlinked_account_is_nobody_s(demo: Database, operator: Actor) -> None:
    await _do(demo, operator, lambda session: writes.unlink(session, "demo.chen"))
    async with demo.session() as session:
        assert await queries.identity(session, "demo.chen") is None


REFUSED_LINKS: list[tuple[str, Callable[[AsyncSession], Awaitable[None]], type[Exception]]] = [
    ("no such participant", lambda s: writes.link_participant(s, "a.b", "P-9999"), NotOnFile),
    ("another's account", lambda s: writes.link_participant(s, "demo.chen", "P-0002"), Conflict),
    ("staff to participant", lambda s: writes.link_participant(s, "demo.nurse", "P-0002"), Conflict),
    ("participant to staff", lambda s: writes.link_staff(s, "demo.chen", "nurse"), Conflict),
    ("no such role", lambda s: writes.link_staff(s, "a.b", "surgeon"), InvalidValue),
    ("no account", lambda s: writes.link_staff(s, " ", "nurse"), InvalidValue),
    ("unlinking nobody", lambda s: writes.unlink(s, "a.b"), NotOnFile),
]


@pytest.mark.parametrize(
    ("deed", "error"), [each[1:] for each in REFUSED_LINKS], ids=[each[0] for each in REFUSED_LINKS]
)
async def test_a_link_that_cannot_be_is_refused(
    demo: Database, operator: Actor, deed: Callable[[AsyncSession], Awaitable[None]], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await _do(demo, operator, deed)


# --- the record -----------------------------------------------------------------------------------------------


async def test_a_booking_is_on_file_with_its_time(demo: Database, coordinator: Actor) -> None:
    await _do(
        demo, coordinator, lambda s: writes.record_visit(s, "P-0003", "C2D1", "booked", date(2026, 6, 24), time(10, 15))
    )
    event = (await _record(demo, "P-0003")).events["C2D1"]
    assert (event.status, event.date, event.time, event.recorded_on) == (
        "booked",
        date(2026, 6, 24),
        time(10, 15),
        TODAY,
    )


REFUSED: list[tuple[str, Callable[[AsyncSession], Awaitable[Any]], type[Exception]]] = [
    ("done in the future", lambda s: writes.record_visit(s, "P-0003", "C2D1", "done", date(2026, 6, 11)), InvalidValue),
    ("booked for no day", lambda s: writes.record_visit(s, "P-0003", "C2D1", "booked", None), InvalidValue),
    ("no such visit", lambda s: writes.record_visit(s, "P-0003", "C9D1", "booked", TODAY), InvalidValue),
    ("no such state", lambda s: writes.record_visit(s, "P-0003", "C2D1", "moved", TODAY), InvalidValue),
    ("nobody's visit", lambda s: writes.record_visit(s, "P-9999", "C2D1", "booked", TODAY), NotOnFile),
    ("nothing to remove", lambda s: writes.remove_visit(s, "P-0003", "SURGERY"), NotOnFile),
    ("no such status", lambda s: writes.set_status(s, "P-0003", "dead"), InvalidValue),
    ("no such drug", lambda s: writes.set_prescribed_dose(s, "P-0003", "aspirin", 100), InvalidValue),
    ("a dose no order means", lambda s: writes.set_prescribed_dose(s, "P-0003", "capecitabine", 16), InvalidValue),
    ("a grade of 6", lambda s: writes.record_adverse_event(s, "P-0003", "pain", 6, TODAY), InvalidValue),
    ("a dose to come", lambda s: writes.record_dose(s, "P-0003", "oxaliplatin", date(2026, 7, 1), "given"),
     InvalidValue),
    ("a hold backwards", lambda s: writes.hold_dose(s, "P-0003", "oxaliplatin", TODAY, "other", date(2026, 6, 1)),
     InvalidValue),
    ("another outcome", lambda s: writes.record_outcome(s, "P-0003", response="cured"), InvalidValue),
    ("no such consent", lambda s: writes.withdraw_consent(s, "P-0003", TODAY, "form 9"), NotOnFile),
    ("no such ticket", lambda s: writes.acknowledge_ticket(s, "T-99"), NotOnFile),
    ("no ticket's number", lambda s: writes.acknowledge_ticket(s, "seven"), NotOnFile),
]  # fmt: skip


@pytest.mark.parametrize(("deed", "error"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED])
async def test_what_cannot_be_is_refused(
    demo: Database, operator: Actor, deed: Callable[[AsyncSession], Awaitable[Any]], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await _do(demo, operator, deed)


async def test_an_order_is_put_on_file_changed_and_taken_back(demo: Database, operator: Actor) -> None:
    for amount in (1800, 1500, None):
        await _do(demo, operator, lambda s, mg=amount: writes.set_prescribed_dose(s, "P-0001", "capecitabine", mg))
        assert (await _record(demo, "P-0001")).capecitabine_mg == amount


async def test_clinical_records_are_kept(demo: Database, operator: Actor) -> None:
    await _do(
        demo,
        operator,
        lambda s: writes.record_dose(s, "P-0003", "oxaliplatin", date(2026, 6, 1), "given", 255, 125),
        lambda s: writes.hold_dose(s, "P-0003", "capecitabine", TODAY, "toxicity"),
        lambda s: writes.record_adverse_event(s, "P-0003", "diarrhoea", 3, date(2026, 6, 8), serious=True),
        lambda s: writes.record_outcome(s, "P-0006", response="complete", strategy="watch_and_wait"),
        lambda s: writes.withdraw_consent(s, "P-0008", TODAY),
        lambda s: writes.set_last_capecitabine(s, "P-0003", date(2026, 6, 9)),
    )
    async with demo.session() as session:
        for table in ("dose_administrations", "dose_holds", "adverse_events"):
            assert (await session.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one() == 1
    assert (await _record(demo, "P-0003")).last_capecitabine == date(2026, 6, 9)


async def test_planned_days_follow_every_change(demo: Database, operator: Actor, plan: Planner) -> None:
    await _do(
        demo,
        operator,
        lambda s: writes.record_visit(s, "P-0009", "RT1", "booked", date(2026, 6, 22)),
        lambda s: writes.record_visit(s, "P-0003", "C2D1", "booked", date(2026, 6, 26)),
        lambda s: writes.remove_visit(s, "P-0002", "RT1"),
        lambda s: writes.set_status(s, "P-0004", "withdrawn"),
        lambda s: writes.set_last_capecitabine(s, "P-0005", date(2026, 6, 5)),
    )
    async with demo.session() as session:
        for key, record in (await queries.records(session)).items():
            rows = await session.execute(
                select(PlannedVisit.visit, PlannedVisit.first_day, PlannedVisit.last_day).where(
                    PlannedVisit.participant_id == key
                )
            )
            stored = {visit: (first, last) for visit, first, last in rows}
            assert stored == {visit: days for visit, days in plan(record).items() if days is not None}


async def test_the_first_23_by_day_of_enrolment_are_stage_one(database: Database, operator: Actor) -> None:
    await load_demo(database)  # 9 of whom are enrolled
    async with database.writing(operator, "test") as session:
        site = await writes.site_id(session)
        for number in range(20):
            code = f"P-1{number:03d}"
            await session.run_sync(lambda sync, code=code: sync.add(_newcomer(code, site)))
            await session.flush()
            # The later the code, the earlier the day.
            await writes.enrol(session, code, date(2024, 3, 31 - number))
        await session.commit()
    async with database.session() as session:
        stages = await session.execute(select(Enrolment.enrolled_on, Enrolment.stage).order_by(Enrolment.enrolled_on))
        assert [stage for _, stage in stages] == [1] * 23 + [2] * 6


def _newcomer(code: str, site: int) -> Any:
    return Participant(code=code, site_id=site, status="enrolled", language="en")


# --- tickets and pre-checks -----------------------------------------------------------------------------------


async def test_tickets_are_numbered_and_taken_up_once(demo: Database, coordinator: Actor) -> None:
    first, second = await _do(
        demo,
        Actor("P-0001", "participant"),
        lambda s: writes.create_ticket(s, "reschedule", "P-0001", "room-1", "demo.chen", "C1D1:2026-07-01"),
        lambda s: writes.create_ticket(s, "handoff", None, "room-2", "stranger.42", "handoff"),
    )
    assert (first, second) == ("T-1", "T-2")
    await _do(demo, coordinator, lambda s: writes.acknowledge_ticket(s, "T-1"))
    with pytest.raises(Conflict):
        await _do(demo, Actor("n.zhou", "nurse"), lambda s: writes.acknowledge_ticket(s, "T-1"))
    async with demo.session() as session:
        waiting = await queries.tickets(session)
        everything = await queries.tickets(session, waiting_only=False)
    assert [(each.number, each.participant) for each in waiting] == [("T-2", None)]
    assert [(each.number, each.participant, each.acknowledged_by) for each in everything] == [
        ("T-1", "P-0001", "coord.ye"),
        ("T-2", None, None),
    ]


ASSESSMENT = {
    "verdict": "incomplete",
    "facts": {"age": 61},
    "criteria": [
        {"id": "I02", "result": "pass", "evidence": ["61-year-old"], "why": "older than 18, at most 75"},
        {"id": "I03", "result": "unknown", "evidence": [], "why": "no ECOG score"},
    ],
}


async def test_a_pre_check_is_kept_and_an_investigator_decides(demo: Database) -> None:
    coordinator, investigator = Actor("coord.ye", "coordinator"), Actor("dr.lin", "investigator")
    (number,) = await _do(demo, coordinator, lambda s: writes.save_screening(s, ASSESSMENT, "P-0010"))
    with pytest.raises(Conflict, match="investigator"):
        await _do(demo, coordinator, lambda s: writes.decide_screening(s, number, "eligible"))
    await _do(demo, investigator, lambda s: writes.decide_screening(s, number, "eligible"))
    async with demo.session() as session:
        row = (await session.execute(text("SELECT asked_by, verdict, decision, decided_by FROM screenings"))).one()
        results = (await session.execute(text("SELECT criterion, result FROM screening_results ORDER BY 1"))).all()
    assert tuple(row) == ("coord.ye", "incomplete", "eligible", "dr.lin")
    assert [tuple(each) for each in results] == [("I02", "pass"), ("I03", "unknown")]


# --- the database refuses too ---------------------------------------------------------------------------------

BROKEN = [
    "UPDATE participants SET status = 'dead'",
    "UPDATE participants SET language = 'de'",
    "UPDATE participants SET sex = 'X'",
    "UPDATE participants SET height_cm = 61",
    "UPDATE participants SET weight_kg = 201",
    "UPDATE participants SET height_cm = 130, weight_kg = 140",
    "UPDATE participants SET code = 'P-0001' WHERE code = 'P-0002'",
    "DELETE FROM participants",
    "UPDATE visits SET visit = 'C5D1' WHERE visit = 'C1D1'",
    "UPDATE visits SET status = 'moved'",
    "UPDATE visits SET day = NULL, at_time = NULL WHERE status = 'done'",
    "UPDATE planned_visits SET last_day = '1999-01-01'",
    "UPDATE accounts SET role = 'nurse'",
    "UPDATE accounts SET role = NULL WHERE role IS NOT NULL",
    "UPDATE accounts SET participant_id = 999 WHERE participant_id IS NOT NULL",
    "UPDATE enrolments SET stage = 3",
    "UPDATE dose_orders SET mg = 0",
    "UPDATE dose_orders SET drug = 'aspirin'",
    "INSERT INTO consents (participant_id, form, given_on) VALUES (999, 'main', '2026-01-01')",
]


@pytest.mark.parametrize("statement", BROKEN)
async def test_the_database_refuses_what_no_record_may_hold(demo: Database, statement: str) -> None:
    with pytest.raises(DBAPIError):
        async with demo.engine.begin() as connection:
            await connection.execute(text(statement))
