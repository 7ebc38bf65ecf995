"""Puts whole records on file, many at a time: what imports and demonstration data are saved by.

A record that says nothing new writes nothing. New participants go in by statements of many rows, with one audit entry
each; changed ones are changed row by row under the session guard.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.enrollment.audit import AUDITED_BY_CALLER, Change, append, author_of
from bot.enrollment.errors import Conflict
from bot.enrollment.models import Account, Consent, Enrolment, Participant, PlannedVisit, RecordedVisit
from bot.enrollment.models_clinical import DoseOrder, Outcome
from bot.enrollment.planning import planned_rows
from bot.enrollment.queries import records
from bot.enrollment.writes_record import replan
from bot.trial.record import ParticipantRecord, VisitCode, VisitEvent

#: How many participants are saved together.
BATCH = 500
#: Links made by a file or the demonstration are theirs to change; one made by hand or by code is not.
FILE_ORIGINS = frozenset({"import", "demo"})
_FORM = "main"
#: Every field of a record but its code and its events.
ALL_FIELDS = frozenset(ParticipantRecord.__dataclass_fields__) - {"code", "events"}
_OWN = ("status", "language", "sex", "birth_date", "height_cm", "weight_kg", "last_capecitabine")


@dataclass(frozen=True)
class Incoming:
    """A participant as a file tells it.

    Attributes:
        record: what the file says.
        fields: the fields of the record that the file speaks of; what else is on file stays.
        visits: the visits that the file has a place for; others on file stay.
        account: the participant's chat account, or None.
        has_account: whether the file speaks of accounts; if it does and names none, its earlier link is taken back.
    """

    record: ParticipantRecord
    fields: frozenset[str]
    visits: frozenset[str]
    account: str | None = None
    has_account: bool = False


@dataclass
class Saved:
    """How many participants were put on file, changed, or left as they were."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0

    def add(self, other: Saved) -> None:
        """Adds another batch's numbers."""
        self.created += other.created
        self.updated += other.updated
        self.unchanged += other.unchanged


async def save(session: AsyncSession, incoming: Sequence[Incoming], site_id: int, origin: str = "import") -> Saved:
    """Puts up to `BATCH` participants on file, or brings them up to date. The caller commits.

    New enrolments count for stage 2 until `renumber_stages` is called, after the last batch.

    Raises:
        Conflict: an account that the file names is linked to somebody else by hand.
    """
    on_file = await records(session, Participant.code.in_([each.record.code for each in incoming]))
    before = {record.code: (key, record) for key, record in on_file.items()}
    new = [each for each in incoming if each.record.code not in before]
    known = [each for each in incoming if each.record.code in before and each.has_account]
    links = {before[each.record.code][0]: each.account for each in known}
    names = [each.account for each in incoming if each.account is not None]
    moved = await _relink(session, links, names, origin)
    await _create(session, new, site_id, origin)
    saved = Saved(created=len(new))
    for each in incoming:
        code = each.record.code
        if code not in before:
            continue
        key, old = before[code]
        record = merged(old, each)
        if record != old:
            await _update(session, key, old, record)
        if record != old or key in moved:
            saved.updated += 1
        else:
            saved.unchanged += 1
    session.expunge_all()
    return saved


def merged(old: ParticipantRecord, incoming: Incoming) -> ParticipantRecord:
    """What is on file after a file has spoken: its word where it has a place for one, else what was there."""
    told = incoming.record
    events: dict[VisitCode, VisitEvent] = {}
    for code in {**old.events, **told.events}:
        event = _merged_event(old.events.get(code), told.events.get(code), code in incoming.visits)
        if event is not None:
            events[code] = event
    return replace(old, events=events, **{name: getattr(told, name) for name in incoming.fields})


def _merged_event(old: VisitEvent | None, told: VisitEvent | None, spoken_of: bool) -> VisitEvent | None:
    if told is None:
        # A file of dates cannot say `missed` or `cancelled`: its silence does not take them back.
        return old if old is not None and (not spoken_of or old.status in ("missed", "cancelled")) else None
    if old is None or old.date != told.date:
        return told
    # The same day: what the team recorded about it is finer than a booking, and stays.
    status = old.status if told.status == "booked" or old.status != "booked" else told.status
    at_time = told.time or old.time
    return old if (status, at_time) == (old.status, old.time) else replace(told, status=status, time=at_time)


# --- new participants -----------------------------------------------------------------------------------------


async def _create(session: AsyncSession, new: Sequence[Incoming], site_id: int, origin: str) -> None:
    if not new:
        return
    records_of = [each.record for each in new]
    await _insert(session, Participant, [_participant_row(record, site_id, origin) for record in records_of])
    found = await session.execute(
        select(Participant.code, Participant.id).where(Participant.code.in_([record.code for record in records_of]))
    )
    keys = {row.code: row.id for row in found}
    rows: dict[Any, list[dict[str, Any]]] = {}
    for record in records_of:
        for model, row in _child_rows(session, keys[record.code], record):
            rows.setdefault(model, []).append(row)
    at = author_of(session.sync_session).clock.now()
    rows[Account] = [
        {"account": each.account, "participant_id": keys[each.record.code], "origin": origin, "linked_at": at}
        for each in new
        if each.account is not None
    ]
    for model, those in rows.items():
        await _insert(session, model, those)
    changes = [Change("create", "participants", each.record.code, each.record.code, _fields(each)) for each in new]
    await session.run_sync(append, changes)


