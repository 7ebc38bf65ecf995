"""A participant's visits as of a day: their dates, states, windows, and what an answer about them must say.

The dates come from `bot.trial.timeline`; this module adds what depends on today. The record names no visit windows
except day 6 or 7 for the first penpulimab and the lower bound of surgery, so `window` is None for all other visits.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bot.trial.protocol import Protocol, Text
from bot.trial.record import Language, ParticipantRecord, ParticipantStatus, VisitCode, VisitEvent
from bot.trial.timeline import ENDED, Placed, Timeline, timeline
from bot.trial.visit_notes import Note, notes_of

__all__ = [
    "NextVisit",
    "Note",
    "Position",
    "Visit",
    "VisitStatus",
    "calendar",
    "contraception_until",
    "in_date_order",
    "next_visit",
    "planned_dates",
    "position",
    "undated_visit",
    "visit_of",
    "visits_between",
    "visits_to_come",
]

VisitStatus = Literal["planned", "booked", "done", "missed", "cancelled", "no_record"]
TO_COME = ("planned", "booked")


@dataclass(frozen=True)
class Visit:
    """One visit of one participant as of a day; the contract's Visit.

    Attributes:
        date: None where nothing can be derived or booked yet.
        window: earliest and latest day; None where the record gives none, latest None for a lower bound alone.
        time: the booked time of day.
        days_until: days from today; None for what is past or undated, 0 while an open window includes today.
        participant: the code, where the visit is listed among other participants'; else None.
        notes: what the text must say beside the date; those with audience `staff` are for staff alone.
    """

    visit: VisitCode
    title: Text
    date: dt.date | None
    window: tuple[dt.date, dt.date | None] | None
    status: VisitStatus
    time: dt.time | None
    what_happens: Text
    days_until: int | None
    participant: str | None = None
    notes: tuple[Note, ...] = ()

    def as_data(self, language: Language = "en") -> dict[str, Any]:
        """The contract's form; `participant` is there only where the visit carries one."""
        data: dict[str, Any] = {
            "visit": self.visit,
            "title": self.title[language],
            "date": _iso(self.date),
            "window": None if self.window is None else [_iso(self.window[0]), _iso(self.window[1])],
            "status": self.status,
            "time": None if self.time is None else self.time.strftime("%H:%M"),
            "what_happens": self.what_happens[language],
            "days_until": self.days_until,
        }
        return data if self.participant is None else {"participant": self.participant, **data}

    def notes_for(self, staff: bool, language: Language = "en") -> tuple[str, ...]:
        """The notes as sentences, those for staff only where `staff`."""
        return tuple(note.text[language] for note in self.notes if staff or note.audience == "all")

    @property
    def unconfirmed(self) -> bool:
        """Whether the date rests on a visit that should have taken place and is not on file as done."""
        return any(note.code == "unconfirmed" for note in self.notes)

    def falls_between(self, first: dt.date, last: dt.date) -> bool:
        """Whether the visit's day, or either day of an open choice, is from `first` to `last`, both included."""
        if self.date is None:
            return False
        until = self.window[1] if self.is_open_choice and self.window and self.window[1] else self.date
        return self.date <= last and until >= first

    @property
    def is_open_choice(self) -> bool:
        """Whether the day is still one of several (day 6 or day 7, note 4)."""
        return any(note.code == "io1_either_day" for note in self.notes)


@dataclass(frozen=True)
class NextVisit:
    """The next visit, or why there is none (a key of the protocol's `reasons`)."""

    visit: Visit | None
    reason: str | None = None


@dataclass(frozen=True)
class Position:
    """Where a participant stands; `trial_day` 1 is the first fraction. None where it does not apply."""

    status: ParticipantStatus
    trial_day: int | None
    cycle: int | None
    cycle_day: int | None

    def as_data(self) -> dict[str, Any]:
        """The contract's form of `participant_status`."""
        return {
            "status": self.status,
            "trial_day": self.trial_day,
            "cycle": self.cycle,
            "cycle_day": self.cycle_day,
        }


def calendar(protocol: Protocol, record: ParticipantRecord, today: dt.date) -> tuple[Visit, ...]:
    """All visits in schedule order, as of today."""
    placed = timeline(protocol, record)
    states = statuses(placed, record, today)
    return tuple(_visit(protocol, record, placed, states, code, today) for code in placed)


def visit_of(protocol: Protocol, record: ParticipantRecord, code: VisitCode, today: dt.date) -> Visit:
    """One visit of a participant, as of today."""
    return next(visit for visit in calendar(protocol, record, today) if visit.visit == code)


def undated_visit(protocol: Protocol, code: VisitCode) -> Visit:
    """A visit where nobody is named: what happens, and no dates."""
    plan = protocol.visit(code)
    return Visit(plan.id, plan.title, None, None, "planned", None, plan.what_happens, None)


def visits_to_come(protocol: Protocol, record: ParticipantRecord, today: dt.date) -> tuple[Visit, ...]:
    """What is planned or booked from today on, in date order, RESTAGE and SURGERY last, undated as they may be.

    Empty after withdrawal, completion or a failed screening.
    """
    if record.status in ENDED:
        return ()
    return in_date_order(visit for visit in calendar(protocol, record, today) if visit.status in TO_COME)


def visits_between(
    protocol: Protocol, record: ParticipantRecord, first: dt.date, last: dt.date, today: dt.date
) -> tuple[Visit, ...]:
    """The visits of those days, both included, in date order, whatever their state; both days of an open choice."""
    return in_date_order(v for v in calendar(protocol, record, today) if v.falls_between(first, last))


