"""What may be written on a participant's record. Each needs a session of `Database.writing`.

The session guard puts every changed row into the audit trail; planned days follow every change of a record.
Nothing is committed here: the unit of work belongs to the caller.
"""

from __future__ import annotations

from datetime import date, time
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.enrollment import models_clinical as clinical
from bot.enrollment.audit import author_of
from bot.enrollment.errors import InvalidValue, NotOnFile
from bot.enrollment.models import (
    DEFAULT_SITE,
    DOSE_MG,
    DRUGS,
    EVENT_STATUSES,
    STATUSES,
    VISIT_CODES,
    Consent,
    Enrolment,
    Participant,
    PlannedVisit,
    RecordedVisit,
    Site,
)
from bot.enrollment.planning import planned_rows
from bot.enrollment.queries import records
from bot.enrollment.stages import renumber_stages


async def find(session: AsyncSession, code: str) -> Participant:
    """The row of a participant, to be changed.

    Raises:
        NotOnFile: no participant has this code.
    """
    row = (await session.execute(select(Participant).where(Participant.code == code))).scalar_one_or_none()
    if not isinstance(row, Participant):
        raise NotOnFile(f"no participant {code} on file")
    return row


async def site_id(session: AsyncSession, code: str = DEFAULT_SITE) -> int:
    """The key of a site.

    Raises:
        NotOnFile: no site has this code.
    """
    found = (await session.execute(select(Site.id).where(Site.code == code))).scalar_one_or_none()
    if found is None:
        raise NotOnFile(f"no site {code} on file")
    return int(found)


async def replan(session: AsyncSession, participant_id: int) -> None:
    """Derives a participant's planned days afresh; called after every change of what they derive from."""
    await session.flush()
    record = (await records(session, Participant.id == participant_id))[participant_id]
    rows = planned_rows(session.sync_session, participant_id, record)
    await session.execute(delete(PlannedVisit.__table__).where(PlannedVisit.participant_id == participant_id))
    if rows:
        await session.execute(insert(PlannedVisit.__table__), list(rows.values()))


async def record_visit(
    session: AsyncSession,
    code: str,
    visit: str,
    status: str,
    day: date | None,
    at_time: time | None = None,
) -> None:
    """Records a visit as `done`, `booked`, `missed` or `cancelled`; what was recorded before is replaced.

    Raises:
        NotOnFile: no participant has this code.
        InvalidValue: no such visit or status, a day missing, or a visit done in the future.
    """
    author = author_of(session.sync_session)
    today = author.clock.today()
    if visit not in VISIT_CODES:
        raise InvalidValue(f"visit: expected one of {', '.join(VISIT_CODES)}")
    if status not in EVENT_STATUSES:
        raise InvalidValue(f"status: expected one of {', '.join(EVENT_STATUSES)}")
    if day is None and status in ("done", "booked"):
        raise InvalidValue(f"a visit that is {status} needs its day")
    if status == "done" and day is not None and day > today:
        raise InvalidValue(f"{day} lies ahead: a visit to come is booked, not done")
    owner = await find(session, code)
    row = await session.get(RecordedVisit, (owner.id, visit))
    if row is None:
        row = RecordedVisit(participant_id=owner.id, visit=visit, status=status)
        session.add(row)
    row.status, row.day, row.at_time, row.recorded_on = status, day, at_time, today
    await replan(session, owner.id)


async def remove_visit(session: AsyncSession, code: str, visit: str) -> None:
    """Takes a recorded visit off the record, as if nothing had been on file (the audit trail keeps it).

    Raises:
        NotOnFile: no such participant, or nothing recorded for this visit.
    """
    owner = await find(session, code)
    row = await session.get(RecordedVisit, (owner.id, visit))
    if row is None:
        raise NotOnFile(f"nothing is recorded for {visit} of {code}")
    await session.delete(row)
    await replan(session, owner.id)


async def set_status(session: AsyncSession, code: str, status: str) -> None:
    """Sets where a participant stands in the trial.

    Raises:
        NotOnFile: no participant has this code.
        InvalidValue: no such status.
    """
    if status not in STATUSES:
        raise InvalidValue(f"status: expected one of {', '.join(STATUSES)}")
    owner = await find(session, code)
    owner.status = status
    await replan(session, owner.id)


async def set_prescribed_dose(session: AsyncSession, code: str, drug: str, mg: int | None) -> None:
    """Puts the prescribed amount per dose (mg) on file, or takes the order back with None.

    Raises:
        NotOnFile: no participant has this code.
        InvalidValue: no such drug, or an amount no order can mean.
    """
    if drug not in DRUGS:
        raise InvalidValue(f"drug: expected one of {', '.join(DRUGS)}")
    if mg is not None and not DOSE_MG[0] <= mg <= DOSE_MG[1]:
        raise InvalidValue(f"{drug}: expected {DOSE_MG[0]} to {DOSE_MG[1]} mg per dose, found {mg}")
    owner = await find(session, code)
    row = await session.get(clinical.DoseOrder, (owner.id, drug))
    if mg is None:
        if row is not None:
            await session.delete(row)
    elif row is None:
        session.add(clinical.DoseOrder(participant_id=owner.id, drug=drug, mg=mg, ordered_on=_today(session)))
    elif row.mg != mg:
        row.mg, row.ordered_on = mg, _today(session)
    await session.flush()


async def set_last_capecitabine(session: AsyncSession, code: str, day: date | None) -> None:
    """Records the day of the actual last capecitabine dose; surgery is at least 14 days after it."""
    owner = await find(session, code)
    owner.last_capecitabine = day
    await replan(session, owner.id)


async def give_consent(session: AsyncSession, code: str, day: date, form: str = "main") -> None:
    """Records the signature under a version of the consent form."""
    owner = await find(session, code)
    row = await session.get(Consent, (owner.id, form))
    if row is None:
        session.add(Consent(participant_id=owner.id, form=form, given_on=day))
    else:
        row.given_on = day
    await session.flush()


async def enrol(session: AsyncSession, code: str, day: date) -> None:
    """Records the enrolment; the stage follows from the order of enrolment days."""
    owner = await find(session, code)
    row = await session.get(Enrolment, owner.id)
    if row is None:
        session.add(Enrolment(participant_id=owner.id, enrolled_on=day, stage=2))
    else:
        row.enrolled_on = day
    await session.flush()
    await renumber_stages(session)


async def record_outcome(session: AsyncSession, code: str, **values: Any) -> None:
    """Records what re-staging or pathology found: any of `pcr`, `assessed_on`, `response`, `strategy`.

    Raises:
        NotOnFile: no participant has this code.
        InvalidValue: another field, or a value outside its list.
    """
    allowed = {"response": clinical.RESPONSES, "strategy": clinical.STRATEGIES, "pcr": (True, False)}
    for field, value in values.items():
        if field not in (*allowed, "assessed_on") or (value is not None and value not in allowed.get(field, (value,))):
            raise InvalidValue(f"outcome: {field} cannot be set to this")
    owner = await find(session, code)
    row = await session.get(clinical.Outcome, owner.id)
    if row is None:
        row = clinical.Outcome(participant_id=owner.id)
        session.add(row)
    for field, value in values.items():
        setattr(row, field, value)
    await session.flush()


def _today(session: AsyncSession) -> date:
    return author_of(session.sync_session).clock.today()
