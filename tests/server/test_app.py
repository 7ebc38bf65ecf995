"""The chat server's application: our routes and no others, plain errors, logs without anybody's words."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import sanic
from rasa.shared.core.domain import Domain

from bot.channels.signature import sign
from bot.config import Settings
from bot.enrollment import migrations
from bot.logs import configure_logs
from bot.server import app as application
from bot.server.action_endpoint import ActionEndpoint
from bot.server.tracker_store import ConversationStore

from .conftest import serving

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class StandInAgent:
    """Stands where Rasa's agent stands."""

    model_id = "model-1"

    def __init__(self, settings: Settings) -> None:
        self.ready = True
        self.tracker_store = ConversationStore(Domain.empty(), settings.tracker_url)
        self.action_endpoint = ActionEndpoint("http://127.0.0.1:9/webhook", "t")

    def is_ready(self) -> bool:
        return self.ready

    async def handle_message(self, message: Any) -> None:
        if "break" in message.text:
            raise RuntimeError(f"cannot answer {message.text}")
        answer = {"text": "hello", "custom": {"answer": "greeting"}}
        await message.output_channel.send_response(message.sender_id, answer)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = tmp_path_factory.mktemp("home")
    found = Settings.from_environment({"SPARC_HOME": str(home), "SPARC_WEBHOOK_SECRET": SECRET})
    migrations.upgrade(found.database_url)
    return found


@pytest.fixture(scope="module")
def agent(settings: Settings) -> StandInAgent:
    return StandInAgent(settings)


@pytest.fixture(scope="module")
async def address(settings: Settings, agent: StandInAgent) -> AsyncIterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(application, "load_agent", lambda model, given: agent)
        app = application.build_app(settings, Path("model.tar.gz"))
    async with serving(app) as port:
        yield f"http://127.0.0.1:{port}"
    sanic.Sanic._app_registry.pop("sparc_chat", None)


async def _ask(address: str, text: str) -> tuple[int, str]:
    body = json.dumps({"account": "li.wei", "conversation": "r", "direct": True, "text": text}).encode()
    headers = sign(SECRET, f"msg_{abs(hash(text))}", body)
    url = f"{address}/webhooks/hospital/webhook"
    async with aiohttp.ClientSession() as session, session.post(url, data=body, headers=headers) as reply:
        return reply.status, await reply.text()


async def _request(method: str, url: str, **more: Any) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as session, session.request(method, url, **more) as reply:
        return reply.status, await reply.json(content_type=None)


async def test_a_message_goes_all_the_way(address: str) -> None:
    status, text = await _ask(address, "hello")
    assert (status, json.loads(text)[0]["custom"]) == (200, {"answer": "greeting"})


async def test_there_are_our_routes_and_no_others(address: str) -> None:
    app = sanic.Sanic.get_app("sparc_chat")
    routes = sorted((method, "/" + route.path) for route in app.router.routes for method in route.methods)
    assert routes == [
        ("GET", "/health/live"), ("GET", "/health/ready"), ("POST", "/webhooks/hospital/webhook"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404), ("GET", "/conversations/x/tracker", 404), ("POST", "/model/parse", 404),
        ("PUT", "/model", 404), ("GET", "/domain", 404), ("POST", "/webhooks/rest/webhook", 404),
        ("GET", "/status", 404), ("GET", "/webhooks/hospital/webhook", 405), ("DELETE", "/health/live", 405),
        ("GET", "/webhooks/hospital/", 404), ("GET", "/..%2f..%2fetc/passwd", 404),
    ],
)  # fmt: skip
async def test_an_address_that_is_not_ours_says_no_more_than_that(
    address: str, method: str, path: str, status: int
) -> None:
    found, body = await _request(method, address + path)
    assert (found, list(body)) == (status, ["error"])
    assert path not in body["error"]


async def test_it_is_ready_when_its_agent_is(address: str, agent: StandInAgent) -> None:
    assert await _request("GET", f"{address}/health/ready") == (200, {"status": "ok", "model": "model-1"})
    agent.ready = False
    assert (await _request("GET", f"{address}/health/ready"))[0] == 503
    agent.ready = True
    assert await _request("GET", f"{address}/health/live") == (200, {"status": "ok"})


async def test_a_body_beyond_all_bounds_is_cut_off(address: str) -> None:
    url = f"{address}/webhooks/hospital/webhook"
    status, body = await _request("POST", url, data=b"x" * (application.MAX_REQUEST_BYTES + 1))
    assert (status, body) == (413, {"error": "body: too large"})


async def test_no_log_line_holds_what_was_written_or_by_whom(
    address: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    configure_logs()
    caplog.set_level(logging.DEBUG)
    assert (await _ask(address, "please break, 我叫李伟"))[0] == 503
    printed = capsys.readouterr()
    everything = printed.out + printed.err + caplog.text
    assert "message failed" in everything
    assert not [word for word in ("please break", "李伟", "li.wei", "cannot answer") if word in everything]
