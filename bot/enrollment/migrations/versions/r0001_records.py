"""People, accounts, visits, doses, tickets, and the audit trail with its triggers.

The trail is here from the first revision on: going back to it never loses an entry.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.enrollment.migrations import triggers

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def _sites() -> None:
    op.create_table(
        "sites",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sites")),
        sa.UniqueConstraint("code", name=op.f("uq_sites_code")),
    )


def _participants() -> None:
    op.create_table(
        "participants",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("site_id", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("language", sa.String(length=2), nullable=False),
        sa.Column("sex", sa.String(length=1), nullable=True),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("height_cm", sa.Float(), nullable=True),
        sa.Column("weight_kg", sa.Float(), nullable=True),
        sa.Column("last_capecitabine", sa.Date(), nullable=True),
        sa.Column("demo", sa.Boolean(create_constraint=True, name="demo"), nullable=False),
        sa.CheckConstraint("language IN ('en', 'zh')", name=op.f("ck_participants_language")),
        sa.CheckConstraint("sex IN ('F', 'M')", name=op.f("ck_participants_sex")),
        sa.CheckConstraint(
            "status IN ('screening', 'enrolled', 'on_treatment', 'completed', 'withdrawn', 'screen_failed')",
            name=op.f("ck_participants_status"),
        ),
        sa.CheckConstraint("height_cm BETWEEN 120 AND 220", name=op.f("ck_participants_height_cm")),
        sa.CheckConstraint("length(code) BETWEEN 3 AND 16", name=op.f("ck_participants_code")),
        sa.CheckConstraint("weight_kg <= height_cm", name=op.f("ck_participants_height_weight_swapped")),
        sa.CheckConstraint("weight_kg BETWEEN 30 AND 200", name=op.f("ck_participants_weight_kg")),
        sa.ForeignKeyConstraint(
            ["site_id"], ["sites.id"], name=op.f("fk_participants_site_id_sites"), ondelete="RESTRICT"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_participants")),
        sa.UniqueConstraint("code", name=op.f("uq_participants_code")),
    )
    op.create_index("ix_participants_status", "participants", ["status"], unique=False)


def _consents() -> None:
    op.create_table(
        "consents",
        sa.Column("participant_id", sa.Integer(), nullable=False),
        sa.Column("form", sa.String(length=32), nullable=False),
        sa.Column("given_on", sa.Date(), nullable=False),
        sa.Column("withdrawn_on", sa.Date(), nullable=True),
        sa.CheckConstraint("withdrawn_on >= given_on", name=op.f("ck_consents_withdrawn_on")),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participants.id"],
            name=op.f("fk_consents_participant_id_participants"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("participant_id", "form", name=op.f("pk_consents")),
    )


def _enrolments() -> None:
    op.create_table(
        "enrolments",
        sa.Column("participant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("enrolled_on", sa.Date(), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.CheckConstraint("stage IN (1, 2)", name=op.f("ck_enrolments_stage")),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participants.id"],
            name=op.f("fk_enrolments_participant_id_participants"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("participant_id", name=op.f("pk_enrolments")),
    )
    op.create_index("ix_enrolments_enrolled_on", "enrolments", ["enrolled_on", "participant_id"], unique=False)
    op.create_index("ix_enrolments_stage", "enrolments", ["stage", "participant_id"], unique=False)


def _visits() -> None:
    op.create_table(
        "visits",
        sa.Column("participant_id", sa.Integer(), nullable=False),
        sa.Column("visit", sa.String(length=8), nullable=False),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("at_time", sa.Time(), nullable=True),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("recorded_on", sa.Date(), nullable=True),
        sa.CheckConstraint("day IS NOT NULL OR status IN ('missed', 'cancelled')", name=op.f("ck_visits_day")),
        sa.CheckConstraint("status IN ('done', 'booked', 'missed', 'cancelled')", name=op.f("ck_visits_status")),
        sa.CheckConstraint(
            "visit IN ('RT1', 'RT2', 'RT3', 'RT4', 'RT5', 'IO1', 'C1D1', 'C2D1', 'C3D1', 'C4D1', 'RESTAGE', 'SURGERY')",
            name=op.f("ck_visits_visit"),
        ),
        sa.CheckConstraint("at_time IS NULL OR day IS NOT NULL", name=op.f("ck_visits_at_time")),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participants.id"],
            name=op.f("fk_visits_participant_id_participants"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("participant_id", "visit", name=op.f("pk_visits")),
        sqlite_with_rowid=False,
    )


def _planned_visits() -> None:
    op.create_table(
        "planned_visits",
        sa.Column("participant_id", sa.Integer(), nullable=False),
        sa.Column("visit", sa.String(length=8), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.CheckConstraint(
            "visit IN ('RT1', 'RT2', 'RT3', 'RT4', 'RT5', 'IO1', 'C1D1', 'C2D1', 'C3D1', 'C4D1', 'RESTAGE', 'SURGERY')",
            name=op.f("ck_planned_visits_visit"),
        ),
        sa.CheckConstraint("last_day >= first_day", name=op.f("ck_planned_visits_last_day")),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participants.id"],
            name=op.f("fk_planned_visits_participant_id_participants"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("participant_id", "visit", name=op.f("pk_planned_visits")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_planned_visits_days", "planned_visits", ["first_day", "last_day", "participant_id"], unique=False
    )


def _accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(length=256), nullable=False),
        sa.Column("participant_id", sa.Integer(), nullable=True),
        sa.Column("role", sa.String(length=16), nullable=True),
        sa.Column("language", sa.String(length=2), nullable=True),
        sa.Column("origin", sa.String(length=8), nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("language IN ('en', 'zh')", name=op.f("ck_accounts_language")),
        sa.CheckConstraint("origin IN ('import', 'link', 'code', 'demo')", name=op.f("ck_accounts_origin")),
        sa.CheckConstraint(
            "role IN ('coordinator', 'investigator', 'nurse', 'pharmacist')", name=op.f("ck_accounts_role")
        ),
        sa.CheckConstraint("(participant_id IS NULL) <> (role IS NULL)", name=op.f("ck_accounts_participant_or_role")),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participants.id"],
            name=op.f("fk_accounts_participant_id_participants"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("account", name=op.f("uq_accounts_account")),
    )
    op.create_index("ix_accounts_participant_id", "accounts", ["participant_id"], unique=False)


def _tickets() -> None:
    op.create_table(
        "tickets",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("participant_id", sa.Integer(), nullable=True),
        sa.Column("conversation", sa.String(length=256), nullable=False),
        sa.Column("account", sa.String(length=256), nullable=False),
        sa.Column("summary", sa.String(length=200), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.String(length=256), nullable=True),
        sa.CheckConstraint(
            "(acknowledged_at IS NULL) = (acknowledged_by IS NULL)", name=op.f("ck_tickets_acknowledged")
        ),
        sa.CheckConstraint("number > 0", name=op.f("ck_tickets_number")),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participants.id"],
            name=op.f("fk_tickets_participant_id_participants"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_tickets")),
    )
    op.create_index("ix_tickets_acknowledged_at", "tickets", ["acknowledged_at", "number"], unique=False)
    op.create_index("ix_tickets_participant_id", "tickets", ["participant_id"], unique=False)


def _dose_orders() -> None:
    op.create_table(
        "dose_orders",
        sa.Column("participant_id", sa.Integer(), nullable=False),
        sa.Column("drug", sa.String(length=16), nullable=False),
        sa.Column("mg", sa.Integer(), nullable=False),
        sa.Column("ordered_on", sa.Date(), nullable=True),
        sa.CheckConstraint("drug IN ('capecitabine', 'oxaliplatin')", name=op.f("ck_dose_orders_drug")),
        sa.CheckConstraint("mg BETWEEN 50 AND 5000", name=op.f("ck_dose_orders_mg")),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participants.id"],
            name=op.f("fk_dose_orders_participant_id_participants"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("participant_id", "drug", name=op.f("pk_dose_orders")),
        sqlite_with_rowid=False,
    )


def _outcomes() -> None:
    op.create_table(
        "outcomes",
        sa.Column("participant_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("pcr", sa.Boolean(create_constraint=True, name="pcr"), nullable=True),
        sa.ForeignKeyConstraint(
            ["participant_id"],
            ["participants.id"],
            name=op.f("fk_outcomes_participant_id_participants"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("participant_id", name=op.f("pk_outcomes")),
    )
    op.create_index("ix_outcomes_pcr", "outcomes", ["pcr"], unique=False)


def _conversations() -> None:
    op.create_table(
        "conversations",
        sa.Column("tracker_id", sa.String(length=256), nullable=False),
        sa.Column("conversation", sa.String(length=256), nullable=False),
        sa.Column("account", sa.String(length=256), nullable=False),
        sa.Column("direct", sa.Boolean(create_constraint=True, name="direct"), nullable=False),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tracker_id", name=op.f("pk_conversations")),
        sa.UniqueConstraint("conversation", "account", name=op.f("uq_conversations_conversation_account")),
    )


def _handled_messages() -> None:
    op.create_table(
        "handled_messages",
        sa.Column("webhook_id", sa.String(length=256), nullable=False),
        sa.Column("account", sa.String(length=256), nullable=False),
        sa.Column("body_hash", sa.String(length=64), nullable=False),
        sa.Column("reply", sa.Text(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("webhook_id", "account", "body_hash", name=op.f("pk_handled_messages")),
    )
    op.create_index("ix_handled_messages_account", "handled_messages", ["account"], unique=False)
    op.create_index("ix_handled_messages_received_at", "handled_messages", ["received_at"], unique=False)


def _settings() -> None:
    op.create_table(
        "settings",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_settings")),
    )


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("actor", sa.String(length=256), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("entity", sa.String(length=32), nullable=False),
        sa.Column("entity_key", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.String(length=16), nullable=True),
        sa.Column("why", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.CheckConstraint("length(hash) = 64 AND length(previous) = 64", name=op.f("ck_audit_hash")),
        sa.CheckConstraint("seq > 0", name=op.f("ck_audit_seq")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_subject", "audit", ["subject", "seq"], unique=False)


def _audit_details() -> None:
    op.create_table(
        "audit_details",
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("subject", sa.String(length=16), nullable=True),
        sa.Column("salt", sa.String(length=32), nullable=False),
        sa.Column("changes", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["seq"], ["audit.seq"], name=op.f("fk_audit_details_seq_audit"), ondelete="RESTRICT"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_details")),
    )
    op.create_index("ix_audit_details_subject", "audit_details", ["subject"], unique=False)


_TABLES = (
    _sites,
    _participants,
    _consents,
    _enrolments,
    _visits,
    _planned_visits,
    _accounts,
    _tickets,
    _dose_orders,
    _outcomes,
    _conversations,
    _handled_messages,
    _settings,
    _audit,
    _audit_details,
)


def upgrade() -> None:
    """Makes the tables, the append-only triggers, and the site that the public record names."""
    for make in _TABLES:
        make()
    triggers.execute(triggers.append_only(op.get_bind().dialect.name))
    op.execute(
        "INSERT INTO sites (code, name) VALUES "
        "('01', 'Ruijin Hospital affiliated to Shanghai Jiao Tong University School of Medicine')"
    )


def downgrade() -> None:
    """Removes everything: below this revision there is no enrolment database."""
    triggers.execute(triggers.drop_append_only(op.get_bind().dialect.name))
    for make in reversed(_TABLES):
        op.drop_table(make.__name__[1:])