def next_visit(protocol: Protocol, record: ParticipantRecord, today: dt.date) -> NextVisit:
    """What comes next: a visit planned or booked for today or later, else the next one without a date.

    Nothing before the first fraction is booked (`not_started`), nor after withdrawal, completion or a failed screening
    (the status is the reason).
    """
    if record.status in ENDED:
        return NextVisit(None, record.status)
    visits = calendar(protocol, record, today)
    if all(visit.date is None or visit.status in ("missed", "cancelled") for visit in visits):
        return NextVisit(None, "not_started")
    to_come = visits_to_come(protocol, record, today)
    return NextVisit(to_come[0]) if to_come else NextVisit(None, "nothing_to_come")


def position(protocol: Protocol, record: ParticipantRecord, today: dt.date) -> Position:
    """Where the participant stands today.

    Trial days count from the recorded first fraction. A cycle runs for 21 days from its actual start (or from today,
    where it is due today); between cycles, and in one whose start is not on file, cycle and day are None.
    """
    if record.status in ENDED:
        return Position(record.status, None, None, None)
    placed = timeline(protocol, record)
    states = statuses(placed, record, today)
    first = placed["RT1"]
    started = first.date is not None and (states["RT1"] == "done" or (states["RT1"] in TO_COME and first.date == today))
    trial_day = (today - first.date).days + 1 if started and first.date else None
    cycle, cycle_day = None, None
    for number, code in enumerate(protocol.schedule.cycles.visits, start=1):
        start = placed[code].date
        if start is None or start > today:
            continue
        runs = states[code] == "done" or (states[code] in TO_COME and start == today)
        day = (today - start).days + 1
        inside = runs and day <= protocol.schedule.cycles.length_days
        cycle, cycle_day = (number, day) if inside else (None, None)
    return Position(record.status, trial_day, cycle, cycle_day)


def planned_dates(protocol: Protocol, record: ParticipantRecord) -> Mapping[VisitCode, tuple[dt.date, dt.date] | None]:
    """First and last possible day of every visit, independent of today; None for what has no day.

    Two days only while the first penpulimab is open between day 6 and day 7.
    """
    return {
        code: None if visit.date is None or visit.last_day is None else (visit.date, visit.last_day)
        for code, visit in timeline(protocol, record).items()
    }


def contraception_until(protocol: Protocol, record: ParticipantRecord) -> dt.date | None:
    """The last day of the six months after the end of treatment; None unless that end is on file (note 12).

    The end is on file for a completed participant only: the later of the last capecitabine dose, surgery and the last
    recorded visit.
    """
    if record.status != "completed":
        return None
    days = [event.date for event in record.events.values() if event.date and event.status == "done"]
    if record.last_capecitabine is not None:
        days.append(record.last_capecitabine)
    return _months_later(max(days), protocol.contraception.months_after_end) if days else None


def event_status(event: VisitEvent, today: dt.date) -> VisitStatus:
    """What a recorded visit is as of today.

    A booking whose day has passed without a word of its having taken place is `no_record`. What was written down later
    than today (the clock was set back) is read afresh: done before today, else booked. Nothing is done in the future.
    """
    if event.status in ("missed", "cancelled") or event.date is None:
        return event.status if event.status in ("missed", "cancelled") else "no_record"
    if event.recorded_on is not None and event.recorded_on > today:
        return "done" if event.date < today else "booked"
    if event.status == "done":
        return "done" if event.date <= today else "booked"
    return "booked" if event.date >= today else "no_record"


def statuses(placed: Timeline, record: ParticipantRecord, today: dt.date) -> dict[VisitCode, VisitStatus]:
    """The state of every visit as of today."""
    states: dict[VisitCode, VisitStatus] = {}
    later_done = False
    for code, visit in reversed(tuple(placed.items())):
        states[code] = _status(visit, record, later_done, today)
        later_done = later_done or states[code] == "done"
    return states


def _status(visit: Placed, record: ParticipantRecord, later_done: bool, today: dt.date) -> VisitStatus:
    if visit.event is not None and not (visit.event.date is None and visit.event.status in ("done", "booked")):
        return event_status(visit.event, today)
    last = visit.last_day
    if last is not None and last < today:
        return "no_record"
    if record.status in ("withdrawn", "screen_failed"):
        return "cancelled"
    if last is not None:
        return "planned"
    return "no_record" if later_done or record.status == "completed" else "planned"


def _visit(
    protocol: Protocol,
    record: ParticipantRecord,
    placed: Timeline,
    states: Mapping[VisitCode, VisitStatus],
    code: VisitCode,
    today: dt.date,
) -> Visit:
    visit, status = placed[code], states[code]
    days_until = None
    if visit.date is not None and status in TO_COME:
        days_until = max(0, (visit.date - today).days)
    return Visit(
        visit=code,
        title=visit.plan.title,
        date=visit.date,
        window=visit.window,
        status=status,
        time=visit.event.time if visit.event is not None else None,
        what_happens=visit.plan.what_happens,
        days_until=days_until,
        notes=notes_of(protocol, record, placed, states, code),
    )


def in_date_order(visits: Iterable[Visit]) -> tuple[Visit, ...]:
    """Visits by date; what has none keeps its place after the visits it follows in the schedule."""
    keyed: list[tuple[dt.date, int, Visit]] = []
    latest = dt.date.min
    for index, visit in enumerate(visits):
        latest = max(latest, visit.date or latest)
        keyed.append((visit.date or latest, index, visit))
    return tuple(visit for _, _, visit in sorted(keyed, key=lambda item: item[:2]))


def _months_later(day: dt.date, months: int) -> dt.date:
    """The same day of the month so many months later, the month's last day where there is none such."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    first_after = dt.date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1)
    return min(dt.date(year, month + 1, 1) + dt.timedelta(days=day.day - 1), first_after - dt.timedelta(days=1))


def _iso(day: dt.date | None) -> str | None:
    return None if day is None else day.isoformat()
