"""Several action servers: in turn, past the dead, and never the same call to two of them."""

from __future__ import annotations

import uuid
from collections import Counter
from contextlib import AsyncExitStack

import pytest
from sanic import Sanic, response
from sanic.request import Request
from sanic.response import HTTPResponse

from bot import tracing
from bot.server.action_servers import AVOID_SECONDS, ActionServers
from bot.server.kept import NotReached

from .conftest import serving

DEAD = "http://127.0.0.1:9/webhook"


async def _server(stack: AsyncExitStack, calls: Counter[str], name: str, status: int = 200) -> str:
    app = Sanic(f"actions_{uuid.uuid4().hex}", configure_logging=False)

    @app.post("/webhook")
    async def webhook(request: Request) -> HTTPResponse:
        calls[name] += 1
        calls[request.headers.get(tracing.HEADER, "none")] += 1
        return response.json({}, status=status)

    port = await stack.enter_async_context(serving(app))
    return f"http://127.0.0.1:{port}/webhook"


async def test_calls_go_to_each_in_turn() -> None:
    calls: Counter[str] = Counter()
    async with AsyncExitStack() as stack:
        servers = ActionServers([await _server(stack, calls, name) for name in "ab"])
        for _ in range(6):
            assert (await servers.post(b"{}", 5)).status == 200
        servers.close()
    assert (calls["a"], calls["b"]) == (3, 3)


async def test_a_server_that_is_not_there_is_passed_over() -> None:
    calls: Counter[str] = Counter()
    async with AsyncExitStack() as stack:
        servers = ActionServers([DEAD, await _server(stack, calls, "a")])
        for _ in range(4):
            await servers.post(b"{}", 5)
        servers.close()
    assert calls["a"] == 4


async def test_a_call_that_was_refused_is_not_sent_to_another() -> None:
    calls: Counter[str] = Counter()
    async with AsyncExitStack() as stack:
        servers = ActionServers([await _server(stack, calls, name, status=500) for name in "ab"])
        assert (await servers.post(b"{}", 5)).status == 500
        servers.close()
    assert calls["a"] + calls["b"] == 1


async def test_all_of_them_gone_is_an_error() -> None:
    with pytest.raises(NotReached):
        await ActionServers([DEAD, DEAD]).post(b"{}", 5)


async def test_the_request_id_travels_along() -> None:
    calls: Counter[str] = Counter()
    trace = tracing.begin()
    async with AsyncExitStack() as stack:
        servers = ActionServers([await _server(stack, calls, "a")])
        await servers.post(b"{}", 5)
        servers.close()
    assert calls[trace.request] == 1


def test_one_that_failed_is_asked_last_for_a_while() -> None:
    now = [100.0]
    servers = ActionServers(["http://a", "http://b"], clock=lambda: now[0])
    servers.avoid("http://a")
    assert [servers.in_turn() for _ in range(2)] == [["http://b", "http://a"]] * 2
    now[0] += AVOID_SECONDS + 0.1
    assert sorted(servers.in_turn()[0] for _ in range(2)) == ["http://a", "http://b"]


def test_no_address_is_no_action_server() -> None:
    with pytest.raises(ValueError, match="at least one"):
        ActionServers([])
