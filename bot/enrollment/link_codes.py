"""One-time codes by which an account links itself: made by the team, handed over in person, used once."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from bot.enrollment.audit import author_of
from bot.enrollment.errors import InvalidValue, NotOnFile
from bot.enrollment.models import ROLES, LinkCode, Participant
from bot.enrollment.queries import Identity, identity
from bot.enrollment.writes import find, link_participant, link_staff

#: Letters and digits that are not mistaken for one another when read out or copied by hand.
_ALPHABET = "ABCDEFGHJKMNPQRSTUVWXYZ23456789"
_LENGTH = 10
#: How long a code is good for.
VALID = timedelta(hours=24)


async def make_link_code(
    session: AsyncSession, participant: str | None = None, role: str | None = None, valid: timedelta = VALID
) -> str:
    """Makes a code for one participant or one staff role; it is shown this once, the database keeps its hash.

    Raises:
        InvalidValue: neither or both of participant and role, or no such role.
        NotOnFile: no participant has this code.
    """
    if (participant is None) == (role is None) or (role is not None and role not in ROLES):
        raise InvalidValue(f"a link code is for one participant or for one role of {', '.join(ROLES)}")
    owner = None if participant is None else await find(session, participant)
    code = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    now = author_of(session.sync_session).clock.now()
    key = None if owner is None else owner.id
    session.add(LinkCode(digest=_digest(code), participant_id=key, role=role, made_at=now, expires_at=now + valid))
    await session.flush()
    return f"{code[:5]}-{code[5:]}"


async def redeem_link_code(session: AsyncSession, account: str, code: str) -> Identity:
    """Links the account to whom the code is for, and uses the code up.

    Raises:
        NotOnFile: no such code, or it was used or has run out (the caller learns no more than that).
        Conflict: the account is linked to somebody else.
    """
    now = author_of(session.sync_session).clock.now()
    row = await session.get(LinkCode, _digest(code))
    if row is None or row.used_at is not None or row.expires_at <= now:
        raise NotOnFile("this link code is not valid")
    row.used_at = now
    if row.role is not None:
        await link_staff(session, account, row.role)
    else:
        owner = await session.get(Participant, row.participant_id)
        await link_participant(session, account, owner.code, origin="code")
    found = await identity(session, account)
    assert found is not None
    return found


async def is_link_code(session: AsyncSession, code: str) -> bool:
    """Whether such a code was ever made, still good or not; reads only."""
    return await session.get(LinkCode, _digest(code)) is not None


async def void_link_code(session: AsyncSession, code: str) -> None:
    """Uses a code up without linking anybody: others have seen it. One that does not exist is passed over."""
    row = await session.get(LinkCode, _digest(code))
    if row is not None and row.used_at is None:
        row.used_at = author_of(session.sync_session).clock.now()
        await session.flush()


def _digest(code: str) -> str:
    plain = "".join(letter for letter in code.upper() if letter.isalnum())
    return hashlib.sha256(f"sparc-link:{plain}".encode()).hexdigest()
