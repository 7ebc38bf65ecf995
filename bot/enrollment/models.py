"""The tables: who takes part, what was planned, booked and done, and who speaks from which chat account.

Dates are dates; a participant is known by code; names of participants are nowhere. Every rule that a row must keep
stands in the database as a constraint too. Clinical records are in `bot.enrollment.models_clinical`, the audit
trail's tables in `bot.enrollment.models_audit`.
"""

from __future__ import annotations

import datetime as dt
from typing import get_args

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    Time,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped

from bot.enrollment.base import Base, UtcTime, one_of, participant_key
from bot.trial.record import Language, ParticipantStatus, Sex, VisitCode

VISIT_CODES: tuple[str, ...] = get_args(VisitCode)
STATUSES: tuple[str, ...] = get_args(ParticipantStatus)
LANGUAGES: tuple[str, ...] = get_args(Language)
SEXES: tuple[str, ...] = get_args(Sex)
EVENT_STATUSES = ("done", "booked", "missed", "cancelled")
ROLES = ("coordinator", "investigator", "nurse", "pharmacist")
DRUGS = ("capecitabine", "oxaliplatin")
#: Site notes, dosing: a height outside 120-220 cm or a weight outside 30-200 kg is refused as implausible.
HEIGHT_CM = (120, 220)
WEIGHT_KG = (30, 200)
#: A prescribed amount outside these bounds (mg per dose) is a slip of the pen, not an order.
DOSE_MG = (50, 5000)
#: The longest planned window that can be stored, in days; `visits_near` looks back no further than this.
LONGEST_WINDOW_DAYS = 31
#: The site that the public record names; every participant belongs to it unless another is given.
DEFAULT_SITE = "01"


class Site(Base):
    """A hospital of the trial."""

    __tablename__ = "sites"
    id: Mapped[int] = Column(Integer, primary_key=True)
    code: Mapped[str] = Column(String(16), nullable=False, unique=True)
    name: Mapped[str] = Column(String(200), nullable=False)


class Participant(Base):
    """One person in the trial, by code; what is here is what dosing and the calendar need, and no name."""

    __tablename__ = "participants"
    __table_args__ = (
        one_of("status", STATUSES),
        one_of("language", LANGUAGES),
        one_of("sex", SEXES),
        CheckConstraint(f"height_cm BETWEEN {HEIGHT_CM[0]} AND {HEIGHT_CM[1]}", name="height_cm"),
        CheckConstraint(f"weight_kg BETWEEN {WEIGHT_KG[0]} AND {WEIGHT_KG[1]}", name="weight_kg"),
        CheckConstraint("weight_kg <= height_cm", name="height_weight_swapped"),
        CheckConstraint("length(code) BETWEEN 3 AND 16", name="code"),
        Index("ix_participants_status", "status"),
    )
    id: Mapped[int] = Column(Integer, primary_key=True)
    code: Mapped[str] = Column(String(16), nullable=False, unique=True)
    site_id: Mapped[int] = Column(Integer, ForeignKey("sites.id", ondelete="RESTRICT"), nullable=False)
    status: Mapped[str] = Column(String(16), nullable=False)
    language: Mapped[str] = Column(String(2), nullable=False)
    sex: Mapped[str | None] = Column(String(1))
    birth_date: Mapped[dt.date | None] = Column(Date)
    height_cm: Mapped[float | None] = Column(Float)
    weight_kg: Mapped[float | None] = Column(Float)
    last_capecitabine: Mapped[dt.date | None] = Column(Date)
    demo: Mapped[bool] = Column(Boolean(create_constraint=True, name="demo"), nullable=False, default=False)
    erased_on: Mapped[dt.date | None] = Column(Date)


class Consent(Base):
    """A consent form signed by a participant; `form` is the form's version."""

    __tablename__ = "consents"
    __table_args__ = (CheckConstraint("withdrawn_on >= given_on", name="withdrawn_on"),)
    participant_id: Mapped[int] = Column(Integer, participant_key(), primary_key=True)
    form: Mapped[str] = Column(String(32), primary_key=True)
    given_on: Mapped[dt.date] = Column(Date, nullable=False)
    withdrawn_on: Mapped[dt.date | None] = Column(Date)


class Enrolment(Base):
    """The day of enrolment and the stage of the two-stage design it counts for (the first 23 are stage 1)."""

    __tablename__ = "enrolments"
    __table_args__ = (
        CheckConstraint("stage IN (1, 2)", name="stage"),
        Index("ix_enrolments_enrolled_on", "enrolled_on", "participant_id"),
        Index("ix_enrolments_stage", "stage", "participant_id"),
    )
    participant_id: Mapped[int] = Column(Integer, participant_key(), primary_key=True, autoincrement=False)
    enrolled_on: Mapped[dt.date] = Column(Date, nullable=False)
    stage: Mapped[int] = Column(Integer, nullable=False)


class RecordedVisit(Base):
    """A visit as booked or as it happened: one row a visit; what it said before is in the audit trail."""

    __tablename__ = "visits"
    __table_args__ = (
        one_of("visit", VISIT_CODES),
        one_of("status", EVENT_STATUSES),
        CheckConstraint("day IS NOT NULL OR status IN ('missed', 'cancelled')", name="day"),
        CheckConstraint("at_time IS NULL OR day IS NOT NULL", name="at_time"),
        {"sqlite_with_rowid": False},
    )
    participant_id: Mapped[int] = Column(Integer, participant_key(), primary_key=True)
    visit: Mapped[str] = Column(String(8), primary_key=True)
    day: Mapped[dt.date | None] = Column(Date)
    at_time: Mapped[dt.time | None] = Column(Time)
    status: Mapped[str] = Column(String(10), nullable=False)
    recorded_on: Mapped[dt.date | None] = Column(Date)


