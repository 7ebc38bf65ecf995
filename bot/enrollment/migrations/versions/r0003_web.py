"""The web chat: browsers that are signed in, and sign-ins that work once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the two tables."""
    op.create_table(
        "web_sessions",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=256), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=True),
        sa.Column("signed_in_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "role IN ('coordinator', 'investigator', 'nurse', 'pharmacist')", name=op.f("ck_web_sessions_role")
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_web_sessions")),
    )
    op.create_index("ix_web_sessions_account", "web_sessions", ["account"], unique=False)
    op.create_index("ix_web_sessions_expires_at", "web_sessions", ["expires_at"], unique=False)
    op.create_table(
        "web_sign_ins",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=256), nullable=False),
        sa.Column("demo", sa.Boolean(create_constraint=True, name="demo"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_web_sign_ins")),
    )
    op.create_index("ix_web_sign_ins_account", "web_sign_ins", ["account"], unique=False)
    op.create_index("ix_web_sign_ins_expires_at", "web_sign_ins", ["expires_at"], unique=False)


def downgrade() -> None:
    """Removes them; everybody is signed out."""
    op.drop_table("web_sign_ins")
    op.drop_table("web_sessions")
