"""The client signs as the hospital does, waits where it is asked to, and says clearly what went wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bot.channels.signature import verify
from bot.commands import client as module
from bot.commands.client import Client, Unreachable
from bot.config import Settings
from bot.errors import ClientError

from .conftest import GREETING, FakeServer, Reply, refusal

OK: Reply = (200, {}, json.dumps(GREETING).encode())


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that the client wanted to wait."""
    waits: list[float] = []

    class StillTime:
        sleep = staticmethod(waits.append)

    monkeypatch.setattr(module, "time", StillTime)
    return waits


@pytest.fixture
def client(server: FakeServer, environment: Callable[..., Settings], slept: list[float]) -> Client:
    return Client(environment(SPARC_PORT=str(server.port)))


def test_a_message_is_signed_and_of_the_contracts_form(client: Client, server: FakeServer) -> None:
    assert client.send("li.wei", "room", "下次访视?", direct=False) == GREETING
    ((headers, body),) = server.heard
    assert body == {"account": "li.wei", "conversation": "room", "direct": False, "text": "下次访视?"}
    raw = json.dumps(body, ensure_ascii=False).encode()
    assert verify(client.settings.signing_secret(), raw, headers) == headers["webhook-id"]


def test_each_message_has_an_id_of_its_own(client: Client, server: FakeServer) -> None:
    for _ in range(3):
        client.send("li.wei", "room", "hello")
    assert len({headers["webhook-id"] for headers, _ in server.heard}) == 3


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again_with_the_same_id(
    client: Client, server: FakeServer, slept: list[float], status: int
) -> None:
    server.replies = [refusal(status, Retry_After="2"), refusal(status, Retry_After="7"), OK]
    assert client.send("li.wei", "room", "hello") == GREETING
    assert slept == [2, 7]
    assert len({headers["webhook-id"] for headers, _ in server.heard}) == 1


def test_a_failing_server_is_given_up_after_three_times(client: Client, server: FakeServer) -> None:
    server.replies = [refusal(503, "send it again", Retry_After="1")]
    with pytest.raises(ClientError, match=r"\(503\): send it again"):
        client.send("li.wei", "room", "hello")
    assert len(server.heard) == 3


def test_the_rate_is_waited_for_longer(client: Client, server: FakeServer, slept: list[float]) -> None:
    server.replies = [*[refusal(429, Retry_After="1")] * 50, OK]
    assert client.send("li.wei", "room", "hello") == GREETING
    assert len(slept) == 50


def test_the_rate_is_not_waited_for_for_ever(client: Client, server: FakeServer, slept: list[float]) -> None:
    server.replies = [refusal(429, Retry_After="1")]
    with pytest.raises(ClientError, match="stayed busy"):
        client.send("li.wei", "room", "hello")


def test_no_wait_is_longer_than_half_a_minute(client: Client, server: FakeServer, slept: list[float]) -> None:
    server.replies = [refusal(429, Retry_After="86400"), OK]
    client.send("li.wei", "room", "hello")
    assert slept == [30]


@pytest.mark.parametrize("wait", ["Wed, 21 Oct 2026 07:28:00 GMT", "-1", "nan", "inf", "soon", "", "１"])
def test_a_wait_that_is_no_number_ends_it(client: Client, server: FakeServer, wait: str) -> None:
    server.replies = [refusal(503, "down", Retry_After=wait.encode().decode("latin-1"))]
    with pytest.raises(ClientError, match="down"):
        client.send("li.wei", "room", "hello")


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (refusal(400, "text: expected something written"), r"\(400\): text: expected something written"),
        (refusal(401, "signature: missing, wrong or too old"), r"\(401\): signature"),
        (refusal(413, "body: too large"), r"\(413\)"),
        ((502, {}, b"<html>Bad gateway</html>"), r"\(502\): <html>Bad gateway"),
        ((500, {}, b"\xff\xfe"), r"\(500\)"), ((500, {}, b"[]"), r"\(500\)"), ((404, {}, b""), r"\(404\)"),
        ((200, {}, b"<html>"), "not this server"), ((200, {}, b'{"ok": true}'), "not this server"),
        ((200, {}, b'["text"]'), "not this server"), ((200, {}, b"null"), "not this server"),
    ],
    ids=lambda value: str(value)[:50],
)  # fmt: skip
def test_a_refusal_is_an_error_that_says_why(client: Client, server: FakeServer, reply: Reply, says: str) -> None:
    server.replies = [reply]
    with pytest.raises(ClientError, match=says):
        client.send("li.wei", "room", "hello")
    assert len(server.heard) == 1


def test_no_server_says_how_to_start_it(environment: Callable[..., Settings]) -> None:
    with pytest.raises(Unreachable, match=r"start it with \./sparc run"):
        Client(environment(SPARC_PORT="9")).send("li.wei", "room", "hello")


@pytest.mark.parametrize("text", ["\udcff\udcfe", "a\ud800b"])
def test_a_terminals_odd_bytes_are_sent_as_question_marks(client: Client, server: FakeServer, text: str) -> None:
    client.send("li.wei", "room", text)
    assert "?" in server.heard[0][1]["text"]


@pytest.mark.parametrize(("host", "reached"), [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("127.0.0.1", "127.0.0.1")])
def test_a_server_on_all_addresses_is_reached_on_loopback(
    monkeypatch: pytest.MonkeyPatch, environment: Callable[..., Settings], host: str, reached: str
) -> None:
    asked: list[Any] = []

    def connect(name: str, port: int, timeout: float) -> None:
        asked.append(name)
        raise RuntimeError

    monkeypatch.setattr(module.http.client, "HTTPConnection", connect)
    with pytest.raises(RuntimeError):
        Client(environment(SPARC_HOST=host)).send("li.wei", "room", "hello")
    assert asked == [reached]


def test_the_secret_is_the_one_that_the_server_made(client: Client, tmp_path: Path) -> None:
    client.send("li.wei", "room", "hello")
    assert (tmp_path / "home" / "webhook-secret").read_text() == client.settings.signing_secret()
