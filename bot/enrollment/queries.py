"""What chat and command line ask of the database; every question of chat is answered by an index alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any, Literal, cast

from sqlalchemy import and_, bindparam, func, select
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.sql import Select

from bot.enrollment.audit import Actor
from bot.enrollment.models import (
    LONGEST_WINDOW_DAYS,
    STATUSES,
    Account,
    Consent,
    Conversation,
    Enrolment,
    Participant,
    PlannedVisit,
    RecordedVisit,
    Ticket,
)
from bot.enrollment.models_alerts import Alert, Notification
from bot.enrollment.models_clinical import DoseHold, DoseOrder, Outcome
from bot.trial.record import DoseHold as Hold
from bot.trial.record import ParticipantRecord, VisitCode, VisitEvent

#: How many participants are fetched at a time where all of them are asked for.
PAGE = 500


@dataclass(frozen=True)
class Identity:
    """Who speaks from a chat account: a participant with their code, or a member of staff with a role."""

    account: str
    kind: Literal["participant", "staff"]
    role: str | None
    participant: str | None
    language: str

    @property
    def actor(self) -> Actor:
        """The one who acts, for the audit trail: staff by account, a participant by code."""
        if self.participant is not None:
            return Actor(self.participant, "participant")
        return Actor(self.account, self.role or "staff")


@dataclass(frozen=True)
class TicketOnFile:
    """A ticket as it stands; `number` is such as `T-7`.

    Attributes:
        level: `emergency`, `urgent` or `other` where the team is told of it by notification, else None.
        notified: notifications that an outlet has taken.
        unreached: nobody could be told of it.
    """

    number: str
    kind: str
    participant: str | None
    conversation: str
    account: str
    summary: str
    made_at: datetime
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    level: str | None = None
    notified: int = 0
    unreached: bool = False


@dataclass(frozen=True)
class EnrolmentCounts:
    """Recruitment in numbers, for staff alone.

    Attributes:
        by_status: participants by status, statuses without anybody included.
        enrolled: participants with a day of enrolment, whatever became of them.
        evaluable: participants whose pathological response was assessed (`yes` or `no`).
        pcr: `yes`, `no`, and `not_assessed` among the enrolled (site notes, 16).
        stage_one: enrolled participants who count for stage one; the rest count for stage two.
        stage_one_pcr: `yes`, `no`, `not_assessed` among these.
    """

    by_status: dict[str, int]
    enrolled: int
    evaluable: int
    pcr: dict[str, int]
    stage_one: int
    stage_one_pcr: dict[str, int]


def identity_statement(account: Any) -> Select:
    """The look-up behind :func:`identity`."""
    return (
        select(Account.role, Account.language, Participant.code, Participant.language.label("participant_language"))
        .outerjoin(Participant, Participant.id == Account.participant_id)
        .where(Account.account == account)
    )


@cache
def _identity_by_account() -> Select:
    # Built once, as all statements that a message of chat needs: SQLAlchemy takes longer over one than SQLite.
    return identity_statement(bindparam("account"))


async def identity(session: AsyncSession, account: str) -> Identity | None:
    """Who speaks from `account`, or None where it is linked to nobody."""
    found: Identity | None = await session.run_sync(lambda sync: identity_in(sync.connection(), account))
    return found


def identity_in(connection: Connection, account: str) -> Identity | None:
    """The same as a unit of work, see `Database.read`."""
    row = connection.execute(_identity_by_account(), {"account": account}).first()
    if row is None:
        return None
    if row.role is not None:
        return Identity(account, "staff", row.role, None, row.language or "en")
    return Identity(account, "participant", None, row.code, row.language or row.participant_language)


# --- participants ---------------------------------------------------------------------------------------------


def records_statement(*conditions: Any) -> Select:
    """One row a participant that meets the conditions: everything that stands once."""
    return _records_statement().where(*conditions)


@cache
def _records_statement() -> Select:
    # Built once: putting it together costs as much as asking the database.
    tablets, infusion = DoseOrder.__table__.alias("tablets"), DoseOrder.__table__.alias("infusion")
    consented = (
        select(func.min(Consent.given_on)).where(Consent.participant_id == Participant.id).scalar_subquery()
    ).label("consented")
    return (
        select(
            Participant.__table__,
            consented,
            Enrolment.enrolled_on,
            Outcome.pcr,
            tablets.c.mg.label("capecitabine_mg"),
            infusion.c.mg.label("oxaliplatin_mg"),
        )
        .select_from(Participant)
        .outerjoin(Enrolment, Enrolment.participant_id == Participant.id)
        .outerjoin(Outcome, Outcome.participant_id == Participant.id)
        .outerjoin(tablets, and_(tablets.c.participant_id == Participant.id, tablets.c.drug == "capecitabine"))
        .outerjoin(infusion, and_(infusion.c.participant_id == Participant.id, infusion.c.drug == "oxaliplatin"))
    )


def events_statement(participant_ids: Sequence[int]) -> Select:
    """The recorded visits of some participants."""
    return select(RecordedVisit.__table__).where(RecordedVisit.participant_id.in_(participant_ids))


async def records(session: AsyncSession, *conditions: Any, limit: int | None = None) -> dict[int, ParticipantRecord]:
    """The records that meet the conditions, by the database's own key, in order of code."""
    statement = records_statement(*conditions).order_by(Participant.code)
    rows = (await session.execute(statement.limit(limit) if limit else statement)).all()
    events: dict[int, dict[VisitCode, VisitEvent]] = {row.id: {} for row in rows}
    ids = list(events)
    for start in range(0, len(ids), PAGE):
        for visit in (await session.execute(events_statement(ids[start : start + PAGE]))).all():
            events[visit.participant_id][visit.visit] = _event(visit)
    holds: dict[int, list[Hold]] = {}
    for start in range(0, len(ids), PAGE):
        for hold in (await session.execute(holds_statement(ids[start : start + PAGE]))).all():
            holds.setdefault(hold.participant_id, []).append(Hold(hold.drug, hold.first_day, hold.last_day))
    return {row.id: record_of(row, events[row.id], tuple(holds.get(row.id, ()))) for row in rows}


