"""Reads the audit trail: is it whole, and what does it say about one participant."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.enrollment.audit import GENESIS, detail_digest, entry_hash
from bot.enrollment.models import Participant
from bot.enrollment.models_audit import AuditDetail, AuditEntry

_PAGE = 2000
_SHOWN_FAULTS = 100


@dataclass(frozen=True)
class Fault:
    """One place where the trail does not hold: the entry's number and what is wrong there."""

    seq: int
    reason: str


@dataclass(frozen=True)
class Verification:
    """What came of checking the whole trail.

    Attributes:
        entries: entries read.
        head: number and hash of the last one. Noted down outside the database, it shows later whether the end of
            the trail was cut off, which the chain itself cannot.
        erased: entries whose values were erased on a person's request.
        faults: the first places where the trail does not hold (at most 100).
    """

    entries: int
    head: tuple[int, str]
    erased: int
    faults: tuple[Fault, ...]

    @property
    def whole(self) -> bool:
        """Whether nothing was changed, taken out or put in between."""
        return not self.faults


@dataclass(frozen=True)
class HistoryLine:
    """One audit entry for people: `changes` maps a field to its old and new value; None where erased or a read."""

    seq: int
    at: str
    actor: str
    role: str
    action: str
    entity: str
    key: str
    why: str
    changes: dict[str, list[Any]] | None


async def verify(session: AsyncSession, known_head: tuple[int, str] | None = None) -> Verification:
    """Checks every entry's place, seal and details, a page at a time.

    Args:
        known_head: number and hash of an entry noted down earlier; it must still be there, unchanged.
    """
    erased_codes = set(
        (await session.execute(select(Participant.code).where(Participant.erased_on.is_not(None)))).scalars()
    )
    faults: list[Fault] = []
    last, previous, erased = 0, GENESIS, 0
    known = known_head is None
    while rows := await _page(session, last):
        for row in rows:
            entry = dict(row._mapping)
            salt, changes = entry.pop("salt"), entry.pop("changes")
            reason = _fault(entry, last, previous, salt, changes, erased_codes)
            if reason is not None:
                faults.append(Fault(entry["seq"], reason))
            erased += entry["digest"] is not None and salt is None
            last, previous = entry["seq"], entry["hash"]
            known = known or (last, previous) == known_head
    if not known:
        faults.append(Fault(last, "the entry noted down earlier is not in the trail"))
    return Verification(last, (last, previous), erased, tuple(faults[:_SHOWN_FAULTS]))


async def _page(session: AsyncSession, after: int) -> list[Any]:
    statement = (
        select(AuditEntry.__table__, AuditDetail.salt, AuditDetail.changes)
        .outerjoin(AuditDetail.__table__, AuditDetail.seq == AuditEntry.seq)
        .where(AuditEntry.seq > after)
        .order_by(AuditEntry.seq)
        .limit(_PAGE)
    )
    return list((await session.execute(statement)).all())


def _fault(
    entry: dict[str, Any], last: int, previous: str, salt: str | None, changes: str | None, erased: set[str]
) -> str | None:
    if entry["seq"] != last + 1:
        return f"entries {last + 1} to {entry['seq'] - 1} are missing"
    if entry["previous"] != previous:
        return "it does not follow the entry before it"
    if entry["hash"] != entry_hash(entry):
        return "the entry was changed"
    if salt is None or changes is None:
        if entry["digest"] is not None and entry["subject"] not in erased:
            return "its old and new values are missing"
        return None
    if entry["digest"] != detail_digest(salt, changes):
        return "its old and new values were changed"
    return None


async def history(session: AsyncSession, code: str) -> list[HistoryLine]:
    """Everything the trail says about one participant, in order of time; reads of their data included."""
    statement = (
        select(AuditEntry, AuditDetail.changes)
        .outerjoin(AuditDetail, AuditDetail.seq == AuditEntry.seq)
        .where(AuditEntry.subject == code)
        .order_by(AuditEntry.seq)
    )
    return [
        HistoryLine(
            entry.seq,
            entry.at,
            entry.actor,
            entry.role,
            entry.action,
            entry.entity,
            entry.entity_key,
            entry.why,
            None if changes is None else json.loads(changes),
        )
        for entry, changes in await session.execute(statement)
    ]
