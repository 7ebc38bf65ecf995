"""Browsers that are signed in: the cookie they keep, who they are, and whether a request is their own page's."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timezone
from http.cookies import CookieError

from sanic.request import Request
from sanic.response import HTTPResponse

from bot.channels.identity import who_speaks
from bot.channels.web_tokens import SignOn
from bot.config_web import WebSettings
from bot.enrollment import web_access
from bot.enrollment.audit import Actor
from bot.enrollment.database import Database
from bot.enrollment.errors import NotOnFile
from bot.enrollment.queries import Identity
from bot.enrollment.web_access import SignedIn

_CHANNEL = Actor("web chat", "system")
_LONGEST_TOKEN = 64
CSRF_HEADER = "x-csrf-token"


@dataclass(frozen=True)
class Browser:
    """A browser that is signed in.

    Attributes:
        token: what it keeps in its cookie.
        session: the session on file.
        person: who that is now, or None for an account that is linked to nobody.
    """

    token: str
    session: SignedIn
    person: Identity | None

    @property
    def account(self) -> str:
        """The chat account."""
        return self.session.account

    @property
    def csrf(self) -> str:
        """What the page has to send with everything that changes something; no other page can read it."""
        return hmac.new(self.token.encode(), b"csrf", hashlib.sha256).hexdigest()


class Browsers:
    """Signs browsers in and out and knows them again.

    Sessions end by the world's clock, whatever `SPARC_CLOCK` says.
    """

    def __init__(self, settings: WebSettings, database: Database) -> None:
        self._settings = settings
        self._database = database
        # A name with this prefix is taken over TLS alone, and from no neighbouring host.
        self._cookie = "__Host-sparc" if settings.secure else "sparc"

    async def known(self, request: Request, used: bool = True) -> Browser | None:
        """The browser that sent a request, if it is signed in.

        Args:
            used: whether the request counts as use, which keeps the session alive.
        """
        try:
            token = request.cookies.get(self._cookie)
        except CookieError:  # a name that no cookie can have, among whatever else the browser sent
            return None
        if token is None or not _is_secret(token):
            return None
        now = _now()
        async with self._database.session() as session:
            found = await web_access.find_session(session, token, now, self._settings.idle)
        if found is None:
            return None
        person = await who_speaks(self._database, found.account, found.role)
        if used and found.stale:
            async with self._database.writing(_CHANNEL, "web session used") as session:
                await web_access.keep_session(session, token, now)
                await session.commit()
        return Browser(token, found, person)

    async def by_link(self, secret: str) -> str | None:
        """Signs in by an administrator's link; the new session's token, or None where the link is not valid."""
        if not _is_secret(secret):
            return None
        now = _now()
        async with self._database.session() as session:
            if not await web_access.link_is_known(session, secret):
                return None  # a guess takes no writer's lock
        try:
            async with self._database.writing(_CHANNEL, "web sign-in by link") as session:
                account = await web_access.use_link(session, secret, now, self._settings.demo)
                token = await web_access.open_session(session, account, None, now, self._settings.lifetime)
                await session.commit()
        except NotOnFile:
            return None
        return token

    async def by_portal(self, sign_on: SignOn) -> str | None:
        """Signs in who the portal vouches for; None where its token was used before.

        A staff role that is claimed for a participant's account opens nothing.
        """
        now = _now()
        person = await who_speaks(self._database, sign_on.account)
        if sign_on.role is not None and person is not None and person.kind == "participant":
            return None
        try:
            async with self._database.writing(_CHANNEL, "web sign-in by portal") as session:
                await web_access.use_token(
                    session, sign_on.issuer, sign_on.identifier, sign_on.account, now, sign_on.expires_at
                )
                lifetime = self._settings.lifetime
                token = await web_access.open_session(session, sign_on.account, sign_on.role, now, lifetime)
                await session.commit()
        except NotOnFile:
            return None
        return token

    async def sign_out(self, token: str) -> None:
        """Ends a session."""
        async with self._database.writing(_CHANNEL, "web sign-out") as session:
            await web_access.end_session(session, token)
            await session.commit()

    def give(self, response: HTTPResponse, token: str) -> None:
        """Gives the browser its cookie; no script can read it, no other site can have it sent."""
        response.cookies[self._cookie] = token
        cookie = response.cookies[self._cookie]
        cookie["path"], cookie["httponly"], cookie["samesite"] = "/", True, "Strict"
        cookie["max-age"] = int(self._settings.lifetime.total_seconds())
        if self._settings.secure:
            cookie["secure"] = True

    def take_back(self, response: HTTPResponse) -> None:
        """Takes the cookie back."""
        self.give(response, "")
        response.cookies[self._cookie]["max-age"] = 0

    def place(self, request: Request) -> str:
        """Where in the network a request comes from: its caller, or whom the hospital's outermost proxy was called by.

        What a caller itself says of earlier stations stands further left in the header, and is not looked at.
        """
        stations = [each.strip() for each in ",".join(request.headers.getall("x-forwarded-for", [])).split(",")]
        behind = self._settings.proxies
        return stations[-behind] if behind and len(stations) >= behind and stations[-behind] else str(request.ip)

    def own_page(self, request: Request) -> bool:
        """Whether a request comes from the chat page itself; browsers name the page that posts."""
        return self._origin(request) == self._own_origin(request)

    def portal_page(self, request: Request) -> bool:
        """Whether a request comes from the portal, or from the chat page itself."""
        return self._origin(request) in self._settings.senders or self.own_page(request)

    def authentic(self, request: Request, browser: Browser) -> bool:
        """Whether a request that changes something was made by the page that this browser is signed in on."""
        given = request.headers.get(CSRF_HEADER, "")
        return self.own_page(request) and hmac.compare_digest(given.encode(), browser.csrf.encode())

    def _origin(self, request: Request) -> str | None:
        values = request.headers.getall("origin", [])
        return values[0] if len(values) == 1 else None

    def _own_origin(self, request: Request) -> str:
        # Without a set origin (demo mode) the name by which the browser called: a foreign page has another one.
        return self._settings.origin or f"http://{request.headers.get('host', '')}"


def _is_secret(given: str) -> bool:
    """Whether a text can be one of the random secrets that are handed out here."""
    return 0 < len(given) <= _LONGEST_TOKEN and given.isascii()


def _now() -> datetime:
    return datetime.now(timezone.utc)
