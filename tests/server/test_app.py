"""The chat server's application: our routes and no others, plain errors, logs without anybody's words."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
import sanic
from prometheus_client.parser import text_string_to_metric_families
from rasa.shared.core.domain import Domain

from bot import operations
from bot.channels.shared_rate import SharedRateLimit
from bot.channels.signature import sign
from bot.config import Settings
from bot.enrollment import migrations
from bot.logs import configure_logs
from bot.server import app as application
from bot.server.action_endpoint import ActionEndpoint
from bot.server.locks import LocalLockStore, lock_store_of
from bot.server.redis_locks import RedisTurns
from bot.server.tracker_store import ConversationStore

from .conftest import serving

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class StandInEndpoint(ActionEndpoint):
    """Stands where the road to the action server stands."""

    up = True

    async def check(self) -> None:
        if not self.up:
            raise ConnectionError("nobody is there")


async def _parse(_message: Any) -> dict[str, Any]:
    return {}


class StandInAgent:
    """Stands where Rasa's agent stands."""

    model_id = "model-1"

    def __init__(self, settings: Settings) -> None:
        self.ready = True
        self.tracker_store = ConversationStore(Domain.empty(), settings.tracker_url)
        self.lock_store = LocalLockStore()
        self.action_endpoint: Any = StandInEndpoint("http://127.0.0.1:9/webhook", "t")
        self.processor: Any = SimpleNamespace(parse_message=_parse)

    def is_ready(self) -> bool:
        return self.ready

    async def handle_message(self, message: Any) -> None:
        if "break" in message.text:
            raise RuntimeError(f"cannot answer {message.text}")
        answer = {"text": "hello", "custom": {"answer": "greeting", "language": "en"}}
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