def holds_statement(participant_ids: Sequence[int]) -> Select:
    """The withheld doses of some participants."""
    return select(DoseHold.__table__).where(DoseHold.participant_id.in_(participant_ids))


def record_of(row: Any, events: dict[VisitCode, VisitEvent], holds: tuple[Hold, ...] = ()) -> ParticipantRecord:
    """The shared value for a row of :func:`records_statement`."""
    return ParticipantRecord(
        code=row.code,
        status=row.status,
        language=row.language,
        sex=row.sex,
        birth_date=row.birth_date,
        height_cm=row.height_cm,
        weight_kg=row.weight_kg,
        consented=row.consented,
        enrolled=row.enrolled_on,
        events=events,
        last_capecitabine=row.last_capecitabine,
        pcr=row.pcr,
        capecitabine_mg=row.capecitabine_mg,
        oxaliplatin_mg=row.oxaliplatin_mg,
        holds=holds,
    )


async def participant(session: AsyncSession, code: str) -> ParticipantRecord | None:
    """The record of one participant, or None where the code is not on file."""
    found: ParticipantRecord | None = await session.run_sync(lambda sync: participant_in(sync.connection(), code))
    return found


def is_on_file(connection: Connection, code: str) -> bool:
    """Whether a participant has this code, as a unit of work."""
    return connection.execute(_record_by_code(), {"code": code}).first() is not None


def participant_in(connection: Connection, code: str) -> ParticipantRecord | None:
    """The same as a unit of work, see `Database.read`."""
    row = connection.execute(_record_by_code(), {"code": code}).first()
    if row is None:
        return None
    visits = connection.execute(_events_of_one(), {"participant": row.id})
    holds = connection.execute(_holds_of_one(), {"participant": row.id})
    return record_of(
        row,
        {visit.visit: _event(visit) for visit in visits},
        tuple(Hold(hold.drug, hold.first_day, hold.last_day) for hold in holds),
    )


@cache
def _record_by_code() -> Select:
    return records_statement(Participant.code == bindparam("code"))


@cache
def _events_of_one() -> Select:
    return select(RecordedVisit.__table__).where(RecordedVisit.participant_id == bindparam("participant"))


@cache
def _holds_of_one() -> Select:
    return select(DoseHold.__table__).where(DoseHold.participant_id == bindparam("participant"))


def _event(row: Any) -> VisitEvent:
    return VisitEvent(row.visit, row.day, row.status, row.at_time, row.recorded_on)


async def participants(
    session: AsyncSession, status: str | None = None, after: str = "", limit: int | None = None
) -> list[ParticipantRecord]:
    """Participants in order of code, those of one status or all; `after` and `limit` page through many."""
    conditions = [Participant.code > after]
    if status is not None:
        conditions.append(Participant.status == status)
    return list((await records(session, *conditions, limit=limit)).values())


