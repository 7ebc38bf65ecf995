"""Takes participants off the database: demonstration data before real data, and a person who asks to be erased.

The audit trail stays whole in both. Erasing a person also deletes the old and new values of their audit entries; the
entries themselves and their sealed digests remain, and what is left of the person is a code that names nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.enrollment import models_clinical as clinical
from bot.enrollment.audit import AUDITED_BY_CALLER, Change, append, author_of
from bot.enrollment.errors import Conflict
from bot.enrollment.models import (
    Account,
    Consent,
    Conversation,
    Enrolment,
    HandledMessage,
    LinkCode,
    Participant,
    PlannedVisit,
    RecordedVisit,
    Ticket,
)
from bot.enrollment.models_alerts import Alert, Notification
from bot.enrollment.models_audit import AuditDetail
from bot.enrollment.models_inbox import InboxEvent
from bot.enrollment.models_web import WebSession, WebSignIn
from bot.enrollment.writes_record import find

_AUDITED = {AUDITED_BY_CALLER: True}
#: What hangs on a participant and goes with them; what an erasure keeps is named in :func:`erase`.
_PERSONAL = (
    PlannedVisit,
    RecordedVisit,
    clinical.DoseOrder,
    clinical.DoseAdministration,
    clinical.DoseHold,
    clinical.AdverseEvent,
    Consent,
    Account,
    LinkCode,
)


async def remove_demo(session: AsyncSession) -> int:
    """Removes all demonstration participants and accounts; returns how many participants.

    Invented people must not stand among real ones, and an invented nurse must not read about them.
    """
    rows = (await session.execute(select(Participant.id, Participant.code).where(Participant.demo.is_(True)))).all()
    keys = [row.id for row in rows]
    accounts = (await session.execute(select(Account.id).where(Account.origin == "demo"))).scalars().all()
    if not keys and not accounts:
        return 0
    await _forget_conversations(session, keys)
    await _delete_screenings(session, keys)
    for model in (*_PERSONAL, clinical.Outcome, Enrolment):
        await _execute(session, delete(model.__table__).where(model.participant_id.in_(keys)))
    await _delete_tickets(session, keys)
    await _execute(session, delete(Account.__table__).where(Account.id.in_(accounts)))
    await _execute(session, delete(Participant.__table__).where(Participant.id.in_(keys)))
    changes = [Change("delete", "participants", row.code, row.code, None) for row in rows]
    changes += [Change("delete", "accounts", str(key), None, None) for key in accounts]
    await session.run_sync(append, changes)
    return len(keys)


async def erase(session: AsyncSession, code: str) -> None:
    """Erases a person who asked for it: their data, their links, and the values in the audit trail.

    Kept: the code, the status, the day of enrolment with its stage and the pathological response, without which the
    trial's own figures would be wrong (GDPR article 17(3)(d)), tickets without account and conversation, when the
    team was told of them, and the audit entries without their values. What else the law or the sponsor wants kept is the site's decision before this call.

    Raises:
        NotOnFile: no participant has this code.
        Conflict: the participant was erased before.
    """
    owner = await find(session, code)
    if owner.erased_on is not None:
        raise Conflict(f"{code} was erased on {owner.erased_on}")
    key = owner.id
    await _forget_conversations(session, [key])
    await _delete_screenings(session, [key])
    for model in _PERSONAL:
        await _execute(session, delete(model.__table__).where(model.participant_id == key))
    blank = {"account": "erased", "conversation": "erased", "summary": "erased"}
    await _execute(session, update(Ticket.__table__).where(Ticket.participant_id == key).values(**blank))
    mine = select(Ticket.number).where(Ticket.participant_id == key)
    await _execute(
        session, update(Alert.__table__).where(Alert.ticket.in_(mine)).values(tracker_id="erased", flags="erased")
    )
    cleared = dict.fromkeys(("sex", "birth_date", "height_cm", "weight_kg", "last_capecitabine"))
    today = author_of(session.sync_session).clock.today()
    await _execute(
        session, update(Participant.__table__).where(Participant.id == key).values(**cleared, erased_on=today)
    )
    # The trigger lets details go only after the participant is marked as erased.
    await session.execute(delete(AuditDetail.__table__).where(AuditDetail.subject == code))
    await session.run_sync(append, [Change("erase", "participants", code, code, None)])
    session.expire_all()


async def _execute(session: AsyncSession, statement: Any) -> None:
    await session.execute(statement, execution_options=_AUDITED)


async def _forget_conversations(session: AsyncSession, keys: Sequence[int]) -> None:
    """Deletes stored replies, conversations and sessions of these participants' accounts."""
    accounts = select(Account.account).where(Account.participant_id.in_(keys))
    for model in (HandledMessage, Conversation, InboxEvent, WebSession, WebSignIn):
        await session.execute(delete(model.__table__).where(model.account.in_(accounts)))


async def _delete_tickets(session: AsyncSession, keys: Sequence[int]) -> None:
    """Deletes the tickets of these participants with what the team was told of them."""
    mine = select(Ticket.number).where(Ticket.participant_id.in_(keys))
    for column in (Notification.ticket, Alert.ticket):
        await _execute(session, delete(column.class_.__table__).where(column.in_(mine)))
    await _execute(session, delete(Ticket.__table__).where(Ticket.participant_id.in_(keys)))


async def _delete_screenings(session: AsyncSession, keys: Sequence[int]) -> None:
    mine = select(clinical.Screening.id).where(clinical.Screening.participant_id.in_(keys))
    results = clinical.ScreeningResult.__table__
    await _execute(session, delete(results).where(results.c.screening_id.in_(mine)))
    screenings = clinical.Screening.__table__
    await _execute(session, delete(screenings).where(screenings.c.participant_id.in_(keys)))
