"""Messages taken in over the webhook: the same one again gets the same reply, and changes nothing.

The channel claims a message before it works on it and stores the reply after. Both are small units of work of their
own (`Database.note`); they are not part of anybody's record, so they are not audited.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import AsyncSession

from bot.enrollment.audit import author_of
from bot.enrollment.errors import Conflict
from bot.enrollment.models import Conversation, HandledMessage

#: A claim without a reply is open again after this time: its worker has died.
GIVE_UP = timedelta(minutes=2)


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


def claim(connection: Connection, key: MessageKey, now: datetime, give_up: timedelta = GIVE_UP) -> Claim:
    """Takes a message in, once. A claim without a reply after `give_up` is open again: its worker has died."""
    named = _named(key)
    found = connection.execute(_found(), named).first()
    if found is None:
        values = {"webhook_id": key.webhook_id, "account": key.account, "body_hash": key.body_hash}
        connection.execute(_taken_in(), {**values, "received_at": now})
        return Claim(True, None)
    if found.reply is not None:
        return Claim(False, json.loads(found.reply))
    if now - found.received_at < give_up:
        return Claim(False, None)
    connection.execute(_taken_over(), {**named, "now": now})
    return Claim(True, None)


def stored_reply(connection: Connection, key: MessageKey) -> Any | None:
    """The reply that a message got, or None where it has none yet; reads only."""
    found = connection.execute(_found(), _named(key)).first()
    return None if found is None or found.reply is None else json.loads(found.reply)


def stored_replies(connection: Connection, account: str, webhook_ids: Sequence[str]) -> dict[str, Any]:
    """The replies that some of an account's messages got, by id, where they are still kept; reads only."""
    mine = select(HandledMessage.webhook_id, HandledMessage.reply).where(
        HandledMessage.account == account, HandledMessage.webhook_id.in_(webhook_ids), HandledMessage.reply.is_not(None)
    )
    return {row.webhook_id: json.loads(row.reply) for row in connection.execute(mine)}


def store_reply(connection: Connection, key: MessageKey, reply: Any) -> None:
    """Keeps the reply (anything JSON can say) of a claimed message; the first one stored is the one that holds.

    Raises:
        Conflict: the message was never claimed.
    """
    text = json.dumps(reply, ensure_ascii=False, separators=(",", ":"))
    kept = connection.execute(_replied(), {**_named(key), "text": text})
    if not kept.rowcount and connection.execute(_found(), _named(key)).first() is None:
        raise Conflict("a reply to a message that nobody took in")


def release(connection: Connection, key: MessageKey) -> None:
    """Gives a claim back that could not be worked on, so that the next delivery is worked on."""
    connection.execute(_released(), _named(key))


async def forget_messages(session: AsyncSession, before: datetime) -> None:
    """Deletes messages taken in before an instant: replies hold personal data and are of use for retries alone."""
    author_of(session.sync_session)
    await session.execute(delete(HandledMessage.__table__).where(HandledMessage.received_at < before))


# --- the statements, each put together once ---------------------------------------------------------------------


def _named(key: MessageKey) -> dict[str, str]:
    return {"this_id": key.webhook_id, "this_account": key.account, "this_hash": key.body_hash}


def _this() -> tuple[Any, ...]:
    return (
        HandledMessage.webhook_id == bindparam("this_id"),
        HandledMessage.account == bindparam("this_account"),
        HandledMessage.body_hash == bindparam("this_hash"),
    )


@cache
def _found() -> Any:
    return select(HandledMessage.reply, HandledMessage.received_at).where(*_this())


@cache
def _taken_in() -> Any:
    return insert(HandledMessage.__table__)


@cache
def _taken_over() -> Any:
    return update(HandledMessage.__table__).where(*_this()).values(received_at=bindparam("now"))


@cache
def _replied() -> Any:
    unanswered = HandledMessage.reply.is_(None)
    return update(HandledMessage.__table__).where(*_this(), unanswered).values(reply=bindparam("text"))


@cache
def _released() -> Any:
    return delete(HandledMessage.__table__).where(*_this(), HandledMessage.reply.is_(None))


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
