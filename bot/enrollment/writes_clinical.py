"""What may be written about treatment as it went: doses, holds, adverse events (sessions of `Database.writing`)."""

from __future__ import annotations

from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from bot.enrollment import models_clinical as clinical
from bot.enrollment.audit import author_of
from bot.enrollment.errors import InvalidValue, NotOnFile
from bot.enrollment.models import Consent
from bot.enrollment.writes_record import find


async def record_dose(
    session: AsyncSession,
    code: str,
    drug: str,
    day: date,
    status: str,
    mg: int | None = None,
    minutes: int | None = None,
) -> int:
    """Records one dose as `given`, `reduced` or `missed`; returns its number.

    Raises:
        NotOnFile: no participant has this code.
        InvalidValue: no such drug or status, an amount or length no dose can have, or a day to come.
    """
    if drug not in clinical.GIVEN_DRUGS:
        raise InvalidValue(f"drug: expected one of {', '.join(clinical.GIVEN_DRUGS)}")
    if status not in clinical.ADMINISTRATION_STATUSES:
        raise InvalidValue(f"status: expected one of {', '.join(clinical.ADMINISTRATION_STATUSES)}")
    if (mg is not None and mg <= 0) or (minutes is not None and not 0 < minutes <= 1440):
        raise InvalidValue("expected an amount above 0 mg and a length from 1 to 1440 minutes")
    if day > author_of(session.sync_session).clock.today():
        raise InvalidValue(f"{day} lies ahead: a dose is recorded when it was given or missed")
    owner = await find(session, code)
    row = clinical.DoseAdministration(
        participant_id=owner.id, drug=drug, day=day, status=status, mg=mg, minutes=minutes
    )
    session.add(row)
    await session.flush()
    return int(row.id)


async def hold_dose(
    session: AsyncSession, code: str, drug: str, first: date, reason: str, last: date | None = None
) -> int:
    """Records that a drug is withheld from a day on (to another day, where that is known); returns its number.

    Raises:
        NotOnFile: no participant has this code.
        InvalidValue: no such drug or reason, or the last day before the first.
    """
    if drug not in clinical.GIVEN_DRUGS or reason not in clinical.HOLD_REASONS:
        raise InvalidValue(f"expected a drug of the trial and a reason of {', '.join(clinical.HOLD_REASONS)}")
    if last is not None and last < first:
        raise InvalidValue(f"a hold from {first} to {last}: the last day is before the first")
    owner = await find(session, code)
    row = clinical.DoseHold(participant_id=owner.id, drug=drug, first_day=first, last_day=last, reason=reason)
    session.add(row)
    await session.flush()
    return int(row.id)


async def record_adverse_event(
    session: AsyncSession,
    code: str,
    term: str,
    grade: int,
    onset: date,
    serious: bool = False,
    ended: date | None = None,
) -> int:
    """Records an adverse event by its term and grade (1 to 5, as CTCAE grades); returns its number.

    Raises:
        NotOnFile: no participant has this code.
        InvalidValue: a grade outside 1 to 5, no term, or an end before the onset.
    """
    if not term.strip() or not 1 <= grade <= 5 or (ended is not None and ended < onset):
        raise InvalidValue("expected a term, a grade from 1 to 5, and an end not before the onset")
    owner = await find(session, code)
    row = clinical.AdverseEvent(
        participant_id=owner.id, term=term, grade=grade, onset=onset, ended=ended, serious=serious
    )
    session.add(row)
    await session.flush()
    return int(row.id)


async def withdraw_consent(session: AsyncSession, code: str, day: date, form: str = "main") -> None:
    """Records that consent under a form was withdrawn; what follows for treatment is the investigators' to say.

    Raises:
        NotOnFile: no such participant, or no consent under this form.
        InvalidValue: a day before consent was given.
    """
    owner = await find(session, code)
    row = await session.get(Consent, (owner.id, form))
    if row is None:
        raise NotOnFile(f"no consent under form {form} of {code} on file")
    if day < row.given_on:
        raise InvalidValue(f"{day} is before the consent ({row.given_on})")
    row.withdrawn_on = day
    await session.flush()
