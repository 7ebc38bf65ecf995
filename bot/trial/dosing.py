"""Which doses are due on a day, and what to do about a missed one.

'Capecitabine, 1000 mg/m2 orally, administered twice daily, D1-D14 per cycle; Oxaliplatin, 135 mg/m2, intravenous >2h,
administered every cycle D1; Penpulimab, 200 mg' (the record, Study Groups). Amounts are prescribed ones, or none; what
is calculated for staff stands in `bot.trial.dose_amounts`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bot.trial.dose_amounts import Calculation, DoseAmount, dose_amount, prescribed_mg
from bot.trial.dose_arithmetic import (
    Rounding,
    TabletAmount,
    bsa_m2,
    implausible,
    order_deviation_percent,
    round_dose,
)
from bot.trial.protocol import DrugName, Protocol, Text
from bot.trial.record import ParticipantRecord
from bot.trial.schedule import TO_COME, Visit, calendar
from bot.trial.timeline import ENDED, actual_last_capecitabine, last_dosing_day
from bot.trial.visit_notes import Note

__all__ = [
    "Calculation",
    "Dose",
    "DoseAmount",
    "DoseDay",
    "MissedDose",
    "Rounding",
    "TabletAmount",
    "bsa_m2",
    "dose_amount",
    "doses_on",
    "dosing_days",
    "implausible",
    "infusion_within_record",
    "missed_dose",
    "order_deviation_percent",
    "round_dose",
]

#: A visit that has taken place or is still to come; its doses are due.
HELD = (*TO_COME, "done")

#: The notes of a visit that bear on the doses which start with it.
_DOSE_NOTES = ("unconfirmed", "io1_either_day", "not_confirmed_as_done", "capecitabine_ended")


@dataclass(frozen=True)
class Dose:
    """One dose due on a day; the contract's Dose.

    Attributes:
        per_dose_mg: the prescribed amount, 200 for penpulimab as the record says, else None.
        cycle, cycle_day: None for the penpulimab of week 1, which is outside the cycles.
    """

    drug: DrugName
    name: Text
    route: Literal["oral", "iv"]
    per_dose_mg: int | None
    times_per_day: int
    cycle: int | None
    cycle_day: int | None

    def as_data(self) -> dict[str, Any]:
        """The contract's form."""
        return {
            "drug": self.drug,
            "route": self.route,
            "per_dose_mg": self.per_dose_mg,
            "times_per_day": self.times_per_day,
            "cycle": self.cycle,
            "cycle_day": self.cycle_day,
        }


@dataclass(frozen=True)
class DoseDay:
    """The doses of one day.

    Attributes:
        next: the next dosing day after `date` by drug; None where it is not known or there is none.
        reason: why nothing can be said to be due (a key of the protocol's `reasons`); None on a day of rest.
        notes: what the text must say beside the doses.
    """

    date: dt.date
    items: tuple[Dose, ...]
    next: Mapping[str, dt.date | None] = field(default_factory=dict)
    reason: str | None = None
    notes: tuple[Note, ...] = ()

    def as_data(self) -> dict[str, Any]:
        """The contract's form of `dose_schedule`."""
        return {
            "date": self.date.isoformat(),
            "items": [dose.as_data() for dose in self.items],
            "next": {drug: None if day is None else day.isoformat() for drug, day in self.next.items()},
            "reason": self.reason,
        }


@dataclass(frozen=True)
class MissedDose:
    """What to do about a missed or vomited dose: never take it later, never double, go on.

    Attributes:
        next: the day of the next regular dose; None where it is not known (`reason` says why).
        text: the leaflet's rule in both languages.
        source: where that rule stands.
    """

    drug: DrugName
    next: dt.date | None
    text: Text
    source: str
    reason: str | None = None
    take_now: Literal[False] = False
    double: Literal[False] = False

    def as_data(self) -> dict[str, Any]:
        """The contract's form of `missed_dose`."""
        return {
            "drug": self.drug,
            "take_now": self.take_now,
            "double": self.double,
            "next": None if self.next is None else self.next.isoformat(),
        }


def doses_on(protocol: Protocol, record: ParticipantRecord, day: dt.date, today: dt.date) -> DoseDay:
    """The doses due on a day, as of today.

    Nothing is due, with a `reason`, for somebody withdrawn, completed or not yet treated, after the recorded last
    capecitabine dose, and in a cycle whose day 1 has passed with nothing on file that it took place.
    """
    if record.status in ENDED:
        return DoseDay(day, (), {"capecitabine": None}, record.status)
    visits = {visit.visit: visit for visit in calendar(protocol, record, today)}
    cycles = [visits[code] for code in protocol.schedule.cycles.visits]
    following = {"capecitabine": _next_capecitabine(protocol, record, cycles, day)}
    if not _started(visits["RT1"], cycles, today):
        return DoseDay(day, (), following, "not_started")
    first, in_cycle = _first_penpulimab(protocol, record, visits["IO1"], day), _in_cycle(protocol, record, cycles, day)
    due = (*first.items, *in_cycle.items)
    items = tuple(dose for dose in due if not _withheld(record, dose.drug, day))
    return DoseDay(
        date=day,
        items=items,
        next=following,
        reason=in_cycle.reason or first.reason or ("on_hold" if len(items) < len(due) else None),
        notes=(*first.notes, *in_cycle.notes),
    )


def _first_penpulimab(protocol: Protocol, record: ParticipantRecord, visit: Visit, day: dt.date) -> DoseDay:
    if not visit.falls_between(day, day):
        return DoseDay(day, ())
    if visit.status in HELD:
        return DoseDay(day, (_dose(protocol, record, "penpulimab", None, None),), notes=_notes(visit))
    return DoseDay(day, (), reason=visit.status, notes=_notes(visit))


