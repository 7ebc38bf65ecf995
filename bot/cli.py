"""The command line: `./sparc COMMAND`. Declares the commands; what they do is in `bot.commands`.

Each command imports what it needs when it runs, so that `./sparc --help` and short commands start at once.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bot.cli_common import AsJson, confirmed
from bot.cli_common import plain_errors as _plain_errors
from bot.cli_desk import desk
from bot.cli_operations import conversations, operations
from bot.cli_records import records
from bot.config import Settings

app = typer.Typer(
    help="SPARC Assistant: eligibility, visits and doses of trial NCT05576480, in the hospital's chat.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
)
participants = typer.Typer(help="The enrolment database's participants.", no_args_is_help=True)
database = typer.Typer(help="The enrolment database itself.", no_args_is_help=True)
app.add_typer(participants, name="participants")
app.add_typer(database, name="db")
app.add_typer(conversations, name="conversations")
app.add_typer(operations)
app.add_typer(desk)
participants.add_typer(records)

Account = Annotated[str, typer.Option("--as", help="The chat account that speaks.")]


@app.command()
def run() -> None:
    """Everything on one machine with demo data: database, model, action server, chat server."""
    from bot.commands.run import run as run_all

    with _plain_errors():
        run_all(Settings.from_environment(), lambda line: typer.echo(line))


@app.command()
def train(force: Annotated[bool, typer.Option("--force", help="Even if nothing changed.")] = False) -> None:
    """Trains the model, if what it is made of has changed."""
    from bot.training import ensure_model

    with _plain_errors():
        typer.echo(ensure_model(Settings.from_environment(), typer.echo, force))


@app.command()
def ask(
    text: Annotated[str, typer.Argument(help="What to say.")],
    account: Account,
    conversation: Annotated[str, typer.Option(help="The room.")] = "terminal",
    group: Annotated[bool, typer.Option("--group", help="Others are in the room.")] = False,
) -> None:
    """Sends one message to the running server and prints the reply as JSON."""
    from bot.commands.client import Client

    with _plain_errors():
        reply = Client(Settings.from_environment()).send(account, conversation, text, direct=not group)
        typer.echo(json.dumps(reply, ensure_ascii=False, indent=2))


@app.command()
def chat(account: Account) -> None:
    """Talks to the running server in the terminal; an empty line or Ctrl-D ends it."""
    import uuid

    from bot.commands.client import Client

    with _plain_errors():
        client, conversation, console = Client(Settings.from_environment()), f"chat-{uuid.uuid4().hex[:8]}", Console()
        with contextlib.suppress(EOFError, KeyboardInterrupt):
            while text := console.input("[bold]you>[/bold] ").strip():
                for message in client.send(account, conversation, text):
                    console.print(message.get("text", ""), markup=False, highlight=False)
                    for button in message.get("buttons", []):
                        console.print(f"  [ {button['title']} ]", markup=False, style="dim")


@app.command()
def precheck(
    note: Annotated[str | None, typer.Argument(help="The note, or - for one note a line on standard input.")] = None,
    fhir: Annotated[
        Path | None, typer.Option("--fhir", help="A FHIR R4 bundle instead: one result a patient.", dir_okay=False)
    ] = None,
) -> None:
    """The eligibility pre-check of a note or of a bundle's patients, without a server, as JSON."""
    from bot.commands.precheck import precheck as check
    from bot.commands.precheck import precheck_bundle

    if (note is None) == (fhir is None):
        typer.echo("sparc: give either a note or --fhir FILE", err=True)
        raise typer.Exit(2)
    with _plain_errors():
        today = Settings.from_environment().clock.today()
        if fhir is not None:
            for result in precheck_bundle(fhir, today):
                typer.echo(json.dumps(result, ensure_ascii=False))
            return
        many = note == "-"
        lines = _stdin_lines() if many else iter([note or ""])
        refused = False
        for result in check(lines, today):
            refused |= "error" in result
            typer.echo(json.dumps(result, ensure_ascii=False, indent=None if many else 2))
    if refused:
        raise typer.Exit(1)


