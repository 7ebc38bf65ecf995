"""`./sparc link` and `./sparc link-code`: who a chat account is."""

from __future__ import annotations

import asyncio
import getpass
from typing import Any

from alembic.util.exc import CommandError

from bot.config import Settings
from bot.enrollment import admin, writes
from bot.enrollment.audit import Actor
from bot.enrollment.database import Database
from bot.enrollment.link_codes import VALID
from bot.enrollment.migrations import upgrade
from bot.errors import SparcError


def administrator() -> Actor:
    """Who works at the command line, for the audit trail: the machine's user."""
    try:
        return Actor(getpass.getuser(), "administrator")
    except (KeyError, OSError):
        return Actor("unknown user", "administrator")


async def link(settings: Settings, account: str, participant: str | None, role: str | None) -> str:
    """Links an account to a participant or a role, or to nobody; returns what was done.

    Raises:
        EnrolmentError: no such participant, role or account, or it is linked to somebody else.
    """
    await asyncio.to_thread(prepare, settings)
    async with (
        Database(settings.database_url, clock=settings.clock) as database,
        database.writing(administrator(), "command line: link") as session,
    ):
        if participant is not None:
            await writes.link_participant(session, account, participant)
            done = f"{account} is participant {participant}"
        elif role is not None:
            await writes.link_staff(session, account, role)
            done = f"{account} is staff: {role}"
        else:
            await writes.unlink(session, account)
            done = f"{account} is linked to nobody"
        await session.commit()
    return done


async def link_code(settings: Settings, participant: str | None, role: str | None) -> dict[str, Any]:
    """Makes a one-time code for a participant or a role; the database keeps its hash, so it is shown this once.

    Raises:
        NotOnFile, InvalidValue: no such participant or role.
    """
    await asyncio.to_thread(prepare, settings)
    until = settings.clock.now() + VALID
    async with Database(settings.database_url, clock=settings.clock) as database:
        made = await admin.link_code(database, administrator(), participant, role)
    return {**made, "valid_until": until.isoformat(timespec="minutes")}


def prepare(settings: Settings) -> None:
    """Makes the home folder and brings the database to its newest form, so that any command may come first.

    Raises:
        SparcError: the database was made by a newer version of this program.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    try:
        upgrade(settings.database_url)
    except CommandError as error:
        raise SparcError(f"the database cannot be brought to the form that this version knows: {error}") from None
