"""Logs for those who run the assistant: events with codes and counts, never what a person wrote or who they are."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from bot.redaction import RedactingFormatter, redact_event
from bot.tracing import request_id

#: Libraries whose messages can hold texts, sender ids or SQL parameters; only their warnings are let through,
#: and those of Rasa not even that: its parse warnings quote the whole message.
_QUIET = {
    "sanic": logging.WARNING,
    "sqlalchemy": logging.WARNING,
    "aiosqlite": logging.WARNING,
    "rasa": logging.CRITICAL,
    # 'Task exception was never retrieved' comes with the exception's text.
    "asyncio": logging.CRITICAL,
}
#: The first part of the names that our modules give their loggers; `__main__` where one is started.
_OWN = frozenset({"bot", "actions", "__main__"})


def configure_logs(level: int = logging.INFO) -> None:
    """One JSON line an event on standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(RedactingFormatter("%(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    for name, quiet in _QUIET.items():
        logging.getLogger(name).setLevel(quiet)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _add_request,
            redact_event,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_own_logger,
        cache_logger_on_first_use=True,
    )


def _add_request(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Puts the id of the request into the line, by which lines of both servers and the audit trail are brought together."""
    request = request_id()
    if request is not None:
        event["request"] = request
    return event


class _Lines:
    """Prints to standard error as it is now. A line that cannot be written costs nobody their answer."""

    def msg(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # no room, a closed pipe; a closed file is a ValueError
            print(line, file=sys.stderr, flush=True)

    log = debug = info = warn = warning = error = critical = failure = fatal = exception = msg


def _own_logger(*names: str) -> _Lines | structlog.ReturnLogger:
    """Prints the events of our own modules; Rasa asks for loggers without a name, and its events quote messages."""
    own = bool(names) and names[0].partition(".")[0] in _OWN
    return _Lines() if own else structlog.ReturnLogger()


def place_of(error: BaseException) -> list[str]:
    """Where an error came from, as `Kind file:line` of the last steps, its causes included, without any values.

    An error's text can hold what somebody wrote, so it is not logged; this is what is left to find it by.
    """
    places: list[str] = []
    cause: BaseException | None = error
    seen: set[int] = set()
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        steps = []
        trace = cause.__traceback__
        while trace is not None:
            steps.append(f"{trace.tb_frame.f_code.co_filename.rpartition('/site-packages/')[2]}:{trace.tb_lineno}")
            trace = trace.tb_next
        places.append(" < ".join([type(cause).__name__, *reversed(steps[-4:])]))
        cause = cause.__cause__ or cause.__context__
    return places
