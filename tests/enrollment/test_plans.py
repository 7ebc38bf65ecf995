"""Every question that chat asks is answered by an index, on both databases: no table is read from end to end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, datetime, timezone
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncSession

from bot.enrollment import messages, queries, writes
from bot.enrollment.audit import Actor
from bot.enrollment.database import Database
from bot.enrollment.demo import load_demo
from bot.enrollment.messages import MessageKey

DAY = date(2026, 6, 15)
NOW = datetime(2026, 6, 10, 9, tzinfo=timezone.utc)
KEY = MessageKey("msg_1", "demo.chen", "0" * 64)
READS: dict[str, Callable[[AsyncSession], Awaitable[Any]]] = {
    "identity": lambda s: queries.identity(s, "demo.chen"),
    "participant": lambda s: queries.participant(s, "P-0003"),
    "visits_near": lambda s: queries.visits_near(s, DAY, DAY),
    "a page of participants": lambda s: queries.participants(s, after="P-0003", limit=3),
    "participants of a status": lambda s: queries.participants(s, "screening"),
    "waiting tickets": lambda s: queries.tickets(s),
    "conversation": lambda s: queries.conversation_identity(s, "room-1"),
}
WRITES: dict[str, Callable[[AsyncSession], Awaitable[Any]]] = {
    "claim a message": lambda s: s.run_sync(lambda sync: messages.claim(sync.connection(), KEY, NOW)),
    "log a read": lambda s: writes.log_read(s, ["P-0003"], "next_visit"),
    "create a ticket": lambda s: writes.create_ticket(s, "handoff", "P-0003", "room-1", "demo.wu", "handoff"),
    "record a visit": lambda s: writes.record_visit(s, "P-0003", "C2D1", "booked", DAY),
    "enrol": lambda s: writes.enrol(s, "P-0010", date(2026, 6, 10)),
}


async def _statements(database: Database, deed: Callable[[AsyncSession], Awaitable[Any]], write: bool) -> list[Any]:
    """What a deed says to the database, with its parameters."""
    said: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        if statement.lstrip().upper().startswith(("SELECT ", "UPDATE ", "DELETE ")) and "advisory" not in statement:
            said.append((statement, parameters[0] if many else parameters))

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        opened = database.writing(Actor("demo", "nurse"), "test") if write else database.session()
        async with opened as session:
            await deed(session)
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)
    return said


async def _plan(database: Database, dialect: str, statement: str, parameters: Any) -> list[str]:
    prefix = {"sqlite": "EXPLAIN QUERY PLAN ", "postgresql": "EXPLAIN "}[dialect]
    async with database.engine.connect() as connection:
        if dialect == "postgresql":  # ten rows are read from end to end whatever index there is
            await connection.execute(text("SET LOCAL enable_seqscan = off"))
        return [str(row[-1]) for row in await connection.exec_driver_sql(prefix + statement, parameters)]


@pytest.mark.parametrize(
    ("deed", "write"),
    [(deed, False) for deed in READS.values()] + [(deed, True) for deed in WRITES.values()],
    ids=[*READS, *WRITES],
)
async def test_a_question_of_chat_reads_by_index(
    database: Database, dialect: str, deed: Callable[[AsyncSession], Awaitable[Any]], write: bool
) -> None:
    await load_demo(database)
    said = await _statements(database, deed, write)
    assert said
    for statement, parameters in said:
        for step in await _plan(database, dialect, statement, parameters):
            bounded = "USING INDEX" in step and "LIMIT" in statement  # read in order, only as far as the limit
            whole = step.startswith("SCAN ") and not bounded
            assert not whole and "Seq Scan" not in step, f"{step} in {statement}"


async def test_visits_near_bounds_its_index_on_both_sides(database: Database, dialect: str) -> None:
    ((statement, parameters), *_) = await _statements(database, READS["visits_near"], False)
    steps = " ".join(await _plan(database, dialect, statement, parameters))
    assert "ix_planned_visits_days" in steps
    assert {"sqlite": "first_day>? AND first_day<?", "postgresql": "first_day >= "}[dialect] in steps
