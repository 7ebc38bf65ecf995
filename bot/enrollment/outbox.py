"""The outbox of notifications: opened with the ticket, claimed by one process at a time, marked when sent.

`claim` and `mark_failed` change only what the audit trail leaves out, so on PostgreSQL they do without the one writer's
lock: rows are leased with SKIP LOCKED. On SQLite the writer's transaction makes the claim atomic. Who was told, a further
step of the line, and that nobody could be told are written in the name of the dispatcher and stand in the trail.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from bot.enrollment.audit import AUDITED_BY_CALLER, Actor, Change, append
from bot.enrollment.database import Database
from bot.enrollment.models import Participant, Ticket
from bot.enrollment.models_alerts import ALERT_LEVELS, Alert, Notification, OutletState

#: Who sends, for the audit trail.
DISPATCHER = Actor("dispatcher", "system")
_AUDITED = {AUDITED_BY_CALLER: True}
_ALERTS, _NOTIFICATIONS, _OUTLETS = Alert.__table__, Notification.__table__, OutletState.__table__


@dataclass(frozen=True)
class NewAlert:
    """What a ticket is to be told with.

    Attributes:
        level: `emergency`, `urgent` or `other`.
        flags: what was recognised, as codes.
        sendings: the outlets of the line's first step, by name, with the key of each notification; none where no outlet is
            configured.
        lease, leased_until: where the process that opens the ticket sends at once, its lease on them; it saves the claim.
        unreached: nobody can be told now, and the person who wrote is told so in this very answer.
        at: the world's time.
    """

    level: str
    flags: Sequence[str]
    language: str
    channel: str
    tracker_id: str
    sendings: Mapping[str, str]
    unreached: bool
    at: datetime
    lease: str | None = None
    leased_until: datetime | None = None

    def claimed(self, ticket: int, kind: str, participant: str | None, opened_at: datetime) -> list[Claimed]:
        """The notifications as this process has them on lease, once the ticket is in the database; none without a lease."""
        if self.lease is None:
            return []
        return [
            Claimed(
                key=key,
                lease=self.lease,
                ticket=ticket,
                step=0,
                outlet=outlet,
                attempts=1,
                made_at=self.at,
                level=self.level,
                flags=tuple(self.flags),
                kind=kind,
                participant=participant,
                opened_at=opened_at,
            )
            for outlet, key in self.sendings.items()
        ]


@dataclass(frozen=True)
class Claimed:
    """A notification that this process may send until its lease runs out, with all that it says.

    Attributes:
        lease: proves to `mark_sent` and `mark_failed` that the claim is still this one.
        opened_at: the ticket's time, by the assistant's clock.
        made_at: when the notification was made, by the world's.
    """

    key: str
    lease: str
    ticket: int
    step: int
    outlet: str
    attempts: int
    made_at: datetime
    level: str
    flags: tuple[str, ...]
    kind: str
    participant: str | None
    opened_at: datetime


def alert_rows(ticket: int, alert: NewAlert) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The rows of a new alert: itself, and the notifications of its first step."""
    row = {
        "ticket": ticket,
        "level": alert.level,
        "flags": ",".join(alert.flags)[:200],
        "language": alert.language,
        "channel": alert.channel,
        "tracker_id": alert.tracker_id,
        "opened_at": alert.at,
        "step": 0 if alert.sendings else -1,
        "stepped_at": alert.at,
        "unreached_at": alert.at if alert.unreached else None,
        "told_at": alert.at if alert.unreached else None,
    }
    leased = (
        {} if alert.lease is None else {"leased_by": alert.lease, "leased_until": alert.leased_until, "attempts": 1}
    )
    return row, _notification_rows(ticket, alert.level, 0, alert.sendings, alert.at, leased)


def new_sendings(outlets: Iterable[str]) -> dict[str, str]:
    """A key for each outlet. Random, so that a database made anew never repeats a key that an outlet has seen."""
    return {outlet: f"alert_{secrets.token_hex(16)}" for outlet in outlets}


