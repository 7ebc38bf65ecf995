"""The road to the action server: a token, a slim call, and nobody's words in an error."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from rasa.utils.endpoints import ClientResponseError
from sanic import Sanic, response
from sanic.request import Request
from sanic.response import HTTPResponse

from bot.server import action_endpoint
from bot.server.action_endpoint import ActionEndpoint, slim_call
from bot.server.kept import NotReached

from .conftest import serving

CALL: dict[str, Any] = {
    "next_action": "action_visits",
    "sender_id": "hospital-1",
    "version": "3.6.21",
    "domain": {"responses": {"utter_x": [{"text": "x" * 1000}]}},
    "tracker": {
        "sender_id": "hospital-1",
        "slots": {"memory": "{}"},
        "latest_message": {
            "text": "下次访视", "metadata": {"identity": None}, "reading": {"format": 1}, "text_tokens": [[0, 2]],
            "intent_ranking": [{"name": "ask"}], "response_selector": {}, "intent": {"name": "ask"},
        },
        "latest_action_name": "action_listen",
        "active_loop": {},
        "events": [{"event": "user", "text": "earlier"}] * 200,
        "paused": False,
    },
}  # fmt: skip


@dataclass
class ActionServer:
    """Stands where the action server stands."""

    port: int = 0
    status: int = 200
    body: str = '{"events": [], "responses": [{"text": "您好"}]}'
    delay: float = 0.0
    calls: list[Request] = field(default_factory=list)
    peers: set[tuple[str, int]] = field(default_factory=set)


@pytest.fixture
async def server() -> AsyncIterator[ActionServer]:
    fake = ActionServer()
    app = Sanic(f"actions_{uuid.uuid4().hex}", configure_logging=False)

    @app.post("/webhook")
    async def webhook(request: Request) -> HTTPResponse:
        fake.calls.append(request)
        fake.peers.add(request.conn_info.peername)
        await asyncio.sleep(fake.delay)
        return response.text(fake.body, status=fake.status, content_type="application/json")

    async with serving(app) as port:
        fake.port = port
        yield fake


@pytest.fixture
async def endpoint(server: ActionServer) -> AsyncIterator[ActionEndpoint]:
    opened = ActionEndpoint(f"http://127.0.0.1:{server.port}/webhook", "the-token")
    yield opened
    await opened.close()


async def test_the_reply_comes_back_decoded(endpoint: ActionEndpoint) -> None:
    assert await endpoint.request(json=CALL) == {"events": [], "responses": [{"text": "您好"}]}


async def test_the_token_is_in_the_header_and_not_in_the_address(
    endpoint: ActionEndpoint, server: ActionServer
) -> None:
    await endpoint.request(json=CALL)
    (call,) = server.calls
    assert call.headers["authorization"] == "Bearer the-token"
    assert "the-token" not in call.url
    assert call.json == slim_call(CALL)


async def test_the_connection_is_kept(endpoint: ActionEndpoint, server: ActionServer) -> None:
    for _ in range(5):
        await endpoint.request(json=CALL)
    assert (len(server.calls), len(server.peers)) == (5, 1)


async def test_it_can_be_used_again_after_closing(endpoint: ActionEndpoint) -> None:
    await endpoint.request(json=CALL)
    await endpoint.close()
    assert await endpoint.request(json=CALL)


def test_a_call_holds_what_the_actions_read_and_no_history() -> None:
    slim = slim_call(CALL)
    assert slim["domain"] == {}
    assert slim["tracker"]["events"] == []
    assert slim["tracker"]["slots"] == {"memory": "{}"}
    assert set(slim["tracker"]["latest_message"]) == {"text", "metadata", "reading", "intent"}
    assert (slim["next_action"], slim["sender_id"]) == ("action_visits", "hospital-1")
    assert len(CALL["tracker"]["events"]) == 200, "the caller's own tracker is left as it was"


def test_a_call_is_of_one_size_however_long_the_conversation_is() -> None:
    longer = {**CALL, "tracker": {**CALL["tracker"], "events": CALL["tracker"]["events"] * 50}}
    assert len(json.dumps(slim_call(longer))) == len(json.dumps(slim_call(CALL)))


@pytest.mark.parametrize("tracker", [{}, {"latest_message": None}, {"latest_message": {}, "slots": {}}])
def test_a_call_of_an_empty_conversation(tracker: dict[str, Any]) -> None:
    assert slim_call({"next_action": "x", "tracker": tracker})["tracker"]["latest_message"] == {}


@pytest.mark.parametrize("status", [400, 401, 404, 413, 500, 503])
@pytest.mark.parametrize(
    "body", ['{"error": "li.wei bleeds", "action_name": "action_visits"}', "li.wei bleeds", '["li.wei bleeds"]', ""]
)
async def test_an_error_holds_nothing_of_the_body(
    endpoint: ActionEndpoint, server: ActionServer, status: int, body: str
) -> None:
    server.status, server.body = status, body
    with pytest.raises(ClientResponseError) as failed:
        await endpoint.request(json=CALL)
    assert failed.value.status == status
    assert "li.wei" not in f"{failed.value} {failed.value.text} {failed.value.message}"


async def test_a_rejection_names_the_action_as_rasa_needs_it(endpoint: ActionEndpoint, server: ActionServer) -> None:
    server.status, server.body = 400, '{"error": "rejected", "action_name": "action_visits"}'
    with pytest.raises(ClientResponseError) as failed:
        await endpoint.request(json=CALL)
    assert json.loads(failed.value.text) == {"action_name": "action_visits", "error": "rejected"}


async def test_a_server_that_is_not_there_is_an_error() -> None:
    endpoint = ActionEndpoint("http://127.0.0.1:9/webhook", "t")
    with pytest.raises(NotReached):
        await endpoint.request(json=CALL)
    await endpoint.close()


async def test_a_server_that_does_not_answer_is_given_up(server: ActionServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(action_endpoint, "TIMEOUT_SECONDS", 0.05)
    server.delay = 0.5
    endpoint = ActionEndpoint(f"http://127.0.0.1:{server.port}/webhook", "t")
    with pytest.raises(asyncio.TimeoutError):
        await endpoint.request(json=CALL)
    await endpoint.close()


def test_rasa_is_asked_for_the_small_domain() -> None:
    # Rasa adds the whole domain to every call unless the endpoint says so.
    assert ActionEndpoint("http://127.0.0.1:9", "t").kwargs["enable_selective_domain"] is True