async def every_participant(session: AsyncSession) -> AsyncIterator[ParticipantRecord]:
    """All participants in order of code, a page at a time: memory does not grow with their number."""
    after = ""
    while page := await participants(session, after=after, limit=PAGE):
        for record in page:
            yield record
        after = page[-1].code


def visits_near_statement(first: date, last: date) -> Select:
    """Who has a visit planned, booked or recorded that touches the days from `first` to `last`.

    No window is longer than `LONGEST_WINDOW_DAYS` (a constraint of the writing), so an index on the first day
    bounds the search on both sides, however many years lie behind.
    """
    return (
        select(PlannedVisit.participant_id)
        .where(
            PlannedVisit.first_day >= first - timedelta(days=LONGEST_WINDOW_DAYS),
            PlannedVisit.first_day <= last,
            PlannedVisit.last_day >= first,
        )
        .distinct()
    )


async def visits_near(session: AsyncSession, first: date, last: date) -> list[ParticipantRecord]:
    """The records of all who have a visit planned, booked or recorded between two days, both included."""
    ids = list((await session.execute(visits_near_statement(first, last))).scalars())
    found: list[ParticipantRecord] = []
    for start in range(0, len(ids), PAGE):
        found.extend((await records(session, Participant.id.in_(ids[start : start + PAGE]))).values())
    return sorted(found, key=lambda record: record.code)


async def is_empty(session: AsyncSession) -> bool:
    """Whether nobody is on file: neither participants nor linked accounts."""
    people = (await session.execute(select(Participant.id).limit(1))).first()
    links = (await session.execute(select(Account.id).limit(1))).first()
    return people is None and links is None


# --- recruitment and tickets ----------------------------------------------------------------------------------


async def enrolment_counts(session: AsyncSession) -> EnrolmentCounts:
    """Participants by status, and those enrolled by stage and pathological response."""
    statuses = dict.fromkeys(STATUSES, 0)
    for status, number in await session.execute(select(Participant.status, func.count()).group_by(Participant.status)):
        statuses[status] = number
    counts = {stage: {"yes": 0, "no": 0, "not_assessed": 0} for stage in (1, 2)}
    for stage, pcr, number in await session.execute(
        select(Enrolment.stage, Outcome.pcr, func.count())
        .outerjoin(Outcome, Outcome.participant_id == Enrolment.participant_id)
        .group_by(Enrolment.stage, Outcome.pcr)
    ):
        counts[stage]["not_assessed" if pcr is None else "yes" if pcr else "no"] += number
    total = {answer: counts[1][answer] + counts[2][answer] for answer in counts[1]}
    return EnrolmentCounts(
        by_status=statuses,
        enrolled=sum(total.values()),
        evaluable=total["yes"] + total["no"],
        pcr=total,
        stage_one=sum(counts[1].values()),
        stage_one_pcr=counts[1],
    )


async def tickets(session: AsyncSession, waiting_only: bool = True, limit: int = 100) -> list[TicketOnFile]:
    """Tickets in order of number: those nobody has taken up yet, or all."""
    sent = (
        select(func.count())
        .where(Notification.ticket == Ticket.number, Notification.sent_at.is_not(None))
        .correlate(Ticket)
        .scalar_subquery()
    )
    statement = (
        select(Ticket, Participant.code, Alert.level, Alert.unreached_at, sent)
        .outerjoin(Participant, Participant.id == Ticket.participant_id)
        .outerjoin(Alert, Alert.ticket == Ticket.number)
    )
    if waiting_only:
        statement = statement.where(Ticket.acknowledged_at.is_(None))
    rows = await session.execute(statement.order_by(Ticket.number).limit(limit))
    return [_ticket(*row) for row in rows]


def _ticket(ticket: Ticket, code: str | None, level: str | None, unreached_at: Any, notified: int) -> TicketOnFile:
    return TicketOnFile(
        f"T-{ticket.number}",
        ticket.kind,
        code,
        ticket.conversation,
        ticket.account,
        ticket.summary,
        ticket.made_at,
        ticket.acknowledged_at,
        ticket.acknowledged_by,
        level,
        notified,
        unreached_at is not None,
    )


async def conversation_identity(session: AsyncSession, tracker_id: str) -> tuple[Identity | None, bool] | None:
    """Who speaks in a conversation and whether nobody else is there; None where the tracker is unknown.

    The identity is looked up afresh: an account unlinked since is linked to nobody here too.
    """
    row = (
        await session.execute(
            select(Conversation.account, Conversation.direct).where(Conversation.tracker_id == tracker_id)
        )
    ).first()
    if row is None:
        return None
    return await identity(session, row.account), cast(bool, row.direct)