def _in_cycle(protocol: Protocol, record: ParticipantRecord, cycles: list[Visit], day: dt.date) -> DoseDay:
    current = _cycle_of(cycles, day)
    if current is None:
        return DoseDay(day, ())
    number, start = current
    if start.status not in HELD:
        return DoseDay(day, (), reason=start.status, notes=_notes(start))
    last = actual_last_capecitabine(protocol, record)
    if last is not None and day > last:
        return DoseDay(day, (), reason="capecitabine_ended")
    return DoseDay(day, _items(protocol, record, number, start, day), notes=_notes(start))


def dosing_days(protocol: Protocol, start: dt.date) -> tuple[dt.date, ...]:
    """The capecitabine days of a cycle that starts on that day: 14 (15 where the first dose is in the evening)."""
    first = protocol.dose("capecitabine").cycle_days.first
    return tuple(start + dt.timedelta(days=n - 1) for n in range(first, last_dosing_day(protocol) + 1))


def missed_dose(
    protocol: Protocol,
    record: ParticipantRecord,
    drug: DrugName,
    today: dt.date,
    *,
    vomited: bool = False,
    missed_on: dt.date | None = None,
    slot: Literal["morning", "evening"] | None = None,
) -> MissedDose:
    """What to do about a dose missed (or vomited) on `missed_on` (default: today): skip it, never double, go on.

    The next regular dose is today's where tablets are due today, unless the one missed was today's last: for "last
    night's" the caller must say `missed_on` yesterday.
    """
    leaflet = protocol.leaflet
    if protocol.dose(drug).route == "iv":
        return MissedDose(drug, None, leaflet.missed_infusion, leaflet.source)
    due = doses_on(protocol, record, today, today)
    following = due.next["capecitabine"]
    for dose in due.items:
        if dose.drug == drug and not _was_last_of_day(dose, missed_on or today, today, slot):
            following = today
    text, source = (leaflet.vomited, leaflet.vomited_source) if vomited else (leaflet.missed, leaflet.source)
    return MissedDose(drug, following, text, source, due.reason)


def infusion_within_record(protocol: Protocol, drug: DrugName, minutes: float) -> bool:
    """Whether an infusion lasted as the record says: oxaliplatin more than 120 minutes, penpulimab 55 to 65.

    Raises:
        ValueError: the drug is not infused.
    """
    length = protocol.dose(drug).infusion_minutes
    if length is None:
        raise ValueError(f"drug: expected an infusion, found {drug}")
    return length.holds(minutes)


def _was_last_of_day(dose: Dose, missed_on: dt.date, today: dt.date, slot: str | None) -> bool:
    if missed_on != today:
        return False
    alone_in_the_morning = dose.times_per_day == 1 and dose.cycle_day != 1
    return slot == "evening" or (slot == "morning" and alone_in_the_morning)


def _started(first_fraction: Visit, cycles: list[Visit], today: dt.date) -> bool:
    """Whether treatment has begun, or begins today."""
    if any(visit.status == "done" for visit in cycles):
        return True
    held = first_fraction.status not in ("missed", "cancelled")
    return held and first_fraction.date is not None and first_fraction.date <= today


def _cycle_of(cycles: list[Visit], day: dt.date) -> tuple[int, Visit] | None:
    """The cycle that the day lies in or after: number and day 1; None before cycle 1."""
    found = None
    for number, visit in enumerate(cycles, start=1):
        if visit.date is not None and visit.date <= day:
            found = (number, visit)
    return found


def _items(protocol: Protocol, record: ParticipantRecord, number: int, start: Visit, day: dt.date) -> tuple[Dose, ...]:
    assert start.date is not None
    cycle_day = (day - start.date).days + 1
    items = []
    for plan in protocol.doses:
        last = last_dosing_day(protocol) if plan.drug == "capecitabine" else plan.cycle_days.last
        if start.visit in plan.visits and plan.cycle_days.first <= cycle_day <= last:
            items.append(_dose(protocol, record, plan.drug, number, cycle_day))
    return tuple(items)


def _dose(
    protocol: Protocol, record: ParticipantRecord, drug: DrugName, cycle: int | None, cycle_day: int | None
) -> Dose:
    plan = protocol.dose(drug)
    times = plan.times_per_day
    evening_first = plan.route == "oral" and protocol.settings.first_capecitabine_dose == "evening"
    if evening_first and cycle_day in (plan.cycle_days.first, last_dosing_day(protocol)):
        times = 1  # the evening of day 1, and the morning of the day after the last full one
    return Dose(drug, plan.name, plan.route, prescribed_mg(plan, record), times, cycle, cycle_day)


def _next_capecitabine(
    protocol: Protocol, record: ParticipantRecord, cycles: list[Visit], day: dt.date
) -> dt.date | None:
    """The first dosing day after `day`; None where a cycle in between is in doubt, or where there is none."""
    ended = actual_last_capecitabine(protocol, record)
    length = protocol.schedule.cycles.length_days
    for visit in cycles:
        if visit.date is None:
            continue
        if visit.status not in HELD:
            if visit.date + dt.timedelta(days=length) > day:
                return None
            continue
        for due in dosing_days(protocol, visit.date):
            if due > day and not _withheld(record, "capecitabine", due):
                return due if ended is None or due <= ended else None
    return None


def _withheld(record: ParticipantRecord, drug: str, day: dt.date) -> bool:
    return any(hold.covers(drug, day) for hold in record.holds)


def _notes(visit: Visit) -> tuple[Note, ...]:
    return tuple(note for note in visit.notes if note.code in _DOSE_NOTES)
