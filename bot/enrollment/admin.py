"""What the command line does with the database: one function a command, plain values in and out.

Values are those `json.dumps` knows, so that a command prints them as a table or as JSON.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from bot.enrollment import queries, writes
from bot.enrollment.audit import Actor
from bot.enrollment.audit_check import history, verify
from bot.enrollment.csv_import import ImportReport, Progress, import_participants
from bot.enrollment.database import Database
from bot.enrollment.errors import NotOnFile
from bot.enrollment.export import export_participant
from bot.enrollment.fhir_import import import_bundle
from bot.enrollment.link_codes import make_link_code
from bot.enrollment.recruitment import accrual, accrual_png, recruitment
from bot.enrollment.removal import erase
from bot.trial.protocol import Protocol
from bot.trial.record import ParticipantRecord


async def list_participants(database: Database, status: str | None = None) -> list[dict[str, Any]]:
    """Participants in order of code, all or those of one status."""
    async with database.session() as session:
        return [record_as_data(record) for record in await queries.participants(session, status)]


async def show_participant(database: Database, code: str, actor: Actor) -> dict[str, Any]:
    """One participant's record; that somebody looked is noted.

    Raises:
        NotOnFile: no participant has this code.
    """
    async with database.writing(actor, "show a participant") as session:
        record = await queries.participant(session, code)
        if record is None:
            raise NotOnFile(f"no participant {code} on file")
        await writes.log_read(session, [code], "record")
        await session.commit()
    return record_as_data(record)


async def import_file(
    database: Database,
    path: Path,
    actor: Actor,
    as_of: date | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> dict[str, Any]:
    """Imports a participants file (CSV), or a FHIR R4 bundle where the name ends in `.json`.

    Raises:
        ImportRefused: with every bad place; nothing was imported.
        OSError: the file cannot be read.
    """
    report: ImportReport
    if path.suffix.lower() == ".json":
        report = await import_bundle(database, path, actor, as_of=as_of)
    else:
        report = await import_participants(database, path, actor, as_of=as_of, progress=progress)
    return asdict(report)


async def link(
    database: Database, account: str, actor: Actor, participant: str | None = None, role: str | None = None
) -> dict[str, Any]:
    """Links an account to one participant or to one staff role.

    Raises:
        NotOnFile, Conflict, InvalidValue: as the writes say.
    """
    async with database.writing(actor, "link an account") as session:
        if participant is not None:
            await writes.link_participant(session, account, participant)
        else:
            await writes.link_staff(session, account, role or "")
        await session.commit()
    return {"account": account, "participant": participant, "role": role}


async def unlink(database: Database, account: str, actor: Actor) -> dict[str, Any]:
    """Takes an account's link back.

    Raises:
        NotOnFile: the account is linked to nobody.
    """
    async with database.writing(actor, "unlink an account") as session:
        await writes.unlink(session, account)
        await session.commit()
    return {"account": account, "participant": None, "role": None}


async def link_code(
    database: Database, actor: Actor, participant: str | None = None, role: str | None = None
) -> dict[str, Any]:
    """Makes a one-time code for a participant or a role, to be handed over in person."""
    async with database.writing(actor, "make a link code") as session:
        code = await make_link_code(session, participant, role)
        await session.commit()
    return {"code": code, "participant": participant, "role": role}


async def export(database: Database, code: str, actor: Actor) -> dict[str, Any]:
    """Everything on file about a participant; that it was exported is noted.

    Raises:
        NotOnFile: no participant has this code.
    """
    async with database.writing(actor, "export for the participant") as session:
        data = await export_participant(session, code)
        await writes.log_read(session, [code], "export")
        await session.commit()
    return data


async def erase_participant(database: Database, code: str, actor: Actor, why: str) -> dict[str, Any]:
    """Erases a person's data on their request; see `removal.erase` for what stays.

    Raises:
        NotOnFile: no participant has this code.
        Conflict: the participant was erased before.
    """
    async with database.writing(actor, why) as session:
        await erase(session, code)
        await session.commit()
    return {"participant": code, "erased": True}


async def verify_audit(database: Database, known_head: tuple[int, str] | None = None) -> dict[str, Any]:
    """Checks the audit trail: `whole`, number of entries, the head to note down, and any faults."""
    async with database.session() as session:
        found = await verify(session, known_head)
    return {"whole": found.whole, **asdict(found)}


async def audit_history(database: Database, code: str) -> list[dict[str, Any]]:
    """What the audit trail says about a participant."""
    async with database.session() as session:
        return [asdict(line) for line in await history(session, code)]


async def list_tickets(database: Database, waiting_only: bool = True) -> list[dict[str, Any]]:
    """Tickets in order of number: those waiting, or all."""
    async with database.session() as session:
        found = await queries.tickets(session, waiting_only)
    return [_plain(asdict(ticket)) for ticket in found]


async def acknowledge(database: Database, number: str, actor: Actor) -> dict[str, Any]:
    """Says that the actor has taken up a ticket.

    Raises:
        NotOnFile: no such ticket.
        Conflict: somebody else has taken it up.
    """
    async with database.writing(actor, "take up a ticket") as session:
        await writes.acknowledge_ticket(session, number)
        await session.commit()
    return {"ticket": number, "acknowledged_by": actor.name}


async def recruitment_figures(database: Database, protocol: Protocol) -> dict[str, Any]:
    """Recruitment in numbers, with the stage decision."""
    async with database.session() as session:
        return asdict(recruitment(protocol, await queries.enrolment_counts(session)))


async def accrual_picture(database: Database, protocol: Protocol, today: date | None = None) -> bytes:
    """The plot of accrual as PNG."""
    async with database.session() as session:
        curve = await accrual(session)
    return accrual_png(protocol, curve, today or database.clock.today())


def record_as_data(record: ParticipantRecord) -> dict[str, Any]:
    """A record as JSON values; `events` is a list in order of the protocol's visits."""
    plain: dict[str, Any] = _plain(asdict(record))
    plain["events"] = list(plain["events"].values())
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value.isoformat() if hasattr(value, "isoformat") else value