def _notification_rows(
    ticket: int, level: str, step: int, sendings: Mapping[str, str], now: datetime, more: Mapping[str, Any]
) -> list[dict[str, Any]]:
    return [
        {
            "key": key,
            "ticket": ticket,
            "step": step,
            "outlet": outlet,
            "urgency": ALERT_LEVELS.index(level),
            "state": "waiting",
            "made_at": now,
            "due_at": now,
            "attempts": 0,
            **more,
        }
        for outlet, key in sendings.items()
    ]


async def close_alert(session: AsyncSession, ticket: int, now: datetime) -> None:
    """Ends the telling of a ticket that was acknowledged: what still waits to be sent is withdrawn."""
    await session.execute(
        update(_ALERTS).where(_ALERTS.c.ticket == ticket, _ALERTS.c.closed_at.is_(None)).values(closed_at=now),
        execution_options=_AUDITED,  # the acknowledgement of the ticket is the entry
    )
    waiting = (_NOTIFICATIONS.c.ticket == ticket, _NOTIFICATIONS.c.state == "waiting")
    await session.execute(update(_NOTIFICATIONS).where(*waiting).values(state="withdrawn"))


# --- sending ----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _unaudited(database: Database, why: str) -> AsyncIterator[AsyncSession]:
    if database.url.startswith("sqlite"):
        async with database.writing(DISPATCHER, why) as session:
            yield session
    else:
        async with database.session() as session:
            yield session


