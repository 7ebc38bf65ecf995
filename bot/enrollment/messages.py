"""Messages taken in over the webhook: the same one again gets the same reply, and changes nothing.

The channel claims a message before it works on it and stores the reply after. Both are small units of work of their
own; they are not part of anybody's record, so they are not audited.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.enrollment.audit import author_of
from bot.enrollment.errors import Conflict
from bot.enrollment.models import Conversation, HandledMessage


@dataclass(frozen=True)
class MessageKey:
    """What makes two deliveries the same message: the id alone would let one sender read another's reply."""

    webhook_id: str
    account: str
    body_hash: str


@dataclass(frozen=True)
class Claim:
    """What came of claiming a message.

    Attributes:
        new: nobody has taken it in before (or who did gave up): work on it, then store the reply.
        reply: the reply it got, where it was answered before.
    """

    new: bool
    reply: Any | None

    @property
    def busy(self) -> bool:
        """The same message is being worked on right now: no second effect, and no reply to repeat yet."""
        return not self.new and self.reply is None


async def claim(session: AsyncSession, key: MessageKey, give_up: timedelta = timedelta(minutes=2)) -> Claim:
    """Takes a message in, once. A claim without a reply after `give_up` is open again: its worker has died."""
    now = author_of(session.sync_session).clock.now()
    where = _where(key)
    found = (await session.execute(select(HandledMessage.reply, HandledMessage.received_at).where(*where))).first()
    if found is None:
        await session.execute(
            insert(HandledMessage.__table__),
            [{"webhook_id": key.webhook_id, "account": key.account, "body_hash": key.body_hash, "received_at": now}],
        )
        return Claim(True, None)
    if found.reply is not None:
        return Claim(False, json.loads(found.reply))
    if now - found.received_at < give_up:
        return Claim(False, None)
    await session.execute(update(HandledMessage.__table__).where(*where).values(received_at=now))
    return Claim(True, None)


async def stored_reply(session: AsyncSession, key: MessageKey) -> Any | None:
    """The reply that a message got, or None where it has none yet; reads only."""
    text = (await session.execute(select(HandledMessage.reply).where(*_where(key)))).scalar_one_or_none()
    return None if text is None else json.loads(text)


async def store_reply(session: AsyncSession, key: MessageKey, reply: Any) -> None:
    """Keeps the reply (anything JSON can say) of a claimed message; the first one stored is the one that holds.

    Raises:
        Conflict: the message was never claimed.
    """
    author_of(session.sync_session)
    found = (await session.execute(select(HandledMessage.reply).where(*_where(key)))).first()
    if found is None:
        raise Conflict("a reply to a message that nobody took in")
    if found.reply is None:
        text = json.dumps(reply, ensure_ascii=False, separators=(",", ":"))
        await session.execute(update(HandledMessage.__table__).where(*_where(key)).values(reply=text))


async def release(session: AsyncSession, key: MessageKey) -> None:
    """Gives a claim back that could not be worked on, so that the next delivery is worked on."""
    author_of(session.sync_session)
    await session.execute(delete(HandledMessage.__table__).where(*_where(key), HandledMessage.reply.is_(None)))


async def forget_messages(session: AsyncSession, before: datetime) -> None:
    """Deletes messages taken in before an instant: replies hold personal data and are of use for retries alone."""
    author_of(session.sync_session)
    await session.execute(delete(HandledMessage.__table__).where(HandledMessage.received_at < before))


def _where(key: MessageKey) -> tuple[Any, ...]:
    return (
        HandledMessage.webhook_id == key.webhook_id,
        HandledMessage.account == key.account,
        HandledMessage.body_hash == key.body_hash,
    )


async def remember_conversation(
    session: AsyncSession, tracker_id: str, conversation: str, account: str, direct: bool
) -> None:
    """Notes which account speaks in which conversation under a tracker id, and whether nobody else is there.

    Raises:
        Conflict: the tracker id belongs to another conversation or account.
    """
    now = author_of(session.sync_session).clock.now()
    row = await session.get(Conversation, tracker_id)
    if row is None:
        row = Conversation(tracker_id=tracker_id, conversation=conversation, account=account, first_seen=now)
        session.add(row)
    elif (row.conversation, row.account) != (conversation, account):
        raise Conflict("a tracker id of another conversation")
    row.direct, row.last_seen = direct, now
    await session.flush()
