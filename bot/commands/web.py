"""Links that open the web chat: the demonstration's, an administrator's, and taking them back."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from sqlalchemy import select

from bot.clock import Clock
from bot.commands.accounts import administrator, prepare
from bot.config import Settings
from bot.enrollment import web_access
from bot.enrollment.database import Database
from bot.enrollment.demo import DEMO_ACTOR
from bot.enrollment.models import Account
from bot.errors import SettingsError

#: How long the links of the demonstration work.
_DEMO_LINKS = timedelta(days=7)
#: Who gets one: two patients, the second of whom reads Chinese, and the coordinator.
_DEMO_ACCOUNTS = (
    ("demo.wu", "a patient"),
    ("demo.yang", "a patient, in Chinese"),
    ("demo.coordinator", "the coordinator"),
)


async def sign_in_link(settings: Settings, account: str, valid: timedelta) -> str:
    """Makes a link that signs the account in once; who holds it is that account, so it is handed over in person.

    Raises:
        NotOnFile: the account is linked to nobody.
        SettingsError: the web chat is off.
    """
    if settings.web is None:
        raise SettingsError("SPARC_WEB_ORIGIN: required for the web chat outside demo mode")
    await asyncio.to_thread(prepare, settings)
    async with (
        Database(settings.database_url, clock=settings.clock) as database,
        database.writing(administrator(), "command line: sign-in link") as session,
    ):
        secret = await web_access.make_link(session, account, Clock().now(), valid)
        await session.commit()
    return _address(settings, secret)


async def sign_out(settings: Settings, account: str) -> int:
    """Signs an account out of every browser and takes its unused links back; returns how many browsers there were."""
    await asyncio.to_thread(prepare, settings)
    async with (
        Database(settings.database_url, clock=settings.clock) as database,
        database.writing(administrator(), "command line: sign out") as session,
    ):
        ended = await web_access.end_sessions_of(session, account)
        await session.commit()
    return ended


async def demo_links(settings: Settings, database: Database) -> list[tuple[str, str]]:
    """Who and the link, for the accounts of the demonstration that are on file; none outside demo mode."""
    if settings.web is None or not settings.demo:
        return []
    wanted = [account for account, _ in _DEMO_ACCOUNTS]
    async with database.writing(DEMO_ACTOR, "demonstration links") as session:
        mine = select(Account.account).where(Account.account.in_(wanted), Account.origin == "demo")
        there = set((await session.execute(mine)).scalars())
        links = []
        for account, who in _DEMO_ACCOUNTS:
            if account in there:
                secret = await web_access.make_link(session, account, Clock().now(), _DEMO_LINKS, demo=True)
                links.append((who, _address(settings, secret)))
        await session.commit()
    return links


def _address(settings: Settings, secret: str) -> str:
    """The page's address; the secret follows `#`, which no browser sends and no server logs."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    shown = f"[{host}]" if ":" in host else host
    given = settings.web.origin if settings.web is not None else None
    return f"{given or f'http://{shown}:{settings.port}'}/chat/#link={secret}"
