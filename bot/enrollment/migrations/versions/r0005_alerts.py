"""The outbox of notifications to the team, and how its outlets fare."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def _alerts() -> None:
    op.create_table(
        "alerts",
        sa.Column("ticket", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("level", sa.String(length=10), nullable=False),
        sa.Column("flags", sa.String(length=200), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("channel", sa.String(length=64), nullable=False),
        sa.Column("tracker_id", sa.String(length=256), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("stepped_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("unreached_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("push_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("level IN ('emergency', 'urgent', 'other')", name=op.f("ck_alerts_level")),
        sa.CheckConstraint("language IN ('en', 'zh')", name=op.f("ck_alerts_language")),
        sa.CheckConstraint("step >= -1", name=op.f("ck_alerts_step")),
        sa.CheckConstraint("told_at IS NULL OR unreached_at IS NOT NULL", name=op.f("ck_alerts_told_at")),
        sa.ForeignKeyConstraint(
            ["ticket"], ["tickets.number"], name=op.f("fk_alerts_ticket_tickets"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("ticket", name=op.f("pk_alerts")),
    )
    op.create_index("ix_alerts_closed_at", "alerts", ["closed_at", "ticket"], unique=False)
    op.create_index("ix_alerts_told_at", "alerts", ["told_at", "unreached_at"], unique=False)


def _notifications() -> None:
    op.create_table(
        "notifications",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("ticket", sa.Integer(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("outlet", sa.String(length=32), nullable=False),
        sa.Column("urgency", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("leased_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("leased_by", sa.String(length=32), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(length=32), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'sent', 'withdrawn')", name=op.f("ck_notifications_state")),
        sa.CheckConstraint("(leased_until IS NULL) = (leased_by IS NULL)", name=op.f("ck_notifications_leased")),
        sa.CheckConstraint("(state = 'sent') <= (sent_at IS NOT NULL)", name=op.f("ck_notifications_sent_at")),
        sa.ForeignKeyConstraint(
            ["ticket"], ["alerts.ticket"], name=op.f("fk_notifications_ticket_alerts"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_notifications")),
    )
    op.create_index("ix_notifications_state", "notifications", ["state", "due_at"], unique=False)
    op.create_index("ix_notifications_ticket", "notifications", ["ticket", "step"], unique=False)
    op.create_index("ix_notifications_leased_by", "notifications", ["leased_by"], unique=False)


def _outlets() -> None:
    op.create_table(
        "outlets",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("failures >= 0", name=op.f("ck_outlets_failures")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_outlets")),
    )


_TABLES = (_alerts, _notifications, _outlets)


def upgrade() -> None:
    """Adds the outbox, empty: a ticket that was opened before is told to nobody."""
    for make in _TABLES:
        make()


def downgrade() -> None:
    """Removes the outbox; what waits in it is lost, the tickets stay."""
    for make in reversed(_TABLES):
        op.drop_table(make.__name__[1:])
