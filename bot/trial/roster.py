"""The staff's view over many participants: who is in on a day, who is due, overdue, or outside the protocol's days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import replace

from bot.trial.protocol import Protocol
from bot.trial.record import ParticipantRecord
from bot.trial.schedule import TO_COME, Visit, calendar
from bot.trial.timeline import ENDED
from bot.trial.visit_notes import DEVIATIONS


def visits_on(
    protocol: Protocol, records: Iterable[ParticipantRecord], day: dt.date, today: dt.date
) -> tuple[Visit, ...]:
    """Everybody's visits of a day, each with its participant; a first penpulimab on both days until one is booked.

    Left out are cancelled visits, and what somebody who is withdrawn, completed or screen-failed would have had.
    """
    return visits_in(protocol, records, day, day, today)


def visits_in(
    protocol: Protocol, records: Iterable[ParticipantRecord], first: dt.date, last: dt.date, today: dt.date
) -> tuple[Visit, ...]:
    """Everybody's visits from `first` to `last`, both included, by date and participant; see `visits_on`."""
    visits = _everybody(protocol, records, today)
    return _sorted(visit for visit in visits if visit.falls_between(first, last) and visit.status != "cancelled")


def due_next_week(protocol: Protocol, records: Iterable[ParticipantRecord], today: dt.date) -> tuple[Visit, ...]:
    """What is planned or booked from next Monday to next Sunday."""
    first, last = next_week(today)
    found = visits_in(protocol, records, first, last, today)
    return tuple(visit for visit in found if visit.status in TO_COME)


def overdue(protocol: Protocol, records: Iterable[ParticipantRecord], today: dt.date) -> tuple[Visit, ...]:
    """Visits whose day has passed with nothing on file that they took place, and nothing done since.

    A participant file records the first fraction alone: fractions 2 to 5 count only where the participant has a record
    of one of them.
    """
    found: list[Visit] = []
    for record in records:
        visits = _of(protocol, record, today)
        done = [index for index, visit in enumerate(visits) if visit.status == "done"]
        since = visits[done[-1] + 1 :] if done else visits
        counted = any(code in record.events for code in ("RT2", "RT3", "RT4", "RT5"))
        found += [
            visit
            for visit in since
            if visit.status == "no_record"
            and visit.date is not None
            and (counted or visit.visit == "RT1" or not visit.visit.startswith("RT"))
        ]
    return _sorted(found)


def deviations(protocol: Protocol, records: Iterable[ParticipantRecord], today: dt.date) -> tuple[Visit, ...]:
    """Visits on another day than the record allows, or in conflict with it; the visit's notes say how."""
    return _sorted(
        visit for visit in _everybody(protocol, records, today) if any(note.code in DEVIATIONS for note in visit.notes)
    )


def next_week(today: dt.date) -> tuple[dt.date, dt.date]:
    """Monday and Sunday of the week after today's."""
    monday = today + dt.timedelta(days=8 - today.isoweekday())
    return monday, monday + dt.timedelta(days=6)


def _everybody(protocol: Protocol, records: Iterable[ParticipantRecord], today: dt.date) -> Iterator[Visit]:
    for record in records:
        yield from _of(protocol, record, today)


def _of(protocol: Protocol, record: ParticipantRecord, today: dt.date) -> tuple[Visit, ...]:
    """One participant's visits with their code; of somebody who has ended only what was done or missed."""
    kept = (
        visit
        for visit in calendar(protocol, record, today)
        if record.status not in ENDED or visit.status in ("done", "missed")
    )
    return tuple(replace(visit, participant=record.code) for visit in kept)


def _sorted(visits: Iterable[Visit]) -> tuple[Visit, ...]:
    return tuple(sorted(visits, key=lambda visit: (visit.date or dt.date.max, visit.participant or "")))
