"""The routes by which a homeserver hands over its events: stored first, answered 200 at once, worked on afterwards."""

from __future__ import annotations

import asyncio
import hmac
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import unquote

import structlog
from sanic import Blueprint, response
from sanic.request import Request
from sanic.response import HTTPResponse

from bot.alerts.push import Recipient
from bot.channels.inbox import PAUSES, Later, RoomQueues
from bot.channels.matrix.client import MatrixClient, Refused
from bot.channels.matrix.events import BadTransaction, events_of
from bot.channels.matrix.registration import REGISTRATION_ID
from bot.channels.matrix.service import CHANNEL
from bot.enrollment.audit import Actor
from bot.enrollment.database import Database
from bot.enrollment.inbox import take_in
from bot.logs import place_of

#: A transaction holds at most 100 events of at most 64 KiB.
_LARGEST_BODY = 16 * 1024 * 1024
_ACTOR = Actor("matrix channel", "system")
_log = structlog.get_logger(__name__)


Push = Callable[[Recipient, Mapping[str, Any]], Awaitable[bool]]


class MatrixChannel:
    """The application service.

    Args:
        hs_token: by which the homeserver shows that it is the homeserver.
        user_id: the assistant's own.
        display_name: what people see instead of it.
    """

    def __init__(
        self,
        hs_token: str,
        user_id: str,
        client: MatrixClient,
        database: Database,
        queues: RoomQueues,
        push: Push,
        display_name: str = "SPARC Assistant",
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self._bearer = f"Bearer {hs_token}".encode()
        self._user = user_id
        self._client = client
        self._database = database
        self._queues = queues
        self._push = push
        self._display_name = display_name
        self._sleep = sleep
        self._greeting: asyncio.Task[None] | None = None

    def blueprint(self) -> Blueprint:
        """The routes, below the server's root."""
        routes = Blueprint("matrix", url_prefix="/_matrix/app/v1")

        @routes.put("/transactions/<number:str>", stream=True)
        async def transaction(request: Request, number: str) -> HTTPResponse:
            refused = self._refusal(request)
            if refused is not None:
                return refused
            if request.stream is not None:  # before the body is read; the bound of other routes stays lower
                request.stream.request_max_size = _LARGEST_BODY
            await request.receive_body()
            try:
                events = events_of(request.body, self._user)
            except BadTransaction:
                return _error(400, "M_NOT_JSON")
            await self._take_in(events)
            return response.json({})

        @routes.post("/ping")
        async def ping(request: Request) -> HTTPResponse:
            return self._refusal(request) or response.json({})

        @routes.get("/users/<user:path>")
        async def user(request: Request, user: str) -> HTTPResponse:
            known = unquote(user) == self._user
            return self._refusal(request) or (response.json({}) if known else _error(404, "M_NOT_FOUND"))

        @routes.get("/rooms/<alias:path>")
        async def room(request: Request, alias: str) -> HTTPResponse:
            return self._refusal(request) or _error(404, "M_NOT_FOUND")

        return routes

    async def start(self) -> None:
        """Takes up what an earlier process left, and looks for the homeserver in the background."""
        left = await self._queues.resume()
        _log.info("matrix channel started", waiting=left)
        self._greeting = asyncio.create_task(self._greet())

    async def stop(self) -> None:
        """Stops; what is not done waits in the database."""
        if self._greeting is not None:
            self._greeting.cancel()
            await asyncio.gather(self._greeting, return_exceptions=True)
        await self._queues.stop()
        await self._client.close()

    @classmethod
    def name(cls) -> str:
        """The channel's name, which its conversations' ids begin with."""
        return CHANNEL

    async def push(self, recipient: Recipient, message: Mapping[str, Any]) -> bool:
        """Says something unasked, see `bot.alerts.push`."""
        return await self._push(recipient, message)

    async def _take_in(self, events: list[Any]) -> None:
        if not events:
            return
        async with self._database.writing(_ACTOR, "events") as session:
            fresh = await take_in(session, CHANNEL, events)
            await session.commit()
        self._queues.put(fresh)

    async def _greet(self) -> None:
        """Checks the way to the homeserver and back, and says in the log what is wrong with it."""
        for failures in range(1_000_000):
            try:
                await self._client.ping(REGISTRATION_ID, uuid.uuid4().hex)
            except Later as later:
                _log.warning("homeserver not ready", why=str(later))
            except Refused as refused:
                _log.warning("homeserver not ready", why=str(refused))
            except Exception as error:
                _log.error("homeserver not ready", where=place_of(error))
            else:
                _log.info("homeserver ready")
                await self._call_myself()
                return
            await self._sleep(PAUSES[min(failures, len(PAUSES) - 1)])

    async def _call_myself(self) -> None:
        """Sets the name that people see; a homeserver that does not allow it is no reason not to answer."""
        try:
            await self._client.set_display_name(self._display_name)
        except Exception as error:
            _log.warning("name not set", where=place_of(error)[:1])

    def _refusal(self, request: Request) -> HTTPResponse | None:
        given = request.headers.getall("authorization", [])
        if len(given) == 1 and hmac.compare_digest(given[0].encode("utf-8", "replace"), self._bearer):
            return None
        return _error(403, "M_FORBIDDEN") if given else _error(401, "M_MISSING_TOKEN")


def _error(status: int, errcode: str) -> HTTPResponse:
    return response.json({"errcode": errcode, "error": "refused"}, status=status)
