"""The database as one object: opens, hands out units of work, closes.

A unit of work is a session that is rolled back unless it was committed. Units that write take the one writer's lock
at their start (SQLite: BEGIN IMMEDIATE; PostgreSQL: a transaction advisory lock), so they follow one another: what a
unit reads cannot change under it, no update is lost, and no two of them can wait for each other.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite
from sqlalchemy import create_engine as create_sync_engine
from sqlalchemy import event
from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_connection
from sqlalchemy.engine import Connection, Engine, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import Session
from sqlalchemy.pool import AsyncAdaptedQueuePool, NullPool, StaticPool
from sqlalchemy.util import await_only

from bot.clock import Clock
from bot.enrollment.audit import Actor, Author, guard, set_author
from bot.enrollment.planning import Planner, default_planner, set_planner
from bot.enrollment.units import FileUnits

#: How long a writer waits for another before it gives up, in seconds.
LOCK_SECONDS = 30
#: The advisory lock of PostgreSQL that stands for "the one writer" (any constant; unique within the database).
WRITER_LOCK = 5576480
_WRITES = "sparc_writes"
_R = TypeVar("_R")
_PRAGMAS = (
    f"busy_timeout={LOCK_SECONDS * 1000}",
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "secure_delete=ON",  # what is erased is overwritten, not left in free pages
    "cache_size=-16384",  # 16 MB: the pages that chat asks for again and again, of however large a database
)


class EnrolmentSession(Session):  # type: ignore[misc]  # SQLAlchemy 1.4 carries no types
    """The session behind every unit of work; the audit guard listens on this class and on no other."""


guard(EnrolmentSession)


def default_url(home: Path) -> str:
    """The database of an installation that names none: SQLite in its home folder."""
    return f"sqlite+aiosqlite:///{home / 'sparc.db'}"


def async_url(url: str) -> str:
    """The same address with the asynchronous driver (`sqlite://` and `postgresql://` are accepted as they stand).

    Raises:
        ValueError: the address is of another kind of database.
    """
    parsed = make_url(url)
    kind = parsed.drivername.split("+")[0]
    drivers = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
    if kind not in drivers:
        raise ValueError(f"SPARC_DATABASE_URL: expected sqlite or postgresql, found {kind}")
    return str(parsed.set(drivername=drivers[kind]).render_as_string(hide_password=False))


def create_engine(url: str) -> AsyncEngine:
    """An engine with this project's habits: WAL, foreign keys and patience on SQLite, lock time-outs on PostgreSQL."""
    url = async_url(url)
    # Parameters are personal data: they stay out of error messages and logs.
    options: dict[str, Any] = {"future": True, "hide_parameters": True}
    if url.startswith("sqlite"):
        memory = make_url(url).database in (None, "", ":memory:")
        # A pool, since opening a file costs a thread and four statements; one connection only in memory.
        options["poolclass"] = StaticPool if memory else AsyncAdaptedQueuePool
        options["connect_args"] = {"timeout": LOCK_SECONDS}
    else:
        options["connect_args"] = {"server_settings": {"lock_timeout": f"{LOCK_SECONDS * 1000}"}}
        options["pool_pre_ping"] = True
    engine = create_async_engine(url, **options)
    if url.startswith("sqlite"):
        event.listen(engine.sync_engine, "do_connect", _connect_sqlite)
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
    else:
        event.listen(engine.sync_engine, "begin", _begin_postgresql)
        event.listen(engine.sync_engine, "handle_error", _drop_detail)
    return engine


def create_file_engine(url: str) -> Engine | None:
    """A synchronous engine of the same SQLite file, for units of work; None for every other database."""
    parsed = make_url(async_url(url))
    if not parsed.drivername.startswith("sqlite") or parsed.database in (None, "", ":memory:"):
        return None
    # One connection that a unit's thread keeps: no pool.
    options: dict[str, Any] = {"future": True, "hide_parameters": True, "poolclass": NullPool}
    engine = create_sync_engine(
        parsed.set(drivername="sqlite"),
        connect_args={"timeout": LOCK_SECONDS, "check_same_thread": False},
        **options,
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _connect_sqlite(dialect: Any, record: Any, arguments: Any, options: Any) -> Any:
    """A connection whose thread ends with the process.

    SQLAlchemy 1.4 asks for that in the way of aiosqlite before 0.22; with newer ones a process that dies of an error
    before it disposes of its engine would hang for ever.
    """
    connection = aiosqlite.connect(*arguments, **{**options, "check_same_thread": False})
    worker: Any = getattr(connection, "_thread", connection)
    worker.daemon = True
    return AsyncAdapt_aiosqlite_connection(dialect.dbapi, await_only(connection))


def _prepare_sqlite(connection: Any, record: Any) -> None:
    # The driver must not begin transactions by itself: its deferred BEGIN makes writers fail instead of wait.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _begin_postgresql(connection: Any) -> None:
    if connection.get_execution_options().get(_WRITES):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER_LOCK})")


