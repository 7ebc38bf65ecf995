"""Logs for those who run the assistant: events with codes and counts, never what a person wrote or who they are."""

from __future__ import annotations

import logging
import sys

import structlog

#: Libraries whose messages can hold texts, sender ids or SQL parameters; only their warnings are let through,
#: and those of Rasa not even that: its parse warnings quote the whole message.
_QUIET = {"sanic": logging.WARNING, "sqlalchemy": logging.WARNING, "aiosqlite": logging.WARNING, "rasa": logging.CRITICAL}


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
