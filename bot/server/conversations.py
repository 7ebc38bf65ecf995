"""The tables of the conversations, and their end: what is old or belongs to an erased person goes. Needs no Rasa.

`conversations` holds what the next message needs, `conversation_events` everything that was said. On PostgreSQL both lie
in a schema of their own, so that one database serves enrolment and conversations.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from bot.enrollment.units import FileUnits

_R = TypeVar("_R")

#: The schema of PostgreSQL that holds the tables.
SCHEMA = "chat"
#: The advisory lock of PostgreSQL under which they are made (any constant): servers that start together take turns.
_SETUP_LOCK = 5576481
_DAY = 86_400.0

metadata = sa.MetaData()

conversations = sa.Table(
    "conversations",
    metadata,
    sa.Column("sender_id", sa.String(80), primary_key=True),
    sa.Column("slots", sa.Text, nullable=False),
    sa.Column("recent", sa.Text, nullable=False),
    sa.Column("updated", sa.Float, nullable=False, index=True),
    sa.Column("account", sa.String(256), index=True),
)

events = sa.Table(
    "conversation_events",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("sender_id", sa.String(80), nullable=False, index=True),
    sa.Column("data", sa.Text, nullable=False),
)


async def open_conversations(url: str) -> AsyncEngine:
    """Connects, and makes the tables where they are not there yet."""
    # The parameters of these statements are what people wrote: they stay out of error messages.
    options: dict[str, Any] = {"future": True, "hide_parameters": True}
    if url.startswith("postgresql"):
        bare = create_async_engine(url, **options)
        try:
            async with bare.begin() as connection:
                await connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({_SETUP_LOCK})"))
                await connection.execute(sa.text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
        finally:
            await bare.dispose()
        options["connect_args"] = {"server_settings": {"search_path": SCHEMA, "lock_timeout": "30000"}}
        options["pool_pre_ping"] = True
    engine = create_async_engine(url, **options)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine.sync_engine, "connect", _tune_sqlite)
    async with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            await connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({_SETUP_LOCK})"))
        await connection.run_sync(_make_tables)
    return engine


class ConversationUnits:
    """Short reads and writes of the conversations as functions of a connection.

    On SQLite a loss of power may take the last turns with it (`synchronous=NORMAL`), the death of a process takes nothing:
    replies are kept for good with the enrolment, what is here is what a conversation remembers.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        file = _file_engine(engine)
        self._file = None if file is None else FileUnits(file, file.execution_options(writes=True), _at_once)

    async def read(self, unit: Callable[[Connection], _R]) -> _R:
        """What `unit` makes of one consistent view."""
        if self._file is not None:
            return await self._file.read(unit)
        async with self._engine.connect() as connection:
            result: _R = await connection.run_sync(unit)
        return result

    async def write(self, unit: Callable[[Connection], _R]) -> _R:
        """The same for a unit that writes, committed when this returns; it does nothing but work on the connection."""
        if self._file is not None:
            return await self._file.write(unit, durable=False)
        async with self._engine.begin() as connection:
            result: _R = await connection.run_sync(unit)
        return result

    async def close(self) -> None:
        """Closes the connections, those of the engine too."""
        if self._file is not None:
            await self._file.close()
        await self._engine.dispose()


@asynccontextmanager
async def _at_once() -> AsyncIterator[None]:
    """Nobody else in this process writes: what is old is forgotten by another one."""
    yield


def _file_engine(engine: AsyncEngine) -> Engine | None:
    """A synchronous engine of the same SQLite file; None for every other database."""
    url = make_url(engine.url)
    if engine.dialect.name != "sqlite" or url.database in (None, "", ":memory:"):
        return None
    file = sa.create_engine(
        url.set(drivername="sqlite"),
        future=True,
        hide_parameters=True,
        poolclass=NullPool,
        connect_args={"check_same_thread": False},
    )
    sa.event.listen(file, "connect", _tune_sqlite)
    sa.event.listen(file, "connect", _begin_by_hand)
    sa.event.listen(file, "begin", _begin)
    return file


def _begin_by_hand(connection: Any, _record: Any) -> None:
    # The driver's own BEGIN comes late: of two writers that have read, one would fail instead of wait.
    connection.isolation_level = None


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN")


def _make_tables(connection: Any) -> None:
    metadata.create_all(connection)
    columns = {column["name"] for column in sa.inspect(connection).get_columns("conversations")}
    if "account" not in columns:  # a database of an earlier version
        connection.execute(sa.text("ALTER TABLE conversations ADD COLUMN account VARCHAR(256)"))
        connection.execute(sa.text("CREATE INDEX ix_conversations_account ON conversations (account)"))


def _tune_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    # Readers do not wait for the writer, and a second process waits instead of failing.
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA busy_timeout=10000")
    cursor.execute("PRAGMA secure_delete=ON")  # what is erased is overwritten, not left in free pages
    cursor.close()


async def forget_before(engine: AsyncEngine, timestamp: float) -> int:
    """Deletes the conversations that were silent since `timestamp` (seconds since 1970); returns how many."""
    async with engine.begin() as connection:
        return await _delete(connection, conversations.c.updated < timestamp)


async def forget_silent(engine: AsyncEngine, days: int) -> int:
    """Deletes the conversations that were silent for `days` days (0: none); returns how many.

    The real time decides, whatever `SPARC_CLOCK` says: the events carry it too.
    """
    return await forget_before(engine, time.time() - days * _DAY) if days else 0


async def erase_accounts(engine: AsyncEngine, accounts: Sequence[str]) -> int:
    """Deletes all that these chat accounts said and were answered; returns how many conversations."""
    if not accounts:
        return 0
    async with engine.begin() as connection:
        ids = {sender async for sender in _unnamed(connection, accounts)}
        return await _delete(
            connection, sa.or_(conversations.c.account.in_(list(accounts)), conversations.c.sender_id.in_(ids))
        )


async def _unnamed(connection: AsyncConnection, accounts: Sequence[str]) -> AsyncIterator[str]:
    """The accounts' conversations from before they carried their account: the messages' metadata names it."""
    for account in accounts:
        marker = f'"account": {json.dumps(account, ensure_ascii=False)}'
        rows = await connection.execute(
            sa.select(events.c.sender_id, events.c.data)
            .join(conversations, conversations.c.sender_id == events.c.sender_id)
            .where(conversations.c.account.is_(None), events.c.data.contains(marker, autoescape=True))
        )
        for row in rows:
            if marker in row.data:  # LIKE does not mind the case
                yield row.sender_id


async def _delete(connection: AsyncConnection, which: Any) -> int:
    mine = sa.select(conversations.c.sender_id).where(which)
    await connection.execute(sa.delete(events).where(events.c.sender_id.in_(mine)))
    gone = await connection.execute(sa.delete(conversations).where(which))
    return int(gone.rowcount)
