"""Everything on file about one person, for their right of access (GDPR article 15)."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.enrollment import models_clinical as clinical
from bot.enrollment.audit_check import history
from bot.enrollment.errors import NotOnFile
from bot.enrollment.models import (
    Account,
    Consent,
    Conversation,
    Enrolment,
    Participant,
    RecordedVisit,
    Site,
    Ticket,
)
from bot.enrollment.models_alerts import Alert

_TABLES = {
    "consents": Consent,
    "enrolment": Enrolment,
    "visits": RecordedVisit,
    "dose_orders": clinical.DoseOrder,
    "dose_administrations": clinical.DoseAdministration,
    "dose_holds": clinical.DoseHold,
    "adverse_events": clinical.AdverseEvent,
    "outcome": clinical.Outcome,
    "screenings": clinical.Screening,
    "tickets": Ticket,
    "accounts": Account,
}
_INTERNAL = {"id", "participant_id", "site_id", "screening_id", "demo"}


async def export_participant(session: AsyncSession, code: str) -> dict[str, Any]:
    """All data about a participant as JSON values: the record, the audit trail about it, who read it.

    Raises:
        NotOnFile: no participant has this code.
    """
    own = (await session.execute(select(Participant.__table__).where(Participant.code == code))).first()
    if own is None:
        raise NotOnFile(f"no participant {code} on file")
    site = (await session.execute(select(Site.name).where(Site.id == own.site_id))).scalar_one()
    export: dict[str, Any] = {"participant": {**_plain_row(own), "site": site}}
    for name, model in _TABLES.items():
        rows = await session.execute(select(model.__table__).where(model.participant_id == own.id))
        export[name] = [_plain_row(row) for row in rows]
    results = (
        select(clinical.ScreeningResult.__table__)
        .join(clinical.Screening, clinical.Screening.id == clinical.ScreeningResult.screening_id)
        .where(clinical.Screening.participant_id == own.id)
    )
    export["screening_results"] = [_plain_row(row) for row in await session.execute(results)]
    alerts = select(Alert.__table__).join(Ticket, Ticket.number == Alert.ticket).where(Ticket.participant_id == own.id)
    export["alerts"] = [_plain_row(row) for row in await session.execute(alerts)]
    accounts = select(Account.account).where(Account.participant_id == own.id)
    conversations = select(Conversation.__table__).where(Conversation.account.in_(accounts))
    export["conversations"] = [_plain_row(row) for row in await session.execute(conversations)]
    export["audit"] = [asdict(line) for line in await history(session, code)]
    return export


def _plain_row(row: Any) -> dict[str, Any]:
    return {name: _plain(value) for name, value in row._mapping.items() if name not in _INTERNAL}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, (date, datetime, time)) else value
