"""The audit trail: who, when, what, old and new, why; chained by hash so that tampering shows.

21 CFR 11.10(e) asks for secure, time-stamped trails that do not obscure what was recorded before; GCP asks who and
why. Every unit of work that writes carries an :class:`Author`; the session guard turns each changed row into an
entry, refuses writes without an author and statements that would go round it, and the database's own triggers
refuse to change or delete an entry.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timezone
from typing import Any

from sqlalchemy import event, func, insert, inspect, select
from sqlalchemy.orm import Session

from bot.clock import Clock
from bot.enrollment.base import Base
from bot.enrollment.errors import AuditError
from bot.enrollment.models import Participant
from bot.enrollment.models_audit import AuditDetail, AuditEntry, AuditRequest
from bot.tracing import request_id

#: The `previous` of the first entry.
GENESIS = "0" * 64
#: The execution option of a statement whose changes the caller itself has put into the trail.
AUDITED_BY_CALLER = "audited_by_caller"
#: The longest reason an entry can hold.
LONGEST_WHY = 200
_AUTHOR = "author"
_DML = re.compile(r"\s*(insert|update|delete|replace|with|truncate|alter|drop|create)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Actor:
    """Who acts. A participant acts under their code, never under their account's name."""

    name: str
    role: str


@dataclass(frozen=True)
class Author:
    """Who writes, why, and by which clock: what every writing unit of work carries."""

    actor: Actor
    why: str
    clock: Clock


@dataclass(frozen=True)
class Change:
    """One entry to come: `fields` maps a field to its old and new value (None for a read)."""

    action: str
    entity: str
    key: str
    subject: str | None
    fields: Mapping[str, tuple[Any, Any]] | None


def author_of(session: Session) -> Author:
    """The author of a writing session.

    Raises:
        AuditError: the session was not opened for writing.
    """
    author = session.info.get(_AUTHOR)
    if not isinstance(author, Author):
        raise AuditError("this session was opened for reading; a write needs to say who and why")
    return author


def set_author(session: Session, author: Author) -> None:
    """Makes a session one that may write, in the name of `author`."""
    if not author.why.strip() or not author.actor.name.strip():
        raise AuditError("a write needs to say who and why")
    if len(author.why) > LONGEST_WHY:
        raise AuditError(f"the reason of a write has at most {LONGEST_WHY} characters")
    session.info[_AUTHOR] = author


def entry_hash(entry: Mapping[str, Any]) -> str:
    """The SHA-256 that seals an entry: all its columns but `hash`, as canonical JSON, `previous` among them."""
    sealed = {column.name: entry[column.name] for column in AuditEntry.__table__.columns if column.name != "hash"}
    return hashlib.sha256(canonical(sealed).encode()).hexdigest()


def detail_digest(salt: str, changes: str) -> str:
    """The salted digest by which an entry vouches for its details."""
    return hashlib.sha256(f"{salt}:{changes}".encode()).hexdigest()


def canonical(value: Any) -> str:
    """JSON with one spelling: sorted keys, no blanks, dates as ISO."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat()
    if isinstance(value, (date, time)):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no form in the audit trail")


def append(session: Session, changes: Sequence[Change]) -> None:
    """Adds entries to the end of the chain, inside the session's transaction.

    The transaction already holds the one writer's lock (`Database.writing`), so the end of the chain cannot move.
    """
    if not changes:
        return
    author = author_of(session)
    end = select(func.max(AuditEntry.seq)).scalar_subquery()
    last = session.execute(select(AuditEntry.seq, AuditEntry.hash).where(AuditEntry.seq == end)).first()
    seq, previous = (last.seq, last.hash) if last else (0, GENESIS)
    at = author.clock.now().astimezone(timezone.utc).isoformat(timespec="microseconds")
    entries: list[dict[str, Any]] = []
    details: list[dict[str, Any]] = []
    for change in changes:
        seq += 1
        digest = None
        if change.fields is not None:
            salt, text = secrets.token_hex(16), canonical({name: list(pair) for name, pair in change.fields.items()})
            digest = detail_digest(salt, text)
            details.append({"seq": seq, "subject": change.subject, "salt": salt, "changes": text})
        entry = {
            "seq": seq,
            "at": at,
            "actor": author.actor.name,
            "role": author.actor.role,
            "action": change.action,
            "entity": change.entity,
            "entity_key": change.key,
            "subject": change.subject,
            "why": author.why,
            "digest": digest,
            "previous": previous,
        }
        previous = entry["hash"] = entry_hash(entry)
        entries.append(entry)
    session.execute(insert(AuditEntry.__table__), entries)
    if details:
        session.execute(insert(AuditDetail.__table__), details)
    request = request_id()
    if request is not None:
        rows = [{"seq": entry["seq"], "request": request} for entry in entries]
        session.execute(insert(AuditRequest.__table__), rows)


def append_read(session: Session, codes: Iterable[str], what: str) -> None:
    """Notes that the author looked at these participants' data; `what` says which (such as `next_visit`)."""
    append(session, [Change("read", "participants", what, code, None) for code in codes])


