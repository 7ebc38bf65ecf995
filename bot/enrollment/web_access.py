"""Signing in to the web chat: links that work once, tokens of the portal that work once, sessions that end.

Times come from the caller, who takes them from the world's clock: `SPARC_CLOCK` must not keep a session alive.
Tokens and links are random; the database keeps their hashes alone.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.enrollment.audit import Change, append, author_of
from bot.enrollment.errors import NotOnFile
from bot.enrollment.models_web import WebSession, WebSignIn
from bot.enrollment.queries import identity

_TOKEN_BYTES = 32
#: A session's last use is written at most this often: reading must not become writing.
SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class SignedIn:
    """A session that holds.

    Attributes:
        account: who is signed in.
        role: the staff role that the portal's sign-on vouched for, or None.
        expires_at: when it ends whatever happens.
        idle_at: when it ends unless it is used.
        stale: whether its last use is worth writing down.
    """

    account: str
    role: str | None
    expires_at: datetime
    idle_at: datetime
    stale: bool


async def make_link(session: AsyncSession, account: str, now: datetime, valid: timedelta, demo: bool = False) -> str:
    """Makes a sign-in link's secret part for a linked account; it is shown this once.

    Raises:
        NotOnFile: the account is linked to nobody.
    """
    if await identity(session, account) is None:
        raise NotOnFile("the account is linked to nobody; link it first")
    secret = secrets.token_urlsafe(_TOKEN_BYTES)
    row = {"digest": _digest("link", secret), "account": account, "demo": demo, "expires_at": now + valid}
    author_of(session.sync_session)
    await session.execute(insert(WebSignIn.__table__), [{**row, "used_at": None}])
    return secret


async def use_link(session: AsyncSession, secret: str, now: datetime, demo: bool) -> str:
    """Uses a link up and returns its account.

    Args:
        demo: whether links of the demonstration count.

    Raises:
        NotOnFile: no such link, or it was used or has run out (the caller learns no more than that).
    """
    author_of(session.sync_session)
    mine = WebSignIn.digest == _digest("link", secret)
    row = (await session.execute(select(WebSignIn.__table__).where(mine))).first()
    if row is None or row.expires_at <= now or (row.demo and not demo) or (row.used_at is not None and not row.demo):
        raise NotOnFile("this link is not valid")
    await session.execute(update(WebSignIn.__table__).where(mine).values(used_at=now))
    return str(row.account)


async def link_is_known(session: AsyncSession, secret: str) -> bool:
    """Whether a link was ever made with this secret; reads only."""
    mine = select(WebSignIn.digest).where(WebSignIn.digest == _digest("link", secret))
    return (await session.execute(mine)).first() is not None


async def use_token(
    session: AsyncSession, issuer: str, identifier: str, account: str, now: datetime, until: datetime
) -> None:
    """Remembers the portal's token until it has run out, so that it opens one session alone.

    Raises:
        NotOnFile: it was used before.
    """
    author_of(session.sync_session)
    digest = _digest("token", issuer, identifier)
    if (await session.execute(select(WebSignIn.digest).where(WebSignIn.digest == digest))).first() is not None:
        raise NotOnFile("this token was used before")
    row = {"digest": digest, "account": account, "demo": False, "expires_at": until, "used_at": now}
    await session.execute(insert(WebSignIn.__table__), [row])


async def open_session(
    session: AsyncSession, account: str, role: str | None, now: datetime, lifetime: timedelta
) -> str:
    """Signs a browser in; returns the token that it keeps."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    digest = session_digest(token)
    row = {
        "digest": digest,
        "account": account,
        "role": role,
        "signed_in_at": now,
        "seen_at": now,
        "expires_at": now + lifetime,
    }
    await session.execute(insert(WebSession.__table__), [row])
    await _record(session, "sign_in", account, digest)
    return token


async def find_session(session: AsyncSession, token: str, now: datetime, idle: timedelta) -> SignedIn | None:
    """The session that a token opens, or None where it has ended or never was; reads only."""
    rows = await session.execute(select(WebSession.__table__).where(WebSession.digest == session_digest(token)))
    row = rows.first()
    if row is None or row.expires_at <= now or row.seen_at + idle <= now:
        return None
    return SignedIn(row.account, row.role, row.expires_at, row.seen_at + idle, now - row.seen_at >= SEEN_EVERY)


async def keep_session(session: AsyncSession, token: str, now: datetime) -> None:
    """Notes that a session was used."""
    author_of(session.sync_session)
    mine = WebSession.digest == session_digest(token)
    await session.execute(update(WebSession.__table__).where(mine).values(seen_at=now))


async def end_session(session: AsyncSession, token: str) -> None:
    """Signs a browser out; nothing happens where it was not signed in."""
    digest = session_digest(token)
    found = (await session.execute(select(WebSession.account).where(WebSession.digest == digest))).scalar_one_or_none()
    if found is not None:
        await session.execute(delete(WebSession.__table__).where(WebSession.digest == digest))
        await _record(session, "sign_out", found, digest)


async def end_sessions_of(session: AsyncSession, account: str) -> int:
    """Signs an account out everywhere and takes its unused links back; returns how many browsers were signed in."""
    author_of(session.sync_session)
    digests = (await session.execute(select(WebSession.digest).where(WebSession.account == account))).scalars().all()
    await session.execute(delete(WebSession.__table__).where(WebSession.account == account))
    links = delete(WebSignIn.__table__).where(WebSignIn.account == account, WebSignIn.used_at.is_(None))
    await session.execute(links)
    for digest in digests:
        await _record(session, "sign_out", account, digest)
    return len(digests)


async def forget_ended(session: AsyncSession, now: datetime) -> None:
    """Deletes sessions, links and remembered tokens that have run out."""
    author_of(session.sync_session)
    for model in (WebSession, WebSignIn):
        await session.execute(delete(model.__table__).where(model.expires_at <= now))


def session_digest(token: str) -> str:
    """The form in which a session's token is on file."""
    return _digest("session", token)


async def _record(session: AsyncSession, action: str, account: str, digest: str) -> None:
    """Puts a sign-in or sign-out into the audit trail: about the participant by code, of staff under the writer's name."""
    person = await identity(session, account)
    subject = None if person is None else person.participant
    await session.run_sync(append, [Change(action, "web_sessions", digest[:16], subject, None)])


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(("sparc-web", *parts)).encode()).hexdigest()
