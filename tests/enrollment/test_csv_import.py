"""The participants file: read whole or not at all, again and again, with every bad place named."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.enrollment import queries, writes
from bot.enrollment.audit import Actor
from bot.enrollment.audit_check import verify
from bot.enrollment.csv_import import Progress, import_participants
from bot.enrollment.database import Database
from bot.enrollment.demo import load_demo
from bot.enrollment.errors import ImportRefused
from bot.trial.record import ParticipantRecord, VisitEvent

Write = Callable[..., Path]


async def _record(database: Database, code: str) -> ParticipantRecord:
    async with database.session() as session:
        found = await queries.participant(session, code)
    assert found is not None
    return found


async def _audit_entries(database: Database) -> int:
    async with database.session() as session:
        return (await verify(session)).entries


async def test_a_file_is_on_file_afterwards(database: Database, operator: Actor, three: Path) -> None:
    report = await import_participants(database, three, operator)
    assert (report.created, report.updated, report.unchanged) == (3, 0, 0)
    record = await _record(database, "P-0101")
    recorded = date(2026, 6, 10)
    assert record == ParticipantRecord(
        code="P-0101",
        status="on_treatment",
        language="en",
        sex="F",
        birth_date=date(1967, 5, 4),
        height_cm=164.0,
        weight_kg=61.5,
        consented=date(2026, 4, 20),
        enrolled=date(2026, 4, 27),
        events={
            "RT1": VisitEvent("RT1", date(2026, 5, 4), "done", None, recorded),
            "IO1": VisitEvent("IO1", date(2026, 5, 9), "done", None, recorded),
            "C1D1": VisitEvent("C1D1", date(2026, 5, 18), "done", None, recorded),
            "C2D1": VisitEvent("C2D1", date(2026, 6, 10), "booked", None, recorded),
        },
        capecitabine_mg=1650,
    )
    finished = await _record(database, "P-0103")
    assert (finished.pcr, finished.last_capecitabine) == (True, date(2026, 4, 5))
    async with database.session() as session:
        linked = await queries.identity(session, "ding.yu")
        assert linked is not None and linked.participant == "P-0101"
        assert (await verify(session)).whole


async def test_the_same_file_again_writes_nothing(database: Database, operator: Actor, three: Path) -> None:
    await import_participants(database, three, operator)
    entries = await _audit_entries(database)
    report = await import_participants(database, three, operator)
    assert (report.created, report.updated, report.unchanged) == (0, 0, 3)
    assert await _audit_entries(database) == entries


async def test_a_changed_row_is_brought_up_to_date(database: Database, operator: Actor, csv_file: Write) -> None:
    await import_participants(database, csv_file({}), operator)
    changed = csv_file({"c2d1": "2026-06-12", "status": "withdrawn", "weight_kg": "58", "account": "ding.yu.2"})
    report = await import_participants(database, changed, operator)
    assert (report.created, report.updated, report.unchanged) == (0, 1, 0)
    record = await _record(database, "P-0101")
    assert (record.status, record.weight_kg) == ("withdrawn", 58.0)
    assert record.events["C2D1"].date == date(2026, 6, 12)
    async with database.session() as session:
        assert await queries.identity(session, "ding.yu") is None
        assert await queries.identity(session, "ding.yu.2") is not None


async def test_an_emptied_cell_takes_its_date_back(database: Database, operator: Actor, csv_file: Write) -> None:
    await import_participants(database, csv_file({}), operator)
    await import_participants(database, csv_file({"c2d1": "", "enrolled": "", "consented": ""}), operator)
    record = await _record(database, "P-0101")
    assert "C2D1" not in record.events
    assert (record.enrolled, record.consented) == (None, None)


async def test_what_the_file_cannot_say_stays(database: Database, operator: Actor, csv_file: Write) -> None:
    await import_participants(database, csv_file({}, dose=True), operator)
    async with database.writing(operator, "test") as session:
        await writes.record_visit(session, "P-0101", "RT2", "done", date(2026, 5, 5))
        await writes.record_visit(session, "P-0101", "C3D1", "cancelled", None)
        await writes.record_visit(session, "P-0101", "C2D1", "booked", date(2026, 6, 10), time(8, 30))
        await writes.set_prescribed_dose(session, "P-0101", "oxaliplatin", 220)
        await writes.set_prescribed_dose(session, "P-0101", "capecitabine", 1500)
        await session.commit()
    await import_participants(database, csv_file({}), operator)
    record = await _record(database, "P-0101")
    assert record.events["RT2"].status == "done"
    assert record.events["C3D1"].status == "cancelled"
    assert record.events["C2D1"].time == time(8, 30)
    assert (record.capecitabine_mg, record.oxaliplatin_mg) == (1500, 220)


async def test_a_booking_whose_day_has_passed_is_done(database: Database, operator: Actor, csv_file: Write) -> None:
    await import_participants(database, csv_file({}), operator, as_of=date(2026, 6, 10))
    await import_participants(database, csv_file({}), operator, as_of=date(2026, 6, 11))
    assert (await _record(database, "P-0101")).events["C2D1"].status == "done"


async def test_a_visit_recorded_as_missed_is_not_made_done(
    database: Database, operator: Actor, csv_file: Write
) -> None:
    await import_participants(database, csv_file({}), operator)
    async with database.writing(operator, "test") as session:
        await writes.record_visit(session, "P-0101", "C2D1", "missed", date(2026, 6, 10))
        await session.commit()
    await import_participants(database, csv_file({}), operator, as_of=date(2026, 6, 12))
    assert (await _record(database, "P-0101")).events["C2D1"].status == "missed"


async def test_accounts_may_change_hands_within_a_file(database: Database, operator: Actor, csv_file: Write) -> None:
    one, two = {"account": "a.one"}, {"participant": "P-0102", "account": "b.two"}
    await import_participants(database, csv_file(one, two), operator)
    await import_participants(database, csv_file({**one, "account": "b.two"}, {**two, "account": "a.one"}), operator)
    async with database.session() as session:
        first, second = await queries.identity(session, "a.one"), await queries.identity(session, "b.two")
    assert first is not None and first.participant == "P-0102"
    assert second is not None and second.participant == "P-0101"


@pytest.mark.parametrize("holder", ["staff", "by hand", "absent participant"])
async def test_an_account_of_somebody_else_is_refused(
    database: Database, operator: Actor, csv_file: Write, holder: str
) -> None:
    await import_participants(database, csv_file({"participant": "P-0200", "account": "old.link"}), operator)
    async with database.writing(operator, "test") as session:
        await writes.link_staff(session, "n.zhou", "nurse")
        await writes.link_participant(session, "by.hand", "P-0200")
        await session.commit()
    account = {"staff": "n.zhou", "by hand": "by.hand", "absent participant": "old.link"}[holder]
    with pytest.raises(ImportRefused) as refusal:
        await import_participants(database, csv_file({"account": account}), operator)
    assert [(each.place, each.column) for each in refusal.value.problems] == [("line 2", "account")]
    assert account not in str(refusal.value)


async def test_demonstration_data_make_way(database: Database, operator: Actor, three: Path) -> None:
    await load_demo(database)
    report = await import_participants(database, three, operator)
    assert report.demo_removed == 10
    async with database.session() as session:
        assert [record.code for record in await queries.participants(session)] == ["P-0101", "P-0102", "P-0103"]
        assert await queries.identity(session, "demo.nurse") is None
        assert (await verify(session)).whole


async def test_progress_goes_from_checking_to_the_end_of_writing(
    database: Database, operator: Actor, three: Path
) -> None:
    told: list[Progress] = []
    await import_participants(database, three, operator, progress=told.append)
    assert [each.phase for each in told] == ["checking", "writing"]
    assert told[-1] == Progress("writing", 3, 1.0)


@pytest.mark.parametrize("change", [lambda raw: b"\xef\xbb\xbf" + raw, lambda raw: raw.replace(b"\n", b"\r\n")])
async def test_what_excel_writes_is_read(
    database: Database, operator: Actor, three: Path, change: Callable[[bytes], bytes]
) -> None:
    three.write_bytes(change(three.read_bytes()))
    report = await import_participants(database, three, operator)
    assert report.created == 3
    assert len(report.notes) == 1


async def test_every_bad_row_is_named_and_none_imported(database: Database, operator: Actor, csv_file: Write) -> None:
    path = csv_file({"participant": "P-0100", "account": ""}, {"sex": "x"}, {"status": "x"}, {"language": "x"})
    with pytest.raises(ImportRefused) as refusal:
        await import_participants(database, path, operator)
    places = [(each.place, each.column) for each in refusal.value.problems]
    assert places == [("line 3", "sex"), ("line 4", "status"), ("line 5", "language")]
    async with database.session() as session:
        assert (await session.execute(text("SELECT count(*) FROM audit"))).scalar_one() == 0


@pytest.mark.parametrize("column", ["participant", "account"])
async def test_a_double_names_both_lines(database: Database, operator: Actor, csv_file: Write, column: str) -> None:
    other = {"participant": "P-0102", "account": "other.one"}
    other[column] = {"participant": "P-0101", "account": "ding.yu"}[column]
    with pytest.raises(ImportRefused) as refusal:
        await import_participants(database, csv_file({}, other), operator)
    assert str(refusal.value.problems[0]) == f"line 3, {column}: the same as in line 2"


FILES = [
    ("empty", lambda raw: b"", "file"),
    ("header alone", lambda raw: raw.splitlines(keepends=True)[0], "file"),
    ("no header", lambda raw: raw.split(b"\n", 1)[1], "line 1"),
    ("UTF-16", lambda raw: raw.decode().encode("utf-16"), "file"),
    ("GBK", lambda raw: raw.replace(b"ding.yu", "丁玉".encode("gbk")), "line 2"),
    ("zero byte", lambda raw: raw.replace(b"ding", b"di\0g"), "line 2"),
    ("semicolons", lambda raw: raw.replace(b",", b";"), "line 1"),
    ("tabs", lambda raw: raw.replace(b",", b"\t"), "line 1"),
    ("column missing", lambda raw: raw.replace(b",sex,", b","), "line 1"),
    ("column twice", lambda raw: raw.replace(b",sex,", b",status,"), "line 1"),
    ("columns in another order", lambda raw: raw.replace(b"language,sex", b"sex,language"), "line 1"),
    ("strange column", lambda raw: raw.replace(b"language", b"name"), "line 1"),
    ("cell too many", lambda raw: raw.replace(b"ding.yu", b"ding,yu"), "line 2"),
    ("cell too few", lambda raw: raw.replace(b",ding.yu", b""), "line 2"),
    ("open quotation mark", lambda raw: raw.replace(b"ding.yu", b'"ding.yu'), "line 2"),
    ("old Mac line ends", lambda raw: raw.replace(b"\n", b"\r"), "line 1"),
    ("no line ends", lambda raw: raw.replace(b"\n", b" ") * 40, "line 1"),
]


@pytest.mark.parametrize(("change", "place"), [each[1:] for each in FILES], ids=[each[0] for each in FILES])
async def test_a_file_in_another_form_is_refused_with_its_place(
    database: Database, operator: Actor, three: Path, change: Callable[[bytes], bytes], place: str
) -> None:
    three.write_bytes(change(three.read_bytes()))
    with pytest.raises(ImportRefused) as refusal:
        await import_participants(database, three, operator)
    assert refusal.value.problems[0].place == place
    async with database.session() as session:
        assert await queries.is_empty(session)


async def test_a_file_that_changes_between_the_readings_is_refused(
    database: Database, operator: Actor, three: Path
) -> None:
    def swap(told: Progress) -> None:
        if told.phase == "checking":
            three.write_text(three.read_text().replace("61.5", "62.5"))

    with pytest.raises(ImportRefused, match="changed"):
        await import_participants(database, three, operator, progress=swap)
    async with database.session() as session:
        assert await queries.is_empty(session)
