"""Rasa is imported as the server imports it: without TensorFlow."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import uuid
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import asyncpg
import pytest
from sanic import Sanic

from bot.server.lazy import defer_unused_modules

defer_unused_modules()
# Sanic rewrites its own methods when an application starts; only in test mode does it do so twice.
Sanic.test_mode = True


@contextlib.asynccontextmanager
async def serving(app: Sanic) -> AsyncIterator[int]:
    """Serves an application on a free port of loopback."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = await app.create_server(sock=listener, return_asyncio_server=True, access_log=False, debug=False)
    await server.startup()
    await server.before_start()
    await server.start_serving()
    try:
        yield listener.getsockname()[1]
    finally:
        await server.before_stop()
        server.close()
        await server.wait_closed()
        await server.after_stop()


#: A PostgreSQL server to test on; tests make and drop databases of their own there.
_POSTGRESQL = os.environ.get("TEST_POSTGRESQL_URL", "postgresql://postgres@127.0.0.1:5432/postgres")


def _on_postgresql(statement: str) -> None:
    async def execute() -> None:
        connection = await asyncpg.connect(_POSTGRESQL, timeout=3)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    with ThreadPoolExecutor(max_workers=1) as pool:  # the tests' own loop is running already
        pool.submit(asyncio.run, execute()).result()


@pytest.fixture
def postgresql() -> Iterator[str]:
    """An empty database of PostgreSQL, with the asynchronous driver in its address."""
    name = f"sparc_test_{uuid.uuid4().hex[:12]}"
    try:
        _on_postgresql(f"CREATE DATABASE {name}")
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        pytest.skip(f"no PostgreSQL server to test on: {type(error).__name__}")
    yield urlsplit(_POSTGRESQL)._replace(scheme="postgresql+asyncpg", path=f"/{name}").geturl()
    _on_postgresql(f"DROP DATABASE {name} WITH (FORCE)")
