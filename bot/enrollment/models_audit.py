"""The audit trail's tables.

`audit` is append-only by database triggers (see `bot.enrollment.migrations`) and chained by hash. What changed, old and
new, stands in `audit_details`, tied to the chain by a salted digest: erasing a person's details after an
erasure request leaves the chain whole, and the digest without its salt says nothing about what stood there.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, String, Text
from sqlalchemy.orm import Mapped

from bot.enrollment.base import Base


class AuditEntry(Base):
    """Who did what to which row, when and why. Times are ISO 8601 text in UTC, hashed as they stand."""

    __tablename__ = "audit"
    __audited__ = False
    __table_args__ = (
        CheckConstraint("seq > 0", name="seq"),
        CheckConstraint("length(hash) = 64 AND length(previous) = 64", name="hash"),
        Index("ix_audit_subject", "subject", "seq"),
    )
    seq: Mapped[int] = Column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[str] = Column(String(32), nullable=False)
    actor: Mapped[str] = Column(String(256), nullable=False)
    role: Mapped[str] = Column(String(16), nullable=False)
    action: Mapped[str] = Column(String(16), nullable=False)
    entity: Mapped[str] = Column(String(32), nullable=False)
    entity_key: Mapped[str] = Column(String(64), nullable=False)
    subject: Mapped[str | None] = Column(String(16))
    why: Mapped[str] = Column(String(200), nullable=False)
    digest: Mapped[str | None] = Column(String(64))
    previous: Mapped[str] = Column(String(64), nullable=False)
    hash: Mapped[str] = Column(String(64), nullable=False)


class AuditDetail(Base):
    """Old and new values of one audit entry (JSON: field -> [old, new]); deleted only after an erasure."""

    __tablename__ = "audit_details"
    __audited__ = False
    __table_args__ = (Index("ix_audit_details_subject", "subject"),)
    seq: Mapped[int] = Column(ForeignKey("audit.seq", ondelete="RESTRICT"), primary_key=True, autoincrement=False)
    subject: Mapped[str | None] = Column(String(16))
    salt: Mapped[str] = Column(String(32), nullable=False)
    changes: Mapped[str] = Column(Text, nullable=False)


class AuditRequest(Base):
    """Which request an entry was made in: the id that stands in the logs of both servers.

    It lies beside the sealed entries, since it says how to find a log line, not what was done.
    """

    __tablename__ = "audit_requests"
    __audited__ = False
    __table_args__ = (Index("ix_audit_requests_request", "request"),)
    seq: Mapped[int] = Column(ForeignKey("audit.seq", ondelete="RESTRICT"), primary_key=True, autoincrement=False)
    request: Mapped[str] = Column(String(32), nullable=False)
