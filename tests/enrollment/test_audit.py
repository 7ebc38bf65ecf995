"""The audit trail: complete, chained, closed to change, and not to be gone round."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from datetime import date

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import DBAPIError

from bot import tracing
from bot.enrollment import queries, writes
from bot.enrollment.audit import Actor
from bot.enrollment.audit_check import history, verify
from bot.enrollment.database import Database
from bot.enrollment.errors import AuditError
from bot.enrollment.models import Participant, Ticket
from bot.enrollment.models_audit import AuditEntry, AuditRequest


async def _participant(database: Database, operator: Actor) -> None:
    async with database.writing(operator, "first entry") as session:
        site = await writes.site_id(session)
        session.add(Participant(code="P-0001", site_id=site, status="enrolled", language="en", weight_kg=60.0))
        await session.commit()


@pytest.fixture
async def one(database: Database, operator: Actor) -> Database:
    await _participant(database, operator)
    return database


async def test_an_entry_says_who_when_what_old_new_and_why(one: Database, coordinator: Actor) -> None:
    async with one.writing(coordinator, "weighed again") as session:
        row = await writes.find(session, "P-0001")
        row.weight_kg = 58.5
        await session.commit()
    async with one.session() as session:
        line = (await history(session, "P-0001"))[-1]
    assert (line.actor, line.role, line.why) == ("coord.ye", "coordinator", "weighed again")
    assert (line.action, line.entity, line.key) == ("update", "participants", "P-0001")
    assert line.at == "2026-06-10T01:00:00.000000+00:00"
    assert line.changes == {"weight_kg": [60.0, 58.5]}


async def _in_request(request: str, work: Callable[[], Awaitable[str]]) -> str:
    tracing.begin(request)
    return await work()


async def test_a_second_delivery_of_a_message_finds_the_ticket_of_the_first(one: Database, operator: Actor) -> None:
    async def handoff(kind: str = "handoff") -> str:
        async with one.writing(operator, "asked for a person") as session:
            number = await writes.create_ticket(session, kind, "P-0001", "room", "li.wei", kind)
            await session.commit()
            return number

    first, second = "a" * 32, "b" * 32
    # Tasks of their own: a request belongs to the context in which it began.
    numbers = [await asyncio.create_task(_in_request(request, handoff)) for request in (first, first, second)]
    assert numbers[0] == numbers[1] != numbers[2]
    other = await asyncio.create_task(_in_request(first, lambda: handoff("symptom")))
    assert other not in numbers, "a ticket of another kind is another ticket"
    outside = [await handoff() for _ in range(2)]
    assert outside[0] != outside[1], "what does not come from a message is not the same twice"
    async with one.session() as session:
        rows = (
            await session.execute(
                select(AuditRequest.request, AuditEntry.entity).join(AuditEntry, AuditEntry.seq == AuditRequest.seq)
            )
        ).all()
        assert (await verify(session)).faults == ()
    assert {row.request for row in rows} == {first, second}


async def test_an_expired_attribute_does_not_lose_its_old_value(one: Database, operator: Actor) -> None:
    async with one.writing(operator, "test") as session:
        row = await writes.find(session, "P-0001")
        session.expire(row)

        def change(_: object) -> None:
            row.weight_kg = 70.0

        await session.run_sync(change)
        await session.commit()
    async with one.session() as session:
        assert (await history(session, "P-0001"))[-1].changes == {"weight_kg": [60.0, 70.0]}


async def test_a_deleted_row_leaves_all_it_said(one: Database, operator: Actor) -> None:
    async with one.writing(operator, "test") as session:
        await writes.record_visit(session, "P-0001", "RT1", "booked", date(2026, 6, 15))
        await writes.remove_visit(session, "P-0001", "RT1")
        await session.commit()
    async with one.session() as session:
        line = (await history(session, "P-0001"))[-1]
    assert line.action == "delete"
    assert line.changes is not None
    assert line.changes["day"] == ["2026-06-15", None]


async def test_what_does_not_change_is_no_entry(one: Database, operator: Actor) -> None:
    async with one.writing(operator, "test") as session:
        await writes.set_status(session, "P-0001", "enrolled")
        await session.commit()
    async with one.session() as session:
        assert (await verify(session)).entries == 1


async def test_what_is_not_committed_leaves_no_trace(one: Database, operator: Actor) -> None:
    async with one.writing(operator, "test") as session:
        await writes.set_status(session, "P-0001", "withdrawn")
    async with one.session() as session:
        assert (await verify(session)).entries == 1
        record = await queries.participant(session, "P-0001")
    assert record is not None and record.status == "enrolled"


async def test_reads_by_staff_are_entries(one: Database, coordinator: Actor) -> None:
    async with one.writing(coordinator, "chat") as session:
        await writes.log_read(session, ["P-0001"], "next_visit")
        await session.commit()
    async with one.session() as session:
        line = (await history(session, "P-0001"))[-1]
        assert (await verify(session)).whole
    assert (line.action, line.actor, line.key, line.changes) == ("read", "coord.ye", "next_visit", None)


# --- no way round ---------------------------------------------------------------------------------------------


async def test_a_session_for_reading_cannot_write(one: Database) -> None:
    async with one.session() as session:
        row = await writes.find(session, "P-0001")
        row.status = "withdrawn"
        with pytest.raises(AuditError, match="who and why"):
            await session.commit()


@pytest.mark.parametrize(("name", "why"), [("", "reason"), ("root", " "), ("root", "x" * 201)])
async def test_a_write_without_who_or_why_is_refused(database: Database, name: str, why: str) -> None:
    with pytest.raises(AuditError):
        async with database.writing(Actor(name, "operator"), why):
            pass


ROUND = [
    update(Participant).values(status="withdrawn"),
    update(Participant.__table__).values(status="withdrawn"),
    Participant.__table__.delete(),
    insert(Ticket.__table__).values(number=1),
    text("UPDATE participants SET status = 'withdrawn'"),
    text("  delete from participants"),
]


@pytest.mark.parametrize("statement", ROUND, ids=[str(each).split("SET")[0].strip() for each in ROUND])
async def test_a_statement_cannot_go_round_the_trail(one: Database, operator: Actor, statement: object) -> None:
    async with one.writing(operator, "test") as session:
        with pytest.raises(AuditError, match="round the audit trail"):
            await session.execute(statement, execution_options={"synchronize_session": False})


# --- closed in the database -----------------------------------------------------------------------------------

CLOSED = [
    "UPDATE audit SET why = 'another'",
    "DELETE FROM audit",
    "DELETE FROM audit_details",
    "UPDATE audit_details SET changes = '{}'",
    "INSERT INTO audit SELECT seq + 2, at, actor, role, action, entity, entity_key, subject, why, digest, hash, hash "
    "FROM audit",
    "INSERT INTO audit SELECT seq + 1, at, actor, role, action, entity, entity_key, subject, why, digest, previous, "
    "hash FROM audit",
]
SQLITE = ["INSERT OR REPLACE INTO audit_details VALUES (1, 'P-0001', 'x', '{}')"]
POSTGRESQL = ["TRUNCATE audit CASCADE", "TRUNCATE audit_details"]


EITHER = [("sqlite", each) for each in CLOSED + SQLITE] + [("postgresql", each) for each in CLOSED + POSTGRESQL]


@pytest.mark.parametrize(("dialect", "statement"), EITHER)
async def test_the_database_itself_refuses(one: Database, dialect: str, statement: str) -> None:
    with pytest.raises(DBAPIError, match=r"append-only|must follow"):
        async with one.engine.begin() as connection:
            await connection.execute(text(statement))


# --- tampering shows ------------------------------------------------------------------------------------------

TRIGGERS = {
    "sqlite": [
        "DROP TRIGGER audit_no_update",
        "DROP TRIGGER audit_no_delete",
        "DROP TRIGGER audit_details_no_update",
        "DROP TRIGGER audit_details_no_delete",
    ],
    "postgresql": ["SET LOCAL session_replication_role = replica"],
}
TAMPERED = [
    ("UPDATE audit SET actor = 'somebody' WHERE seq = 2", 2, "the entry was changed"),
    ("UPDATE audit SET at = '2020-01-01' WHERE seq = 3", 3, "the entry was changed"),
    ("UPDATE audit_details SET changes = replace(changes, 'enrolled', 'withdrawn') WHERE seq = 1", 1, "changed"),
    ("DELETE FROM audit_details WHERE seq = 2", 2, "values are missing"),
    ("DELETE FROM audit_details WHERE seq = 2; DELETE FROM audit WHERE seq = 2", 3, "entries 2 to 2 are missing"),
]


@pytest.mark.parametrize(("statement", "seq", "reason"), TAMPERED)
async def test_tampering_by_the_owner_of_the_database_shows(
    one: Database, operator: Actor, dialect: str, statement: str, seq: int, reason: str
) -> None:
    async with one.writing(operator, "test") as session:
        await writes.set_status(session, "P-0001", "on_treatment")
        await writes.set_status(session, "P-0001", "completed")
        await session.commit()
    async with one.session() as session:
        assert (await verify(session)).whole
    async with one.engine.begin() as connection:
        for each in [*TRIGGERS[dialect], *statement.split("; ")]:
            await connection.execute(text(each))
    async with one.session() as session:
        found = await verify(session)
    assert not found.whole
    assert found.faults[0].seq == seq
    assert reason in found.faults[0].reason


async def test_an_end_cut_off_shows_against_a_head_noted_down(one: Database) -> None:
    async with one.session() as session:
        head = (await verify(session)).head
        assert (await verify(session, head)).whole
        assert not (await verify(session, (2, "0" * 64))).whole


@pytest.mark.parametrize("change", [{"code": "P-0001"}, {"status": "dead"}], ids=["a double", "a CHECK"])
async def test_errors_of_the_database_hold_no_personal_data(
    one: Database, operator: Actor, change: dict[str, str]
) -> None:
    values = {"code": "P-0002", "site_id": 1, "status": "enrolled", "language": "en", "birth_date": date(1950, 1, 2)}
    async with one.writing(operator, "test") as session:
        site = await writes.site_id(session)
        session.add(Participant(**{**values, "site_id": site, **change}))
        with pytest.raises(DBAPIError) as error:
            await session.flush()
    told = "".join(traceback.format_exception(error.value))
    assert "1950" not in told and "dead" not in told
