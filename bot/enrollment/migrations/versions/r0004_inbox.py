"""Events of chats that deliver without waiting for the answer (Matrix, Slack), until they are answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the table."""
    op.create_table(
        "inbox_events",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("event_id", sa.String(length=256), nullable=False),
        sa.Column("room", sa.String(length=256), nullable=False),
        sa.Column("account", sa.String(length=256), nullable=True),
        sa.Column("content", sa.Text(), nullable=True),
        sa.Column("reply", sa.Text(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_inbox_events")),
        sa.UniqueConstraint("channel", "event_id", name=op.f("uq_inbox_events_channel_event_id")),
    )
    op.create_index("ix_inbox_events_account", "inbox_events", ["account"], unique=False)
    op.create_index("ix_inbox_events_done_at", "inbox_events", ["channel", "done_at"], unique=False)


def downgrade() -> None:
    """Removes it; what was not answered yet is lost."""
    op.drop_table("inbox_events")
