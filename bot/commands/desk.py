"""`./sparc tickets`, `recruitment` and `audit`: what waits, where the trial stands, and whether the trail is whole."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.table import Table

from bot.clock import TRIAL_ZONE, Clock
from bot.commands.accounts import administrator, prepare
from bot.config import Settings
from bot.enrollment import admin, queries
from bot.enrollment.database import Database
from bot.enrollment.errors import NotOnFile
from bot.enrollment.outbox import figures
from bot.errors import SparcError
from bot.trial.protocol import load_protocol

#: More tickets than any trial of 55 has; a list shows all there are.
_ALL = 1_000_000
_LONGEST_NUMBER = 9


# --- tickets ----------------------------------------------------------------------------------------------------


async def tickets(settings: Settings, waiting_only: bool) -> list[dict[str, Any]]:
    """The tickets that wait to be taken up, or all."""
    async with _database(settings) as database, database.session() as session:
        found = await queries.tickets(session, waiting_only, limit=_ALL)
    return [_plain(asdict(ticket)) for ticket in found]


async def acknowledged(settings: Settings, number: str) -> dict[str, Any]:
    """Takes up a ticket in the name of who works at the command line.

    Raises:
        NotOnFile: no such ticket.
        Conflict: somebody else has taken it up.
    """
    if len(number) > _LONGEST_NUMBER:
        raise NotOnFile(f"no ticket {number[:_LONGEST_NUMBER]}... on file")
    async with _database(settings) as database:
        return await admin.acknowledge(database, number, administrator())


def _plain(data: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in data.items()}


def as_tickets(rows: Sequence[Mapping[str, Any]]) -> Table | str:
    """Tickets for people."""
    if not rows:
        return "no tickets"
    table = Table()
    for column in ("ticket", "level", "kind", "participant", "account", "about", "made", "notified", "taken up by"):
        table.add_column(column)
    for row in rows:
        made = f"{datetime.fromisoformat(row['made_at']).astimezone(TRIAL_ZONE):%Y-%m-%d %H:%M}"
        notified = (
            "nobody could be told"
            if row["unreached"] and not row["notified"]
            else str(row["notified"])
            if row["level"]
            else ""
        )
        cells = (
            row["number"],
            row["level"],
            row["kind"],
            row["participant"],
            row["account"],
            row["summary"],
            made,
            notified,
        )
        table.add_row(*(cell or "" for cell in cells), row["acknowledged_by"] or "")
    return table


async def outbox(settings: Settings) -> dict[str, Any]:
    """The outbox of notifications in numbers, and how the outlets fare."""
    async with _database(settings) as database, database.session() as session:
        found = asdict(await figures(session, Clock().now()))
    known = {outlet["name"]: _plain(outlet) for outlet in found["outlets"]}
    fresh = {"failures": 0, "failed_at": None, "sent_at": None}
    found["outlets"] = [
        {"step": number, **known.get(name, {"name": name, **fresh})}
        for number, step in enumerate(settings.alerts.names, start=1)
        for name in step
    ]
    return found


def as_outbox(found: Mapping[str, Any]) -> str:
    """The outbox for people."""
    alerts = ", ".join(f"{level}: {number}" for level, number in found["open_alerts"].items())
    told = [
        f"waiting to be sent: {found['waiting']} (the oldest for {found['oldest_seconds']:.0f} s)",
        f"alerts not acknowledged: {alerts}",
        f"of these nobody could be told: {found['unreached']} (and whoever wrote does not know it yet: {found['untold']})",
    ]
    for outlet in found["outlets"]:
        last = "never took anything" if outlet["sent_at"] is None else f"took the last at {outlet['sent_at'][:19]}Z"
        told.append(f"step {outlet['step']}, {outlet['name']}: {last}, {outlet['failures']} failures since")
    if not found["outlets"]:
        told.append("no outlet is configured: nobody is notified (SPARC_ALERT_LINE)")
    return "\n".join(told)


async def tried(settings: Settings) -> list[dict[str, Any]]:
    """Sends a notification, named a test, over every outlet of the line; what came of each.

    Raises:
        SparcError: no outlet is configured.
    """
    from bot.alerts.message import notice_of_a_try
    from bot.alerts.outlets import NotTaken, build_outlets

    outlets = build_outlets(settings.alerts)
    if not outlets:
        raise SparcError("no outlet is configured: set SPARC_ALERT_LINE")
    results = []
    for name, outlet in outlets.items():
        try:
            await outlet.send(notice_of_a_try(Clock().now()))
            results.append({"outlet": name, "taken": True, "error": None})
        except NotTaken as failure:
            results.append({"outlet": name, "taken": False, "error": failure.code})
        finally:
            await outlet.close()
    return results


def as_tries(results: Sequence[Mapping[str, Any]]) -> str:
    """What came of a test, for people."""
    return "\n".join(f"{one['outlet']}: {'taken' if one['taken'] else 'NOT taken: ' + one['error']}" for one in results)


# --- recruitment ------------------------------------------------------------------------------------------------


async def recruitment(settings: Settings, plot: Path | None) -> dict[str, Any]:
    """Recruitment in numbers; with `plot` the picture of accrual is written there.

    Raises:
        SparcError: there is no matplotlib to draw with.
        OSError: the picture cannot be written.
    """
    protocol = load_protocol()
    async with _database(settings) as database:
        figures = await admin.recruitment_figures(database, protocol)
        if plot is not None:
            try:
                picture = await admin.accrual_picture(database, protocol)
            except ImportError:
                raise SparcError("a plot needs matplotlib, which is not installed here") from None
            await asyncio.to_thread(plot.write_bytes, picture)
    return figures


def as_figures(figures: Mapping[str, Any]) -> Table:
    """Recruitment for people."""
    table = Table(show_header=False)
    stage_one = figures["stage_one_pcr"]
    for name, value in (
        ("enrolled", f"{figures['enrolled']} of {figures['target']}"),
        ("stage", figures["stage"]),
        ("stage one", f"{figures['stage_one_enrolled']} of {figures['stage_one_size']} enrolled"),
        ("pCR in stage one", ", ".join(f"{name.replace('_', ' ')}: {number}" for name, number in stage_one.items())),
        ("stage decision", figures["decision"]),
        ("still to come in stage one", figures["pending"]),
        ("evaluable", f"{figures['evaluable']} of {figures['evaluable_target']}"),
        ("pCR in all", figures["pcr"]),
        *((status.replace("_", " "), number) for status, number in figures["by_status"].items()),
    ):
        table.add_row(name, str(value))
    return table


# --- the audit trail --------------------------------------------------------------------------------------------


def head_of(text: str | None) -> tuple[int, str] | None:
    """The head of the trail as noted down earlier: `NUMBER:HASH`.

    Raises:
        SparcError: it is not of that form.
    """
    if text is None:
        return None
    number, _, seal = text.strip().partition(":")
    if not (number.isascii() and number.isdigit() and len(number) < 19 and len(seal) == 64):
        raise SparcError("--head: expected what an earlier `audit verify` printed, such as 120:9f86d0...")
    return int(number), seal


async def verified(settings: Settings, known_head: tuple[int, str] | None) -> dict[str, Any]:
    """Whether the audit trail is whole, with its head and the places where it is not."""
    async with _database(settings) as database:
        found = await admin.verify_audit(database, known_head)
    return {**found, "head": "{}:{}".format(*found["head"])}


def as_verdict(found: Mapping[str, Any]) -> str:
    """The outcome of a check, for people: one line a fault, and the head to be archived."""
    lines = [f"entry {fault['seq']}: {fault['reason']}" for fault in found["faults"]]
    state = "whole" if found["whole"] else "BROKEN"
    lines.append(f"{found['entries']} entries, {found['erased']} with erased values: the audit trail is {state}")
    return "\n".join([*lines, f"head {found['head']}"])


async def trail(settings: Settings, code: str) -> list[dict[str, Any]]:
    """What the audit trail says about a participant, reads included.

    Raises:
        NotOnFile: nothing.
    """
    async with _database(settings) as database:
        found = await admin.audit_history(database, code)
    if not found:
        raise NotOnFile(f"the audit trail says nothing about {code}")
    return found


def as_trail(lines: Sequence[Mapping[str, Any]]) -> str:
    """The trail for people: an entry a line (times in UTC), each change on a line of its own below it."""
    told: list[str] = []
    for line in lines:
        when, who = line["at"][:19].replace("T", " "), f"{line['actor']} ({line['role']})"
        told.append(f"{line['seq']}  {when}  {who}  {line['action']} {line['entity']} {line['key']}: {line['why']}")
        for name, (old, new) in (line["changes"] or {}).items():
            told.append(f"    {name}: {'-' if old is None else old} -> {'-' if new is None else new}")
    return "\n".join(told)


def _database(settings: Settings) -> Database:
    """The database in its newest form; migrations run in a thread and loop of their own."""
    prepare(settings)
    return Database(settings.database_url, clock=settings.clock)
