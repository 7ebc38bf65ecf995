"""The whole assistant is driven over its channels by the demo participants; then every log is searched for them."""

from __future__ import annotations

import hashlib
import hmac
import json
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bot.config import Settings

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1800)]

QUESTIONS = (
    "When is my next visit?",
    "My name is Zhang Meihua, born on 1968-03-02, phone 13912345678. Which visits do I have?",
    "我叫王秀英,今天要吃药吗?",
    "I have crushing chest pain",
    "Please move my next visit to another day",
    "xyzzy quux frobnicate",
    "/restart",
    "Unlink ME not but what about P-0002?",
)
SIGNING_SECRET = "a-signing-secret-of-a-test"


class Chat(BaseHTTPRequestHandler):
    """A homeserver and a Slack that take everything; a room has one person in it."""

    posted: list[str] = []  # noqa: RUF012

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode("utf-8", "replace")
        reply: Any = {"ok": True, "event_id": "$x", "chunk": []}
        if self.path.endswith("/state"):
            person = "@" + self.path.split("/rooms/%21")[1].split("%3A")[0] + ":hospital.test"
            members = [("@sparc:hospital.test", "join"), (person, "join")]
            reply = [
                {"type": "m.room.member", "state_key": who, "content": {"membership": how}} for who, how in members
            ]
        if "/send/" in self.path or "chat.postMessage" in self.path:
            self.posted.append(body)
        raw = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    do_GET = do_PUT = do_POST = _answer

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def chat() -> Iterator[str]:
    Chat.posted.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Chat)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def _send(port: int, method: str, path: str, body: Any, headers: dict[str, str]) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request(method, path, json.dumps(body) if not isinstance(body, str) else body, headers)
    return connection.getresponse().status


def _over_matrix(settings: Settings, account: str, text: str) -> None:
    event = {
        "event_id": f"${uuid.uuid4().hex}", "room_id": f"!{account}:hospital.test", "sender": f"@{account}:hospital.test",
        "type": "m.room.message", "content": {"msgtype": "m.text", "body": text},
    }  # fmt: skip
    headers = {"Authorization": f"Bearer {settings.matrix_tokens()[1]}"}
    path = f"/_matrix/app/v1/transactions/{uuid.uuid4().hex}"
    assert _send(settings.port, "PUT", path, {"events": [event]}, headers) == 200


def _over_slack(settings: Settings, account: str, text: str) -> None:
    event = {
        "type": "message",
        "channel": f"D-{account}",
        "channel_type": "im",
        "user": account,
        "text": text,
        "ts": uuid.uuid4().hex,
    }
    body = json.dumps({"type": "event_callback", "team_id": "T0", "event_id": uuid.uuid4().hex, "event": event})
    moment = str(int(time.time()))
    digest = hmac.new(SIGNING_SECRET.encode(), f"v0:{moment}:{body}".encode(), hashlib.sha256).hexdigest()
    headers = {
        "X-Slack-Request-Timestamp": moment,
        "X-Slack-Signature": f"v0={digest}",
        "Content-Type": "application/json",
    }
    assert _send(settings.port, "POST", "/webhooks/slack/webhook", body, headers) == 200


class Page:
    """The chat page as a browser uses it, signed in by a link that works once."""

    def __init__(self, conversations: Any, environment: dict[str, str], settings: Settings, account: str) -> None:
        made = conversations.sparc(environment, "web-link", account)
        assert made.returncode == 0, made.stderr
        self.secret = made.stdout.strip().rpartition("link=")[2]
        self._port = settings.port
        self._headers = {"Origin": f"http://127.0.0.1:{settings.port}", "Content-Type": "application/json"}
        reply = self._call("POST", "/chat/sign-in", {"link": self.secret})
        assert reply.status == 200, reply.read()
        self._headers["Cookie"] = reply.getheader("Set-Cookie", "").partition(";")[0]
        self._headers["X-CSRF-Token"] = json.loads(self._call("GET", "/chat/session", None).read())["csrf"]

    def say(self, text: str) -> None:
        """One message, answered."""
        reply = self._call("POST", "/chat/message", {"id": uuid.uuid4().hex, "text": text})
        assert reply.status == 200, reply.read()

    def _call(self, method: str, path: str, body: Any) -> Any:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
        connection.request(method, path, None if body is None else json.dumps(body), self._headers)
        return connection.getresponse()


def test_no_log_line_holds_anything_of_the_demo_participants(conversations: Any, tmp_path: Path, chat: str) -> None:
    connectors = tmp_path / "connectors.yml"
    slack = {"slack_token": "xoxb-1", "slack_signing_secret": SIGNING_SECRET, "slack_api": f"{chat}/api/"}
    connectors.write_text(json.dumps({"slack": slack}), encoding="utf-8")
    environment = conversations.environment_for(
        tmp_path / "home",
        SPARC_MATRIX_HOMESERVER=chat,
        SPARC_MATRIX_SERVER_NAME="hospital.test",
        SPARC_CONNECTORS=str(connectors),
    )
    with conversations.running(environment) as assistant:
        settings = assistant.settings
        database = sqlite3.connect(settings.home / "enrolment.db")
        people = database.execute(
            "SELECT p.code, a.account, p.birth_date FROM participants p JOIN accounts a ON a.participant_id = p.id"
        ).fetchall()
        database.close()
        assert len(people) == 10
        sent, links = 0, set()
        for code, account, _ in people:
            done = conversations.sparc(environment, "link", f"@{account}:hospital.test", "--participant", code)
            assert done.returncode == 0, done.stderr
            page = Page(conversations, environment, settings, account)
            links.add(page.secret)
            for text in (*QUESTIONS[:3], f"I am {code}, {account}"):
                assistant.say(account, text, f"room of {account}")
                _over_matrix(settings, account, text)
                _over_slack(settings, account, text)
                page.say(text)
                sent += 2
        for text in QUESTIONS:
            assistant.say("demo.nurse", text.replace("my next visit", f"the next visit of {people[0][0]}"))
            assistant.say(people[0][1], text, "ward", direct=False)
            _over_matrix(settings, people[1][1], text)
            sent += 1
        assert _send(settings.port, "POST", "/webhooks/hospital/webhook", '{"account": "demo.chen"}', {}) == 401
        deadline = time.monotonic() + 120
        while len(Chat.posted) < sent and time.monotonic() < deadline:
            time.sleep(0.1)
        assert len(Chat.posted) >= sent
        logs = {path: path.read_text(encoding="utf-8") for path in (settings.home / "logs").iterdir()}
    assert sum(text.count('"answered"') for text in logs.values()) > sent
    data = {datum for person in people for datum in person if datum} | {
        "Zhang Meihua",
        "13912345678",
        "1968-03-02",
        "王秀英",
        "quux",
    }
    data |= set(QUESTIONS) | {"hospital.test", "demo.nurse", "demo.chen", "xoxb-1", SIGNING_SECRET}
    data |= links
    found = sorted({datum for datum in data for text in logs.values() if str(datum).lower() in text.lower()})
    assert not found
