"""The outbox: of which ticket the team has to be told, and each single notification on its way there.

An alert is opened in the same transaction as its ticket. What is decided about it stands in the audit trail; the leases,
attempts and pauses of sending do not, since they say nothing about anybody.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped

from bot.enrollment.base import Base, UtcTime, one_of
from bot.enrollment.models import LANGUAGES

ALERT_LEVELS = ("emergency", "urgent", "other")
NOTIFICATION_STATES = ("waiting", "sent", "withdrawn")


class Alert(Base):
    """A ticket that the team is told of; open until somebody acknowledges the ticket.

    Times are the world's, whatever `SPARC_CLOCK` says: waiting for somebody is a matter of real time.

    Attributes:
        flags: what was recognised, as codes with commas between.
        channel, tracker_id: where the person wrote, to reach them there again.
        step: the last step of the line that was planned, counted on from 0 over all rounds; -1: none.
        unreached_at: since when it is known that nobody could be told.
        told_at: when the person who wrote was told that.
        push_until: a server is telling them, until then.
    """

    __tablename__ = "alerts"
    __table_args__ = (
        one_of("level", ALERT_LEVELS),
        one_of("language", LANGUAGES),
        CheckConstraint("step >= -1", name="step"),
        CheckConstraint("told_at IS NULL OR unreached_at IS NOT NULL", name="told_at"),
        Index("ix_alerts_closed_at", "closed_at", "ticket"),
        Index("ix_alerts_told_at", "told_at", "unreached_at"),
    )
    ticket: Mapped[int] = Column(
        Integer, ForeignKey("tickets.number", ondelete="RESTRICT"), primary_key=True, autoincrement=False
    )
    level: Mapped[str] = Column(String(10), nullable=False)
    flags: Mapped[str] = Column(String(200), nullable=False)
    language: Mapped[str] = Column(String(2), nullable=False)
    channel: Mapped[str] = Column(String(64), nullable=False)
    tracker_id: Mapped[str] = Column(String(256), nullable=False)
    opened_at: Mapped[dt.datetime] = Column(UtcTime, nullable=False)
    step: Mapped[int] = Column(Integer, nullable=False)
    stepped_at: Mapped[dt.datetime] = Column(UtcTime, nullable=False)
    unreached_at: Mapped[dt.datetime | None] = Column(UtcTime)
    told_at: Mapped[dt.datetime | None] = Column(UtcTime)
    push_until: Mapped[dt.datetime | None] = Column(UtcTime)
    closed_at: Mapped[dt.datetime | None] = Column(UtcTime)


class Notification(Base):
    """One notification to one outlet, sent at least once and under one key however often it is tried.

    Attributes:
        key: tells the receiver that two deliveries are the same notification.
        outlet: the outlet's name in the settings; its address is not kept here.
        urgency: the place of the alert's level among the levels, the most pressing 0.
        leased_until, leased_by: a process is sending it, until then; after that another one may.
        error: what came of the last attempt, as a code.
    """

    __tablename__ = "notifications"
    __audited__ = False
    __table_args__ = (
        one_of("state", NOTIFICATION_STATES),
        CheckConstraint("(leased_until IS NULL) = (leased_by IS NULL)", name="leased"),
        CheckConstraint("(state = 'sent') <= (sent_at IS NOT NULL)", name="sent_at"),
        Index("ix_notifications_state", "state", "due_at"),
        Index("ix_notifications_ticket", "ticket", "step"),
        Index("ix_notifications_leased_by", "leased_by"),
    )
    key: Mapped[str] = Column(String(64), primary_key=True)
    ticket: Mapped[int] = Column(Integer, ForeignKey("alerts.ticket", ondelete="RESTRICT"), nullable=False)
    step: Mapped[int] = Column(Integer, nullable=False)
    outlet: Mapped[str] = Column(String(32), nullable=False)
    urgency: Mapped[int] = Column(Integer, nullable=False)
    state: Mapped[str] = Column(String(10), nullable=False)
    made_at: Mapped[dt.datetime] = Column(UtcTime, nullable=False)
    due_at: Mapped[dt.datetime] = Column(UtcTime, nullable=False)
    attempts: Mapped[int] = Column(Integer, nullable=False)
    leased_until: Mapped[dt.datetime | None] = Column(UtcTime)
    leased_by: Mapped[str | None] = Column(String(32))
    sent_at: Mapped[dt.datetime | None] = Column(UtcTime)
    error: Mapped[str | None] = Column(String(32))


class OutletState(Base):
    """How an outlet fares: failures since it last took something, shared by all processes."""

    __tablename__ = "outlets"
    __audited__ = False
    __table_args__ = (CheckConstraint("failures >= 0", name="failures"),)
    name: Mapped[str] = Column(String(32), primary_key=True)
    failures: Mapped[int] = Column(Integer, nullable=False)
    failed_at: Mapped[dt.datetime | None] = Column(UtcTime)
    sent_at: Mapped[dt.datetime | None] = Column(UtcTime)
