"""What belongs to one request from the channel to the database: its id, and where its time went.

The id stands in every log line of both servers, travels to the action server in a header, and is kept beside the audit
trail. Deliveries of one message share it, so what a first one has done is found by a second one. It names nobody.
"""

from __future__ import annotations

import functools
import hashlib
import random
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

#: The header in which the id travels.
HEADER = "X-Request-ID"
_ID = re.compile(r"[0-9a-f]{32}")
_P = ParamSpec("_P")
_R = TypeVar("_R")


@dataclass
class Trace:
    """One request.

    Attributes:
        request: the id, 32 hexadecimal digits.
        stages: seconds by stage of the work.
    """

    request: str
    stages: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Handled:
    """What came of one message, for logs and metrics: nothing of who wrote or what.

    Attributes:
        channel: the channel's name.
        status: as of HTTP.
        seconds: from taking it in to its outcome.
        stages: seconds by stage.
        answers: the names of its answers, the first one leading; empty for a repetition or a refusal.
        language: of the answer, where there is one.
        level: of a triage among the answers, where there is one.
    """

    channel: str
    status: int
    seconds: float
    stages: Mapping[str, float]
    answers: tuple[str, ...] = ()
    language: str | None = None
    level: str | None = None


Observer = Callable[[Handled], None]
_current: ContextVar[Trace | None] = ContextVar("sparc_trace", default=None)
_observer: ContextVar[Observer | None] = ContextVar("sparc_observer", default=None)


def begin(given: str | None = None) -> Trace:
    """Begins a request in the present context; an id from outside is taken over only if it is one of ours."""
    # No secret, so it need not be asked of the system.
    request = given if given is not None and _ID.fullmatch(given) else f"{random.getrandbits(128):032x}"
    trace = Trace(request)
    _current.set(trace)
    return trace


def observed_by(observer: Observer) -> None:
    """Says who is told of every message that is handled in this context and in those that come from it."""
    _observer.set(observer)


def id_of(*parts: str) -> str:
    """The id of a message: each delivery of it has the same one.

    It is a hash: it finds the message for who has it, and tells nothing to who has not.
    """
    return hashlib.sha256("\x1f".join(parts).encode("utf-8")).hexdigest()[:32]


def rename(request: str) -> None:
    """Names the present request after the message that it delivers; outside of a request it does nothing."""
    trace = _current.get()
    if trace is not None:
        trace.request = request


@contextmanager
def message(channel: str, request: str) -> Iterator[dict[str, Any]]:
    """The handling of one message under its id, see :func:`id_of`.

    What the block puts into the dictionary (`status`, `reply`) is told to the observer.
    """
    trace = begin(request)
    found: dict[str, Any] = {"status": 500, "reply": None}
    began = time.perf_counter()
    try:
        yield found
    finally:
        observer = _observer.get()
        if observer is not None:
            seconds = time.perf_counter() - began
            observer(Handled(channel, found["status"], seconds, trace.stages, **_names(found["reply"])))


def _names(reply: Any) -> dict[str, Any]:
    """The names in a reply's machine-readable answer."""
    custom = reply[0].get("custom") if isinstance(reply, list) and reply and isinstance(reply[0], dict) else None
    if not isinstance(custom, Mapping):
        return {}
    parts = [custom, *custom.get("also", ())]
    levels = [part["data"].get("level") for part in parts if part.get("answer") == "symptom_triage"]
    return {
        "answers": tuple(str(part.get("answer")) for part in parts),
        "language": custom.get("language"),
        "level": levels[0] if levels else None,
    }


def request_id() -> str | None:
    """The id of the request that is being worked on, or None outside of one."""
    trace = _current.get()
    return None if trace is None else trace.request


def headers() -> Mapping[str, str]:
    """The header that hands the id on."""
    request = request_id()
    return {} if request is None else {HEADER: request}


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Notes how long a stage takes; stages of one name add up. Outside of a request it does nothing."""
    trace = _current.get()
    if trace is None:
        yield
        return
    began = time.perf_counter()
    try:
        yield
    finally:
        trace.stages[name] = trace.stages.get(name, 0.0) + time.perf_counter() - began


def timed(name: str) -> Callable[[Callable[_P, Awaitable[_R]]], Callable[_P, Awaitable[_R]]]:
    """`stage` around an asynchronous function."""

    def decorate(function: Callable[_P, Awaitable[_R]]) -> Callable[_P, Awaitable[_R]]:
        @functools.wraps(function)
        async def wrapped(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            with stage(name):
                return await function(*args, **kwargs)

        return wrapped

    return decorate