def _drop_detail(context: Any) -> None:
    """Takes the row out of PostgreSQL's messages: 'DETAIL: Failing row contains (...)' quotes all of it."""
    for error in (context.original_exception, context.sqlalchemy_exception):
        if error is not None:
            error.args = tuple(str(argument).split("\nDETAIL:")[0] for argument in error.args)
    cause: Any = getattr(context.original_exception, "__cause__", None)
    if hasattr(cause, "detail"):
        cause.detail = None


class Database:
    """The enrolment database behind an address.

    Args:
        url: `sqlite:///file` or `postgresql://...`; the asynchronous driver is filled in.
        clock: what time it is, for the audit trail and everything stamped.
        planner: derives the planned days of a record; by default from the protocol file, read at the first write.
    """

    def __init__(self, url: str, clock: Clock | None = None, planner: Planner | None = None) -> None:
        self.url = async_url(url)
        self.clock = clock or Clock()
        self.engine = create_engine(self.url)
        self._writing_engine = self.engine.execution_options(**{_WRITES: True})
        self._planner = planner
        file = create_file_engine(self.url)
        self._units = None if file is None else FileUnits(file, file.execution_options(**{_WRITES: True}), self._turn)
        self._queue: tuple[asyncio.AbstractEventLoop, asyncio.Lock] | None = None

    @property
    def planner(self) -> Planner:
        """Derives planned days; the protocol file is read when this is first asked for."""
        if self._planner is None:
            self._planner = default_planner()
        return self._planner

    async def read(self, unit: Callable[[Connection], _R]) -> _R:
        """What a function makes of one consistent view of the database; the cheap way of a short read."""
        if self._units is not None:
            return await self._units.read(unit)
        async with self.engine.connect() as connection:
            result: _R = await connection.run_sync(unit)
        return result

    async def note(self, unit: Callable[[Connection], _R], durable: bool = True) -> _R:
        """What a function makes of tables that are nobody's record (claims, replies); committed when this returns.

        The function does nothing but work on the connection: on SQLite it may be run twice, see `bot.enrollment.units`.

        Args:
            durable: whether the commit has to survive a loss of power; without, it survives the death of a process.
        """
        if self._units is not None:
            return await self._units.write(unit, durable)
        async with self._turn(), self._writing_engine.begin() as connection:
            if not durable and connection.dialect.name == "postgresql":
                await connection.exec_driver_sql("SET LOCAL synchronous_commit TO OFF")
            result: _R = await connection.run_sync(unit)
        return result

    async def write(self, actor: Actor, why: str, unit: Callable[[Session], _R]) -> _R:
        """What a function makes of the records, in the name of `actor` and for the reason `why`, as `writing` does.

        It does nothing but work on the session, which it neither commits nor closes, and derives no planned days.

        Raises:
            AuditError: `actor` or `why` is empty.
        """
        author = Author(actor, why, self.clock)

        def authored(connection: Connection) -> _R:
            with EnrolmentSession(connection, future=True, expire_on_commit=False) as session:
                set_author(session, author)
                result = unit(session)
                session.flush()
            return result

        return await self.note(authored)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """A unit of work that reads."""
        async with self._open(self.engine) as session:
            yield session

    @asynccontextmanager
    async def writing(self, actor: Actor, why: str) -> AsyncIterator[AsyncSession]:
        """A unit of work that writes, in the name of `actor` and for the reason `why`; commit it or it is undone.

        Raises:
            AuditError: `actor` or `why` is empty.
        """
        async with self._turn(), self._open(self._writing_engine) as session:
            set_author(session.sync_session, Author(actor, why, self.clock))
            set_planner(session.sync_session, self.planner)
            yield session

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """On SQLite the writers of this process queue here, in the order in which they came.

        SQLite's own waiting is a poll with growing pauses in which a later writer overtakes: under load the unlucky one
        waited for seconds. PostgreSQL queues by itself.
        """
        if not self.url.startswith("sqlite"):
            yield
            return
        loop = asyncio.get_running_loop()
        if self._queue is None or self._queue[0] is not loop:  # a lock belongs to one loop
            self._queue = (loop, asyncio.Lock())
        async with self._queue[1]:
            yield

    @asynccontextmanager
    async def _open(self, engine: AsyncEngine) -> AsyncIterator[AsyncSession]:
        options: Mapping[str, Any] = {"sync_session_class": EnrolmentSession, "expire_on_commit": False, "future": True}
        async with AsyncSession(engine, **options) as session:
            yield session  # closing rolls back what was not committed

    async def dispose(self) -> None:
        """Closes all connections."""
        if self._units is not None:
            await self._units.close()
        await self.engine.dispose()

    async def __aenter__(self) -> Database:
        return self

    async def __aexit__(self, *details: object) -> None:
        await self.dispose()
