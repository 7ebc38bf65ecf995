"""Units of work as plain functions, run beside the event loop: one crossing to a thread and back for each.

SQLAlchemy's asynchronous driver for SQLite crosses for every statement, every fetch and every end of a transaction: 3 ms
of CPU for a record whose statements take 0.1 ms (measured). A unit that is a function crosses once. Writers that come
together share one transaction, so one flush to the disk; each still gets its own result or its own error.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy.engine import Connection, Engine

_R = TypeVar("_R")
#: Writers that share one transaction at most; the next ones wait for the next transaction.
MOST_TOGETHER = 64


@dataclass
class _Waiting:
    unit: Callable[[Connection], Any]
    durable: bool
    result: asyncio.Future[Any]


@dataclass(frozen=True)
class _Failed:
    error: Exception


class FileUnits:
    """Reads and writes of an SQLite file, each in a thread of its own.

    Args:
        reading, writing: synchronous engines of the same file; a transaction of `writing` takes the writer's lock when
            it begins.
        turn: what a writer of this process holds while it writes, so that writers of other kinds take turns with it.
    """

    def __init__(self, reading: Engine, writing: Engine, turn: Callable[[], AbstractAsyncContextManager[None]]) -> None:
        self._reader = _Worker(reading, "reader")
        self._writer = _Worker(writing, "writer")
        self._turn = turn
        self._queue: list[_Waiting] = []
        self._writing: asyncio.Task[None] | None = None

    async def read(self, unit: Callable[[Connection], _R]) -> _R:
        """What `unit` makes of one consistent view of the database."""
        return await self._reader.call(_in_transaction, unit)

    async def write(self, unit: Callable[[Connection], _R], durable: bool = True) -> _R:
        """What `unit` makes of the database; what it wrote is committed when this returns, and undone if it raises.

        A unit may be run twice: where one of those that share a transaction fails, each is run again alone. So it must do
        nothing but work on the connection.

        Args:
            durable: whether the commit waits for the disk. Without, it is safe from a process that dies, and from a
                machine that loses power as soon as any later durable commit has returned: SQLite's log is flushed in order.
        """
        loop = asyncio.get_running_loop()
        # The unit runs in a thread and in the caller's context: the request's id goes into the audit trail.
        context = copy_context()
        waiting = _Waiting(lambda connection: context.run(unit, connection), durable, loop.create_future())
        self._queue.append(waiting)
        if self._writing is None or self._writing.done() or self._writing.get_loop() is not loop:
            self._writing = loop.create_task(self._write_all())
        result: _R = await waiting.result
        return result

    async def _write_all(self) -> None:
        while self._queue:
            async with self._turn():
                together, self._queue = self._queue[:MOST_TOGETHER], self._queue[MOST_TOGETHER:]
                units = [one.unit for one in together]
                durable = any(one.durable for one in together)
                try:
                    outcomes = await self._writer.call(_together, units, durable)
                except BaseException as error:
                    for one in together:
                        if not one.result.done():
                            one.result.set_exception(error if isinstance(error, Exception) else RuntimeError("stopped"))
                    raise
            for one, outcome in zip(together, outcomes, strict=True):
                if one.result.done():  # whoever asked has gone
                    continue
                if isinstance(outcome, _Failed):
                    one.result.set_exception(outcome.error)
                else:
                    one.result.set_result(outcome)

    async def close(self) -> None:
        """Closes both connections; what is used afterwards opens anew."""
        await self._reader.close()
        await self._writer.close()


class _Worker:
    """A thread with one connection that is kept."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self._name = name
        self._thread: ThreadPoolExecutor | None = None
        self._connection: Connection | None = None

    async def call(self, function: Callable[..., _R], *arguments: Any) -> _R:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix=self._name)
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._run, function, arguments)

    def _run(self, function: Callable[..., _R], arguments: tuple[Any, ...]) -> _R:
        if self._connection is None:
            self._connection = self._engine.connect()
        return function(self._connection, *arguments)

    async def close(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.get_running_loop().run_in_executor(thread, self._disconnect)
            thread.shutdown(wait=False)

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        self._engine.dispose()


def _in_transaction(connection: Connection, unit: Callable[[Connection], _R]) -> _R:
    with connection.begin():
        return unit(connection)


def _together(connection: Connection, units: Sequence[Callable[[Connection], Any]], durable: bool) -> list[Any]:
    """The units' results, or what each of them raised."""
    _set_durable(connection, durable)
    try:
        with connection.begin():
            return [unit(connection) for unit in units]
    except Exception as error:
        return [_Failed(error)] if len(units) == 1 else [_alone(connection, unit) for unit in units]


def _alone(connection: Connection, unit: Callable[[Connection], Any]) -> Any:
    try:
        return _in_transaction(connection, unit)
    except Exception as error:
        return _Failed(error)


def _set_durable(connection: Connection, durable: bool) -> None:
    # Past SQLAlchemy, which would begin a transaction first; inside of one SQLite refuses to change this.
    wanted = "FULL" if durable else "NORMAL"
    if connection.info.get("synchronous") != wanted:
        connection.connection.cursor().execute(f"PRAGMA synchronous={wanted}")
        connection.info["synchronous"] = wanted