async def claim(database: Database, most: int, lease: timedelta, now: datetime) -> list[Claimed]:
    """Leases up to `most` notifications that are due to this caller, the most pressing first.

    One whose lease has run out is due again: whoever held it has died, before or after sending it.
    """
    due = (
        _NOTIFICATIONS.c.state == "waiting",
        _NOTIFICATIONS.c.due_at <= now,
        or_(_NOTIFICATIONS.c.leased_until.is_(None), _NOTIFICATIONS.c.leased_until <= now),
    )
    chosen = (
        select(_NOTIFICATIONS.c.key)
        .where(*due)
        .order_by(_NOTIFICATIONS.c.urgency, _NOTIFICATIONS.c.due_at)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    token = secrets.token_hex(16)
    taking = (
        update(_NOTIFICATIONS)
        .where(_NOTIFICATIONS.c.key.in_(chosen.scalar_subquery()))
        .values(leased_until=now + lease, leased_by=token, attempts=_NOTIFICATIONS.c.attempts + 1)
        .execution_options(synchronize_session=False)
    )
    async with _unaudited(database, "notifications are sent") as session:
        taken = (await session.execute(taking)).rowcount
        found = [_claimed(row, token) for row in await session.execute(_claimed_statement(token))] if taken else []
        await session.commit()
    return found


def _claimed_statement(token: str) -> Any:
    return (
        select(_NOTIFICATIONS, _ALERTS.c.level, _ALERTS.c.flags, Ticket.kind, Ticket.made_at.label("opened"), _CODE)
        .join(_ALERTS, _ALERTS.c.ticket == _NOTIFICATIONS.c.ticket)
        .join(Ticket.__table__, Ticket.number == _ALERTS.c.ticket)
        .outerjoin(Participant.__table__, Participant.id == Ticket.participant_id)
        .where(_NOTIFICATIONS.c.leased_by == token)
        .order_by(_NOTIFICATIONS.c.urgency, _NOTIFICATIONS.c.due_at)
    )


_CODE = Participant.code.label("participant")


def _claimed(row: Any, token: str) -> Claimed:
    return Claimed(
        key=row.key,
        lease=token,
        ticket=row.ticket,
        step=row.step,
        outlet=row.outlet,
        attempts=row.attempts,
        made_at=row.made_at,
        level=row.level,
        flags=tuple(flag for flag in row.flags.split(",") if flag),
        kind=row.kind,
        participant=row.participant,
        opened_at=row.opened,
    )


async def mark_sent(database: Database, sent: Sequence[Claimed], now: datetime) -> int:
    """Notes that outlets have taken these notifications; returns how many.

    One whose lease was lost to another process meanwhile is left to that one.
    """

    def note(session: Session) -> int:
        keys = select(_NOTIFICATIONS.c.key).where(
            _NOTIFICATIONS.c.key.in_([one.key for one in sent]),
            _NOTIFICATIONS.c.leased_by.in_([one.lease for one in sent]),  # a lease is of one claim of one process
        )
        held = set(session.execute(keys.with_for_update()).scalars())
        noted = [one for one in sent if one.key in held]
        if not noted:
            return 0
        # One that was withdrawn while it was on its way has been sent all the same.
        session.execute(
            update(_NOTIFICATIONS)
            .where(_NOTIFICATIONS.c.key.in_([one.key for one in noted]))
            .values(state="sent", sent_at=now, leased_until=None, leased_by=None, error=None)
            .execution_options(synchronize_session=False)
        )
        for outlet in sorted({one.outlet for one in noted}):
            _outlet_fared(session, outlet, {"failures": 0, "sent_at": now})
        append(session, [_told(one) for one in noted])
        return len(noted)

    return await database.write(DISPATCHER, "the team is told", note)


def _told(claimed: Claimed) -> Change:
    fields = {"outlet": (None, claimed.outlet), "step": (None, claimed.step), "key": (None, claimed.key)}
    return Change("notify", "notifications", f"T-{claimed.ticket}", claimed.participant, fields)


async def mark_failed(database: Database, claimed: Claimed, error: str, again_at: datetime, now: datetime) -> None:
    """Puts a notification back until `again_at`; `error` is a code, never an outlet's own words."""
    async with _unaudited(database, "a notification was not taken") as session:
        await session.execute(
            update(_NOTIFICATIONS)
            .where(_NOTIFICATIONS.c.key == claimed.key, _NOTIFICATIONS.c.leased_by == claimed.lease)
            .values(due_at=again_at, leased_until=None, leased_by=None, error=error[:32])
        )
        more = {"failures": _OUTLETS.c.failures + 1, "failed_at": now}
        await session.run_sync(_outlet_fared, claimed.outlet, more, {"failures": 1, "failed_at": now})
        await session.commit()


def _outlet_fared(session: Session, name: str, values: dict[str, Any], first: dict[str, Any] | None = None) -> None:
    done = session.execute(update(_OUTLETS).where(_OUTLETS.c.name == name).values(**values))
    if not done.rowcount:
        known = select(_OUTLETS.c.name).where(_OUTLETS.c.name == name)
        if session.execute(known).first() is None:
            session.execute(insert(_OUTLETS), [{"name": name, **(first or values)}])


# --- what is due ------------------------------------------------------------------------------------------------


async def withdraw_unknown(database: Database, known: Sequence[str]) -> int:
    """Withdraws what waits for an outlet that the settings no longer name; returns how many."""
    gone = (_NOTIFICATIONS.c.state == "waiting", _NOTIFICATIONS.c.outlet.not_in(known))
    async with database.session() as session:
        if (await session.execute(select(_NOTIFICATIONS.c.key).where(*gone).limit(1))).first() is None:
            return 0
    async with _unaudited(database, "an outlet has left the settings") as session:
        done = await session.execute(
            update(_NOTIFICATIONS).where(*gone).values(state="withdrawn", leased_until=None, leased_by=None)
        )
        await session.commit()
    return int(done.rowcount)


@dataclass(frozen=True)
class AlertOnFile:
    """An open alert as it stands; `sendings` are (step, outlet, attempts, sent) of what was not withdrawn."""

    ticket: int
    level: str
    opened_at: datetime
    stepped_at: datetime
    step: int
    unreached: bool
    sendings: tuple[tuple[int, str, int, bool], ...]


async def open_alerts(session: AsyncSession, ticket: int | None = None) -> list[AlertOnFile]:
    """The alerts that nobody has acknowledged (or one of them), in order of ticket."""
    where = [_ALERTS.c.closed_at.is_(None)]
    if ticket is not None:
        where.append(_ALERTS.c.ticket == ticket)
    alerts = (await session.execute(select(_ALERTS).where(*where).order_by(_ALERTS.c.ticket))).all()
    if not alerts:
        return []
    sendings: dict[int, list[tuple[int, str, int, bool]]] = {}
    for row in await session.execute(
        select(_NOTIFICATIONS)
        .join(_ALERTS, _ALERTS.c.ticket == _NOTIFICATIONS.c.ticket)
        .where(*where, _NOTIFICATIONS.c.state != "withdrawn")
        .order_by(_NOTIFICATIONS.c.step)
    ):
        sendings.setdefault(row.ticket, []).append((row.step, row.outlet, row.attempts, row.state == "sent"))
    return [
        AlertOnFile(
            row.ticket,
            row.level,
            row.opened_at,
            row.stepped_at,
            row.step,
            row.unreached_at is not None,
            tuple(sendings.get(row.ticket, ())),
        )
        for row in alerts
    ]


async def plan_step(
    session: AsyncSession, alert: AlertOnFile, step: int, outlets: Sequence[str], now: datetime
) -> None:
    """Plans a further step of the line in a session of `Database.writing`."""
    await session.execute(
        update(_ALERTS).where(_ALERTS.c.ticket == alert.ticket).values(step=step, stepped_at=now),
        execution_options=_AUDITED,
    )
    rows = _notification_rows(alert.ticket, alert.level, step, new_sendings(outlets), now, {})
    if rows:
        await session.execute(insert(_NOTIFICATIONS), rows)
    await _audit(session, "escalate", alert.ticket, {"step": (alert.step, step)})


async def mark_unreached(session: AsyncSession, ticket: int, now: datetime) -> None:
    """Notes, in a session of `Database.writing`, that nobody could be told: whoever wrote has to learn it."""
    await session.execute(
        update(_ALERTS).where(_ALERTS.c.ticket == ticket).values(unreached_at=now), execution_options=_AUDITED
    )
    await _audit(session, "unreached", ticket, {"unreached_at": (None, now)})


async def _audit(session: AsyncSession, action: str, ticket: int, fields: dict[str, tuple[Any, Any]]) -> None:
    owner = select(Participant.code).join(Ticket, Ticket.participant_id == Participant.id)
    code = (await session.execute(owner.where(Ticket.number == ticket))).scalar_one_or_none()
    await session.run_sync(append, [Change(action, "alerts", f"T-{ticket}", code, fields)])


async def next_due(session: AsyncSession) -> datetime | None:
    """When the next waiting notification is due; None where none waits."""
    leased = func.coalesce(_NOTIFICATIONS.c.leased_until, _NOTIFICATIONS.c.due_at)
    found = (await session.execute(select(func.min(leased)).where(_NOTIFICATIONS.c.state == "waiting"))).scalar_one()
    return found if found is None or isinstance(found, datetime) else None


# --- telling the patient ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Untold:
    """Somebody whose ticket nobody of the team could be told of, and who does not know it yet."""

    ticket: int
    level: str
    participant: str | None
    account: str
    conversation: str
    channel: str
    tracker_id: str
    language: str


def _untold_statement(now: datetime) -> Any:
    return (
        select(
            _ALERTS.c.ticket,
            _ALERTS.c.level,
            _ALERTS.c.channel,
            _ALERTS.c.tracker_id,
            _ALERTS.c.language,
            Ticket.account,
            Ticket.conversation,
            _CODE,
        )
        .join(Ticket.__table__, Ticket.number == _ALERTS.c.ticket)
        .outerjoin(Participant.__table__, Participant.id == Ticket.participant_id)
        .where(_ALERTS.c.told_at.is_(None), _ALERTS.c.unreached_at.is_not(None), _ALERTS.c.closed_at.is_(None))
        .where(or_(_ALERTS.c.push_until.is_(None), _ALERTS.c.push_until <= now))
        .order_by(_ALERTS.c.ticket)
    )


async def untold(session: AsyncSession, now: datetime) -> list[Untold]:
    """Who still has to be told that nobody could be told, in order of ticket; those being told just now left out."""
    return [Untold(**row._mapping) for row in await session.execute(_untold_statement(now))]


async def hold_untold(database: Database, ticket: int, lease: timedelta, now: datetime) -> bool:
    """Takes on the telling of one person until the lease runs out; False where another process has."""
    free = or_(_ALERTS.c.push_until.is_(None), _ALERTS.c.push_until <= now)
    async with database.writing(DISPATCHER, "the patient is told") as session:
        done = await session.execute(
            update(_ALERTS).where(_ALERTS.c.ticket == ticket, _ALERTS.c.told_at.is_(None), free)
            .values(push_until=now + lease),
            execution_options=_AUDITED,  # a lease says nothing about anybody
        )  # fmt: skip
        await session.commit()
    return bool(done.rowcount)


async def mark_told(session: AsyncSession, tickets: Sequence[int], now: datetime) -> list[int]:
    """Notes, in a session of `Database.writing`, that whoever wrote was told; returns the tickets not noted before."""
    noted = []
    for ticket in tickets:
        done = await session.execute(
            update(_ALERTS).where(_ALERTS.c.ticket == ticket, _ALERTS.c.told_at.is_(None)).values(told_at=now),
            execution_options=_AUDITED,
        )
        if done.rowcount:
            await _audit(session, "told", ticket, {"told_at": (None, now)})
            noted.append(ticket)
    return noted


# --- figures ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OutletHealth:
    """How an outlet fares: failures in a row, the last of them, and when it last took something."""

    name: str
    failures: int
    failed_at: datetime | None
    sent_at: datetime | None


@dataclass(frozen=True)
class OutboxFigures:
    """The outbox in numbers, for monitoring; nothing in it names anybody.

    Attributes:
        waiting: notifications that wait to be sent.
        oldest_seconds: how long the oldest of them has waited; 0 where none waits.
        open_alerts: alerts that nobody has acknowledged, by level.
        unreached: those of them of which nobody could be told.
        untold: those of these of which whoever wrote does not know it yet.
        outlets: by name.
    """

    waiting: int
    oldest_seconds: float
    open_alerts: dict[str, int]
    unreached: int
    untold: int
    outlets: tuple[OutletHealth, ...]


async def outlet_health(session: AsyncSession) -> tuple[OutletHealth, ...]:
    """How the outlets fare, in order of name; one that was never tried is not there."""
    rows = await session.execute(select(_OUTLETS).order_by(_OUTLETS.c.name))
    return tuple(OutletHealth(row.name, row.failures, row.failed_at, row.sent_at) for row in rows)


async def figures(session: AsyncSession, now: datetime) -> OutboxFigures:
    """The outbox in numbers; `now` is the world's time."""
    waiting = select(func.count(), func.min(_NOTIFICATIONS.c.made_at)).where(_NOTIFICATIONS.c.state == "waiting")
    number, oldest = (await session.execute(waiting)).one()
    levels = dict.fromkeys(ALERT_LEVELS, 0)
    unreached = untold_ones = 0
    is_open = _ALERTS.c.closed_at.is_(None)
    counts = select(
        _ALERTS.c.level, func.count(), func.count(_ALERTS.c.unreached_at), func.count(_ALERTS.c.told_at)
    ).where(is_open)
    for level, count, not_reached, told in await session.execute(counts.group_by(_ALERTS.c.level)):
        levels[level] = count
        unreached += not_reached
        untold_ones += not_reached - told
    age = 0.0 if oldest is None else max(0.0, (now - oldest).total_seconds())
    return OutboxFigures(number, age, levels, unreached, untold_ones, await outlet_health(session))
