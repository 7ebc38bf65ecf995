"""Kept connections: each call gets its own reply, over one connection where it can, and never another call's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field

import pytest
import uvloop

from bot.server import kept
from bot.server.kept import BrokenOff, KeptConnections, NotReached

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
#: Answers one request, of which it gets the body; what it returns is sent.
Answer = Callable[[bytes], Awaitable[bytes]]


@dataclass
class Peer:
    """A server that answers as a test says."""

    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)


@asynccontextmanager
async def peer(answer: Answer) -> AsyncIterator[Peer]:
    found = Peer()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found.connections += 1
        found.writers.append(writer)
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next((int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length")), 0)
                body = await reader.readexactly(length)
                found.requests.append(head + body)
                writer.write(await answer(body))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
        for writer in found.writers:
            writer.close()


def connections(found: Peer) -> KeptConnections:
    return KeptConnections(f"http://127.0.0.1:{found.port}/webhook", {"Authorization": "Bearer t"})


def saying(reply: bytes) -> Answer:
    async def answer(_body: bytes) -> bytes:
        return reply

    return answer


async def test_a_call_is_written_as_http() -> None:
    async with peer(saying(OK)) as found:
        made = connections(found)
        await made.post("您好".encode(), {"X-Request-ID": "a"}, 5)
        await made.get("/health/ready", 5)
        made.close()
    assert (
        found.requests[0]
        == (
            f"POST /webhook HTTP/1.1\r\nHost: 127.0.0.1:{found.port}\r\nAuthorization: Bearer t\r\nX-Request-ID: a\r\n"
            "Content-Length: 6\r\n\r\n您好"
        ).encode()
    )
    assert found.requests[1].startswith(b"GET /health/ready HTTP/1.1\r\nHost: ")


@pytest.mark.parametrize(
    ("reply", "status", "body"),
    [
        (OK, 200, b"{}"),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 404, b""),
        (b"HTTP/1.1 500 X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n", 500, b"abcde"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx", 200, b"x"),
    ],
)
async def test_replies_are_read(reply: bytes, status: int, body: bytes) -> None:
    async with peer(saying(reply)) as found:
        made = connections(found)
        for _ in range(2):
            got = await made.post(b"", {}, 5)
            assert (got.status, got.body) == (status, body)
        made.close()


async def test_a_reply_may_come_in_pieces() -> None:
    async def answer(_body: bytes) -> bytes:
        for at in range(len(OK) - 1):
            found.writers[-1].write(OK[at : at + 1])
            await found.writers[-1].drain()
            await asyncio.sleep(0)
        return OK[-1:]

    async with peer(answer) as found:
        made = connections(found)
        assert (await made.post(b"", {}, 5)).body == b"{}"
        made.close()


async def test_one_connection_is_enough_for_calls_one_after_another() -> None:
    async with peer(saying(OK)) as found:
        made = connections(found)
        for _ in range(5):
            await made.post(b"x", {}, 5)
        made.close()
    assert (found.connections, len(found.requests)) == (1, 5)


async def test_calls_at_once_get_each_their_own_reply() -> None:
    async def echo(body: bytes) -> bytes:
        await asyncio.sleep(0.001 * (7 - int(body) % 7))
        return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)

    async with peer(echo) as found:
        made = connections(found)
        replies = await asyncio.gather(*(made.post(str(n).encode(), {}, 5) for n in range(200)))
        made.close()
    assert [int(reply.body) for reply in replies] == list(range(200))
    assert found.connections <= kept.MOST_CALLS


async def test_a_connection_that_the_server_closed_is_not_used_again() -> None:
    async with peer(saying(OK)) as found:
        made = connections(found)
        await made.post(b"", {}, 5)
        found.writers[0].close()
        await found.writers[0].wait_closed()
        await asyncio.sleep(0.01)
        assert (await made.post(b"", {}, 5)).status == 200
        made.close()
    assert found.connections == 2


async def test_a_connection_that_was_idle_for_long_is_not_used_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with peer(saying(OK)) as found:
        made = connections(found)
        await made.post(b"", {}, 5)
        monkeypatch.setattr(kept, "IDLE_SECONDS", 0.0)
        await made.post(b"", {}, 5)
        made.close()
    assert found.connections == 2


@pytest.mark.parametrize("reply", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", b"not HTTP at all\r\n\r\n"])
async def test_a_reply_that_breaks_off_is_an_error(reply: bytes) -> None:
    async def answer(_body: bytes) -> bytes:
        found.writers[-1].write(reply)
        await found.writers[-1].drain()
        raise ConnectionError

    async with peer(answer) as found:
        made = connections(found)
        with pytest.raises(BrokenOff):
            await made.post(b"", {}, 5)
        made.close()
    assert len(found.requests) == 1, "a call that may have been worked on is not made again"


async def test_a_late_reply_is_not_that_of_the_next_call() -> None:
    late = asyncio.Event()

    async def answer(body: bytes) -> bytes:
        if body == b"slow":
            await late.wait()
        return b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n%b" % body

    async with peer(answer) as found:
        made = connections(found)
        with pytest.raises(asyncio.TimeoutError):
            await made.post(b"slow", {}, 0.01)
        late.set()
        assert (await made.post(b"next", {}, 5)).body == b"next"
        made.close()
    assert found.connections == 2


async def test_a_call_that_is_given_up_takes_its_connection_along() -> None:
    async def never(body: bytes) -> bytes:
        if body == b"given up":
            await asyncio.Event().wait()
        return OK

    async with peer(never) as found:
        made = connections(found)
        call = asyncio.create_task(made.post(b"given up", {}, 5))
        while not found.requests:
            await asyncio.sleep(0.001)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert (await made.post(b"", {}, 5)).status == 200
        made.close()
    assert found.connections == 2


async def test_what_nobody_asked_for_closes_the_connection() -> None:
    async with peer(saying(OK)) as found:
        made = connections(found)
        await made.post(b"", {}, 5)
        found.writers[0].write(OK)
        await found.writers[0].drain()
        await asyncio.sleep(0.01)
        await made.post(b"", {}, 5)
        made.close()
    assert found.connections == 2


async def test_nobody_there_is_an_error_of_its_own() -> None:
    with pytest.raises(NotReached):
        await KeptConnections("http://127.0.0.1:9/webhook", {}).post(b"", {}, 5)


async def test_an_encrypted_address_is_not_spoken_to_in_the_clear() -> None:
    async with peer(saying(OK)) as found:
        with pytest.raises(NotReached):
            await KeptConnections(f"https://127.0.0.1:{found.port}/webhook", {}).post(b"patient", {}, 5)
    assert not any(b"patient" in request for request in found.requests)


def test_it_works_on_the_loop_that_the_server_runs_on() -> None:
    async def twice() -> int:
        async with peer(saying(OK)) as found:
            made = connections(found)
            for _ in range(2):
                assert (await made.post(b"x", {}, 5)).body == b"{}"
            made.close()
            return found.connections

    with ThreadPoolExecutor(1) as other, closing(uvloop.new_event_loop()) as loop:
        assert other.submit(loop.run_until_complete, twice()).result(20) == 1


async def test_closed_connections_open_anew() -> None:
    async with peer(saying(OK)) as found:
        made = connections(found)
        await made.post(b"", {}, 5)
        made.close()
        await made.post(b"", {}, 5)
        made.close()
    assert found.connections == 2