@app.command("eval")
def evaluate(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)]) -> None:
    """Runs dialogues against the running server: a line per failure, totals at the end; exit 1 on failures."""
    from bot.commands.client import Client
    from bot.commands.evaluate import evaluate as run_dialogues
    from bot.commands.evaluate import load_dialogues

    with _plain_errors():
        client = Client(Settings.from_environment())
        results = run_dialogues(load_dialogues(file), client.send)
    for result in results:
        for failure in result.failures:
            typer.echo(f"{result.id}: {failure}")
    right = sum(not result.failures for result in results)
    typer.echo(f"{right} of {len(results)} dialogues right ({sum(result.turns for result in results)} turns)")
    if right < len(results):
        raise typer.Exit(1)


@app.command()
def schedule(
    code: Annotated[str, typer.Argument(help="The participant's code, such as P-0003.")],
    as_json: AsJson = False,
    ics: Annotated[bool, typer.Option("--ics", help="A file for calendar programs.")] = False,
) -> None:
    """A participant's calendar."""
    from bot.commands import schedule as calendar

    with _plain_errors():
        settings = Settings.from_environment()
        protocol, record, visits = calendar.calendar_of(settings, code)
        if ics:
            sys.stdout.buffer.write(calendar.as_ics(settings, protocol, record, visits))
        elif as_json:
            typer.echo(calendar.as_json(record, visits))
        else:
            Console().print(calendar.as_table(record, visits))


@app.command()
def link(
    account: Annotated[str, typer.Argument(help="The chat account.")],
    participant: Annotated[str | None, typer.Option(help="It is this participant's, such as P-0003.")] = None,
    staff: Annotated[
        str | None, typer.Option(help="It is staff: coordinator, investigator, nurse, pharmacist.")
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="It is nobody's any more.")] = False,
) -> None:
    """Says who a chat account is."""
    from bot.commands import accounts

    if sum((participant is not None, staff is not None, remove)) != 1:
        typer.echo("sparc: give exactly one of --participant, --staff and --remove", err=True)
        raise typer.Exit(2)
    with _plain_errors():
        typer.echo(asyncio.run(accounts.link(Settings.from_environment(), account, participant, staff)))


@participants.command("import")
def import_file(file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)], as_json: AsJson = False) -> None:
    """Imports a participants file (CSV), or a FHIR R4 bundle (.json): all of it or nothing."""
    from bot.commands import people

    with _plain_errors():
        report = people.import_file(Settings.from_environment(), file, Console(stderr=True))
        typer.echo(json.dumps(report) if as_json else people.say_report(report))


@participants.command("list")
def list_all(
    status: Annotated[str | None, typer.Option(help="Those of one status alone.")] = None,
    as_json: AsJson = False,
) -> None:
    """Lists the participants."""
    from bot.commands import people

    with _plain_errors():
        rows = asyncio.run(people.listed(Settings.from_environment(), status))
        if as_json:
            typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        else:
            Console().print(people.as_table(rows))


@participants.command("show")
def show(code: Annotated[str, typer.Argument(help="The participant's code.")], as_json: AsJson = False) -> None:
    """Shows what is on file about a participant."""
    from bot.commands import people

    with _plain_errors():
        record = asyncio.run(people.shown(Settings.from_environment(), code))
        if as_json:
            typer.echo(json.dumps(record, ensure_ascii=False, indent=2))
        else:
            Console().print(people.as_card(record))


@database.command()
def upgrade() -> None:
    """Brings the database to the newest form; makes it where there is none."""
    from bot.commands import people

    with _plain_errors():
        typer.echo(people.upgrade_database(Settings.from_environment()))


@database.command()
def downgrade(
    revision: Annotated[str, typer.Argument(help="The revision to go back to; base: nothing is left.")],
    yes: Annotated[bool, typer.Option("--yes", help="It is meant; a backup is at hand.")] = False,
) -> None:
    """Takes the database back to an earlier form; what that form has no place for is lost."""
    from bot.commands import people

    with _plain_errors():
        confirmed(yes, f"going back to {revision} loses what that form has no place for")
        typer.echo(people.downgrade_database(Settings.from_environment(), revision))


def _stdin_lines() -> Iterator[str]:
    """The lines of standard input; bytes that are no UTF-8 are marked, never an error."""
    for number, line in enumerate(sys.stdin.buffer):
        text = (line if number else line.removeprefix(codecs.BOM_UTF8)).decode("utf-8", "replace").rstrip("\r\n")
        if text.strip():
            yield text


def main() -> None:
    """The entry point."""
    app()


if __name__ == "__main__":
    main()
