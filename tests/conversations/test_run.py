"""`./sparc run` and the commands that talk to it, as a user meets them."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
import urllib.error
import urllib.request
import uuid
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from bot.channels.signature import sign

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1500)]


def _post(assistant: Any, body: bytes, headers: dict[str, str]) -> tuple[int, bytes, dict[str, str]]:
    connection = HTTPConnection("127.0.0.1", assistant.settings.port, timeout=30)
    connection.request("POST", "/webhooks/hospital/webhook", body, headers)
    answer = connection.getresponse()
    return answer.status, answer.read(), dict(answer.getheaders())


def _message(text: str, **changes: Any) -> bytes:
    return json.dumps({"account": "ma.jun", "conversation": "r1", "direct": True, "text": text, **changes}).encode()


def test_it_prints_where_it_answers(assistant: Any) -> None:
    assert f"http://127.0.0.1:{assistant.settings.port}" in assistant.printed


def test_the_contract_of_a_reply(assistant: Any) -> None:
    reply = assistant.client.send("ma.jun", f"c-{uuid.uuid4()}", "When is my next visit?")
    custom = reply[0]["custom"]
    assert reply[0]["recipient_id"] == "ma.jun"
    assert set(custom) >= {"answer", "about", "data", "sources", "language", "as_of", "protocol"}
    assert (custom["answer"], custom["about"], custom["protocol"]) == ("next_visit", "P-0102", "NCT05576480")
    assert custom["as_of"] == "2026-09-16T14:00:00+08:00"
    assert not any("custom" in message for message in reply[1:])


def test_the_same_webhook_id_gets_the_same_reply_and_changes_nothing(assistant: Any) -> None:
    secret, identifier = assistant.settings.signing_secret(), f"msg_{uuid.uuid4().hex}"
    body = _message("I want to talk to a real person")
    first = _post(assistant, body, sign(secret, identifier, body))
    again = _post(assistant, body, sign(secret, identifier, body))
    other = _post(assistant, body, sign(secret, f"{identifier}b", body))
    assert first[0] == again[0] == 200
    assert first[1] == again[1]
    tickets = [json.loads(answer[1])[0]["custom"]["data"]["ticket"] for answer in (first, other)]
    assert tickets[0] != tickets[1]


def test_what_is_not_signed_or_not_of_the_form_is_refused(assistant: Any) -> None:
    secret = assistant.settings.signing_secret()
    body = _message("hello")
    assert _post(assistant, body, {})[0] == 401
    assert _post(assistant, body + b" ", sign(secret, "msg_1", body))[0] == 401
    bad = b'{"account": "ma.jun", "direct": true, "text": "hi"}'
    status, text, _ = _post(assistant, bad, sign(secret, "msg_2", bad))
    assert status == 400
    assert "conversation" in json.loads(text)["error"]
    large = _message("x" * 17_000)
    assert _post(assistant, large, sign(secret, "msg_3", large))[0] == 413


def test_rasas_own_interface_is_not_there(assistant: Any) -> None:
    port = assistant.settings.port
    for path in ("/", "/conversations/x/tracker", "/model", "/domain", "/webhooks/rest/webhook", "/status", "/version"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10)
        assert refused.value.code == 404


def test_the_action_server_wants_its_token(assistant: Any) -> None:
    connection = HTTPConnection("127.0.0.1", assistant.settings.action_port, timeout=10)
    connection.request("POST", "/webhook", b'{"next_action": "action_visits", "tracker": {}}')
    assert connection.getresponse().status == 401


def test_ask_on_the_command_line(assistant: Any, conversations: Any) -> None:
    done = conversations.sparc(assistant.environment, "ask", "--as", "stranger.1", "What is this trial about?")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["custom"]["data"]["topic"] == "purpose"


def test_a_taken_port_is_said_clearly(assistant: Any, conversations: Any, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = conversations.sparc({**conversations.environment_for(tmp_path), "SPARC_PORT": str(port)}, "run")
    assert done.returncode == 1
    assert str(port) in done.stderr
    assert "SPARC_PORT" in done.stderr


def test_a_child_that_dies_ends_the_run_with_its_last_lines(conversations: Any, tmp_path: Path) -> None:
    with conversations.running(conversations.environment_for(tmp_path)) as started:
        assert "Ctrl-C" in started.printed
        children = Path(f"/proc/{started.process.pid}/task/{started.process.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)
        assert started.process.wait(30) == 1
        assert "action server ended" in started.printed
    time.sleep(0.5)
    assert all(not Path(f"/proc/{child}").exists() for child in children)
