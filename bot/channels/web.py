"""The web chat: the page, signing in and out, messages, what was said before, calendar files. All below /chat.

Who speaks comes from the session alone, the conversation's id from who speaks; see docs/web.md.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Callable
from typing import Any

import structlog
from rasa.core.channels.channel import InputChannel
from sanic import Blueprint, response
from sanic.request import Request
from sanic.response import HTTPResponse

from bot.channels.exchange import Exchange, Turn
from bot.channels.guard import MAX_BODY_BYTES, RateLimit, clean_text
from bot.channels.intake import Alarming, Intake, OnMessage, refusal
from bot.channels.web_browser import Browser, Browsers
from bot.channels.web_files import load_files
from bot.channels.web_history import PAGE_EVENTS, History, calendar_file, entries_of, shown_reply, with_files
from bot.channels.web_tokens import KeysUnavailable, PortalTokens, TokenError, key_ring
from bot.config_web import WebSettings
from bot.enrollment import messages, writes
from bot.enrollment.database import Database
from bot.enrollment.messages import MessageKey
from bot.trial.protocol import Protocol

_log = structlog.get_logger(__name__)
#: All of an account's browsers are one conversation.
_ROOM = "web"
_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]{16,64}\Z")
_NUMBER = re.compile(r"[0-9]{1,15}\Z")
#: Requests a minute and account that read, and sign-ins a minute and place of the network.
_READS, _SIGN_INS = 240, 120


class WebInput(InputChannel):  # type: ignore[misc]
    """The page and its requests.

    Args:
        secret: keys the conversations' ids.
        history: reads a conversation from the store.
        protocol: names the criteria on the page.
        telephone: the team's and the emergency number, shown where the assistant cannot be reached.
    """

    #: Where the channel is, unlike those of other chats.
    address = "/chat"

    def __init__(
        self,
        settings: WebSettings,
        secret: str,
        database: Database,
        limit: RateLimit,
        alarming: Alarming,
        history: History,
        protocol: Protocol,
        telephone: tuple[str, str],
    ) -> None:
        self._settings = settings
        self._database = database
        self._exchange = Exchange(self.name(), secret, database, alarming)
        self._intake = Intake("web chat", database, limit, alarming)
        self._history = history
        self._telephone = {"team": telephone[0], "emergency": telephone[1]}
        self._browsers = Browsers(settings, database)
        self._tokens = None if settings.portal is None else PortalTokens(settings.portal, key_ring(settings.portal))
        self._reads, self._sign_ins = RateLimit(_READS), RateLimit(_SIGN_INS)
        self._files = load_files()
        self._titles = {each.id: {"en": each.title.en, "zh": each.title.zh} for each in protocol.criteria}

    @classmethod
    def name(cls) -> str:
        """The channel's name in Rasa's events."""
        return "web"

    def blueprint(self, on_new_message: OnMessage) -> Blueprint:
        """The routes of the channel."""
        web = Blueprint("web_chat")
        for name in self._files:
            web.add_route(self._file_handler(name), f"/{name}", methods=["GET"], name=f"file_{name or 'page'}")

        @web.get("/criteria")
        async def criteria(_request: Request) -> HTTPResponse:
            return _json(self._titles, headers={"Cache-Control": "max-age=300"})

        @web.get("/session")
        async def session(request: Request) -> HTTPResponse:
            return _json(self._about(await self._browsers.known(request, used=False)))

        @web.post("/sign-in")
        async def sign_in(request: Request) -> HTTPResponse:
            return await self._sign_in(request)

        @web.post("/sign-out")
        async def sign_out(request: Request) -> HTTPResponse:
            return await self._sign_out(request)

        @web.get("/history")
        async def history(request: Request) -> HTTPResponse:
            return await self._earlier(request)

        @web.post("/message")
        async def message(request: Request) -> HTTPResponse:
            return await self._message(request, on_new_message)

        @web.get("/calendar/<identifier:str>")
        async def calendar(request: Request, identifier: str) -> HTTPResponse:
            return await self._calendar(request, identifier)

        return web

    def _file_handler(self, name: str) -> Callable[[Request], Any]:
        async def send(request: Request) -> HTTPResponse:
            return self._files[name].response(request)

        return send

    # --- signing in and out -----------------------------------------------------------------------------------

    def _about(self, browser: Browser | None) -> dict[str, Any]:
        """What the page is told about its session."""
        about: dict[str, Any] = {
            "signed_in": browser is not None,
            "telephone": self._telephone,
            "portal": self._settings.entrance,
            "demo": self._settings.demo,
        }
        if browser is None:
            return about
        person = browser.person
        return {
            **about,
            "account": browser.account,
            "kind": None if person is None else person.kind,
            "role": None if person is None else person.role,
            "participant": None if person is None else person.participant,
            "language": None if person is None else person.language,
            "csrf": browser.csrf,
            "idle_at": browser.session.idle_at.isoformat(timespec="seconds"),
            "idle_seconds": int(self._settings.idle.total_seconds()),
            "expires_at": browser.session.expires_at.isoformat(timespec="seconds"),
        }

    async def _sign_in(self, request: Request) -> HTTPResponse:
        if len(request.body) > MAX_BODY_BYTES:
            return _refused(413, "too_large")
        form = request.content_type.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded"
        if self._sign_ins.wait(self._browsers.place(request)):
            return _page("unavailable") if form else _refused(429, "too_many", retry_after=5)
        if not (self._browsers.portal_page(request) if form else self._browsers.own_page(request)):
            return _refused(403, "foreign_page")
        given = _form(request) if form else _object(request)
        try:
            token = await self._open(given)
        except KeysUnavailable:
            return _page("unavailable") if form else _refused(503, "keys", retry_after=30)
        if token is None:
            # Never which check failed; a form's sender is a person, who is shown the page and what to do.
            return _page("refused") if form else _refused(401, "sign_in")
        before = await self._browsers.known(request, used=False)
        if before is not None:
            await self._browsers.sign_out(before.token)
        answer = _page() if form else _json({"signed_in": True})
        self._browsers.give(answer, token)
        return answer

    async def _open(self, given: dict[str, Any]) -> str | None:
        """The token of a new session for a sign-on token or a link, or None where it opens nothing."""
        token, link = given.get("token"), given.get("link")
        if isinstance(link, str) and token is None:
            return await self._browsers.by_link(link)
        if not isinstance(token, str) or link is not None or self._tokens is None:
            return None
        try:
            sign_on = await self._tokens.verify(token)
        except TokenError as problem:
            _log.warning("sign-in refused", reason=str(problem))
            return None
        return await self._browsers.by_portal(sign_on)

    async def _sign_out(self, request: Request) -> HTTPResponse:
        browser = await self._browsers.known(request)
        if browser is None:
            return _refused(401, "signed_out")
        if not self._browsers.authentic(request, browser):
            return _refused(403, "foreign_page")
        await self._browsers.sign_out(browser.token)
        answer = _json({"signed_in": False})
        self._browsers.take_back(answer)
        return answer

    # --- messages ---------------------------------------------------------------------------------------------

    async def _message(self, request: Request, on_new_message: OnMessage) -> HTTPResponse:
        if len(request.body) > MAX_BODY_BYTES:
            return _refused(413, "too_large")
        browser = await self._browsers.known(request)
        if browser is None:
            return _refused(401, "signed_out")
        if not self._browsers.authentic(request, browser):
            return _refused(403, "foreign_page")
        body = _object(request)
        identifier, text = body.get("id"), body.get("text")
        if not isinstance(identifier, str) or not _IDENTIFIER.match(identifier):
            return _refused(400, "id")
        cleaned = clean_text(text) if isinstance(text, str) else ""
        if not cleaned:
            return _refused(400, "text")
        digest = hashlib.sha256(str(text).encode("utf-8", "surrogatepass")).hexdigest()
        key = MessageKey(self._message_id(browser, identifier), browser.account, digest)
        turn = Turn(browser.account, _ROOM, True, cleaned, browser.session.role, identifier)
        outcome = await self._intake.take(key, cleaned, lambda: self._exchange.answer(turn, on_new_message))
        if outcome.status != 200:
            code = {429: "too_many", 503: "not_answered"}.get(outcome.status, "failed")
            return _refused(outcome.status, code, outcome.retry_after)
        return _json({"id": identifier, "messages": shown_reply(outcome.body, identifier)})

    async def _earlier(self, request: Request) -> HTTPResponse:
        """The last messages of the conversation, or those before the one with a number."""
        browser = await self._browsers.known(request)
        if browser is None:
            return _refused(401, "signed_out")
        if self._reads.wait(browser.account):
            return _refused(429, "too_many", retry_after=2)
        given = request.args.get("before")
        if given is not None and not _NUMBER.match(given):
            return _refused(400, "before")
        before = None if given is None else int(given)
        events = await self._history(self._conversation(browser), before, PAGE_EVENTS)
        entries, more = entries_of(events), len(events) == PAGE_EVENTS
        if more:  # the page ends somewhere in a turn: begin with the first that is whole
            entries = list(itertools.dropwhile(lambda entry: entry["from"] != "person", entries))
        names = {entry["id"]: self._message_id(browser, entry["id"]) for entry in entries if entry["id"]}
        kept = await self._replies(browser, list(names.values()))
        with_files(entries, {identifier: kept[name] for identifier, name in names.items() if name in kept})
        await self._record_reading(browser, entries)
        first = entries[0]["number"] if entries else events[0][0] if events else None
        return _json({"entries": entries, "before": first if more else None})

    async def _record_reading(self, browser: Browser, entries: list[dict[str, Any]]) -> None:
        """Puts into the audit trail whose answers staff are shown again."""
        found = (entry.get("custom", {}).get("about") for entry in entries)
        about = sorted({code for code in found if isinstance(code, str)})
        if about and browser.person is not None and browser.person.kind == "staff":
            async with self._database.writing(browser.person.actor, "web chat: history") as session:
                await writes.log_read(session, about, "history")
                await session.commit()

    async def _calendar(self, request: Request, identifier: str) -> HTTPResponse:
        browser = await self._browsers.known(request)
        if browser is None:
            return _refused(401, "signed_out")
        if self._reads.wait(browser.account):
            return _refused(429, "too_many", retry_after=2)
        name = self._message_id(browser, identifier)
        kept = await self._replies(browser, [name])
        file = calendar_file(kept[name]) if _IDENTIFIER.match(identifier) and name in kept else None
        if file is None:
            return _refused(404, "no_file")
        headers = {"Content-Disposition": 'attachment; filename="visits.ics"'}
        return response.raw(file, headers=headers, content_type="text/calendar; charset=utf-8")

    async def _replies(self, browser: Browser, names: list[str]) -> dict[str, Any]:
        account = browser.account
        found: dict[str, Any] = await self._database.read(
            lambda connection: messages.stored_replies(connection, account, names)
        )
        return found

    def _conversation(self, browser: Browser) -> str:
        return self._exchange.conversation(browser.person, browser.account, _ROOM, direct=True)

    def _message_id(self, browser: Browser, identifier: str) -> str:
        """The id under which a message is kept: with a blank, which no webhook's id has, and of this conversation."""
        return f"{self._conversation(browser)} {identifier}"


def _object(request: Request) -> dict[str, Any]:
    """The JSON object of a body; empty where it is none, or not called one."""
    if request.content_type.partition(";")[0].strip().lower() != "application/json":
        return {}
    try:
        found = json.loads(request.body.decode("utf-8"))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _form(request: Request) -> dict[str, Any]:
    form = request.form or {}
    return {name: form[name][0] if len(form[name]) == 1 else None for name in ("token", "link") if name in form}


def _page(about: str = "") -> HTTPResponse:
    """Leads a person to the page, with what it is to say."""
    return response.redirect("/chat/" + (f"#{about}" if about else ""), status=303)


def _json(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> HTTPResponse:
    return response.json(data, status=status, headers=headers, ensure_ascii=False)


def _refused(status: int, code: str, retry_after: int | None = None) -> HTTPResponse:
    """A refusal by a code, which the page says in the reader's language."""
    return _json({"error": code}, status, refusal(status, code, retry_after).headers)
