"""Screening, doses given and withheld, adverse events, re-staging, link codes, and erasure of a person's details."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.enrollment.migrations import triggers

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

#: Columns that join tables of revision 1; each CHECK is the column's own, so that both databases can add and drop it.
_COLUMNS = (
    ("participants", "erased_on DATE"),
    ("outcomes", "assessed_on DATE"),
    (
        "outcomes",
        "response VARCHAR(16) CONSTRAINT ck_outcomes_response "
        "CHECK (response IN ('complete', 'near_complete', 'residual', 'not_assessable'))",
    ),
    (
        "outcomes",
        "strategy VARCHAR(16) CONSTRAINT ck_outcomes_strategy CHECK (strategy IN ('watch_and_wait', 'surgery'))",
    ),
)


def _screenings() -> None:
    op.create_table(
        "screenings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("participant_id", sa.Integer(), nullable=True),
        sa.Column("screened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by", sa.String(length=256), nullable=False),
        sa.Column("verdict", sa.String(length=20), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("decision", sa.String(length=16), nullable=True),
        sa.Column("decided_by", sa.String(length=256), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("decision IN ('eligible', 'not_eligible', 'deferred')", name=op.f("ck_screenings_decision")),
        sa.CheckConstraint(
            "verdict IN ('barrier_found', 'incomplete', 'no_barrier_found')", name=op.f("ck_screenings_verdict")
        ),
        sa.CheckConstraint("(decision IS NULL) = (decided_at IS NULL)", name=op.f("ck_screenings_decided_at")),
        sa.CheckConstraint("(decision IS NULL) = (decided_by IS NULL)", name=op.f("ck_screenings_decided_by")),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participants.id"],
            name=op.f("fk_screenings_participant_id_participants"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_screenings")),
    )
    op.create_index("ix_screenings_participant_id", "screenings", ["participant_id"], unique=False)


def _screening_results() -> None:
    op.create_table(
        "screening_results",
        sa.Column("screening_id", sa.Integer(), nullable=False),
        sa.Column("criterion", sa.String(length=8), nullable=False),
        sa.Column("result", sa.String(length=8), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.CheckConstraint("result IN ('pass', 'fail', 'unknown')", name=op.f("ck_screening_results_result")),
        sa.ForeignKeyConstraint(
            ["screening_id"],
            ["screenings.id"],
            name=op.f("fk_screening_results_screening_id_screenings"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("screening_id", "criterion", name=op.f("pk_screening_results")),
    )


def _dose_administrations() -> None:
    op.create_table(
        "dose_administrations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("participant_id", sa.Integer(), nullable=False),
        sa.Column("drug", sa.String(length=16), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("mg", sa.Integer(), nullable=True),
        sa.Column("minutes", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "drug IN ('capecitabine', 'oxaliplatin', 'penpulimab', 'radiotherapy')",
            name=op.f("ck_dose_administrations_drug"),
        ),
        sa.CheckConstraint("status IN ('given', 'reduced', 'missed')", name=op.f("ck_dose_administrations_status")),
        sa.CheckConstraint("mg > 0", name=op.f("ck_dose_administrations_mg")),
        sa.CheckConstraint("minutes BETWEEN 1 AND 1440", name=op.f("ck_dose_administrations_minutes")),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participants.id"],
            name=op.f("fk_dose_administrations_participant_id_participants"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dose_administrations")),
    )
    op.create_index(
        "ix_dose_administrations_participant_id", "dose_administrations", ["participant_id", "day"], unique=False
    )


def _dose_holds() -> None:
    op.create_table(
        "dose_holds",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("participant_id", sa.Integer(), nullable=False),
        sa.Column("drug", sa.String(length=16), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(length=16), nullable=False),
        sa.CheckConstraint(
            "drug IN ('capecitabine', 'oxaliplatin', 'penpulimab', 'radiotherapy')", name=op.f("ck_dose_holds_drug")
        ),
        sa.CheckConstraint(
            "reason IN ('toxicity', 'laboratory', 'participant', 'administrative', 'other')",
            name=op.f("ck_dose_holds_reason"),
        ),
        sa.CheckConstraint("last_day >= first_day", name=op.f("ck_dose_holds_last_day")),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participants.id"],
            name=op.f("fk_dose_holds_participant_id_participants"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dose_holds")),
    )
    op.create_index("ix_dose_holds_participant_id", "dose_holds", ["participant_id", "first_day"], unique=False)


def _adverse_events() -> None:
    op.create_table(
        "adverse_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("participant_id", sa.Integer(), nullable=False),
        sa.Column("term", sa.String(length=100), nullable=False),
        sa.Column("grade", sa.Integer(), nullable=False),
        sa.Column("onset", sa.Date(), nullable=False),
        sa.Column("ended", sa.Date(), nullable=True),
        sa.Column("serious", sa.Boolean(create_constraint=True, name="serious"), nullable=False),
        sa.CheckConstraint("ended >= onset", name=op.f("ck_adverse_events_ended")),
        sa.CheckConstraint("grade BETWEEN 1 AND 5", name=op.f("ck_adverse_events_grade")),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participants.id"],
            name=op.f("fk_adverse_events_participant_id_participants"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adverse_events")),
    )
    op.create_index("ix_adverse_events_participant_id", "adverse_events", ["participant_id", "onset"], unique=False)


def _link_codes() -> None:
    op.create_table(
        "link_codes",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("participant_id", sa.Integer(), nullable=True),
        sa.Column("role", sa.String(length=16), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "role IN ('coordinator', 'investigator', 'nurse', 'pharmacist')", name=op.f("ck_link_codes_role")
        ),
        sa.CheckConstraint(
            "(participant_id IS NULL) <> (role IS NULL)", name=op.f("ck_link_codes_participant_or_role")
        ),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participants.id"],
            name=op.f("fk_link_codes_participant_id_participants"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_link_codes")),
    )


_TABLES = (_screenings, _screening_results, _dose_administrations, _dose_holds, _adverse_events, _link_codes)


def upgrade() -> None:
    """Adds tables and columns; details of the audit trail may from now on be deleted once a person was erased."""
    for make in _TABLES:
        make()
    for table, column in _COLUMNS:
        op.execute(f"ALTER TABLE {table} ADD COLUMN {column}")
    triggers.execute(triggers.allow_erasure(op.get_bind().dialect.name))


def downgrade() -> None:
    """Removes them again; what revision 1 knows of stays as it is."""
    triggers.execute(triggers.forbid_erasure(op.get_bind().dialect.name))
    for table, column in reversed(_COLUMNS):
        op.execute(f"ALTER TABLE {table} DROP COLUMN {column.split()[0]}")
    for make in reversed(_TABLES):
        op.drop_table(make.__name__[1:])
