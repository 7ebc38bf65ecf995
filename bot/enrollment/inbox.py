"""Events of a chat that delivers without waiting for the answer: taken in once, worked off in order, over restarts.

Not part of anybody's record, so not audited; what somebody wrote is deleted as soon as it is answered.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.enrollment.audit import author_of
from bot.enrollment.models_inbox import InboxEvent

_TABLE = InboxEvent.__table__


@dataclass(frozen=True)
class NewEvent:
    """An event as the chat delivered it; `content` is whatever JSON can say."""

    event_id: str
    room: str
    account: str
    content: Mapping[str, Any]


@dataclass(frozen=True)
class WaitingEvent:
    """An event to work on.

    Attributes:
        number: the order in which events were taken in.
        reply: what was already answered but perhaps not delivered, as `keep_reply` got it.
    """

    number: int
    event_id: str
    room: str
    account: str
    content: Mapping[str, Any]
    reply: Any | None = None


async def take_in(session: AsyncSession, channel: str, events: Sequence[NewEvent]) -> list[WaitingEvent]:
    """Stores the events that are new, in their order; returns these."""
    now = author_of(session.sync_session).clock.now()
    seen = await known(session, channel, [event.event_id for event in events])
    rows = []
    for event in events:
        if event.event_id in seen:
            continue
        seen.add(event.event_id)
        # ASCII, since PostgreSQL takes no U+0000 in a text; as an escape it is one.
        content = json.dumps(event.content, ensure_ascii=True)
        row = InboxEvent(channel=channel, event_id=event.event_id, room=event.room, account=event.account)
        row.content, row.received_at = content, now
        session.add(row)
        await session.flush()  # one by one: the numbers are the order
        rows.append(row)
    return [WaitingEvent(row.number, row.event_id, row.room, row.account or "", _json(row.content)) for row in rows]


async def known(session: AsyncSession, channel: str, event_ids: Sequence[str]) -> set[str]:
    """Which of these events were taken in before."""
    found = await session.execute(
        select(InboxEvent.event_id).where(InboxEvent.channel == channel, InboxEvent.event_id.in_(event_ids))
    )
    return set(found.scalars())


async def waiting(session: AsyncSession, channel: str) -> list[WaitingEvent]:
    """The events that are not done, in the order in which they came."""
    rows = (
        await session.execute(
            select(InboxEvent)
            .where(InboxEvent.channel == channel, InboxEvent.done_at.is_(None))
            .order_by(InboxEvent.number)
        )
    ).scalars()
    return [
        WaitingEvent(row.number, row.event_id, row.room, row.account or "", _json(row.content), _json(row.reply))
        for row in rows
    ]


async def keep_reply(session: AsyncSession, number: int, reply: Any) -> None:
    """Keeps the reply to an event until it is delivered: after a restart it is delivered, not made again."""
    author_of(session.sync_session)
    await session.execute(update(_TABLE).where(_TABLE.c.number == number).values(reply=json.dumps(reply)))


async def finish(session: AsyncSession, number: int) -> None:
    """Says that an event is done; of its content nothing is left."""
    now = author_of(session.sync_session).clock.now()
    gone = {"done_at": now, "content": None, "reply": None, "account": None}
    await session.execute(update(_TABLE).where(_TABLE.c.number == number).values(**gone))


async def forget_done(session: AsyncSession, before: datetime) -> None:
    """Deletes events done before an instant; a delivery that is repeated after it would be worked on again."""
    author_of(session.sync_session)
    await session.execute(delete(_TABLE).where(_TABLE.c.done_at < before))


def _json(text: str | None) -> Any:
    return None if text is None else json.loads(text)
