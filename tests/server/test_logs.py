"""Logs say where and what, never what somebody wrote."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from bot.logs import configure_logs, place_of

SAID = "I am Li Wei and I bleed"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def _fail(text: str) -> None:
    raise ValueError(text)


def _caught(text: str) -> Exception:
    try:
        try:
            _fail(text)
        except ValueError as error:
            raise RuntimeError(f"again: {text}") from error
    except RuntimeError as error:
        return error


def test_an_errors_places_are_its_kind_and_lines_with_its_causes() -> None:
    places = place_of(_caught(SAID))
    assert [place.split(" ")[0] for place in places] == ["RuntimeError", "ValueError"]
    assert all("test_logs.py:" in place for place in places)
    assert SAID not in json.dumps(places)


def test_the_innermost_step_is_named_first() -> None:
    _, cause = place_of(_caught(SAID))
    assert len(cause.split(" < ")) == 3


def test_an_error_in_a_circle_of_causes_ends() -> None:
    one, two = ValueError(SAID), RuntimeError(SAID)
    one.__cause__, two.__cause__ = two, one
    assert place_of(one) == ["ValueError", "RuntimeError"]


def test_an_error_that_was_never_raised_has_a_kind() -> None:
    assert place_of(KeyError(SAID)) == ["KeyError"]


@pytest.mark.parametrize("name", ["bot.server.app", "actions.respond", "__main__"])
def test_our_own_events_are_one_json_line_each(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs()
    structlog.get_logger(name).info("answered", answer="next_visit")
    (line,) = capsys.readouterr().err.splitlines()
    entry = json.loads(line)
    assert (entry["event"], entry["answer"], entry["level"]) == ("answered", "next_visit", "info")
    assert entry["timestamp"].endswith("Z")


@pytest.mark.parametrize("names", [(), ("rasa.core.processor",), ("botulism",)])
@pytest.mark.parametrize("level", ["debug", "info", "warning", "error", "critical"])
def test_events_of_others_are_not_printed(
    names: tuple[str, ...], level: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs()
    getattr(structlog.get_logger(*names), level)("message.parsing.failed", user_text=SAID)
    printed = capsys.readouterr()
    assert printed.err + printed.out == ""


@pytest.mark.parametrize(
    ("name", "level", "passes"),
    [
        ("rasa.core.processor", logging.ERROR, False), ("rasa.nlu", logging.WARNING, False),
        ("sqlalchemy.engine", logging.INFO, False), ("aiosqlite", logging.DEBUG, False),
        ("asyncio", logging.ERROR, False), ("sanic.root", logging.INFO, False),
        ("sqlalchemy.pool", logging.WARNING, True), ("sanic.error", logging.ERROR, True),
    ],
)  # fmt: skip
def test_libraries_that_quote_texts_are_quiet(name: str, level: int, passes: bool) -> None:
    configure_logs()
    assert logging.getLogger(name).isEnabledFor(level) is passes
