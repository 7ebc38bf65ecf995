"""The id of the request that an entry of the audit trail was made in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the table."""
    op.create_table(
        "audit_requests",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("request", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["seq"], ["audit.seq"], name=op.f("fk_audit_requests_seq_audit"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_requests")),
    )
    op.create_index("ix_audit_requests_request", "audit_requests", ["request"], unique=False)


def downgrade() -> None:
    """Removes it; the trail itself stays as it is."""
    op.drop_table("audit_requests")
