"""Kept connections to one server: a small HTTP/1.1 client for many short calls.

aiohttp's client, which everything else uses, costs 0.2 ms of CPU and two system calls of writing for each call (measured); a
message takes few milliseconds in all. This one writes a call in one piece and leaves out what a server of our own does
not need: redirects, cookies, compression, proxies. The replies are read by httptools, as Sanic reads requests.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

import httptools

#: How long an idle connection is kept, in seconds: less than the servers keep theirs.
IDLE_SECONDS = 60.0
#: Calls at once; the next ones wait.
MOST_CALLS = 64
_CONNECT_SECONDS = 5.0


class NotReached(ConnectionError):
    """No connection could be made: nothing was sent."""


class BrokenOff(ConnectionError):
    """The connection broke before the reply was through: the call may have been worked on."""


@dataclass(frozen=True)
class Reply:
    """What a server answered."""

    status: int
    body: bytes


class _Connection(asyncio.Protocol):
    """One connection; carries one call at a time."""

    def __init__(self) -> None:
        self.since = 0.0
        self._transport: asyncio.Transport | None = None
        self._reply: asyncio.Future[Reply] | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._body: list[bytes] = []
        self._keeps = True

    # --- of the transport -------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are no instances of it

    def data_received(self, data: bytes) -> None:
        if self._parser is None:  # nobody asked for anything
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._fail(BrokenOff("the reply is no HTTP"))
            self.close()

    def connection_lost(self, error: Exception | None) -> None:
        self._keeps = False
        self._fail(BrokenOff("the connection broke before the reply was through"))

    # --- of the parser ----------------------------------------------------------------------------------------------

    def on_body(self, data: bytes) -> None:
        self._body.append(data)

    def on_message_complete(self) -> None:
        parser, self._parser = self._parser, None
        assert parser is not None
        self._keeps = self._keeps and parser.should_keep_alive()
        if self._reply is not None and not self._reply.done():
            self._reply.set_result(Reply(parser.get_status_code(), b"".join(self._body)))

    # --- of the pool ------------------------------------------------------------------------------------------------

    def usable(self, now: float) -> bool:
        """Whether a call can be made over it."""
        open_ = self._transport is not None and not self._transport.is_closing()
        return self._keeps and open_ and now - self.since < IDLE_SECONDS

    async def call(self, request: bytes, seconds: float) -> Reply:
        """Sends a request and waits for its reply."""
        assert self._transport is not None
        loop = asyncio.get_running_loop()
        self._body = []
        self._parser = httptools.HttpResponseParser(self)
        self._reply = loop.create_future()
        timer = loop.call_later(seconds, self._fail, asyncio.TimeoutError())
        try:
            self._transport.write(request)
            return await self._reply
        except BaseException:
            self.close()  # what still comes belongs to nobody
            raise
        finally:
            timer.cancel()

    def close(self) -> None:
        """Closes it at once."""
        self._keeps = False
        if self._transport is not None:
            self._transport.abort()

    def _fail(self, error: Exception) -> None:
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(error)


class KeptConnections:
    """Calls to one server.

    Args:
        url: its address; what stands after host and port is the address of `post`.
        headers: sent with every call.
    """

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        self.url = url
        self._host = parts.hostname or ""
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._tls else 80)
        self._path = parts.path or "/"
        self._headers = _lines({"Host": parts.netloc.rpartition("@")[2], **headers})
        self._idle: list[_Connection] = []
        self._places: tuple[asyncio.AbstractEventLoop, asyncio.Semaphore] | None = None

    async def post(self, body: bytes, headers: Mapping[str, str], seconds: float) -> Reply:
        """Posts a body.

        Raises:
            NotReached: no connection could be made; nothing was sent.
            BrokenOff: the connection broke before the reply was through.
            asyncio.TimeoutError: the reply took longer than `seconds`.
        """
        head = f"POST {self._path} HTTP/1.1\r\n{self._headers}{_lines(headers)}Content-Length: {len(body)}\r\n\r\n"
        return await self._call(head.encode("latin-1") + body, seconds)

    async def get(self, path: str, seconds: float) -> Reply:
        """Gets what is at another path; raises as `post`."""
        return await self._call(f"GET {path} HTTP/1.1\r\n{self._headers}\r\n".encode("latin-1"), seconds)

    async def _call(self, request: bytes, seconds: float) -> Reply:
        async with self._place():
            connection = self._kept() or await self._connect()
            reply = await connection.call(request, seconds)
            now = time.monotonic()
            connection.since = now
            if connection.usable(now):
                self._idle.append(connection)
            else:
                connection.close()
            return reply

    def _place(self) -> asyncio.Semaphore:
        loop = asyncio.get_running_loop()
        if self._places is None or self._places[0] is not loop:  # connections and semaphores belong to one loop
            self._idle = []
            self._places = (loop, asyncio.Semaphore(MOST_CALLS))
        return self._places[1]

    def _kept(self) -> _Connection | None:
        """The connection that was used last, where one is left that can be used."""
        now = time.monotonic()
        while self._idle:
            connection = self._idle.pop()
            if connection.usable(now):
                return connection
            connection.close()
        return None

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        opening = loop.create_connection(_Connection, self._host, self._port, ssl=self._tls)
        try:
            _, connection = await asyncio.wait_for(opening, _CONNECT_SECONDS)
        except (OSError, asyncio.TimeoutError) as error:
            raise NotReached(f"no connection could be made ({type(error).__name__})") from error
        connection.since = time.monotonic()
        return connection

    def close(self) -> None:
        """Closes what is idle; a later call opens anew."""
        for connection in self._idle:
            connection.close()
        self._idle = []


def _lines(headers: Mapping[str, str]) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in headers.items())
