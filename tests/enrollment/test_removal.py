"""Access and erasure: a person gets all there is, and may have it taken away without breaking the audit trail."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bot.enrollment import messages, queries, writes
from bot.enrollment.audit import Actor
from bot.enrollment.audit_check import history, verify
from bot.enrollment.base import Base
from bot.enrollment.csv_import import import_participants
from bot.enrollment.database import Database
from bot.enrollment.errors import Conflict, ImportRefused, NotOnFile
from bot.enrollment.export import export_participant
from bot.enrollment.messages import MessageKey
from bot.enrollment.removal import erase

ASSESSMENT = {
    "verdict": "incomplete",
    "facts": {"age": 59},
    "criteria": [{"id": "I02", "result": "pass", "evidence": ["59-year-old"], "why": "in range"}],
}


@pytest.fixture
async def full(database: Database, operator: Actor, three: Path) -> Database:
    """P-0101 with something in every table, and two others."""
    await import_participants(database, three, operator)
    async with database.writing(operator, "test") as session:
        await writes.create_ticket(session, "handoff", "P-0101", "room-1", "ding.yu", "handoff")
        await writes.save_screening(session, ASSESSMENT, "P-0101")
        await writes.record_adverse_event(session, "P-0101", "diarrhoea", 2, date(2026, 6, 1))
        await writes.record_dose(session, "P-0101", "oxaliplatin", date(2026, 5, 18), "given", 220)
        await messages.remember_conversation(session, "tracker-1", "room-1", "ding.yu", True)
        key = MessageKey("msg_1", "ding.yu", "0" * 64)
        connection = await session.connection()
        await connection.run_sync(messages.claim, key, database.clock.now())
        await connection.run_sync(messages.store_reply, key, ["your next visit is ..."])
        await writes.log_read(session, ["P-0101"], "next_visit")
        await session.commit()
    return database


async def _erase(database: Database, actor: Actor, code: str = "P-0101") -> None:
    async with database.writing(actor, "the participant's request") as session:
        await erase(session, code)
        await session.commit()


async def test_an_export_holds_everything(full: Database) -> None:
    async with full.session() as session:
        data = await export_participant(session, "P-0101")
    json.dumps(data)
    assert data["participant"]["birth_date"] == "1967-05-04"
    for table in ("consents", "enrolment", "visits", "dose_orders", "dose_administrations", "adverse_events",
                  "screenings", "screening_results", "tickets", "accounts", "conversations"):  # fmt: skip
        assert data[table], table
    assert {"create", "read"} <= {line["action"] for line in data["audit"]}
    assert "P-0103" not in json.dumps(data)


async def test_nobody_s_export_is_refused(full: Database) -> None:
    async with full.session() as session:
        with pytest.raises(NotOnFile):
            await export_participant(session, "P-9999")


async def test_erasure_leaves_a_code_and_the_trial_s_figures(full: Database, operator: Actor) -> None:
    async with full.session() as session:
        before = await queries.enrolment_counts(session)
    await _erase(full, operator)
    async with full.session() as session:
        record = await queries.participant(session, "P-0101")
        assert record is not None
        assert (record.birth_date, record.sex, record.height_cm, record.events) == (None, None, None, {})
        assert await queries.enrolment_counts(session) == before
        assert await queries.identity(session, "ding.yu") is None
        assert await queries.visits_near(session, date(2026, 6, 10), date(2026, 6, 10)) == []


async def test_after_erasure_nothing_of_the_person_is_left(full: Database, operator: Actor) -> None:
    await _erase(full, operator)
    async with full.session() as session:
        tables = await session.run_sync(_everything)
    for words in ("ding.yu", "1967, 5, 4", "1967-05-04", "61.5", "59-year-old", "diarrhoea", "your next visit"):
        assert words not in tables
    assert "tan.jie" in tables  # others stay


def _everything(session: Any) -> str:
    return "\n".join(str(session.execute(table.select()).all()) for table in Base.metadata.sorted_tables)


async def test_erasure_keeps_the_audit_trail_whole(full: Database, operator: Actor) -> None:
    async with full.session() as session:
        before = await verify(session)
    await _erase(full, operator)
    async with full.session() as session:
        after = await verify(session, before.head)
        lines = await history(session, "P-0101")
    assert after.whole
    assert after.entries == before.entries + 1
    assert after.erased > 0
    assert (lines[-1].action, lines[-1].why) == ("erase", "the participant's request")
    assert {line.changes is None for line in lines} == {True}


async def test_details_of_the_others_stay_closed(full: Database, operator: Actor) -> None:
    await _erase(full, operator)
    async with full.session() as session:
        left = (await session.execute(text("SELECT count(*) FROM audit_details WHERE subject = 'P-0103'"))).scalar_one()
    assert left > 0


async def test_a_person_is_erased_once(full: Database, operator: Actor) -> None:
    await _erase(full, operator)
    with pytest.raises(Conflict):
        await _erase(full, operator)
    with pytest.raises(NotOnFile):
        await _erase(full, operator, "P-9999")


async def test_an_erased_person_does_not_come_back_by_import(full: Database, operator: Actor, three: Path) -> None:
    await _erase(full, operator)
    with pytest.raises(ImportRefused, match=r"line 2, participant: .*erased"):
        await import_participants(full, three, operator)
