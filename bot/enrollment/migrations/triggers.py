"""The database's own guard over the audit trail: triggers for SQLite and PostgreSQL.

They hold against any client, the session guard only against this project's code. (Whoever owns the database can drop
a trigger; then the hash chain shows what was changed.)
"""

from __future__ import annotations

from collections.abc import Iterable

from alembic import op

_ZERO = "0" * 64
_ERASED = "SELECT 1 FROM participants WHERE participants.code = OLD.subject AND participants.erased_on IS NOT NULL"


def execute(statements: Iterable[str]) -> None:
    """Runs statements one by one (asyncpg takes no scripts)."""
    for statement in statements:
        op.execute(statement)


def append_only(dialect: str) -> list[str]:
    """An entry is added at the end of the chain or not at all; nothing is ever changed or deleted."""
    return _SQLITE if dialect == "sqlite" else _POSTGRESQL


def drop_append_only(dialect: str) -> list[str]:
    """Undoes :func:`append_only` (SQLite drops triggers with their tables)."""
    if dialect == "sqlite":
        return []
    return [
        "DROP TRIGGER audit_append_only ON audit",
        "DROP TRIGGER audit_no_truncate ON audit",
        "DROP TRIGGER audit_chain ON audit",
        "DROP TRIGGER audit_details_no_update ON audit_details",
        "DROP TRIGGER audit_details_no_delete ON audit_details",
        "DROP TRIGGER audit_details_no_truncate ON audit_details",
        "DROP FUNCTION sparc_append_only()",
        "DROP FUNCTION sparc_audit_chain()",
    ]


def allow_erasure(dialect: str) -> list[str]:
    """Details may be deleted, those of an erased person alone; the entry and its digest stay."""
    if dialect == "sqlite":
        return [
            "DROP TRIGGER audit_details_no_delete",
            "CREATE TRIGGER audit_details_no_delete BEFORE DELETE ON audit_details "
            f"WHEN NOT EXISTS ({_ERASED}) "
            "BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END",
        ]
    return [
        "CREATE FUNCTION sparc_erased_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF EXISTS ({_ERASED}) THEN RETURN OLD; END IF; "
        "RAISE EXCEPTION 'the audit trail is append-only'; END $$",
        "DROP TRIGGER audit_details_no_delete ON audit_details",
        "CREATE TRIGGER audit_details_no_delete BEFORE DELETE ON audit_details "
        "FOR EACH ROW EXECUTE FUNCTION sparc_erased_only()",
    ]


def forbid_erasure(dialect: str) -> list[str]:
    """Undoes :func:`allow_erasure`."""
    if dialect == "sqlite":
        return ["DROP TRIGGER audit_details_no_delete", _SQLITE_DETAILS_NO_DELETE]
    return [
        "DROP TRIGGER audit_details_no_delete ON audit_details",
        "DROP FUNCTION sparc_erased_only()",
        _POSTGRESQL_DETAILS_NO_DELETE,
    ]


_SQLITE_REFUSE = "BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END"
_SQLITE_DETAILS_NO_DELETE = f"CREATE TRIGGER audit_details_no_delete BEFORE DELETE ON audit_details {_SQLITE_REFUSE}"
_SQLITE = [
    f"CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit {_SQLITE_REFUSE}",
    f"CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit {_SQLITE_REFUSE}",
    "CREATE TRIGGER audit_chain BEFORE INSERT ON audit "
    "WHEN NEW.seq <> COALESCE((SELECT MAX(seq) FROM audit), 0) + 1 "
    f"OR NEW.previous <> COALESCE((SELECT hash FROM audit ORDER BY seq DESC LIMIT 1), '{_ZERO}') "
    "BEGIN SELECT RAISE(ABORT, 'an audit entry must follow the last one'); END",
    f"CREATE TRIGGER audit_details_no_update BEFORE UPDATE ON audit_details {_SQLITE_REFUSE}",
    _SQLITE_DETAILS_NO_DELETE,
    # INSERT OR REPLACE would delete without asking the trigger above.
    "CREATE TRIGGER audit_details_no_replace BEFORE INSERT ON audit_details "
    f"WHEN EXISTS (SELECT 1 FROM audit_details WHERE seq = NEW.seq) {_SQLITE_REFUSE}",
]

_POSTGRESQL_DETAILS_NO_DELETE = (
    "CREATE TRIGGER audit_details_no_delete BEFORE DELETE ON audit_details "
    "FOR EACH ROW EXECUTE FUNCTION sparc_append_only()"
)
_POSTGRESQL = [
    "CREATE FUNCTION sparc_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the audit trail is append-only'; END $$",
    "CREATE FUNCTION sparc_audit_chain() RETURNS trigger LANGUAGE plpgsql AS $$ "
    "DECLARE tail audit%ROWTYPE; BEGIN "
    "SELECT * INTO tail FROM audit ORDER BY seq DESC LIMIT 1; "
    f"IF NEW.seq <> COALESCE(tail.seq, 0) + 1 OR NEW.previous <> COALESCE(tail.hash, '{_ZERO}') THEN "
    "RAISE EXCEPTION 'an audit entry must follow the last one'; END IF; RETURN NEW; END $$",
    "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit "
    "FOR EACH ROW EXECUTE FUNCTION sparc_append_only()",
    "CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION sparc_append_only()",
    "CREATE TRIGGER audit_chain BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION sparc_audit_chain()",
    "CREATE TRIGGER audit_details_no_update BEFORE UPDATE ON audit_details "
    "FOR EACH ROW EXECUTE FUNCTION sparc_append_only()",
    _POSTGRESQL_DETAILS_NO_DELETE,
    "CREATE TRIGGER audit_details_no_truncate BEFORE TRUNCATE ON audit_details "
    "FOR EACH STATEMENT EXECUTE FUNCTION sparc_append_only()",
]
