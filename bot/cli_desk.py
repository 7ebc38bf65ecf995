"""The command line, continued: tickets, recruitment, the audit trail, link codes, links to the web chat."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from bot.cli_common import AsJson, Code, plain_errors, say
from bot.config import Settings
from bot.errors import SparcError

desk = typer.Typer()
tickets = typer.Typer(help="What people asked the team for.", invoke_without_command=True)
audit = typer.Typer(help="Who did what, when and why.", no_args_is_help=True)
desk.add_typer(tickets, name="tickets")
desk.add_typer(audit, name="audit")
matrix = typer.Typer(help="The Matrix channel.", no_args_is_help=True)
desk.add_typer(matrix, name="matrix")


@tickets.callback()
def list_tickets(
    context: typer.Context,
    taken_up_too: Annotated[bool, typer.Option("--all", help="Those taken up, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Lists the tickets that wait to be taken up."""
    if context.invoked_subcommand is not None:
        return
    from bot.commands import desk as work

    with plain_errors():
        rows = asyncio.run(work.tickets(Settings.from_environment(), waiting_only=not taken_up_too))
        say(rows, as_json, work.as_tickets)


@tickets.command("ack")
def acknowledge(
    number: Annotated[str, typer.Argument(help="The ticket, such as T-7.")], as_json: AsJson = False
) -> None:
    """Takes up a ticket in your name."""
    from bot.commands import desk as work

    with plain_errors():
        done = asyncio.run(work.acknowledged(Settings.from_environment(), number))
        say(done, as_json, lambda data: f"{data['ticket']} is taken up by {data['acknowledged_by']}")


@tickets.command("outbox")
def outbox(as_json: AsJson = False) -> None:
    """What waits to be sent to the team, and how the outlets fare."""
    from bot.commands import desk as work

    with plain_errors():
        say(asyncio.run(work.outbox(Settings.from_environment())), as_json, work.as_outbox)


@tickets.command("try")
def try_outlets(as_json: AsJson = False) -> None:
    """Sends a test over every outlet; exit 1 where one did not take it."""
    from bot.commands import desk as work

    with plain_errors():
        results = asyncio.run(work.tried(Settings.from_environment()))
        say(results, as_json, work.as_tries)
        if not all(result["taken"] for result in results):
            raise typer.Exit(1)


@desk.command("recruitment")
def recruitment(
    as_json: AsJson = False,
    plot: Annotated[Path | None, typer.Option("--plot", help="Draw accrual into this PNG file.")] = None,
) -> None:
    """Recruitment against the two-stage design."""
    from bot.commands import desk as work

    with plain_errors():
        figures = asyncio.run(work.recruitment(Settings.from_environment(), plot))
        say(figures, as_json, work.as_figures)


@audit.command("verify")
def verify(
    as_json: AsJson = False,
    head: Annotated[
        str | None, typer.Option("--head", help="A head printed earlier: it must still be in the trail.")
    ] = None,
) -> None:
    """Checks the whole audit trail; exit 1 where it is broken. Archive the head that it prints."""
    from bot.commands import desk as work

    with plain_errors():
        found = asyncio.run(work.verified(Settings.from_environment(), work.head_of(head)))
        say(found, as_json, work.as_verdict)
        if not found["whole"]:
            fault = found["faults"][0]
            raise SparcError(f"the audit trail is broken at entry {fault['seq']}: {fault['reason']}")


@audit.command("show")
def show(code: Code, as_json: AsJson = False) -> None:
    """What the audit trail says about a participant: every change and every look."""
    from bot.commands import desk as work

    with plain_errors():
        say(asyncio.run(work.trail(Settings.from_environment(), code)), as_json, work.as_trail)


@desk.command("link-code")
def link_code(
    participant: Annotated[str | None, typer.Option(help="For this participant, such as P-0003.")] = None,
    staff: Annotated[str | None, typer.Option(help="For one of the staff, in this role.")] = None,
    as_json: AsJson = False,
) -> None:
    """Makes a one-time code by which an account links itself; hand it over in person."""
    from bot.commands import accounts

    with plain_errors():
        if (participant is None) == (staff is None):
            raise SparcError("give exactly one of --participant and --staff")
        made = asyncio.run(accounts.link_code(Settings.from_environment(), participant, staff))
        say(made, as_json, lambda data: f"{data['code']}  (once, until {data['valid_until']})")


@desk.command("web-link")
def web_link(
    account: Annotated[str, typer.Argument(help="The chat account, which must be linked.")],
    minutes: Annotated[int, typer.Option(min=1, max=7 * 24 * 60, help="How long the link works.")] = 60,
) -> None:
    """Makes a link that opens the chat page as this account, once; hand it over in person."""
    from datetime import timedelta

    from bot.commands import web

    with plain_errors():
        link = web.sign_in_link(Settings.from_environment(), account, timedelta(minutes=minutes))
        typer.echo(asyncio.run(link))


@desk.command("web-sign-out")
def web_sign_out(account: Annotated[str, typer.Argument(help="The chat account.")]) -> None:
    """Signs an account out of every browser and takes its unused links back."""
    from bot.commands import web

    with plain_errors():
        ended = asyncio.run(web.sign_out(Settings.from_environment(), account))
        typer.echo(f"{account}: signed out of {ended} browser{'' if ended == 1 else 's'}")


@matrix.callback()
def matrix_channel() -> None:
    """The Matrix channel."""


@matrix.command("registration")
def registration(
    file: Annotated[
        Path | None, typer.Option("--output", help="Write it there, for the owner alone, and print nothing.")
    ] = None,
) -> None:
    """The registration file for the homeserver; it holds the tokens of both sides."""
    from bot.channels.matrix.registration import registration as made
    from bot.commands.matrix import write_registration

    with plain_errors():
        settings = Settings.from_environment()
        if file is None:
            typer.echo(made(settings), nl=False)
        else:
            write_registration(settings, file)
