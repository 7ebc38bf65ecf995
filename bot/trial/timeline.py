"""The dates of one participant's visits: actual and booked days first, planned ones derived from them.

Nothing in here depends on today, so neither the passing of time nor a later delay moves a day that has its place: a
visit's day is the recorded one, else its anchor's day plus the protocol's offset (USDM: a Timing relative to another
scheduled instance).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from bot.trial.protocol import LAST_CAPECITABINE, Protocol, VisitPlan
from bot.trial.record import ParticipantRecord, VisitCode, VisitEvent

#: Participants in these states have no visits to come (the contract: nothing after withdrawal or completion).
ENDED = ("withdrawn", "completed", "screen_failed")


@dataclass(frozen=True)
class Placed:
    """One visit on the timeline.

    Attributes:
        date: the recorded or booked day, else the derived one; None where nothing can be derived.
        window: earliest and latest day, where the record gives bounds; the latest is None for a lower bound alone.
        event: what is on file about the visit, or None.
        anchor: the visit that the derived day counts from, or None.
        base: the day that later visits count from; None where they cannot be derived.
        overtaken: a day was derived, but another visit's actual day made it impossible; `date` is None then.
    """

    plan: VisitPlan
    date: dt.date | None
    window: tuple[dt.date, dt.date | None] | None
    event: VisitEvent | None
    anchor: VisitCode | None
    base: dt.date | None
    overtaken: bool = False

    @property
    def on_file(self) -> bool:
        """Whether the day was recorded or booked, so that nothing had to be derived."""
        return self.event is not None and self.event.status in ("done", "booked") and self.event.date is not None

    @property
    def last_day(self) -> dt.date | None:
        """The last day on which the visit may take place: the end of an open choice, else its own day."""
        if self.date is None or self.on_file or self.window is None or self.window[1] is None:
            return self.date
        return self.window[1]


Timeline = Mapping[VisitCode, Placed]


def timeline(protocol: Protocol, record: ParticipantRecord) -> Timeline:
    """Every visit of the protocol, in its order, with the day it has or would have."""
    placed: dict[VisitCode, Placed] = {}
    latest: dt.date | None = None
    for plan in protocol.visits:
        visit = _place(protocol, record, plan, placed)
        if visit.date is not None and not visit.on_file and _impossible(visit, latest, protocol, record):
            visit = Placed(plan, None, None, visit.event, visit.anchor, None, overtaken=True)
        placed[plan.id] = visit
        if visit.date is not None:
            latest = visit.date if latest is None else max(latest, visit.date)
    return placed


def _place(protocol: Protocol, record: ParticipantRecord, plan: VisitPlan, placed: Timeline) -> Placed:
    event = record.events.get(plan.id)
    recorded = event.date if event is not None else None
    held = event is not None and event.status in ("done", "booked")
    if plan.timing.type == "not_before":
        bound = surgery_bound(protocol, record, placed)
        return Placed(plan, recorded, (bound.earliest, None) if bound else None, event, None, None)
    if plan.timing.type == "fixed_reference":
        # Note 1: day 1 is the recorded first fraction; one that was missed or cancelled is no day 1.
        return Placed(plan, recorded, None, event, None, recorded if held else None)
    code = None if plan.timing.anchor == LAST_CAPECITABINE else plan.timing.anchor
    anchor = placed[code].base if code is not None else None
    derived = anchor + dt.timedelta(days=protocol.offset_days(plan)) if anchor is not None else None
    window = _window(plan, derived)
    if not (held and recorded) and _after_the_end(record, derived):
        derived, window = None, None
    base = recorded or derived
    if protocol.settings.delay_policy == "keep_plan":
        base = derived or recorded
    return Placed(plan, recorded or derived, window, event, code, base)


def _window(plan: VisitPlan, derived: dt.date | None) -> tuple[dt.date, dt.date | None] | None:
    days = plan.timing.window_days
    if days is None or derived is None:
        return None
    return derived + dt.timedelta(days=days.lower), derived + dt.timedelta(days=days.upper)


def _after_the_end(record: ParticipantRecord, derived: dt.date | None) -> bool:
    """Whether a derived day lies after the last thing on file of somebody who is no longer in treatment."""
    if derived is None or record.status not in ENDED:
        return False
    days = [event.date for event in record.events.values() if event.date is not None]
    return not days or derived > max(days)


def _impossible(visit: Placed, latest: dt.date | None, protocol: Protocol, record: ParticipantRecord) -> bool:
    """Whether an earlier visit has moved past the derived day, or a later one was held before it.

    The first penpulimab runs beside radiotherapy: given early, it says nothing about the fractions left.
    """
    assert visit.date is not None
    if latest is not None and visit.date < latest:
        return True
    codes = [plan.id for plan in protocol.visits]
    for code in codes[codes.index(visit.plan.id) + 1 :]:
        event = record.events.get(code)
        beside = code == "IO1" and visit.plan.epoch == "radiotherapy"
        if event is None or event.date is None or event.status not in ("done", "booked") or beside:
            continue
        if event.date < visit.date:
            return True
    return False


@dataclass(frozen=True)
class SurgeryBound:
    """The earliest day of surgery: 'at least 2 weeks after the last dose of capecitabine' (note 8).

    Attributes:
        earliest: the last dose's day plus 14.
        last_dose: the day it is counted from.
        basis: `actual` where the last dose is on file, `planned` where it follows from cycle 4.
    """

    earliest: dt.date
    last_dose: dt.date
    basis: Literal["actual", "planned"]


def surgery_bound(protocol: Protocol, record: ParticipantRecord, placed: Timeline) -> SurgeryBound | None:
    """The earliest day of surgery, from the actual last capecitabine dose, else from the planned one; else None."""
    offset = next(protocol.offset_days(v) for v in protocol.visits if v.timing.anchor == LAST_CAPECITABINE)
    actual = actual_last_capecitabine(protocol, record)
    if actual is not None:
        return SurgeryBound(actual + dt.timedelta(days=offset), actual, "actual")
    last_cycle = placed[protocol.schedule.cycles.visits[-1]]
    if last_cycle.base is None:
        return None
    last = last_cycle.base + dt.timedelta(days=last_dosing_day(protocol) - 1)
    return SurgeryBound(last + dt.timedelta(days=offset), last, "planned")


def actual_last_capecitabine(protocol: Protocol, record: ParticipantRecord) -> dt.date | None:
    """The recorded last capecitabine dose; None where none is on file, or where a later cycle was started or booked."""
    last = record.last_capecitabine
    if last is None:
        return None
    for code in protocol.schedule.cycles.visits:
        event = record.events.get(code)
        if event and event.date and event.status in ("done", "booked") and event.date > last:
            return None
    return last


def last_dosing_day(protocol: Protocol) -> int:
    """The cycle day of the last capecitabine dose: 14, or 15 where the first one is taken in the evening (note 7)."""
    evening = protocol.settings.first_capecitabine_dose == "evening"
    return protocol.dose("capecitabine").cycle_days.last + (1 if evening else 0)
