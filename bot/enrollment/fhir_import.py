"""Imports a FHIR R4 bundle: Patient, ResearchSubject, Observation and Appointment become records and calendars.

All or nothing, repeatable, every bad place named, as with the participants file. What the bundle does not speak of
stays as it is on file. Names are never read. Conditions serve a pre-check (`fhir_findings`), not the record.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, cast

from sqlalchemy import select

from bot.enrollment.audit import Actor, Change
from bot.enrollment.audit import append as append_audit
from bot.enrollment.bulk import BATCH, Incoming, Saved, save
from bot.enrollment.csv_import import ImportReport
from bot.enrollment.database import Database
from bot.enrollment.errors import ImportRefused, Problem
from bot.enrollment.fhir_bundle import Person, read_bundle
from bot.enrollment.fhir_dates import instant, whole_date
from bot.enrollment.fhir_model import Appointment, Observation
from bot.enrollment.models import HEIGHT_CM, VISIT_CODES, WEIGHT_KG, Participant
from bot.enrollment.removal import remove_demo
from bot.enrollment.stages import renumber_stages
from bot.enrollment.writes import site_id
from bot.trial.record import EventStatus, ParticipantRecord, VisitEvent

_CODE = re.compile(r"[A-Z]{1,4}-[0-9]{1,8}")
_STUDY = "NCT05576480"
#: LOINC codes of body height and weight, with the units that are understood.
_HEIGHT, _WEIGHT = ("8302-2", "3137-7", "8301-4"), ("29463-7", "3141-9", "8335-2")
_UNITS = {"cm": 1.0, "m": 100.0, "kg": 1.0, "g": 0.001}
_STATUSES = {
    "candidate": "screening",
    "potential-candidate": "screening",
    "screening": "screening",
    "eligible": "screening",
    "pending-on-study": "screening",
    "ineligible": "screen_failed",
    "not-registered": "screen_failed",
    "on-study": "enrolled",
    "on-study-intervention": "on_treatment",
    "on-study-observation": "completed",
    "follow-up": "completed",
    "withdrawn": "withdrawn",
}
_VISIT_STATUSES = {
    "booked": "booked",
    "arrived": "booked",
    "checked-in": "booked",
    "fulfilled": "done",
    "noshow": "missed",
    "cancelled": "cancelled",
}


@dataclass
class _Reading:
    """What has been read about one person so far."""

    values: dict[str, Any] = field(default_factory=dict)
    events: dict[Any, VisitEvent] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def problem(self, place: str, element: str, reason: str) -> None:
        self.problems.append(Problem(place, element, reason))


async def import_bundle(
    database: Database,
    path: Path,
    actor: Actor,
    why: str = "import of a FHIR bundle",
    as_of: date | None = None,
) -> ImportReport:
    """Imports a bundle; demonstration participants make way.

    Raises:
        ImportRefused: with every bad place and reason; nothing was imported.
        OSError: the file cannot be read.
    """
    people = incoming_of(read_bundle(path), as_of or database.clock.today())
    saved = Saved()
    async with database.writing(actor, why) as session:
        codes = [each.record.code for each in people]
        erased = select(Participant.code).where(Participant.code.in_(codes), Participant.erased_on.is_not(None))
        gone = [
            Problem("file", "Patient.identifier", f"{code} asked to be erased, and was")
            for code in (await session.execute(erased)).scalars()
        ]
        if gone:
            raise ImportRefused(gone)
        report = ImportReport(demo_removed=await remove_demo(session))
        site = await site_id(session)
        for start in range(0, len(people), BATCH):
            saved.add(await save(session, people[start : start + BATCH], site))
        if saved.created or saved.updated or report.demo_removed:
            await renumber_stages(session)
            await session.run_sync(append_audit, [Change("import", "participants", "FHIR bundle", None, None)])
        await session.commit()
    report.created, report.updated, report.unchanged = saved.created, saved.updated, saved.unchanged
    return report


def incoming_of(people: list[Person], as_of: date) -> list[Incoming]:
    """What the database is told of the bundle's patients.

    Raises:
        ImportRefused: a code missing or doubled, or a value that no record may hold.
    """
    problems: list[Problem] = []
    found: dict[str, Incoming] = {}
    for person in people:
        reading = _Reading()
        code = _code(person, reading)
        _read_patient(person, reading, as_of)
        _read_subjects(person, reading)
        _read_size(person, reading)
        _read_appointments(person, reading, as_of)
        if code in found:
            reading.problem(person.place, "identifier", "the same participant as an earlier Patient")
        problems += reading.problems
        if not reading.problems:
            found[code] = _incoming(code, reading)
    if problems:
        raise ImportRefused(problems)
    return list(found.values())


def _incoming(code: str, reading: _Reading) -> Incoming:
    values = {"status": "screening", **reading.values}
    fields = frozenset(reading.values)
    return Incoming(ParticipantRecord(code=code, events=reading.events, **values), fields, frozenset(reading.events))


def _code(person: Person, reading: _Reading) -> str:
    codes = {each.value for each in person.patient.identifier if each.value and _CODE.fullmatch(each.value)}
    if len(codes) != 1:
        reading.problem(person.place, "identifier", "expected one participant code such as P-0003")
        return ""
    return codes.pop()


def _read_patient(person: Person, reading: _Reading, as_of: date) -> None:
    patient = person.patient
    if patient.gender in ("male", "female"):
        reading.values["sex"] = "M" if patient.gender == "male" else "F"
    if patient.birthDate is not None:
        day = whole_date(patient.birthDate)
        if day is None or not date(1900, 1, 1) <= day <= as_of:
            reading.problem(person.place, "birthDate", "expected a whole date in the past")
        else:
            reading.values["birth_date"] = day
    languages = sorted(patient.communication, key=lambda each: not each.preferred)
    for each in languages:
        known = {code[:2] for code in each.language.codes} & {"en", "zh"}
        if len(known) == 1:
            reading.values["language"] = known.pop()
            return


def _read_subjects(person: Person, reading: _Reading) -> None:
    for place, subject in person.subjects:
        study = subject.study.identifier.value if subject.study.identifier else None
        if study is not None and study != _STUDY:
            reading.problem(place, "study", f"expected {_STUDY}")
        if "status" in reading.values:
            reading.problem(place, "individual", "a second ResearchSubject of the same Patient")
        status = _STATUSES.get(subject.status)
        if status is None:
            reading.problem(place, "status", "off-study can mean completed or withdrawn; say follow-up or withdrawn")
        else:
            reading.values["status"] = status
        if subject.period is not None and subject.period.start is not None:
            day = whole_date(subject.period.start)
            if day is None or not 2000 <= day.year <= 2100:
                reading.problem(place, "period.start", "expected a whole date")
            elif status not in ("screening", "screen_failed"):
                reading.values["enrolled"] = day


def _read_size(person: Person, reading: _Reading) -> None:
    """Height and weight as last measured; implausible ones are refused (120-220 cm, 30-200 kg, or swapped)."""
    for name, codes, (low, high) in (("height_cm", _HEIGHT, HEIGHT_CM), ("weight_kg", _WEIGHT, WEIGHT_KG)):
        measured: list[tuple[str, float]] = []
        for place, observation in person.observations:
            if set(codes) & set(observation.code.codes) and observation.status in ("final", "amended", "corrected"):
                value = _in_units(observation, name)
                if value is None or not low <= value <= high:
                    expected = f"expected {low} to {high} {name[-2:]}"
                    reading.problem(place, "valueQuantity", expected)
                else:
                    measured.append((observation.effectiveDateTime or "", value))
        if measured:
            reading.values[name] = max(measured, key=lambda pair: pair[0])[1]
    height, weight = reading.values.get("height_cm"), reading.values.get("weight_kg")
    if height is not None and weight is not None and weight > height:
        reading.problem(person.place, "Observation", f"height {height:g} cm and weight {weight:g} kg look swapped")


def _in_units(observation: Observation, name: str) -> float | None:
    quantity = observation.valueQuantity
    if quantity is None or quantity.value is None or quantity.comparator is not None:
        return None
    unit = quantity.code or quantity.unit or ""
    if unit not in (("cm", "m") if name == "height_cm" else ("kg", "g")):
        return None
    return round(float(quantity.value) * _UNITS[unit], 3)


def _read_appointments(person: Person, reading: _Reading, as_of: date) -> None:
    for place, appointment in person.appointments:
        visit = _visit(appointment)
        status = _VISIT_STATUSES.get(appointment.status)
        if status is None:
            continue  # proposed, pending, on a waiting list or entered in error: nothing is booked
        if visit is None:
            reading.problem(place, "serviceType", f"expected one visit code of {', '.join(VISIT_CODES)}")
            continue
        if visit in reading.events:
            reading.problem(place, "serviceType", f"a second appointment for {visit}")
            continue
        local = None if appointment.start is None else instant(appointment.start)
        if local is None and (appointment.start is not None or status in ("booked", "done")):
            reading.problem(place, "start", "expected an instant with its time zone")
            continue
        if local is not None and not 2000 <= local.year <= 2100:
            reading.problem(place, "start", "expected a year from 2000 to 2100")
            continue
        if local is not None and status == "done" and local.date() > as_of:
            reading.problem(place, "status", f"fulfilled, but {local.date()} lies ahead")
            continue
        day, at_time = (None, None) if local is None else (local.date(), local.time().replace(microsecond=0))
        reading.events[visit] = VisitEvent(visit, day, cast(EventStatus, status), at_time, as_of)


def _visit(appointment: Appointment) -> Any:
    codes = {each.value for each in appointment.identifier}
    for concept in (*appointment.serviceType, *([appointment.appointmentType] if appointment.appointmentType else [])):
        codes.update(concept.codes)
    known = codes & set(VISIT_CODES)
    return known.pop() if len(known) == 1 else None
