"""Fuzzed requests at every endpoint of both servers, made by schemathesis from `docs/openapi.yml`.

`.venv/bin/python -m benchmarks.fuzz --requests 100000` runs it in full; a test runs it short. Signed endpoints get fuzzed
bodies with good signatures too, pages with and without a session, the action server with its token. What it demands: no 500, no
answer that takes long, nothing of the program's inside in a body, and servers that are as well and as small afterwards.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import random
import secrets
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from benchmarks.stack import Stack
from bot.clock import Clock
from bot.config import ROOT
from bot.enrollment import web_access
from bot.enrollment.audit import Actor
from bot.enrollment.database import Database

#: An answer that takes longer hangs.
_HANG_SECONDS = 30.0
#: Growth of a server's memory beyond what it had after warming up, as a factor.
_GROWTH = 1.25
_HOMESERVER = secrets.token_hex(16)
_INSIDE = (b"Traceback", b"site-packages", b"/bot/", b"/actions/", b"sqlalchemy", b"asyncpg", b"Error:")


class FuzzFailed(AssertionError):
    """A server answered what it must not."""


@dataclass
class Report:
    """What was sent and what came back.

    Attributes:
        statuses: by operation and status.
        slowest: seconds of the slowest answer.
        memory: of each server, in MiB: after warming up and at the end.
    """

    requests: int = 0
    statuses: dict[str, Counter[int]] = field(default_factory=dict)
    slowest: float = 0.0
    memory: dict[str, tuple[int, int]] = field(default_factory=dict)


#: Bodies that are no JSON of the described form at all.
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=12), children, max_size=4),
    max_leaves=12,
)
_names = st.sampled_from(["demo.wu", "demo.nurse", "stranger", "", " a", "x" * 129, "\u202e", "demo.wu\n", None, 7])
_texts = st.text() | st.sampled_from(
    [
        "/restart",
        '/ask{"x": 1}',
        "\x00",
        "\ud800",
        "{",
        "I have chest pain",
        "T-1",
        "P-0003?",
        "x" * 5000,
        "03/07",
        "１２",
    ]
)
_messages = st.fixed_dictionaries(
    {}, optional={"account": _names, "conversation": _names, "direct": st.booleans() | _json, "text": _texts | _json}
)
_bodies = st.one_of(
    _messages.map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass")),
    _json.map(lambda value: json.dumps(value).encode("utf-8", "surrogatepass")),
    st.binary(max_size=300),
    st.sampled_from(
        [b"", b"[" * 5000, b"{" * 500, b"1" * 6000, b'{"a":1,"a":2}', b"\xef\xbb\xbf{}", b"x" * 17_000, b"NaN"]
    ),
)


class Fuzzer:
    """Sends cases to a running stack."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._session = requests.Session()
        self._session.trust_env = False
        self._schema = schemathesis.openapi.from_path(str(ROOT / "docs" / "openapi.yml"))
        self._chat = f"http://127.0.0.1:{stack.chat_ports[0]}"
        self._actions = f"http://127.0.0.1:{stack.action_ports[0]}"
        self._signed_in: dict[str, str] | None = None
        self.report = Report()

    def run(self, total: int) -> Report:
        """Sends about `total` requests.

        Raises:
            FuzzFailed: see the module.
        """
        operations: list[Any] = [found.ok() for found in self._schema.get_all_operations() if isinstance(found, Ok)]
        self._raw(max(20, total // 100))
        before = self._memory()
        each = max(2, total // (20 * 2 * len(operations)))
        for operation in operations:
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                with contextlib.suppress(Unsatisfiable):  # there is nothing to get wrong about it
                    self._described(operation, mode, each)
        self._anything(total // 4, sorted({operation.path for operation in operations}))
        # The signed endpoints get the rest, about half of all: they are what faces another program.
        while self.report.requests < total:
            self._raw(total - self.report.requests)
        self._check_memory(before)
        return self.report

    def _anything(self, count: int, paths: list[str]) -> None:
        """Any method at any address with any headers."""
        addresses = (
            st.sampled_from(paths) | st.text(max_size=30) | st.sampled_from(["/..%2f", "/%00", "//", "/chat/../"])
        )
        headers = st.dictionaries(
            st.sampled_from(
                ["Authorization", "Cookie", "Origin", "X-Request-ID", "Content-Type", "X-CSRF-Token", "Host"]
            ),
            st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=40)
            | st.sampled_from(["Bearer ", "sparc=x", "null", "application/json", "a" * 4000]),
            max_size=3,
        )
        query = st.text(max_size=30)

        @_settings(max(1, count // len(_METHODS)))
        @given(addresses, query, headers, _bodies, st.booleans())
        def send(path: str, query: str, headers: dict[str, str], body: bytes, chat: bool) -> None:
            url = f"{self._chat if chat else self._actions}/{quote(path.lstrip('/'), safe='/%{}')}?{quote(query)}"
            for method in _METHODS:
                one(method, url, headers, body)

        def one(method: str, url: str, headers: dict[str, str], body: bytes) -> None:
            try:
                request = requests.Request(method, url, headers=_latin(headers), data=body)
                prepared = self._session.prepare_request(request)
            except (requests.RequestException, UnicodeError, ValueError):
                return  # what no client can send
            self._deliver("anything", prepared)

        send()

    def _raw(self, count: int) -> None:
        """Any body with a good signature, at both signed endpoints."""
        paths = ("/webhooks/hospital/webhook", "/webhooks/oncall/acknowledge")

        @_settings(max(1, count // (_MUTATIONS + 1)))
        @given(body=_bodies, path=st.sampled_from((paths[0], paths[0], paths[0], paths[1])), chance=st.randoms())
        def send(body: bytes, path: str, chance: random.Random) -> None:
            for each in (body, *(_mutated(body, chance) for _ in range(_MUTATIONS))):
                self._send(f"signed {path}", "POST", self._chat + path, data=each, headers=self._signed(each))

        send()

    def _described(self, operation: Any, mode: GenerationMode, count: int) -> None:
        """What the description makes of an operation, with and without what opens it."""
        base = self._actions if operation.path == "/webhook" else self._chat

        @_settings(count)
        @given(case=operation.as_strategy(generation_mode=mode), opened=st.booleans())
        def send(case: Any, opened: bool) -> None:
            given_ = case.as_transport_kwargs(base_url=base)
            prepared = requests.Request(**{key: given_[key] for key in _REQUEST if key in given_})
            try:
                request = self._session.prepare_request(prepared)
            except (requests.RequestException, UnicodeError, ValueError):
                return  # what no client can send
            if opened:
                self._open(operation.path, request)
            self._deliver(f"{operation.method.upper()} {operation.path}", request)

        send()

    def _open(self, path: str, request: requests.PreparedRequest) -> None:
        """Adds what lets the request in."""
        given_: Any = request.body or b""
        body: bytes = given_ if isinstance(given_, bytes) else str(given_).encode("utf-8", "replace")
        if path.startswith("/webhooks/"):
            request.headers.update(self._signed(body))
        elif path == "/webhook":
            request.headers["Authorization"] = f"Bearer {self._stack.settings.action_token()}"
        elif path.startswith("/_matrix/"):
            request.headers["Authorization"] = f"Bearer {_HOMESERVER}"
        elif path == "/metrics":
            request.headers["Authorization"] = f"Bearer {self._stack.settings.metrics_token()}"
        elif path in ("/chat/sign-in", "/chat/sign-out"):
            request.headers["Origin"] = self._chat
        elif path.startswith("/chat/"):
            request.headers.update(self._page())

    def _page(self) -> dict[str, str]:
        """The headers of a page that is signed in as a nurse."""
        if self._signed_in is None:
            secret = asyncio.run(_link(self._stack, "demo.nurse"))
            origin = {"Origin": self._chat}
            reply = requests.post(f"{self._chat}/chat/sign-in", json={"link": secret}, headers=origin, timeout=30)
            if reply.status_code != 200:
                raise FuzzFailed(f"could not sign in: {reply.status_code}")
            cookie = "; ".join(f"{name}={value}" for name, value in reply.cookies.items())
            about = requests.get(f"{self._chat}/chat/session", headers={"Cookie": cookie}, timeout=30).json()
            self._signed_in = {**origin, "Cookie": cookie, "X-CSRF-Token": about["csrf"]}
        return self._signed_in

    def _signed(self, body: bytes) -> dict[str, str]:
        identifier, moment = f"msg_{secrets.token_hex(12)}", str(int(time.time()))
        key = base64.b64decode(self._stack.secret.removeprefix("whsec_"))
        digest = hmac.new(key, f"{identifier}.{moment}.".encode() + body, hashlib.sha256).digest()
        return {
            "webhook-id": identifier,
            "webhook-timestamp": moment,
            "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
            "content-type": "application/json",
        }

    def _send(self, name: str, method: str, url: str, **more: Any) -> None:
        self._deliver(name, self._session.prepare_request(requests.Request(method, url, **more)))

    def _deliver(self, name: str, request: requests.PreparedRequest) -> None:
        began = time.perf_counter()
        try:
            reply = self._session.send(request, timeout=_HANG_SECONDS, allow_redirects=False)
        except requests.Timeout:
            raise FuzzFailed(f"{name}: no answer in {_HANG_SECONDS:.0f} s") from None
        except requests.ConnectionError:
            # A header that HTTP does not know makes a server hang up; that is an answer too, if it is still there.
            self._session.close()
            self._must_live(name)
            self._count(name, 0)
            return
        except (UnicodeError, ValueError):
            return  # what no client can send
        self.report.slowest = max(self.report.slowest, time.perf_counter() - began)
        self._count(name, reply.status_code)
        if reply.status_code >= 500 and not (reply.status_code == 503 and "retry-after" in reply.headers):
            logs = sorted(self._stack.folder.glob("*-0.log"))
            said = [log.read_text(errors="replace").splitlines()[-2:] for log in logs]
            raise FuzzFailed(f"{name}: {reply.status_code} {reply.content[:200]!r}; the logs end with {said}")
        if reply.status_code >= 400 and any(mark in reply.content for mark in _INSIDE):
            raise FuzzFailed(f"{name}: an error shows what is inside: {reply.content[:200]!r}")

    def _must_live(self, name: str) -> None:
        for base in (self._chat, self._actions):
            if requests.get(f"{base}/health/live", timeout=_HANG_SECONDS).status_code != 200:
                raise FuzzFailed(f"{name}: the server is not well afterwards")

    def _count(self, name: str, status: int) -> None:
        self.report.requests += 1
        self.report.statuses.setdefault(name, Counter())[status] += 1

    def _memory(self) -> dict[str, int]:
        found = {}
        for process in (*self._stack.actions, *self._stack.chats):
            assert process.popen is not None
            found[process.name] = psutil.Process(process.popen.pid).memory_info().rss >> 20
        return found

    def _check_memory(self, before: dict[str, int]) -> None:
        after = self._memory()
        self.report.memory = {name: (before[name], after[name]) for name in before}
        grown = {name: pair for name, pair in self.report.memory.items() if pair[1] > pair[0] * _GROWTH}
        if grown:
            raise FuzzFailed(f"memory has grown: {grown}")


async def _link(stack: Stack, account: str) -> str:
    """A secret that signs the account in once."""
    async with (
        Database(stack.settings.database_url, stack.settings.clock) as database,
        database.writing(Actor("fuzz", "administrator"), "fuzz: sign-in link") as session,
    ):
        secret = await web_access.make_link(session, account, Clock().now(), timedelta(hours=1))
        await session.commit()
    return str(secret)


def _latin(headers: dict[str, str]) -> dict[str, bytes]:
    return {name: value.strip().encode("latin-1") for name, value in headers.items()}


_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD")
#: Bodies that are sent beside each one that hypothesis makes: the same with some bytes changed.
_MUTATIONS = 9


def _mutated(body: bytes, chance: random.Random) -> bytes:
    """The body with a piece cut out, doubled or overwritten."""
    if not body:
        return bytes([chance.randrange(256)])
    start = chance.randrange(len(body))
    end = min(len(body), start + chance.randrange(1, 9))
    piece = chance.choice(
        (b"", body[start:end] * 2, bytes(chance.randrange(256) for _ in range(end - start)), b'"', b"\\u")
    )
    return body[:start] + piece + body[end:]


_REQUEST = ("method", "url", "headers", "params", "data", "json", "files", "cookies")


def _settings(count: int) -> Any:
    return hypothesis_settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=False,
    )


def main() -> int:
    """Runs it and prints the report as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sparc-fuzz-") as folder, stack_for_fuzzing(Path(folder) / "s") as stack:
        report = Fuzzer(stack).run(options.requests)
    statuses = {name: dict(counts) for name, counts in report.statuses.items()}
    shown = {"requests": report.requests, "slowest_s": round(report.slowest, 2), "memory_mb": report.memory}
    print(json.dumps({**shown, "statuses": statuses}, indent=1))
    return 0


def stack_for_fuzzing(folder: Path) -> Stack:
    """One server of each kind on SQLite, with the on-call system's way back and the homeserver's open."""
    alerts = {
        "SPARC_MATRIX_HOMESERVER": "http://127.0.0.1:9",  # nobody is there: what is said into rooms is lost
        "SPARC_MATRIX_SERVER_NAME": "hospital.example",
        "SPARC_MATRIX_HS_TOKEN": _HOMESERVER,
        "SPARC_MATRIX_AS_TOKEN": secrets.token_hex(16),
        "SPARC_ALERT_LINE": "none",
        "SPARC_ALERT_SECRET": "whsec_c3RhY2sgb2YgdGhlIGRyaWxscyBhbmQgdGVzdHM=",
    }
    return Stack(folder, sqlite=True, settings=alerts)


if __name__ == "__main__":
    sys.exit(main())
