"""Tables of the web chat: who is signed in, and which sign-ins were made or used.

Neither is part of anybody's record; signing in and out is put into the audit trail by `bot.enrollment.web_access`.
"""

from __future__ import annotations

import datetime as dt

from sqlalchemy import Boolean, Column, Index, String
from sqlalchemy.orm import Mapped

from bot.enrollment.base import Base, UtcTime, one_of
from bot.enrollment.models import ROLES


class WebSession(Base):
    """A browser that is signed in. The browser holds a random token, the database its hash.

    `role` is the staff role that the portal's sign-on vouched for; null where the account's link decides alone.
    """

    __tablename__ = "web_sessions"
    __audited__ = False
    __table_args__ = (
        one_of("role", ROLES),
        Index("ix_web_sessions_account", "account"),
        Index("ix_web_sessions_expires_at", "expires_at"),
    )
    digest: Mapped[str] = Column(String(64), primary_key=True)
    account: Mapped[str] = Column(String(256), nullable=False)
    role: Mapped[str | None] = Column(String(16))
    signed_in_at: Mapped[dt.datetime] = Column(UtcTime, nullable=False)
    seen_at: Mapped[dt.datetime] = Column(UtcTime, nullable=False)
    expires_at: Mapped[dt.datetime] = Column(UtcTime, nullable=False)


class WebSignIn(Base):
    """A sign-in that works once: a link that an administrator made, or the portal's token by its id (used at once).

    A link of the demonstration works until it runs out, and in demo mode alone.
    """

    __tablename__ = "web_sign_ins"
    __audited__ = False
    __table_args__ = (
        Index("ix_web_sign_ins_account", "account"),
        Index("ix_web_sign_ins_expires_at", "expires_at"),
    )
    digest: Mapped[str] = Column(String(64), primary_key=True)
    account: Mapped[str] = Column(String(256), nullable=False)
    demo: Mapped[bool] = Column(Boolean(create_constraint=True, name="demo"), nullable=False)
    expires_at: Mapped[dt.datetime] = Column(UtcTime, nullable=False)
    used_at: Mapped[dt.datetime | None] = Column(UtcTime)
