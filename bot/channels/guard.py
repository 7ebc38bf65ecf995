"""What may pass: bodies of the contract's form, text that is only text, and not too much of it."""

from __future__ import annotations

import hashlib
import json
import re
import time
import unicodedata
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

#: In a room with others many accounts may write: together as much as so many accounts alone.
ROOM_SHARE = 4
#: The contract's bound on a request's body.
MAX_BODY_BYTES = 16 * 1024
_MAX_NAME = 128
#: Control and format characters that chat text has no use for; tab and newline stay.
_KEPT_CONTROLS = frozenset("\t\n")
_PAYLOAD = re.compile(r"^[\s/]*/")
#: More signs in a row that are neither letters nor figures nobody writes, and what reads text takes the square of such
#: a length for some of its questions.
_ENDLESS = re.compile(r"([\W_]{200})[\W_]+")


class BadBody(ValueError):
    """A body that is not of the contract's form; the message names the field and what was expected."""


@dataclass(frozen=True)
class Inbound:
    """A verified request's body.

    Attributes:
        account: the chat account that wrote, as the hospital's chat knows it.
        conversation: the room.
        direct: whether nobody else is in the room.
        text: what was written, cleaned.
        body_hash: of the raw body; a message is the same only if it is the same to the letter.
    """

    account: str
    conversation: str
    direct: bool
    text: str
    body_hash: str


def parse_body(body: bytes) -> Inbound:
    """Reads a body.

    Raises:
        BadBody: no UTF-8, no JSON object, or a field missing or of the wrong kind.
    """
    try:
        data = json.loads(body.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise BadBody("body: expected UTF-8") from None
    except BadBody:
        raise
    except (ValueError, RecursionError):  # ValueError also for a number of more digits than Python converts
        raise BadBody("body: expected a JSON object") from None
    if not isinstance(data, dict):
        raise BadBody("body: expected a JSON object")
    direct = data.get("direct")
    if not isinstance(direct, bool):
        raise BadBody("direct: expected true or false")
    text = data.get("text")
    if not isinstance(text, str):
        raise BadBody("text: expected a string")
    cleaned = clean_text(text)
    if not cleaned:
        raise BadBody("text: expected something written")
    return Inbound(
        account=_name(data, "account"),
        conversation=_name(data, "conversation"),
        direct=direct,
        text=cleaned,
        body_hash=hashlib.sha256(body).hexdigest(),
    )


def clean_text(text: str) -> str:
    """The text without control and invisible characters or endless runs of signs, and never an intent payload.

    Rasa takes a text that begins with '/' for an intent chosen by the writer; here it is only ever text.
    """
    kept = "".join(
        character
        for character in text.replace("\r\n", "\n").replace("\r", "\n")
        if character in _KEPT_CONTROLS or unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Co"}
    )
    return _PAYLOAD.sub("", _ENDLESS.sub(r"\1", kept)).strip()


def _name(data: dict[str, Any], field: str) -> str:
    value = data.get(field)
    if not is_name(value):
        raise BadBody(f"{field}: expected 1 to {_MAX_NAME} printable characters")
    return str(value)


def is_name(value: Any) -> bool:
    """Whether it can name an account or a room: 1 to 128 printable characters, no blanks around them."""
    return isinstance(value, str) and 0 < len(value) <= _MAX_NAME and value == value.strip() and value.isprintable()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise BadBody(f"{_shown(key)}: expected once, found twice")
        found[key] = value
    return found


def _shown(key: str) -> str:
    """A field's name fit for an error: no control characters, no lone surrogates, not all of a long one."""
    return "".join(character if character.isprintable() else "?" for character in key[:40]) or "body"


def _no_constant(name: str) -> None:
    raise BadBody(f"body: expected JSON, found {name}")


class RateLimit:
    """A token bucket for each account: `rate` messages a minute, in bursts of at most half as many.

    Args:
        rate: messages a minute; 0 is no limit.
        clock: seconds that only ever rise.
        burst: the greatest burst, where it is another than half of `rate`.
    """

    #: Accounts remembered at most; the longest silent one is forgotten first, whose bucket is full again by then.
    CAPACITY = 50_000

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic, burst: float | None = None) -> None:
        self._per_second = rate / 60
        self._burst = max(1.0, rate / 2 if burst is None else burst)
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, account: str) -> float:
        """Takes one message; 0 where it may pass, else the seconds until the next may (then nothing is taken)."""
        if not self._per_second:
            return 0.0
        now = self._clock()
        tokens, seen = self._buckets.pop(account, (self._burst, now))
        tokens = min(self._burst, tokens + (now - seen) * self._per_second)
        allowed = tokens >= 1.0
        self._buckets[account] = (tokens - 1.0 if allowed else tokens, now)
        while len(self._buckets) > self.CAPACITY:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1.0 - tokens) / self._per_second

    async def admit(self, account: str) -> float:
        """`wait`, for channels: several servers may share one limit, see `bot.channels.shared_rate`."""
        return self.wait(account)

    async def put_back(self, account: str) -> None:
        """`give_back`, for channels."""
        self.give_back(account)

    async def close(self) -> None:
        """Closes what it holds open."""

    def give_back(self, account: str) -> None:
        """Puts one message back that `wait` had let pass and that turned out to be a repetition."""
        if account in self._buckets:
            tokens, seen = self._buckets[account]
            self._buckets[account] = (min(self._burst, tokens + 1.0), seen)
