"""The table of what a chat server handed over and what has still to be answered."""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Column, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped

from bot.enrollment.base import Base, UtcTime


class InboxEvent(Base):
    """An event of a chat that delivers without waiting for the answer: stored first, worked on afterwards.

    The event's id outlives the work, so that a second delivery is known; content, account and reply do not.
    """

    __tablename__ = "inbox_events"
    __audited__ = False
    __table_args__ = (
        UniqueConstraint("channel", "event_id"),
        Index("ix_inbox_events_account", "account"),
        Index("ix_inbox_events_done_at", "channel", "done_at"),
    )
    number: Mapped[int] = Column(Integer, primary_key=True)
    channel: Mapped[str] = Column(String(32), nullable=False)
    event_id: Mapped[str] = Column(String(256), nullable=False)
    room: Mapped[str] = Column(String(256), nullable=False)
    account: Mapped[str | None] = Column(String(256))
    content: Mapped[str | None] = Column(Text)
    reply: Mapped[str | None] = Column(Text)
    received_at: Mapped[dt.datetime] = Column(UtcTime, nullable=False)
    done_at: Mapped[dt.datetime | None] = Column(UtcTime)
