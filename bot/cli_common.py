"""What all commands share: errors as one sentence, options, dates, and output for people or for programs."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from datetime import date, time
from typing import Annotated, Any

import typer
from rich.console import Console

from bot.errors import SparcError

AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
Why = Annotated[str, typer.Option("--why", help="The reason, for the audit trail.")]
Code = Annotated[str, typer.Argument(help="The participant's code, such as P-0003.")]


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """Ends a command with one sentence and exit code 1 for everything a person can put right."""
    from bot.enrollment.errors import EnrolmentError
    from bot.trial.protocol import ProtocolError

    try:
        yield
    except BrokenPipeError:
        raise
    except (SparcError, EnrolmentError, ProtocolError) as error:
        reason = str(error)
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    except Exception as error:
        if type(error).__module__ != "sqlalchemy.exc":  # by name, since importing it takes longer than most commands
            raise
        reason = f"the database cannot be used: {getattr(error, 'orig', error)}"
    else:
        return
    typer.echo(f"sparc: {reason}", err=True)
    raise typer.Exit(1)


def say(data: Any, as_json: bool, for_people: Callable[[Any], Any]) -> None:
    """Prints data as JSON, or as what `for_people` makes of it (a text or a table)."""
    if as_json:
        typer.echo(json.dumps(data, ensure_ascii=False, indent=2))
        return
    shown = for_people(data)
    if isinstance(shown, str):
        typer.echo(shown)
    else:
        Console(markup=False, highlight=False).print(shown)  # a cell may hold brackets


def day_of(text: str | None, name: str) -> date | None:
    """A day as written on the command line.

    Raises:
        SparcError: it is no ISO date, or of a year that no record of this trial can hold.
    """
    if text is None:
        return None
    try:
        day = date.fromisoformat(text) if text.isascii() else None
    except ValueError:
        day = None
    if day is None or not 2000 <= day.year <= 2100:
        raise SparcError(f"{name}: expected a date such as 2026-06-08, found {text!r}")
    return day


def required_day(text: str, name: str) -> date:
    """A day that has to be given; see :func:`day_of`."""
    day = day_of(text, name)
    assert day is not None
    return day


def time_of(text: str | None, name: str) -> time | None:
    """A time of day as written on the command line.

    Raises:
        SparcError: it is no time such as 09:30.
    """
    if text is None:
        return None
    try:
        hour, minute = text.split(":")
        if not (text.isascii() and len(text) == 5):
            raise ValueError
        return time(int(hour), int(minute))
    except ValueError:
        raise SparcError(f"{name}: expected a time such as 09:30, found {text!r}") from None


def confirmed(yes: bool, warning: str) -> None:
    """Lets pass who has said --yes.

    Raises:
        SparcError: --yes is missing; the warning says what it would do.
    """
    if not yes:
        raise SparcError(f"{warning}; say --yes if that is meant")
