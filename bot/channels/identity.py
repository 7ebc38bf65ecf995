"""Who is speaking: a verified chat account, looked up in the enrolment database. Nothing else decides it."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from bot.enrollment.database import Database
from bot.enrollment.queries import Identity, identity_in


async def who_speaks(database: Database, account: str, role: str | None = None) -> Identity | None:
    """The person behind an account, or None where it is linked to nobody.

    Args:
        role: the staff role that the hospital's sign-on vouches for, where the channel has one. It goes before the role
            of a staff link, and never overrules a participant's.
    """
    linked: Identity | None = await database.read(lambda connection: identity_in(connection, account))
    if role is None or (linked is not None and linked.kind == "participant"):
        return linked
    return Identity(account, "staff", role, None, "en" if linked is None else linked.language)


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
