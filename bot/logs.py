"""Logs for those who run the assistant: events with codes and counts, never what a person wrote or who they are."""

from __future__ import annotations

import logging
import sys

import structlog

#: Libraries whose messages can hold texts, sender ids or SQL parameters; only their warnings are let through,
#: and those of Rasa not even that: its parse warnings quote the whole message.
_QUIET = {
    "sanic": logging.WARNING,
    "sqlalchemy": logging.WARNING,
    "aiosqlite": logging.WARNING,
    "rasa": logging.CRITICAL,
}


def configure_logs(level: int = logging.INFO) -> None:
    """One JSON line an event on standard error."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    for name, quiet in _QUIET.items():
        logging.getLogger(name).setLevel(quiet)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def place_of(error: BaseException) -> list[str]:
    """Where an error came from, as `Kind file:line` of the last steps, its causes included, without any values.

    An error's text can hold what somebody wrote, so it is not logged; this is what is left to find it by.
    """
    places: list[str] = []
    cause: BaseException | None = error
    while cause is not None:
        steps = []
        trace = cause.__traceback__
        while trace is not None:
            steps.append(f"{trace.tb_frame.f_code.co_filename.rpartition('/site-packages/')[2]}:{trace.tb_lineno}")
            trace = trace.tb_next
        places.append(" < ".join([type(cause).__name__, *reversed(steps[-4:])]))
        cause = cause.__cause__ or cause.__context__
    return places
