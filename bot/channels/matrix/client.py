"""The client-server API of a homeserver, as far as the assistant needs it, spoken as an application service.

Plain aiohttp: of the libraries that resolve beside Rasa's pins none keeps transactions durably, and of their client side
we would use ten calls (docs/matrix.md).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp
from yarl import URL

from bot.channels.inbox import Later

_TIMEOUT = aiohttp.ClientTimeout(total=30, connect=5)
#: Rooms whose history nobody but their members, from when they were invited or joined, can read.
_PRIVATE_HISTORY = frozenset({"joined", "invited"})
#: Levels of power where a room says nothing.
_DEFAULT_STATE_LEVEL = 50
_CREATORS_ABOVE_ALL = 12
#: The longest a homeserver is believed when it says when to come again, in seconds.
_LONGEST_WAIT = 300.0
#: How far back a reply is looked for that may have been delivered.
_LOOK_BACK = 100
#: Marks a message as the reply to an event, so that it is known again after a crash of either side: a homeserver
#: remembers an application service's transactions in memory alone.
ANSWERS = "sparc.answers"


class Refused(Exception):
    """The homeserver refuses a request for good.

    Attributes:
        status: as of HTTP.
        errcode: the specification's code, such as `M_FORBIDDEN`.
    """

    def __init__(self, status: int, errcode: str) -> None:
        super().__init__(f"{status} {errcode}")
        self.status = status
        self.errcode = errcode


@dataclass(frozen=True)
class Room:
    """A room as it is right now.

    Attributes:
        others: who is in it or invited, besides the assistant.
        encrypted: whether its messages are end-to-end encrypted.
        history: `m.room.history_visibility`.
        open: whether people can join uninvited.
        may_hide_history: whether the assistant has the power to set the visibility of its history.
    """

    others: frozenset[str]
    encrypted: bool
    history: str
    open: bool
    may_hide_history: bool

    @property
    def history_is_private(self) -> bool:
        """Whether who joins later does not read what was said before."""
        return self.history in _PRIVATE_HISTORY

    @property
    def direct(self) -> bool:
        """Whether one person alone, besides the assistant, reads along: the name of a room and `is_direct` do not count."""
        return (
            len(self.others) == 1
            and self.history != "world_readable"
            and not (self.open and not self.history_is_private)
        )


class MatrixClient:
    """Speaks to one homeserver with the application service's token.

    Every call raises `Later` where the homeserver cannot be reached, fails or wants us to wait, and `Refused` where
    it says no.
    """

    def __init__(self, homeserver: str, as_token: str, user_id: str) -> None:
        self._base = homeserver
        self._token = as_token
        self._user = user_id
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def ping(self, service: str, transaction: str) -> None:
        """Has the homeserver call us, which shows that both ways and both tokens are right."""
        await self._call("POST", f"/client/v1/appservice/{_part(service)}/ping", {"transaction_id": transaction})

    async def set_display_name(self, name: str) -> None:
        """Sets the assistant's own name, where it is another: each change is an event in every room."""
        where = f"/client/v3/profile/{_part(self._user)}/displayname"
        try:
            found = await self._call("GET", where)
        except Refused:
            found = None  # none yet
        if not isinstance(found, dict) or found.get("displayname") != name:
            await self._call("PUT", where, {"displayname": name})

    async def join(self, room: str) -> None:
        """Accepts an invitation."""
        await self._call("POST", f"/client/v3/join/{_part(room)}", {})

    async def leave(self, room: str) -> None:
        """Leaves a room, or declines its invitation; one that we are not in is left already."""
        try:
            await self._call("POST", f"/client/v3/rooms/{_part(room)}/leave", {})
        except Refused as refused:
            if refused.status not in (403, 404):
                raise

    async def room(self, room: str) -> Room | None:
        """The room as it is right now; None where the assistant is not in it."""
        try:
            state = await self._call("GET", f"/client/v3/rooms/{_part(room)}/state")
        except Refused as refused:
            if refused.errcode in ("M_FORBIDDEN", "M_NOT_FOUND"):
                return None
            raise
        return _room_of(state if isinstance(state, list) else [], self._user)

    async def hide_history(self, room: str) -> None:
        """Has the room show people who join later nothing of what was said before."""
        where = f"/client/v3/rooms/{_part(room)}/state/m.room.history_visibility"
        await self._call("PUT", where, {"history_visibility": "joined"})

    async def send(self, room: str, transaction: str, content: Mapping[str, Any]) -> None:
        """Sends a message; the same transaction again sends nothing."""
        where = f"/client/v3/rooms/{_part(room)}/send/m.room.message/{_part(transaction)}"
        await self._call("PUT", where, content)

    async def answered(self, room: str, event_id: str) -> set[int]:
        """Which parts of the reply to an event are in the room already."""
        only = json.dumps({"senders": [self._user], "types": ["m.room.message"]})
        where = f"/client/v3/rooms/{_part(room)}/messages?dir=b&limit={_LOOK_BACK}&filter={_part(only)}"
        found = await self._call("GET", where)
        chunk = found.get("chunk") if isinstance(found, dict) else None
        marks = [event.get("content", {}).get(ANSWERS) for event in chunk or () if isinstance(event, dict)]
        return {
            mark["part"]
            for mark in marks
            if isinstance(mark, dict) and mark.get("event_id") == event_id and isinstance(mark.get("part"), int)
        }

    async def last_events(self, room: str) -> list[dict[str, Any]]:
        """What happened in a room last, newest first, as far as the assistant may see it."""
        found = await self._call("GET", f"/client/v3/rooms/{_part(room)}/messages?dir=b&limit={_LOOK_BACK}")
        chunk = found.get("chunk") if isinstance(found, dict) else None
        events = chunk if isinstance(chunk, list) else []
        return [{**event, "room_id": room} for event in events if isinstance(event, dict)]

    async def upload(self, data: bytes, kind: str, name: str) -> str:
        """Puts a file into the homeserver's store; returns its `mxc://` address."""
        where = f"/media/v3/upload?filename={_part(name)}"
        stored = await self._call("POST", where, data, {"Content-Type": kind})
        return str(stored["content_uri"])

    async def _call(self, method: str, where: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        if self._session is None:  # made inside the serving loop
            bearer = {"Authorization": f"Bearer {self._token}"}
            self._session = aiohttp.ClientSession(headers=bearer, timeout=_TIMEOUT)
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode("utf-8")
        url = f"{self._base}/_matrix{where}"
        try:
            # An address that is encoded already: a room's id may hold what aiohttp would encode in another way.
            async with self._session.request(method, URL(url, encoded=True), data=data, headers=headers) as reply:
                raw = await reply.read()
                return _read(reply.status, reply.headers, raw)
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
            raise Later(f"the homeserver cannot be reached ({type(error).__name__})") from error


def _read(status: int, headers: Mapping[str, str], raw: bytes) -> Any:
    try:
        content = json.loads(raw) if raw else {}
    except (ValueError, RecursionError):
        content = None
    if 200 <= status < 300 and content is not None:
        return content
    errcode = content.get("errcode") if isinstance(content, dict) else None
    if status == 429 or errcode == "M_LIMIT_EXCEEDED":
        raise Later("the homeserver wants us to wait", _seconds(content, headers))
    # A token that is not known yet or any more, and a homeserver that is starting: an administrator mends that.
    if status >= 500 or status in (401, 408, 502) or content is None or errcode == "M_UNKNOWN_TOKEN":
        raise Later(f"the homeserver answers {status}")
    raise Refused(status, str(errcode)[:40] if isinstance(errcode, str) and errcode.isascii() else "unknown")


def _seconds(content: Any, headers: Mapping[str, str]) -> float | None:
    wait: Any = content.get("retry_after_ms") if isinstance(content, dict) else None
    try:
        seconds = float(headers["Retry-After"]) if "Retry-After" in headers else float(wait) / 1000
    except (TypeError, ValueError):  # a date, or nothing
        return None
    return min(max(seconds, 0.1), _LONGEST_WAIT) if seconds == seconds else None


def _room_of(state: list[Any], own: str) -> Room | None:
    """The room that a list of state events describes."""
    others: set[str] = set()
    inside = encrypted = False
    content: dict[str, Mapping[str, Any]] = {}
    creator = ""
    for event in state:
        kind, about = event.get("type"), event.get("state_key")
        inner = event.get("content") if isinstance(event.get("content"), dict) else {}
        if kind == "m.room.member" and inner.get("membership") in ("join", "invite"):
            if about == own:
                inside = inner["membership"] == "join"
            else:
                others.add(str(about))
        elif kind == "m.room.encryption":
            encrypted = True
        elif kind == "m.room.create":
            creator = str(event.get("sender"))
            content[kind] = inner
        elif about == "":
            content[str(kind)] = inner
    if not inside:
        return None
    return Room(
        others=frozenset(others),
        encrypted=encrypted,
        history=str(content.get("m.room.history_visibility", {}).get("history_visibility", "shared")),
        open=content.get("m.room.join_rules", {}).get("join_rule") == "public",
        may_hide_history=_power(content, creator, own),
    )


def _power(content: Mapping[str, Mapping[str, Any]], creator: str, own: str) -> bool:
    levels, create = content.get("m.room.power_levels"), content.get("m.room.create", {})
    version, more = str(create.get("room_version", "1")), create.get("additional_creators")
    # From version 12 on those who made a room may do everything; before, it is the levels that say so.
    above_all = version.isdigit() and int(version) >= _CREATORS_ABOVE_ALL
    if (levels is None or above_all) and (creator == own or (isinstance(more, list) and own in more)):
        return True
    if levels is None:
        return False
    users, events = levels.get("users") or {}, levels.get("events") or {}
    needed = events.get("m.room.history_visibility", levels.get("state_default", _DEFAULT_STATE_LEVEL))
    mine = users.get(own, levels.get("users_default", 0))
    return isinstance(mine, int) and isinstance(needed, int) and mine >= needed


def _part(text: str) -> str:
    return quote(text, safe="")
