"""Commands for those who run the assistant: before the start, what is kept how long, backup and restore."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from bot.cli_common import confirmed, plain_errors
from bot.config import Settings

operations = typer.Typer()
conversations = typer.Typer(help="What was said, as the chat server keeps it.", no_args_is_help=True)


@conversations.callback()
def _group() -> None:
    """What was said, as the chat server keeps it."""


@conversations.command()
def forget(
    days: Annotated[int | None, typer.Option(min=1, help="Silent for so many days; default: the setting.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="It is meant.")] = False,
) -> None:
    """Deletes the conversations that were silent for long; the chat server does so by itself."""
    from bot.commands.conversations import forget as forget_conversations

    with plain_errors():
        confirmed(yes, "what was said cannot be brought back")
        typer.echo(asyncio.run(forget_conversations(Settings.from_environment(), days)))


@operations.command()
def prepare() -> None:
    """What has to be done once before the servers start: the database's newest form, planned days, old replies."""
    from bot.commands.upkeep import put_in_order

    with plain_errors():
        put_in_order(Settings.from_environment(), typer.echo)
        typer.echo("prepared")


@operations.command()
def backup(folder: Annotated[Path, typer.Argument(help="Where to; a new folder is made in it.")]) -> None:
    """Copies the databases while the assistant runs, and says where to."""
    from bot.commands.backup import backup as copy

    with plain_errors():
        typer.echo(asyncio.run(copy(Settings.from_environment(), folder)))


@operations.command()
def restore(
    folder: Annotated[Path, typer.Argument(help="A folder that `backup` has made.", file_okay=False)],
    yes: Annotated[bool, typer.Option("--yes", help="It is meant; the assistant is stopped.")] = False,
) -> None:
    """Puts a backup in the place of the databases, and checks the audit trail. Stop the assistant first."""
    from bot.commands.backup import restore as put_back

    with plain_errors():
        confirmed(yes, "what is in the databases now is lost")
        typer.echo(asyncio.run(put_back(Settings.from_environment(), folder)))
