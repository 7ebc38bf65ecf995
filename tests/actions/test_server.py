"""The action server's door: a token, calls of Rasa's form, and nothing of its inside for who sends anything else."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from sanic import Sanic

from actions import server
from bot.config import Settings
from bot.enrollment import migrations

# Sanic rewrites its own methods when an application starts; only in test mode does it do so twice.
Sanic.test_mode = True
CALL: dict[str, Any] = {
    "next_action": "action_small_talk",
    "tracker": {
        "sender_id": "hospital-1",
        "slots": {"memory": "{}"},
        "latest_message": {"text": "hello", "metadata": {"account": "li.wei", "direct": True}, "reading": {}},
        "events": [],
    },
}


@contextlib.asynccontextmanager
async def _serving(app: Sanic) -> AsyncIterator[str]:
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    running = await app.create_server(sock=listener, return_asyncio_server=True, access_log=False, debug=False)
    await running.startup()
    await running.before_start()
    await running.start_serving()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        await running.before_stop()
        running.close()
        await running.wait_closed()
        await running.after_stop()


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    found = Settings.from_environment({"SPARC_HOME": str(tmp_path_factory.mktemp("home"))})
    migrations.upgrade(found.database_url)
    return found


@pytest.fixture(scope="module")
async def address(settings: Settings) -> AsyncIterator[str]:
    async with _serving(server.build_app(settings)) as found:
        yield found
    Sanic._app_registry.pop("sparc_actions", None)


async def _post(address: str, call: Any, token: str | None) -> tuple[int, Any]:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        reply = await session.post(f"{address}/webhook", json=call)
        return reply.status, await reply.json()


@pytest.mark.parametrize("token", [None, "", "wrong"])
async def test_without_the_token_nothing_is_looked_at(address: str, token: str | None) -> None:
    assert await _post(address, CALL, token) == (401, {"error": "unauthorized"})


@pytest.mark.parametrize(
    "call",
    [
        None, [], "x", {}, {"next_action": ""}, {"next_action": 7}, {"next_action": "action_visits"},
        {**CALL, "tracker": None}, {**CALL, "tracker": {}}, {**CALL, "tracker": {"sender_id": 7}}, {**CALL, "domain": []},
        {**CALL, "tracker": {**CALL["tracker"], "slots": []}}, {**CALL, "tracker": {**CALL["tracker"], "latest_message": "x"}},
    ],
    ids=str,
)  # fmt: skip
async def test_what_is_no_action_call_is_refused(address: str, settings: Settings, call: Any) -> None:
    assert await _post(address, call, settings.action_token()) == (400, {"error": "expected an action call"})


@pytest.mark.parametrize(
    "changes",
    [
        {"slots": {"memory": "1"}}, {"slots": {"memory": "[]"}}, {"slots": {"memory": "{"}}, {"slots": {"memory": 5}},
        {"slots": {"memory": '{"failures": [1]}'}},
        {"latest_message": {"metadata": "x", "reading": {}}}, {"latest_message": {"reading": [1]}},
        {"latest_message": {"reading": {"parts": "x"}}}, {"latest_message": {"reading": {"parts": [1]}}},
        {"latest_message": {"metadata": {"identity": {"account": "a"}}, "reading": {}}},
    ],
    ids=str,
)  # fmt: skip
async def test_a_call_without_a_turn_is_refused_and_shows_nothing(
    address: str, settings: Settings, changes: dict[str, Any]
) -> None:
    call = {**CALL, "tracker": {**CALL["tracker"], **changes}}
    status, body = await _post(address, call, settings.action_token())
    assert (status, body) == (422, {"error": "expected a turn of a conversation"})


async def test_an_unknown_action_is_named_as_such(address: str, settings: Settings) -> None:
    status, body = await _post(address, {**CALL, "next_action": "action_other"}, settings.action_token())
    assert (status, body["error"]) == (404, "no such action")


async def test_health_and_metrics(address: str, settings: Settings) -> None:
    async with aiohttp.ClientSession() as session:
        ready = await session.get(f"{address}/health/ready")
        assert (ready.status, (await ready.json())["checks"]) == (200, {"database": "ok"})
        assert (await session.get(f"{address}/metrics")).status == 401
        bearer = {"Authorization": f"Bearer {settings.metrics_token()}"}
        text = await (await session.get(f"{address}/metrics", headers=bearer)).text()
    assert "sparc_outbox_depth 0.0" in text
    assert "sparc_alerts_unreached 0.0" in text
