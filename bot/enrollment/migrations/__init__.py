"""Migrations, forwards and backwards, with nothing to configure: `upgrade(url)`, `downgrade(url, revision)`.

A migration runs in one transaction on both databases: a process that dies on the way leaves the old schema.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event, text
from sqlalchemy.engine import make_url

from bot.enrollment.database import async_url, create_engine
from bot.enrollment.errors import EnrolmentError


class MigrationError(EnrolmentError):
    """A migration that left rows without what they refer to; it was undone."""


def upgrade(url: str, revision: str = "head") -> None:
    """Brings the database to a revision, by default the newest; makes it where there is none."""
    _run(url, lambda config: command.upgrade(config, revision))


def downgrade(url: str, revision: str) -> None:
    """Takes the database back to a revision (`base`: nothing left)."""
    _run(url, lambda config: command.downgrade(config, revision))


def newest() -> str:
    """The revision that this code expects."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def current(url: str) -> str | None:
    """The revision a database stands at, or None where it holds nothing yet."""
    found: list[str | None] = []
    _run(url, lambda config: found.append(_revision(config.attributes["connection"])))
    return found[0]


def _revision(connection: Any) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


def _run(url: str, deed: Callable[[Config], Any]) -> None:
    """Runs a deed over its own connection; from inside a running event loop in a thread of its own."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        pool.submit(asyncio.run, _connected(async_url(url), deed)).result()


async def _connected(url: str, deed: Callable[[Config], Any]) -> None:
    database = make_url(url).database
    sqlite = url.startswith("sqlite")
    if sqlite and database not in (None, "", ":memory:"):
        path = Path(str(database))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)  # personal data: for the owner alone; SQLite gives its other files the same rights
    engine = create_engine(url)
    if sqlite:
        # A table that is rebuilt is dropped in between: references are checked at the end instead.
        event.listen(engine.sync_engine, "connect", _without_foreign_keys)
    try:
        writing = engine.execution_options(sparc_writes=True)
        async with writing.begin() as connection:
            await connection.run_sync(_in_transaction, deed, sqlite)
    finally:
        await engine.dispose()


def _without_foreign_keys(connection: Any, record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys=OFF")
    cursor.close()


def _in_transaction(connection: Any, deed: Callable[[Config], Any], sqlite: bool) -> None:
    config = _config()
    config.attributes["connection"] = connection
    before = _revision(connection)
    deed(config)
    # Checked after a move alone: rows that somebody tampered with are for `audit verify` to name, not for this.
    moved = _revision(connection) != before
    if sqlite and moved and connection.execute(text("PRAGMA foreign_key_check")).first() is not None:
        raise MigrationError("the migration would leave rows without what they refer to")
