"""What an answer about a visit must say beside its date: site settings it rests on, doubts, warnings.

The sentences stand in the protocol file under `notes`; here is when each of them applies. Notes for staff alone are
conflicts and deviations; a holiday or weekend only warns, it never moves a date.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from bot.trial.closures import closure_on, is_weekend
from bot.trial.protocol import Protocol, Text
from bot.trial.record import ParticipantRecord, VisitCode
from bot.trial.timeline import ENDED, Placed, Timeline, actual_last_capecitabine, surgery_bound


@dataclass(frozen=True)
class Note:
    """One sentence beside a visit; `code` is its key in the protocol file."""

    code: str
    audience: Literal["all", "staff"]
    text: Text


#: The notes that tell staff of a deviation or a conflict.
DEVIATIONS = ("outside_window", "gap_under_21_days", "before_day_15", "surgery_too_early", "weekend_radiotherapy")


def notes_of(
    protocol: Protocol,
    record: ParticipantRecord,
    placed: Timeline,
    states: Mapping[VisitCode, str],
    code: VisitCode,
) -> tuple[Note, ...]:
    """The notes of one visit, the most weighty first."""
    visit, state = placed[code], states[code]
    notes = [*_doubts(protocol, record, placed, states, visit), *_deviations(protocol, record, placed, visit, state)]
    if state in ("planned", "booked") and record.status not in ENDED:
        notes += [*_site_rules(protocol, record, placed, visit), *_closed_days(protocol, visit)]
    return tuple(notes)


def _note(protocol: Protocol, code: str, **words: object) -> Note:
    note = protocol.notes[code]
    return Note(code, note.audience, note.text.filled(**words))


def _doubts(
    protocol: Protocol, record: ParticipantRecord, placed: Timeline, states: Mapping[VisitCode, str], visit: Placed
) -> Iterator[Note]:
    state = states[visit.plan.id]
    if record.status in ENDED:
        if visit.on_file and state == "booked":
            yield _note(protocol, "booking_after_end", status=record.status)
        return
    if visit.on_file and state == "no_record":
        yield _note(protocol, "not_confirmed_as_done", date=visit.date)
    if visit.overtaken:
        yield _note(protocol, "overtaken")
    if state != "planned":
        return
    rests_on = _unconfirmed_anchor(placed, states, visit)
    if rests_on is not None:
        yield _note(protocol, "unconfirmed", visit=rests_on.plan.title)
    last = actual_last_capecitabine(protocol, record)
    if visit.plan.epoch == "cycles" and last is not None and visit.date is not None and visit.date > last:
        yield _note(protocol, "capecitabine_ended", date=last)


def _unconfirmed_anchor(placed: Timeline, states: Mapping[VisitCode, str], visit: Placed) -> Placed | None:
    """The visit that the date rests on and that should have taken place, but is not on file as done.

    A participant file records the first fraction alone: fractions 2 to 5 without a record cast no doubt.
    """
    anchor = visit.anchor
    while anchor is not None:
        earlier, state = placed[anchor], states[anchor]
        if state == "done":
            return None
        silent_fraction = earlier.plan.epoch == "radiotherapy" and earlier.event is None
        if state in ("missed", "cancelled") or (state == "no_record" and not silent_fraction):
            return earlier
        anchor = earlier.anchor
    return None


def _deviations(
    protocol: Protocol, record: ParticipantRecord, placed: Timeline, visit: Placed, state: str
) -> Iterator[Note]:
    """What staff must see of a day that was recorded or booked."""
    if not visit.on_file or visit.date is None:
        return
    cycles = protocol.schedule.cycles
    if visit.plan.id in cycles.visits[1:]:
        before = placed[cycles.visits[cycles.visits.index(visit.plan.id) - 1]]
        gap = (visit.date - before.date).days if before.date else cycles.length_days
        if gap < cycles.length_days:
            yield _note(protocol, "gap_under_21_days", days=gap)
    first = placed["RT1"]
    if visit.plan.id == cycles.visits[0] and first.base is not None:
        days, due = (visit.date - first.base).days, protocol.settings.c1d1_offset_days
        if days < due:
            yield _note(protocol, "before_day_15", days=days, day=due + 1)
    if visit.plan.timing.window_days is not None and visit.window is not None and visit.window[1] is not None:
        earliest, latest = visit.window[0], visit.window[1]
        if not earliest <= visit.date <= latest:
            yield _note(protocol, "outside_window", date=visit.date, first=earliest, last=latest)
    if visit.plan.epoch == "surgery" and visit.window is not None and visit.date < visit.window[0]:
        yield _note(protocol, "surgery_too_early", date=visit.date, first=visit.window[0])


def _site_rules(protocol: Protocol, record: ParticipantRecord, placed: Timeline, visit: Placed) -> Iterator[Note]:
    """The settings and silences of the record that the day of a visit to come rests on."""
    code, timing = visit.plan.id, visit.plan.timing
    if code.startswith("RT") and placed["RT1"].base is not None and placed["RT1"].base.isoweekday() != 1:
        yield _note(protocol, "radiotherapy_day_confirmed_by_team")
        if visit.date is not None and is_weekend(visit.date):
            yield _note(protocol, "weekend_radiotherapy", date=visit.date)
    if visit.plan.epoch == "surgery":
        bound = surgery_bound(protocol, record, placed)
        if bound is not None:
            yield _note(protocol, f"bound_from_{bound.basis}", date=bound.last_dose)
        yield _note(protocol, "watch_and_wait_possible")
    if visit.date is None and timing.type in ("undated", "not_before"):
        yield _note(protocol, "team_sets_day")
    if visit.on_file or visit.date is None:
        return
    if timing.window_days is not None and visit.window is not None:
        yield _note(protocol, "io1_either_day", first=visit.window[0], last=visit.window[1])
    if timing.offset_days == "c1d1_offset_days":
        yield _note(protocol, "c1d1_day_set_by_site", day=protocol.settings.c1d1_offset_days + 1)
    if visit.anchor in protocol.schedule.cycles.visits and _moved(placed[visit.anchor], placed, protocol):
        anchor = placed[visit.anchor]
        days = protocol.offset_days(visit.plan)
        yield _note(protocol, "counted_from_actual_start", days=days, date=anchor.base)


def _moved(visit: Placed, placed: Timeline, protocol: Protocol) -> bool:
    """Whether a recorded visit took place on another day than the one its own anchor gives."""
    if not visit.on_file or visit.anchor is None or visit.date is None or visit.base != visit.date:
        return False
    base = placed[visit.anchor].base
    return base is not None and base + dt.timedelta(days=protocol.offset_days(visit.plan)) != visit.date


def _closed_days(protocol: Protocol, visit: Placed) -> Iterator[Note]:
    day, last = visit.date, visit.last_day
    while day is not None and last is not None and day <= last:
        if is_weekend(day) and not visit.plan.id.startswith("RT"):
            yield _note(protocol, "weekend", date=day)
        label = closure_on(protocol, day)
        if label is not None:
            yield _note(protocol, "closure", date=day, label=label)
        day += dt.timedelta(days=1)
