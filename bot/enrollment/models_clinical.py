"""The tables of clinical records: screening, doses, adverse events, outcomes."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Boolean, CheckConstraint, Column, Date, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped

from bot.enrollment.base import Base, UtcTime, one_of, participant_key
from bot.enrollment.models import DOSE_MG, DRUGS

VERDICTS = ("barrier_found", "incomplete", "no_barrier_found")
DECISIONS = ("eligible", "not_eligible", "deferred")
RESULTS = ("pass", "fail", "unknown")
GIVEN_DRUGS = (*DRUGS, "penpulimab", "radiotherapy")
ADMINISTRATION_STATUSES = ("given", "reduced", "missed")
HOLD_REASONS = ("toxicity", "laboratory", "participant", "administrative", "other")
RESPONSES = ("complete", "near_complete", "residual", "not_assessable")
STRATEGIES = ("watch_and_wait", "surgery")


class Screening(Base):
    """One pre-check of eligibility. The machine's verdict never decides: `decision` is an investigator's."""

    __tablename__ = "screenings"
    __table_args__ = (
        one_of("verdict", VERDICTS),
        one_of("decision", DECISIONS),
        CheckConstraint("(decision IS NULL) = (decided_by IS NULL)", name="decided_by"),
        CheckConstraint("(decision IS NULL) = (decided_at IS NULL)", name="decided_at"),
        Index("ix_screenings_participant_id", "participant_id"),
    )
    id: Mapped[int] = Column(Integer, primary_key=True)
    participant_id: Mapped[int | None] = Column(Integer, participant_key())
    screened_at: Mapped[dt.datetime] = Column(UtcTime, nullable=False)
    asked_by: Mapped[str] = Column(String(256), nullable=False)
    verdict: Mapped[str] = Column(String(20), nullable=False)
    facts: Mapped[str] = Column(Text, nullable=False)
    decision: Mapped[str | None] = Column(String(16))
    decided_by: Mapped[str | None] = Column(String(256))
    decided_at: Mapped[dt.datetime | None] = Column(UtcTime)


class ScreeningResult(Base):
    """The result of one criterion in one pre-check, with the words it rests on (a JSON list)."""

    __tablename__ = "screening_results"
    __table_args__ = (one_of("result", RESULTS),)
    screening_id: Mapped[int] = Column(Integer, ForeignKey("screenings.id", ondelete="RESTRICT"), primary_key=True)
    criterion: Mapped[str] = Column(String(8), primary_key=True)
    result: Mapped[str] = Column(String(8), nullable=False)
    evidence: Mapped[str] = Column(Text, nullable=False)
    why: Mapped[str] = Column(Text, nullable=False)


class DoseOrder(Base):
    """The amount prescribed per dose (mg), as it stands now; earlier orders are in the audit trail."""

    __tablename__ = "dose_orders"
    __table_args__ = (
        one_of("drug", DRUGS),
        CheckConstraint(f"mg BETWEEN {DOSE_MG[0]} AND {DOSE_MG[1]}", name="mg"),
        {"sqlite_with_rowid": False},
    )
    participant_id: Mapped[int] = Column(Integer, participant_key(), primary_key=True)
    drug: Mapped[str] = Column(String(16), primary_key=True)
    mg: Mapped[int] = Column(Integer, nullable=False)
    ordered_on: Mapped[dt.date | None] = Column(Date)


class DoseAdministration(Base):
    """One dose as given, reduced or missed; `minutes` is the length of an infusion."""

    __tablename__ = "dose_administrations"
    __table_args__ = (
        one_of("drug", GIVEN_DRUGS),
        one_of("status", ADMINISTRATION_STATUSES),
        CheckConstraint("mg > 0", name="mg"),
        CheckConstraint("minutes BETWEEN 1 AND 1440", name="minutes"),
        Index("ix_dose_administrations_participant_id", "participant_id", "day"),
    )
    id: Mapped[int] = Column(Integer, primary_key=True)
    participant_id: Mapped[int] = Column(Integer, participant_key(), nullable=False)
    drug: Mapped[str] = Column(String(16), nullable=False)
    day: Mapped[dt.date] = Column(Date, nullable=False)
    status: Mapped[str] = Column(String(8), nullable=False)
    mg: Mapped[int | None] = Column(Integer)
    minutes: Mapped[int | None] = Column(Integer)


class DoseHold(Base):
    """Days on which a drug is withheld; `last_day` is empty while the hold lasts."""

    __tablename__ = "dose_holds"
    __table_args__ = (
        one_of("drug", GIVEN_DRUGS),
        one_of("reason", HOLD_REASONS),
        CheckConstraint("last_day >= first_day", name="last_day"),
        Index("ix_dose_holds_participant_id", "participant_id", "first_day"),
    )
    id: Mapped[int] = Column(Integer, primary_key=True)
    participant_id: Mapped[int] = Column(Integer, participant_key(), nullable=False)
    drug: Mapped[str] = Column(String(16), nullable=False)
    first_day: Mapped[dt.date] = Column(Date, nullable=False)
    last_day: Mapped[dt.date | None] = Column(Date)
    reason: Mapped[str] = Column(String(16), nullable=False)


class AdverseEvent(Base):
    """An adverse event by its term, graded 1 to 5 as in CTCAE."""

    __tablename__ = "adverse_events"
    __table_args__ = (
        CheckConstraint("grade BETWEEN 1 AND 5", name="grade"),
        CheckConstraint("ended >= onset", name="ended"),
        Index("ix_adverse_events_participant_id", "participant_id", "onset"),
    )
    id: Mapped[int] = Column(Integer, primary_key=True)
    participant_id: Mapped[int] = Column(Integer, participant_key(), nullable=False)
    term: Mapped[str] = Column(String(100), nullable=False)
    grade: Mapped[int] = Column(Integer, nullable=False)
    onset: Mapped[dt.date] = Column(Date, nullable=False)
    ended: Mapped[dt.date | None] = Column(Date)
    serious: Mapped[bool] = Column(Boolean(create_constraint=True, name="serious"), nullable=False)


class Outcome(Base):
    """What re-staging and pathology found. `pcr` is empty for not assessed (site notes, 16)."""

    __tablename__ = "outcomes"
    __table_args__ = (
        one_of("response", RESPONSES),
        one_of("strategy", STRATEGIES),
        Index("ix_outcomes_pcr", "pcr"),
    )
    participant_id: Mapped[int] = Column(Integer, participant_key(), primary_key=True, autoincrement=False)
    pcr: Mapped[bool | None] = Column(Boolean(create_constraint=True, name="pcr"))
    assessed_on: Mapped[dt.date | None] = Column(Date)
    response: Mapped[str | None] = Column(String(16))
    strategy: Mapped[str | None] = Column(String(16))
