"""FHIR R4 bundles: record and calendar from what a hospital's system sends; all or nothing, every place named."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import date, time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bot.enrollment import queries, writes
from bot.enrollment.audit import Actor
from bot.enrollment.audit_check import verify
from bot.enrollment.csv_import import import_participants
from bot.enrollment.database import Database
from bot.enrollment.errors import ImportRefused
from bot.enrollment.fhir_import import import_bundle
from bot.trial.record import ParticipantRecord

PATIENT = {
    "resourceType": "Patient",
    "id": "pat-1",
    "identifier": [
        {"system": "urn:oid:1.2.3", "value": "MRN 555"},
        {"system": "urn:sparc:participant", "value": "P-0201"},
    ],
    "name": [{"family": "Secretname", "given": ["Anna"]}],
    "gender": "female",
    "birthDate": "1968-02-03",
    "communication": [{"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "zh-CN"}]}}],
}
SUBJECT = {
    "resourceType": "ResearchSubject",
    "status": "on-study-intervention",
    "period": {"start": "2026-05-20"},
    "study": {"identifier": {"value": "NCT05576480"}},
    "individual": {"reference": "Patient/pat-1"},
}


def _observation(code: str, value: float, unit: str, day: str = "2026-05-18") -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"reference": "urn:uuid:0001"},
        "effectiveDateTime": day,
        "valueQuantity": {"value": value, "unit": unit, "code": unit},
    }


def _appointment(visit: str, status: str, start: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "resourceType": "Appointment",
        "status": status,
        "serviceType": [{"coding": [{"code": visit}]}],
        "participant": [{"actor": {"reference": "Patient/pat-1"}, "status": "accepted"}],
    }
    return found if start is None else {**found, "start": start}


def _bundle() -> dict[str, Any]:
    resources = [
        PATIENT,
        SUBJECT,
        _observation("8302-2", 1.62, "m"),
        _observation("29463-7", 64.0, "kg", "2026-04-01"),
        _observation("29463-7", 61.5, "kg"),
        _appointment("RT1", "fulfilled", "2026-06-01T09:00:00+08:00"),
        _appointment("IO1", "noshow", "2026-06-06T09:00:00+08:00"),
        _appointment("C1D1", "booked", "2026-06-15T00:30:00Z"),
        _appointment("C2D1", "proposed", "2026-07-06T00:30:00Z"),
        {"resourceType": "Condition", "code": {"text": "Rectal cancer"}, "subject": {"reference": "Patient/pat-1"}},
        {"resourceType": "Practitioner", "id": "x"},
    ]
    entries = [{"resource": copy.deepcopy(resource)} for resource in resources]
    entries[0]["fullUrl"] = "urn:uuid:0001"
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


Write = Callable[[Any], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(content: Any) -> Path:
        path = tmp_path / "bundle.json"
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return path

    return to_file


async def _record(database: Database, code: str = "P-0201") -> ParticipantRecord:
    async with database.session() as session:
        found = await queries.participant(session, code)
    assert found is not None
    return found


async def test_a_bundle_becomes_a_record_and_a_calendar(database: Database, operator: Actor, write: Write) -> None:
    report = await import_bundle(database, write(_bundle()), operator)
    assert (report.created, report.updated) == (1, 0)
    record = await _record(database)
    assert (record.sex, record.birth_date, record.language) == ("F", date(1968, 2, 3), "zh")
    assert (record.height_cm, record.weight_kg) == (162.0, 61.5)
    assert (record.status, record.enrolled) == ("on_treatment", date(2026, 5, 20))
    assert {code: (event.status, event.date, event.time) for code, event in record.events.items()} == {
        "RT1": ("done", date(2026, 6, 1), time(9)),
        "IO1": ("missed", date(2026, 6, 6), time(9)),
        "C1D1": ("booked", date(2026, 6, 15), time(8, 30)),
    }
    async with database.session() as session:
        assert (await verify(session)).whole


async def test_names_are_nowhere(database: Database, operator: Actor, write: Write, url: str) -> None:
    await import_bundle(database, write(_bundle()), operator)
    async with database.session() as session:
        for table in ("participants", "audit", "audit_details"):
            assert "Secretname" not in str((await session.execute(text(f"SELECT * FROM {table}"))).all())


async def test_the_same_bundle_again_writes_nothing(database: Database, operator: Actor, write: Write) -> None:
    await import_bundle(database, write(_bundle()), operator)
    async with database.session() as session:
        before = await verify(session)
    report = await import_bundle(database, write(_bundle()), operator)
    assert (report.created, report.updated, report.unchanged) == (0, 0, 1)
    async with database.session() as session:
        assert await verify(session) == before


async def test_what_a_bundle_does_not_speak_of_stays(
    database: Database, operator: Actor, csv_file: Callable[..., Path], write: Write
) -> None:
    await import_participants(
        database, csv_file({"participant": "P-0201", "capecitabine_mg": "1650"}, dose=True), operator
    )
    resources = [PATIENT, _appointment("C2D1", "booked", "2026-06-10T14:00:00+08:00")]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in resources]}
    await import_bundle(database, write(bundle), operator)
    record = await _record(database)
    assert (record.capecitabine_mg, record.height_cm, record.consented) == (1650, 164.0, date(2026, 4, 20))
    assert set(record.events) == {"RT1", "IO1", "C1D1", "C2D1"}
    assert record.events["C2D1"].time == time(14)
    async with database.session() as session:
        linked = await queries.identity(session, "ding.yu")
    assert linked is not None and linked.participant == "P-0201"


async def test_a_visit_done_is_not_undone_by_its_booking(database: Database, operator: Actor, write: Write) -> None:
    bundle = _bundle()
    await import_bundle(database, write(bundle), operator)
    async with database.writing(operator, "test") as session:
        await writes.record_visit(session, "P-0201", "RT1", "done", date(2026, 6, 1), time(9))
        await session.commit()
    bundle["entry"][5]["resource"]["status"] = "booked"
    await import_bundle(database, write(bundle), operator)
    assert (await _record(database)).events["RT1"].status == "done"


def _with(index: int, **changes: Any) -> Callable[[dict[str, Any]], Any]:
    def change(bundle: dict[str, Any]) -> dict[str, Any]:
        resource = bundle["entry"][index]["resource"]
        for name, value in changes.items():
            if value is None:
                resource.pop(name)
            else:
                resource[name] = value
        return bundle

    return change


REFUSED: list[tuple[str, Callable[[dict[str, Any]], Any], str, str]] = [
    ("no JSON", lambda b: b"{", "line 1", "column"),
    ("cut off", lambda b: json.dumps(b).encode()[:-10], "line 1", "column"),
    ("not UTF-8", lambda b: b"{\"a\": \"\xff\"}", "file", "UTF-8"),
    ("UTF-16", lambda b: json.dumps(b).encode("utf-16"), "file", "UTF-8"),
    ("NaN", lambda b: json.dumps(b).replace("61.5", "NaN").encode(), "file", "NaN"),
    ("an element twice", lambda b: b'{"resourceType": "Bundle", "resourceType": "Bundle"}', "file", "twice"),
    ("nested without end", lambda b: b"[" * 100_000, "file", "deep"),
    ("a list", lambda b: [b], "file", "resourceType"),
    ("a lone Patient", lambda b: PATIENT, "file", "resourceType"),
    ("another type of bundle", lambda b: {**b, "type": "subscription"}, "file", "type"),
    ("no entries", lambda b: {**b, "entry": []}, "file", "entry"),
    ("an entry without resource", lambda b: {**b, "entry": [{}]}, "entry[0]", "resource"),
    ("nobody", lambda b: {**b, "entry": b["entry"][-1:]}, "file", "Patient"),
    ("no identifier", _with(0, identifier=None), "entry[0].resource", "identifier"),
    ("no code", _with(0, identifier=[{"value": "MRN 555"}]), "entry[0].resource", "identifier"),
    ("two codes", _with(0, identifier=[{"value": "P-1"}, {"value": "P-2"}]), "entry[0].resource", "identifier"),
    ("a strange sex", _with(0, gender="f"), "entry[0].resource", "gender"),
    ("half a birth date", _with(0, birthDate="1968-02"), "entry[0].resource", "birthDate"),
    ("no day of any month", _with(0, birthDate="1968-02-30"), "entry[0].resource", "birthDate"),
    ("born tomorrow", _with(0, birthDate="2026-06-11"), "entry[0].resource", "birthDate"),
    ("a status of no study", _with(1, status="active"), "entry[1].resource", "status"),
    ("completed or withdrawn?", _with(1, status="off-study"), "entry[1].resource", "status"),
    ("another study", _with(1, study={"identifier": {"value": "NCT1"}}), "entry[1].resource", "study"),
    ("of nobody", _with(1, individual={"reference": "Patient/x"}), "entry[1].resource", "individual"),
    ("no whole day", _with(1, period={"start": "2026"}), "entry[1].resource", "period.start"),
    ("height in feet", _with(2, valueQuantity={"value": 5.3, "unit": "ft"}), "entry[2].resource", "valueQuantity"),
    ("a height as text", _with(2, valueQuantity={"value": "162"}), "entry[2].resource", "valueQuantity.value"),
    ("too small", _with(2, valueQuantity={"value": 62, "unit": "cm"}), "entry[2].resource", "valueQuantity"),
    ("more than", _with(4, valueQuantity={"value": 60, "unit": "kg", "comparator": ">"}), "entry[4].resource",
     "valueQuantity"),
    ("swapped", _with(4, valueQuantity={"value": 170, "unit": "kg"}), "entry[0].resource", "swapped"),
    ("no visit", _with(5, serviceType=[{"text": "visit"}]), "entry[5].resource", "serviceType"),
    ("two visits", _with(5, serviceType=[{"coding": [{"code": "RT1"}, {"code": "RT2"}]}]), "entry[5].resource",
     "serviceType"),
    ("a visit twice", _with(6, serviceType=[{"coding": [{"code": "RT1"}]}]), "entry[6].resource", "second"),
    ("no start", _with(7, start=None), "entry[7].resource", "start"),
    ("a start without zone", _with(7, start="2026-06-15T08:30:00"), "entry[7].resource", "start"),
    ("a number for a start", _with(7, start=1), "entry[7].resource", "start"),
    ("fulfilled ahead", _with(7, status="fulfilled"), "entry[7].resource", "status"),
    ("a state of nothing", _with(7, status="done"), "entry[7].resource", "status"),
    ("nobody takes part", _with(7, participant=[]), "entry[7].resource", "participant"),
    ("the same Patient twice", lambda b: {**b, "entry": [*b["entry"], {"resource": {**PATIENT, "id": "pat-2"}}]},
     "entry[11].resource", "identifier"),
    ("the same id twice", lambda b: {**b, "entry": [*b["entry"], {"resource": PATIENT}]}, "entry[11].resource", "id"),
]  # fmt: skip


@pytest.mark.parametrize("dialect", ["sqlite"])  # refused before the database is asked
@pytest.mark.parametrize(
    ("change", "place", "words"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED]
)
async def test_a_bundle_that_is_wrong_somewhere_is_refused_there(
    database: Database,
    operator: Actor,
    write: Write,
    change: Callable[[dict[str, Any]], Any],
    place: str,
    words: str,
) -> None:
    with pytest.raises(ImportRefused) as refusal:
        await import_bundle(database, write(change(_bundle())), operator)
    problem = refusal.value.problems[0]
    assert problem.place == place
    assert words in str(problem)
    assert "Secretname" not in str(refusal.value)
    async with database.session() as session:
        assert await queries.is_empty(session)
