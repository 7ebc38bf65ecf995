"""What is on file about one participant, as plain values.

The enrolment database hands these over; `bot.trial.schedule` and `bot.trial.dosing` derive from them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

VisitCode = Literal["RT1", "RT2", "RT3", "RT4", "RT5", "IO1", "C1D1", "C2D1", "C3D1", "C4D1", "RESTAGE", "SURGERY"]
ParticipantStatus = Literal["screening", "enrolled", "on_treatment", "completed", "withdrawn", "screen_failed"]
EventStatus = Literal["done", "booked", "missed", "cancelled"]
Sex = Literal["F", "M"]
Language = Literal["en", "zh"]


@dataclass(frozen=True)
class VisitEvent:
    """One visit as recorded: what happened on a day, or what is booked for one.

    Attributes:
        visit: the visit's code.
        date: the calendar day; None only for a cancelled or missed visit without a day.
        status: `done`, `booked`, `missed` or `cancelled`.
        time: the booked time of day, where one is fixed.
        recorded_on: the day on which this was written down. A file import writes `done` for days before it and
            `booked` from it on; with a clock set earlier than `recorded_on` the readers derive the status
            afresh (day before today: done, else booked).
    """

    visit: VisitCode
    date: dt.date | None
    status: EventStatus
    time: dt.time | None = None
    recorded_on: dt.date | None = None


@dataclass(frozen=True)
class DoseHold:
    """Days on which a drug is withheld; `last` is None while the hold lasts."""

    drug: str
    first: dt.date
    last: dt.date | None = None

    def covers(self, drug: str, day: dt.date) -> bool:
        """Whether that drug is withheld on that day, both ends included."""
        return drug == self.drug and self.first <= day and (self.last is None or day <= self.last)


@dataclass(frozen=True)
class ParticipantRecord:
    """Everything on file that a schedule, a dose or a status is derived from.

    Attributes:
        code: the participant's code in the trial, such as `P-0003`; never a name.
        height_cm, weight_kg: as measured, or None.
        consented, enrolled: the days of consent and enrolment, or None.
        events: recorded visits by code; what is not in here has nothing on file.
        last_capecitabine: day of the actual last capecitabine dose, or None.
        pcr: pathological complete response: True, False, or None for not assessed.
        capecitabine_mg: the prescribed amount per dose in mg, or None where no order is on file.
        oxaliplatin_mg: the prescribed amount per infusion in mg, or None.
        holds: days on which a drug is withheld.
    """

    code: str
    status: ParticipantStatus
    language: Language = "en"
    sex: Sex | None = None
    birth_date: dt.date | None = None
    height_cm: float | None = None
    weight_kg: float | None = None
    consented: dt.date | None = None
    enrolled: dt.date | None = None
    events: Mapping[VisitCode, VisitEvent] = field(default_factory=dict)
    last_capecitabine: dt.date | None = None
    pcr: bool | None = None
    capecitabine_mg: int | None = None
    oxaliplatin_mg: int | None = None
    holds: tuple[DoseHold, ...] = ()
