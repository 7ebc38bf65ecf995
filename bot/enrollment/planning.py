"""The planned days of every participant, derived from the record at each write and kept for the index.

`visits_near` asks "who comes between these days" of a table instead of deriving everybody's calendar.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

from sqlalchemy.orm import Session

from bot.enrollment.errors import AuditError, InvalidValue
from bot.enrollment.models import LONGEST_WINDOW_DAYS
from bot.trial.protocol import Protocol, load_protocol
from bot.trial.record import ParticipantRecord, VisitCode
from bot.trial.schedule import planned_dates

#: First and last day of each visit by plan, booking or record; None where nothing can be derived.
PlannedDays = Mapping[VisitCode, "tuple[date, date] | None"]
Planner = Callable[[ParticipantRecord], PlannedDays]
_PLANNER = "planner"


def default_planner() -> Planner:
    """The planner of the protocol file that ships with the assistant (reads that file)."""
    return planner(load_protocol())


def planner(protocol: Protocol) -> Planner:
    """The planner of a loaded protocol."""

    def plan(record: ParticipantRecord) -> PlannedDays:
        return planned_dates(protocol, record)

    return plan


def set_planner(session: Session, plan: Planner) -> None:
    """Gives a writing session the planner it derives planned days with."""
    session.info[_PLANNER] = plan


def planned_rows(session: Session, participant_id: int, record: ParticipantRecord) -> dict[str, dict[str, Any]]:
    """The rows of `planned_visits` for a record, by visit.

    Raises:
        AuditError: the session was not opened for writing.
        InvalidValue: a window is longer than `LONGEST_WINDOW_DAYS`, which the look-up could not find again.
    """
    plan: Planner | None = session.info.get(_PLANNER)
    if plan is None:
        raise AuditError("this session was opened for reading; planned days are derived when writing")
    rows: dict[str, dict[str, Any]] = {}
    for visit, days in plan(record).items():
        if days is None:
            continue
        first, last = days
        if last - first > timedelta(days=LONGEST_WINDOW_DAYS):
            raise InvalidValue(f"{visit} of {record.code}: a planned window of more than {LONGEST_WINDOW_DAYS} days")
        rows[visit] = {"participant_id": participant_id, "visit": visit, "first_day": first, "last_day": last}
    return rows