class PlannedVisit(Base):
    """The days a visit falls on by plan or booking, derived from the record at every write.

    Derived, hence not audited; it exists so that "who comes on this day" is answered by an index.
    """

    __tablename__ = "planned_visits"
    __audited__ = False
    __table_args__ = (
        one_of("visit", VISIT_CODES),
        CheckConstraint("last_day >= first_day", name="last_day"),
        Index("ix_planned_visits_days", "first_day", "last_day", "participant_id"),
        {"sqlite_with_rowid": False},
    )
    participant_id: Mapped[int] = Column(Integer, participant_key(), primary_key=True)
    visit: Mapped[str] = Column(String(8), primary_key=True)
    first_day: Mapped[dt.date] = Column(Date, nullable=False)
    last_day: Mapped[dt.date] = Column(Date, nullable=False)


class Account(Base):
    """Who a chat account is: a participant or a member of staff with one role, never both."""

    __tablename__ = "accounts"
    __table_args__ = (
        one_of("role", ROLES),
        one_of("language", LANGUAGES),
        one_of("origin", ("import", "link", "code", "demo")),
        CheckConstraint("(participant_id IS NULL) <> (role IS NULL)", name="participant_or_role"),
        Index("ix_accounts_participant_id", "participant_id"),
    )
    id: Mapped[int] = Column(Integer, primary_key=True)
    account: Mapped[str] = Column(String(256), nullable=False, unique=True)
    participant_id: Mapped[int | None] = Column(Integer, participant_key())
    role: Mapped[str | None] = Column(String(16))
    language: Mapped[str | None] = Column(String(2))
    origin: Mapped[str] = Column(String(8), nullable=False)
    linked_at: Mapped[dt.datetime] = Column(UtcTime, nullable=False)


class LinkCode(Base):
    """A one-time code by which an account links itself; only its hash is kept, and it runs out."""

    __tablename__ = "link_codes"
    __table_args__ = (
        one_of("role", ROLES),
        CheckConstraint("(participant_id IS NULL) <> (role IS NULL)", name="participant_or_role"),
    )
    digest: Mapped[str] = Column(String(64), primary_key=True)
    participant_id: Mapped[int | None] = Column(Integer, participant_key())
    role: Mapped[str | None] = Column(String(16))
    made_at: Mapped[dt.datetime] = Column(UtcTime, nullable=False)
    expires_at: Mapped[dt.datetime] = Column(UtcTime, nullable=False)
    used_at: Mapped[dt.datetime | None] = Column(UtcTime)


class Ticket(Base):
    """A request that a person of the team has to take up; known as `T-<number>`."""

    __tablename__ = "tickets"
    __table_args__ = (
        CheckConstraint("number > 0", name="number"),
        CheckConstraint("(acknowledged_at IS NULL) = (acknowledged_by IS NULL)", name="acknowledged"),
        Index("ix_tickets_acknowledged_at", "acknowledged_at", "number"),
        Index("ix_tickets_participant_id", "participant_id"),
    )
    number: Mapped[int] = Column(Integer, primary_key=True, autoincrement=False)
    kind: Mapped[str] = Column(String(32), nullable=False)
    participant_id: Mapped[int | None] = Column(Integer, participant_key())
    conversation: Mapped[str] = Column(String(256), nullable=False)
    account: Mapped[str] = Column(String(256), nullable=False)
    summary: Mapped[str] = Column(String(200), nullable=False)
    made_at: Mapped[dt.datetime] = Column(UtcTime, nullable=False)
    acknowledged_at: Mapped[dt.datetime | None] = Column(UtcTime)
    acknowledged_by: Mapped[str | None] = Column(String(256))


class Conversation(Base):
    """Which account speaks in which conversation, and under which tracker id the dialogue is kept."""

    __tablename__ = "conversations"
    __audited__ = False
    __table_args__ = (UniqueConstraint("conversation", "account"),)
    tracker_id: Mapped[str] = Column(String(256), primary_key=True)
    conversation: Mapped[str] = Column(String(256), nullable=False)
    account: Mapped[str] = Column(String(256), nullable=False)
    direct: Mapped[bool] = Column(Boolean(create_constraint=True, name="direct"), nullable=False)
    first_seen: Mapped[dt.datetime] = Column(UtcTime, nullable=False)
    last_seen: Mapped[dt.datetime] = Column(UtcTime, nullable=False)


class HandledMessage(Base):
    """A webhook message that was taken in, and the reply it got: the same one again gets the same reply.

    The key holds account and body as well as the id: an id guessed or repeated by another sender opens nothing.
    """

    __tablename__ = "handled_messages"
    __audited__ = False
    __table_args__ = (
        Index("ix_handled_messages_received_at", "received_at"),
        Index("ix_handled_messages_account", "account"),
    )
    webhook_id: Mapped[str] = Column(String(256), primary_key=True)
    account: Mapped[str] = Column(String(256), primary_key=True)
    body_hash: Mapped[str] = Column(String(64), primary_key=True)
    reply: Mapped[str | None] = Column(Text)
    received_at: Mapped[dt.datetime] = Column(UtcTime, nullable=False)


class Setting(Base):
    """Facts about the database itself, such as which protocol settings the planned days were derived with."""

    __tablename__ = "settings"
    __audited__ = False
    key: Mapped[str] = Column(String(64), primary_key=True)
    value: Mapped[str] = Column(Text, nullable=False)
