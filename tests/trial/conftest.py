"""The protocol, and participants built from a few words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from bot.trial.protocol import Protocol, load_protocol
from bot.trial.record import ParticipantRecord, VisitEvent

#: The day on which the builder's records are written down, unless a test says otherwise.
RECORDED_ON = dt.date(2026, 1, 1)

Build = Callable[..., ParticipantRecord]


@pytest.fixture(scope="session")
def protocol() -> Protocol:
    return load_protocol()


@pytest.fixture(scope="session")
def build() -> Build:
    """`build(RT1="2026-03-02", C1D1="booked 2026-03-16 09:30", status="withdrawn", capecitabine_mg=1800)`."""

    def builder(recorded_on: dt.date | None = RECORDED_ON, **given: Any) -> ParticipantRecord:
        codes = [name for name in given if name[:2] in ("RT", "IO", "C1", "C2", "C3", "C4", "RE", "SU")]
        events = {code: _event(code, str(given.pop(code)), recorded_on) for code in codes}
        status = given.pop("status", "on_treatment")
        return ParticipantRecord(given.pop("code", "P-0001"), status, events=events, **given)

    return builder


def _event(code: Any, words: str, recorded_on: dt.date | None) -> VisitEvent:
    parts = words.split()
    status: Any = parts.pop(0) if parts[0].isalpha() else "done"
    day = dt.date.fromisoformat(parts[0]) if parts else None
    time = dt.time.fromisoformat(parts[1]) if len(parts) > 1 else None
    return VisitEvent(code, day, status, time, recorded_on)
