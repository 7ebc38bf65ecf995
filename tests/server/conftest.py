"""Rasa is imported as the server imports it: without TensorFlow."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator

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
