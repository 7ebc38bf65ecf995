"""The web chat's routes on a loopback port, before the demonstration's database, and browsers without a window."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
from sanic import Sanic
from sanic.request import Request
from sanic.response import HTTPResponse

from bot.channels.guard import RateLimit
from bot.channels.intake import Alarming, OnMessage
from bot.channels.web import _SIGN_INS, WebInput
from bot.channels.web_files import add_security_headers
from bot.channels.web_tokens import KeyRing, PortalTokens
from bot.config import Settings
from bot.config_web import WebSettings
from bot.enrollment.database import Database
from bot.trial.protocol import load_protocol
from tests.helpers.portal import Key, Portal

from .conftest import SECRET, StillTime, serving

PORTAL = "https://portal.hospital.example"
#: Outside a browser nobody forbids a request to send any of these.
_JSON = "application/json"


class Conversations:
    """Stands where the conversations' store stands: keeps the turns of a bot, and who asked for which conversation."""

    def __init__(self, bot: OnMessage) -> None:
        self._bot = bot
        self.events: dict[str, list[tuple[int, dict[str, Any]]]] = {}
        self.asked: list[str] = []

    async def hear(self, message: Any) -> None:
        """Lets the bot answer, and keeps both messages."""
        mine = self.events.setdefault(message.sender_id, [])
        before = len(message.output_channel.messages)
        await self._bot(message)
        common = {"timestamp": 1781053200.0}
        said = [{"event": "user", "text": message.text, "message_id": message.message_id}]
        for answer in message.output_channel.messages[before:]:
            said.append({"event": "bot", "text": answer["text"], "data": {"custom": answer["custom"]}})
        for event in said:
            mine.append((len(mine) + 1, {**common, **event}))

    async def read(self, sender: str, before: int | None, most: int) -> list[tuple[int, dict[str, Any]]]:
        """The last events of a conversation."""
        self.asked.append(sender)
        found = [each for each in self.events.get(sender, []) if before is None or each[0] < before]
        return found[-most:]


@dataclass
class Reply:
    """What came back."""

    status: int
    headers: Any
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)

    @property
    def cookies(self) -> str:
        """What the reply wants the browser to keep."""
        return "\n".join(self.headers.getall("Set-Cookie", []))


@dataclass
class Tab:
    """A browser that is signed in (or is not, where `cookie` is None)."""

    page: Page
    cookie: str | None = None
    csrf: str | None = None

    async def get(self, path: str, **headers: str) -> Reply:
        return await self.page.request("GET", path, None, self._headers() | headers)

    async def post(self, path: str, body: Any, headers: dict[str, str | None] | None = None) -> Reply:
        """A request as the page makes it; headers that are None are left out."""
        given: dict[str, str | None] = {"Origin": self.page.origin, "Content-Type": _JSON, **self._headers()}
        if self.csrf is not None:
            given["X-CSRF-Token"] = self.csrf
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.page.request("POST", path, sent, _kept({**given, **(headers or {})}))

    async def say(self, text: str, identifier: str | None = None, **headers: str | None) -> Reply:
        return await self.post("message", {"id": identifier or new_id(), "text": text}, headers)

    def _headers(self) -> dict[str, str]:
        return {} if self.cookie is None else {"Cookie": f"{self.page.cookie_name}={self.cookie}"}


class Page:
    """The page's address."""

    def __init__(self, address: str, settings: WebSettings, portal: Portal, conversations: Conversations) -> None:
        self.address = address
        self.origin = settings.origin or address
        self.cookie_name = "__Host-sparc" if settings.secure else "sparc"
        self.portal = portal
        self.conversations = conversations

    def nobody(self) -> Tab:
        return Tab(self)

    async def sign_in(self, account: str, **claims: Any) -> Tab:
        """A browser that the portal has handed over."""
        return await self.signed_in(await self.nobody().post("sign-in", {"token": self.portal.sign(account, **claims)}))

    async def signed_in(self, reply: Reply) -> Tab:
        """The browser that got this reply to its signing in."""
        assert reply.status == 200, reply.text
        cookie = reply.cookies.partition("=")[2].partition(";")[0]
        tab = Tab(self, cookie)
        return replace(tab, csrf=(await tab.get("session")).body["csrf"])

    async def request(self, method: str, path: str, body: bytes | None, headers: Any) -> Reply:
        """Any request below /chat, or of another place where the path begins with a slash."""
        where = path if path.startswith("/") else f"/chat/{path}"
        async with (
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.request(
                method,
                self.address + where,
                data=body,
                headers=headers,
                allow_redirects=False,
                skip_auto_headers=["Content-Type"],
            ) as reply,
        ):
            return Reply(reply.status, reply.headers, await reply.text())


@dataclass
class Given:
    """What a test decides about the page.

    Attributes:
        settings: changes of the web chat's settings.
        environment: variables of the environment.
        keys: the portal's keys.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    keys: list[Key] = field(default_factory=lambda: [Key()])


@contextlib.asynccontextmanager
async def page_of(
    database: Database, bot: OnMessage, alarming: Alarming, given: Given | None = None, limit: RateLimit | None = None
) -> AsyncIterator[Page]:
    """The routes as the chat server has them."""
    given = given or Given()
    portal = Portal(given.keys)
    portal.address = PORTAL
    variables = {**portal.settings(), "SPARC_WEBHOOK_SECRET": SECRET, **given.environment}
    web = Settings.from_environment(variables).web
    assert web is not None
    web = replace(web, **given.settings)
    conversations = Conversations(bot)
    channel = WebInput(
        web, SECRET, database, limit or RateLimit(0), alarming, conversations.read, load_protocol(), ("021-5550", "120")
    )

    async def fetch() -> dict[str, Any]:
        portal.asked += 1
        return {"keys": [key.public for key in portal.keys]}

    channel._sign_ins = RateLimit(_SIGN_INS, StillTime())
    if web.portal is not None:
        channel._tokens = PortalTokens(web.portal, KeyRing(fetch))
    app = Sanic(f"web_{uuid.uuid4().hex}", configure_logging=False)
    app.config.KEEP_ALIVE_TIMEOUT = 1
    app.blueprint(channel.blueprint(conversations.hear), url_prefix=WebInput.address)

    @app.on_response
    async def protect(_request: Request, answer: HTTPResponse) -> None:
        add_security_headers(answer, web.secure)

    async with serving(app) as address:
        yield Page(address, web, portal, conversations)


def new_id() -> str:
    """A message's id, as the page makes one."""
    return uuid.uuid4().hex


def _kept(headers: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if value is not None}