@pytest.mark.parametrize("path", ["/health/live", "/chat/", "/chat/session", "/no/such", "/webhooks/hospital/webhook"])
async def test_every_answer_says_what_browsers_are_to_obey(address: str, path: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(address + path) as reply:
        headers = reply.headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == ("no-cache" if path == "/chat/" else "no-store")
    assert "Strict-Transport-Security" not in headers  # this one is reached over plain HTTP


async def test_a_message_goes_all_the_way(address: str) -> None:
    status, text = await _ask(address, "hello")
    assert (status, json.loads(text)[0]["custom"]["answer"]) == (200, "greeting")


async def test_there_are_our_routes_and_no_others(address: str) -> None:
    app = sanic.Sanic.get_app("sparc_chat")
    routes = sorted((method, "/" + route.path) for route in app.router.routes for method in route.methods)
    page = {"", "cards.css", "cards.js", "calendar.js", "deep-chat.js", "elements.js", "icon.svg", "page.css", "page.js",
            "precheck.js", "server.js", "words.js"}  # fmt: skip
    assert [route for route in routes if route[1].removeprefix("/chat").lstrip("/") not in page] == [
        ("GET", "/chat/calendar/<identifier:str>"), ("GET", "/chat/criteria"), ("GET", "/chat/history"),
        ("GET", "/chat/session"), ("GET", "/health/live"), ("GET", "/health/ready"), ("GET", "/metrics"),
        ("POST", "/chat/message"), ("POST", "/chat/sign-in"), ("POST", "/chat/sign-out"),
        ("POST", "/webhooks/hospital/webhook"),
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


@pytest.fixture
async def asked_afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "_FRESH_SECONDS", 0.0)


@pytest.mark.usefixtures("asked_afresh")
async def test_it_is_ready_when_all_that_it_needs_is_there(
    address: str, agent: StandInAgent, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, body = await _request("GET", f"{address}/health/ready")
    assert (status, body["status"], body["model"]) == (200, "ok", "model-1")
    assert body["checks"] == dict.fromkeys(("model", "database", "conversations", "action server"), "ok")
    agent.ready = False
    status, body = await _request("GET", f"{address}/health/ready")
    assert (status, body["status"], body["checks"]["model"]) == (503, "not ready", "failed")
    agent.ready = True
    agent.action_endpoint.up = False
    status, body = await _request("GET", f"{address}/health/ready")
    assert (status, body["checks"]["action server"]) == (503, "failed")
    agent.action_endpoint.up = True
    engine, agent.tracker_store._engine = agent.tracker_store._engine, None
    status, body = await _request("GET", f"{address}/health/ready")
    assert (status, body["checks"]["conversations"]) == (503, "failed")
    agent.tracker_store._engine = engine
    assert (await _request("GET", f"{address}/health/ready"))[0] == 200
    assert await _request("GET", f"{address}/health/live") == (200, {"status": "ok"})


async def _metrics(address: str, settings: Settings) -> dict[str, float]:
    headers = {"Authorization": f"Bearer {settings.metrics_token()}"}
    async with aiohttp.ClientSession() as session, session.get(f"{address}/metrics", headers=headers) as reply:
        assert reply.status == 200
        families = text_string_to_metric_families(await reply.text())
        return {
            f"{sample.name}{sorted(sample.labels.items())}": sample.value
            for family in families
            for sample in family.samples
        }


@pytest.mark.parametrize("given", [None, "", "Bearer ", "Bearer wrong", "Basic eDp5"])
async def test_metrics_are_for_who_has_the_token(address: str, given: str | None) -> None:
    headers = {} if given is None else {"Authorization": given}
    assert await _request("GET", f"{address}/metrics", headers=headers) == (401, {"error": "unauthorized"})


async def test_messages_are_counted_and_nobody_is_named(address: str, settings: Settings) -> None:
    before = await _metrics(address, settings)
    await _ask(address, "how are you counted")
    await _ask(address, "how are you counted")  # the same message again: no second answer
    await _ask(address, "break while counted")
    after = await _metrics(address, settings)

    def grown(name: str) -> float:
        return after[name] - before.get(name, 0.0)

    answered = "sparc_messages_total[('channel', 'hospital webhook'), ('status', '200')]"
    failed = "sparc_messages_total[('channel', 'hospital webhook'), ('status', '503')]"
    assert (grown(answered), grown(failed)) == (2, 1)
    assert grown("sparc_answers_total[('answer', 'greeting'), ('language', 'en')]") == 1
    assert grown("sparc_message_seconds_count[('channel', 'hospital webhook')]") == 1
    assert {grown(f"sparc_stage_seconds_count[('stage', '{stage}')]") for stage in ("claim", "reply", "dialogue")} == {
        1
    }
    assert after["sparc_http_working[]"] == 1, "the reading itself"
    assert not [name for name in after if "li.wei" in name or "counted" in name]


async def test_a_reply_says_what_answered_and_under_which_id(address: str) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{address}/health/live", headers={"X-Request-ID": "ab" * 16}) as reply:
            assert reply.headers["X-Request-ID"] == "ab" * 16
            assert reply.headers["X-Sparc-Model"] == "model-1"
            assert len(reply.headers["X-Sparc-Protocol"]) == 12
        async with session.get(f"{address}/nothing", headers={"X-Request-ID": "li.wei"}) as reply:
            assert len(reply.headers["X-Request-ID"]) == 32
            assert "X-Sparc-Model" not in reply.headers


async def test_log_lines_of_a_message_carry_its_id(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs()
    await _ask(address, "please break again")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
    told = {line["event"]: line["request"] for line in lines}
    assert set(told) == {"message failed", "message"}
    assert len(set(told.values())) == 1


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


def test_servers_that_share_a_redis_share_the_rate(settings: Settings) -> None:
    """That the limit is one is held against a real Redis by tests/channels/test_shared_rate.py."""
    home = str(settings.home)
    shared = Settings.from_environment({"SPARC_HOME": home, "SPARC_REDIS_URL": "redis://127.0.0.1:9/0"})
    assert isinstance(application.rate_limit_of(shared), SharedRateLimit)
    assert isinstance(lock_store_of(shared), RedisTurns)
    assert not isinstance(application.rate_limit_of(settings), SharedRateLimit)
    assert isinstance(lock_store_of(settings), LocalLockStore)
