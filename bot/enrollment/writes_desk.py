"""What may be written about accounts, pre-checks and tickets. Each needs a session of `Database.writing`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from bot.clock import Clock
from bot.enrollment import models_clinical as clinical
from bot.enrollment.audit import AUDITED_BY_CALLER, Change, append, append_read, author_of, created_in_this_request
from bot.enrollment.errors import Conflict, InvalidValue, NotOnFile
from bot.enrollment.models import LANGUAGES, ROLES, Account, Participant, Ticket
from bot.enrollment.models_alerts import Alert, Notification
from bot.enrollment.outbox import NewAlert, alert_rows, close_alert
from bot.enrollment.writes_record import find


async def link_participant(session: AsyncSession, account: str, code: str, origin: str = "link") -> None:
    """Says that `account` is the chat account of participant `code`.

    Raises:
        NotOnFile: no participant has this code.
        Conflict: the account is linked to somebody else; unlink it first.
    """
    owner = await find(session, code)
    found = await _account(session, account)
    if found is None:
        at = author_of(session.sync_session).clock.now()
        session.add(Account(account=account, participant_id=owner.id, origin=origin, linked_at=at))
    elif found.participant_id != owner.id:
        raise Conflict("the account is linked to somebody else; unlink it first")
    else:
        found.origin = origin
    await session.flush()


async def link_staff(session: AsyncSession, account: str, role: str, language: str | None = None) -> None:
    """Says that `account` belongs to a member of staff; a role already held is replaced.

    Raises:
        InvalidValue: no such role or language.
        Conflict: the account is a participant's; unlink it first.
    """
    if role not in ROLES:
        raise InvalidValue(f"role: expected one of {', '.join(ROLES)}")
    if language is not None and language not in LANGUAGES:
        raise InvalidValue(f"language: expected one of {', '.join(LANGUAGES)}")
    found = await _account(session, account)
    if found is None:
        at = author_of(session.sync_session).clock.now()
        session.add(Account(account=account, role=role, language=language, origin="link", linked_at=at))
    elif found.role is None:
        raise Conflict("the account is linked to a participant; unlink it first")
    else:
        found.role, found.language, found.origin = role, language or found.language, "link"
    await session.flush()


async def unlink(session: AsyncSession, account: str) -> None:
    """Takes a link back: from now on the account is nobody's.

    Raises:
        NotOnFile: the account is linked to nobody.
    """
    found = await _account(session, account)
    if found is None:
        raise NotOnFile("the account is linked to nobody")
    await session.delete(found)
    await session.flush()


async def _account(session: AsyncSession, account: str) -> Account | None:
    if not account or account != account.strip() or len(account) > 128 or not account.isprintable():
        raise InvalidValue("account: expected 1 to 128 printable characters without blanks around them")
    found: Account | None = (
        await session.execute(select(Account).where(Account.account == account))
    ).scalar_one_or_none()
    return found


async def save_screening(session: AsyncSession, assessment: Mapping[str, Any], code: str | None = None) -> int:
    """Keeps a pre-check (the contract's form: `verdict`, `criteria`, `facts`) under the author's name.

    Returns:
        The number by which :func:`decide_screening` finds it.

    Raises:
        NotOnFile: no participant has this code.
    """
    author = author_of(session.sync_session)
    owner = None if code is None else await find(session, code)
    row = clinical.Screening(
        participant_id=None if owner is None else owner.id,
        screened_at=author.clock.now(),
        asked_by=author.actor.name,
        verdict=assessment["verdict"],
        facts=json.dumps(assessment["facts"], ensure_ascii=False, sort_keys=True, default=str),
    )
    session.add(row)
    await session.flush()
    session.add_all(
        clinical.ScreeningResult(
            screening_id=row.id,
            criterion=criterion["id"],
            result=criterion["result"],
            evidence=json.dumps(list(criterion["evidence"]), ensure_ascii=False),
            why=criterion["why"],
        )
        for criterion in assessment["criteria"]
    )
    await session.flush()
    return int(row.id)


async def decide_screening(session: AsyncSession, screening: int, decision: str) -> None:
    """Records an investigator's decision on a pre-check; the assistant itself never decides.

    Raises:
        NotOnFile: no such pre-check.
        InvalidValue: no such decision.
        Conflict: the author is no investigator.
    """
    author = author_of(session.sync_session)
    if decision not in clinical.DECISIONS:
        raise InvalidValue(f"decision: expected one of {', '.join(clinical.DECISIONS)}")
    if author.actor.role != "investigator":
        raise Conflict("eligibility is decided by an investigator")
    row = await session.get(clinical.Screening, screening)
    if row is None:
        raise NotOnFile(f"no pre-check {screening} on file")
    row.decision, row.decided_by, row.decided_at = decision, author.actor.name, author.clock.now()
    await session.flush()


def _ticket_of_this_request(session: Session, kind: str) -> int | None:
    """The ticket that an earlier delivery of the same message has opened, whose server died before it could say so."""
    numbers = [int(key) for key in created_in_this_request(session, "tickets")]
    if not numbers:
        return None
    found = session.execute(select(Ticket.number).where(Ticket.number.in_(numbers), Ticket.kind == kind))
    number: int | None = found.scalars().first()
    return number


async def create_ticket(
    session: AsyncSession,
    kind: str,
    participant: str | None,
    conversation: str,
    account: str,
    summary: str,
    alert: NewAlert | None = None,
) -> str:
    """Opens a ticket for the team; `summary` is a code such as `reschedule:C3D1:2026-06-12`, never the message.

    With an `alert` the team is to be told of it: that is written in the same transaction, so that neither is there
    without the other.

    Returns:
        The ticket's number, such as `T-7`.

    Raises:
        NotOnFile: no participant has this code.
    """
    opened = await session.run_sync(open_ticket, kind, participant, conversation, account, summary, alert)
    return str(opened.number)


@dataclass(frozen=True)
class OpenedTicket:
    """A ticket's number, such as `T-7`, and whether it is new: a message that is delivered again has the one it had."""

    number: str
    new: bool


def open_ticket(
    session: Session,
    kind: str,
    participant: str | None,
    conversation: str,
    account: str,
    summary: str,
    alert: NewAlert | None = None,
) -> OpenedTicket:
    """`create_ticket` for a unit of `Database.write`; an alert is opened with a new ticket alone.

    Raises:
        NotOnFile: no participant has this code.
    """
    known = _ticket_of_this_request(session, kind)
    if known is not None:
        return OpenedTicket(f"T-{known}", False)
    owner = session.execute(select(Participant.id).where(Participant.code == participant)).scalar_one_or_none()
    if participant is not None and owner is None:
        raise NotOnFile(f"no participant {participant} on file")
    number: int = (session.execute(select(func.max(Ticket.number))).scalar_one() or 0) + 1
    ticket = {
        "number": number,
        "kind": kind,
        "participant_id": owner,
        "conversation": conversation,
        "account": account,
        "summary": summary,
        "made_at": author_of(session).clock.now(),
    }
    session.execute(insert(Ticket.__table__), [ticket], execution_options=_AUDITED)
    changes = [_creation("tickets", str(number), participant, ticket)]
    if alert is not None:
        row, notifications = alert_rows(number, alert)
        session.execute(insert(Alert.__table__), [row], execution_options=_AUDITED)
        if notifications:
            session.execute(insert(Notification.__table__), notifications)
        changes.append(_creation("alerts", f"T-{number}", participant, row))
    append(session, changes)
    return OpenedTicket(f"T-{number}", True)


_AUDITED = {AUDITED_BY_CALLER: True}


def _creation(table: str, key: str, subject: str | None, row: Mapping[str, Any]) -> Change:
    return Change(
        "create", table, key, subject, {name: (None, value) for name, value in row.items() if value is not None}
    )


async def acknowledge_ticket(session: AsyncSession, number: str) -> None:
    """Says that the author has taken up a ticket (`T-7`); the first to do so holds it, and nobody further is told.

    Raises:
        NotOnFile: no such ticket.
        Conflict: somebody else has taken it up.
    """
    author = author_of(session.sync_session)
    digits = number.removeprefix("T-")
    row = await session.get(Ticket, int(digits)) if digits.isascii() and digits.isdigit() and len(digits) <= 9 else None
    if row is None:
        raise NotOnFile(f"no ticket {number} on file")
    if row.acknowledged_by is None:
        row.acknowledged_by, row.acknowledged_at = author.actor.name, author.clock.now()
    elif row.acknowledged_by != author.actor.name:
        raise Conflict(f"{number} was taken up by somebody else")
    await session.flush()
    await close_alert(session, row.number, Clock().now())


async def log_read(session: AsyncSession, codes: Iterable[str], what: str) -> None:
    """Notes that the author looked at these participants' data; `what` says which (such as `next_visit`)."""
    await session.run_sync(append_read, list(codes), what)