def created_in_this_request(session: Session, entity: str) -> list[str]:
    """The keys of the rows that were created in the present request, by this delivery of the message or an earlier one.

    A message whose server died after its effects were written is delivered again under the same id.
    """
    request = request_id()
    if request is None:
        return []
    query = (
        select(AuditEntry.entity_key)
        .join(AuditRequest, AuditRequest.seq == AuditEntry.seq)
        .where(AuditRequest.request == request, AuditEntry.action == "create", AuditEntry.entity == entity)
    )
    return [str(key) for key in session.execute(query).scalars()]


# --- the session guard ----------------------------------------------------------------------------------------


def guard(session_class: type[Session]) -> None:
    """Makes every session of this class write the audit trail, or refuse."""
    event.listen(session_class, "before_flush", _refuse_without_author)
    event.listen(session_class, "after_flush", _audit_flush)
    event.listen(session_class, "do_orm_execute", _refuse_bulk)


def _audited(objects: Iterable[Any]) -> list[Base]:
    return [row for row in objects if isinstance(row, Base) and row.__audited__]


def _refuse_without_author(session: Session, context: Any, instances: Any) -> None:
    if session.new or session.deleted or any(session.is_modified(row) for row in session.dirty):
        author_of(session)


def _audit_flush(session: Session, context: Any) -> None:
    changes = [_change(session, "create", row) for row in _audited(session.new)]
    changes += [_change(session, "update", row) for row in _audited(session.dirty) if session.is_modified(row)]
    changes += [_change(session, "delete", row) for row in _audited(session.deleted)]
    append(session, changes)


def _change(session: Session, action: str, row: Base) -> Change:
    state = inspect(row)
    fields: dict[str, tuple[Any, Any]] = {}
    for attribute in state.mapper.column_attrs:
        history = state.attrs[attribute.key].history
        current = state.dict.get(attribute.key)
        if action == "delete":
            fields[attribute.key] = (current, None)
        elif action == "create":
            if current is not None:
                fields[attribute.key] = (None, current)
        elif history.has_changes():
            if not history.deleted:
                raise AuditError(f"the old value of {row.__tablename__}.{attribute.key} is not known")
            fields[attribute.key] = (history.deleted[0], current)
    return Change(action, row.__tablename__, _key_of(state, row), _subject_of(session, row), fields)


def _key_of(state: Any, row: Base) -> str:
    if isinstance(row, Participant):
        return str(row.code)
    return "/".join(str(part) for part in state.mapper.primary_key_from_instance(row))[:64]


def _subject_of(session: Session, row: Base) -> str | None:
    """The code of the participant whom a row is about, or None."""
    if isinstance(row, Participant):
        return str(row.code)
    owner = getattr(row, "participant_id", None)
    if owner is None and hasattr(row, "screening_id"):
        from bot.enrollment.models_clinical import Screening

        screening = session.get(Screening, row.screening_id)
        owner = None if screening is None else screening.participant_id
    if owner is None:
        return None
    code = session.execute(select(Participant.code).where(Participant.id == owner)).scalar_one_or_none()
    return None if code is None else str(code)


def _refuse_bulk(state: Any) -> None:
    """Statements that change rows without objects leave no old values: only the caller can audit them."""
    if state.execution_options.get(AUDITED_BY_CALLER):
        author_of(state.session)
        return
    statement = state.statement
    if state.is_insert or state.is_update or state.is_delete:
        table = statement.table.name
        if table in _audited_tables():
            raise AuditError(f"a statement on {table} goes round the audit trail")
    elif not state.is_select and _DML.match(str(statement)):
        raise AuditError("a textual statement goes round the audit trail")


def _audited_tables() -> frozenset[str]:
    return frozenset(
        mapper.local_table.name for mapper in Base.registry.mappers if getattr(mapper.class_, "__audited__", True)
    )
