"""Who is speaking: a verified chat account, looked up in the enrolment database. Nothing else decides it."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from bot.enrollment.database import Database
from bot.enrollment.queries import Identity, identity


async def who_speaks(database: Database, account: str) -> Identity | None:
    """The person behind an account, or None where it is linked to nobody."""
    async with database.session() as session:
        return await identity(session, account)


def conversation_key(secret: str, channel: str, account: str, conversation: str) -> str:
    """The tracker id of one account in one room.

    Keyed, so that nobody can name another's conversation, and without a name in it, since it is logged.
    """
    parts = "\x1f".join((channel, account, conversation)).encode("utf-8")
    return f"{channel}-" + hmac.new(secret.encode("utf-8"), parts, hashlib.sha256).hexdigest()[:40]


def metadata_of(person: Identity | None, account: str, conversation: str, direct: bool) -> dict[str, Any]:
    """What the actions get to know about the writer and the room; it goes beside the text, never in it."""
    return {
        "identity": None
        if person is None
        else {
            "account": person.account,
            "kind": person.kind,
            "role": person.role,
            "participant": person.participant,
            "language": person.language,
        },
        "account": account,
        "conversation": conversation,
        "direct": direct,
    }