async def _insert(session: AsyncSession, model: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        await session.execute(insert(model.__table__), rows, execution_options={AUDITED_BY_CALLER: True})


def _participant_row(record: ParticipantRecord, site_id: int, origin: str) -> dict[str, Any]:
    row = {name: getattr(record, name) for name in _OWN}
    return {**row, "code": record.code, "site_id": site_id, "demo": origin == "demo"}


def _child_rows(session: AsyncSession, key: int, record: ParticipantRecord) -> Iterable[tuple[Any, dict[str, Any]]]:
    owner = {"participant_id": key}
    if record.consented is not None:
        yield Consent, {**owner, "form": _FORM, "given_on": record.consented}
    if record.enrolled is not None:
        yield Enrolment, {**owner, "enrolled_on": record.enrolled, "stage": 2}
    if record.pcr is not None:
        yield Outcome, {**owner, "pcr": record.pcr}
    today = author_of(session.sync_session).clock.today()
    for drug, mg in _orders(record).items():
        yield DoseOrder, {**owner, "drug": drug, "mg": mg, "ordered_on": today}
    for event in record.events.values():
        yield RecordedVisit, {**owner, "visit": event.visit, **_visit_values(event)}
    for row in planned_rows(session.sync_session, key, record).values():
        yield PlannedVisit, row


def _orders(record: ParticipantRecord) -> dict[str, int]:
    orders = {"capecitabine": record.capecitabine_mg, "oxaliplatin": record.oxaliplatin_mg}
    return {drug: mg for drug, mg in orders.items() if mg is not None}


def _visit_values(event: VisitEvent) -> dict[str, Any]:
    return {"day": event.date, "at_time": event.time, "status": event.status, "recorded_on": event.recorded_on}


def _fields(incoming: Incoming) -> dict[str, tuple[Any, Any]]:
    """Everything a new record says, in the form of the audit trail."""
    record = incoming.record
    values: dict[str, Any] = {name: getattr(record, name) for name in _OWN}
    values["account"] = incoming.account
    values.update(consented=record.consented, enrolled=record.enrolled, pcr=record.pcr)
    values.update(capecitabine_mg=record.capecitabine_mg, oxaliplatin_mg=record.oxaliplatin_mg)
    values.update({code: _visit_values(event) for code, event in record.events.items()})
    return {name: (None, value) for name, value in values.items() if value is not None}


# --- participants on file -------------------------------------------------------------------------------------


async def _update(session: AsyncSession, key: int, old: ParticipantRecord, new: ParticipantRecord) -> None:
    """Changes what differs, under the session guard."""
    row = await session.get(Participant, key)
    for name in _OWN:
        setattr(row, name, getattr(new, name))
    await _put(session, Consent, (key, _FORM), {"given_on": new.consented}, keep=new.consented is not None)
    stage = {} if old.enrolled is not None else {"stage": 2}
    await _put(session, Enrolment, key, {"enrolled_on": new.enrolled, **stage}, keep=new.enrolled is not None)
    if old.pcr != new.pcr:
        await _put(session, Outcome, key, {"pcr": new.pcr}, keep=True)
    ordered = _orders(new)
    for drug, mg in _orders(old).items():
        if drug not in ordered:
            await _put(session, DoseOrder, (key, drug), {"mg": mg}, keep=False)
    today = author_of(session.sync_session).clock.today()
    for drug, mg in ordered.items():
        if _orders(old).get(drug) != mg:
            await _put(session, DoseOrder, (key, drug), {"mg": mg, "ordered_on": today}, keep=True)
    for code in {**old.events, **new.events}:
        event = new.events.get(code)
        values = {} if event is None else _visit_values(event)
        await _put(session, RecordedVisit, (key, code), values, keep=event is not None)
    await replan(session, key)


async def _put(session: AsyncSession, model: Any, key: Any, values: dict[str, Any], keep: bool) -> None:
    """Makes, changes or removes the row under `key`."""
    row = await session.get(model, key)
    if row is not None and not keep:
        await session.delete(row)
    elif row is not None:
        for name, value in values.items():
            setattr(row, name, value)
    elif keep:
        columns = [column.key for column in model.__mapper__.primary_key]
        session.add(model(**dict(zip(columns, key if isinstance(key, tuple) else (key,), strict=True)), **values))


# --- accounts -------------------------------------------------------------------------------------------------


async def _relink(session: AsyncSession, wanted: dict[int, str | None], names: Sequence[str], origin: str) -> set[int]:
    """Links participants on file to the accounts the file names; returns those whose links changed.

    A file's own earlier links are replaced, whoever holds one of its `names` gives it up; links made by hand stay
    beside them.
    """
    mine = await _accounts(session, Account.participant_id.in_(list(wanted)))
    theirs = await _accounts(session, Account.account.in_(names))
    held = {row.account: row for row in [*mine, *theirs]}
    moved: set[int] = set()
    for row in held.values():
        owner = row.participant_id
        if owner in wanted and wanted[owner] == row.account:
            continue
        if row.account in names and row.origin not in FILE_ORIGINS:
            raise Conflict("an account of the file is linked to somebody else by hand")
        if row.origin in FILE_ORIGINS:
            moved.add(owner)
            await session.delete(row)
    await session.flush()
    at = author_of(session.sync_session).clock.now()
    for owner, account in wanted.items():
        link = None if account is None else held.get(account)
        if account is not None and (link is None or link.participant_id != owner):
            moved.add(owner)
            session.add(Account(account=account, participant_id=owner, origin=origin, linked_at=at))
    await session.flush()
    return moved


async def _accounts(session: AsyncSession, condition: Any) -> list[Account]:
    return list((await session.execute(select(Account).where(condition))).scalars())
