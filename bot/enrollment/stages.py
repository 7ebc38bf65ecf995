"""Which stage of the two-stage design each enrolled participant counts for."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.enrollment.models import Enrolment

#: 'Twenty-three patients will be enrolled in the first phase' (the record, study design).
STAGE_ONE = 23


async def renumber_stages(session: AsyncSession, stage_one: int = STAGE_ONE) -> None:
    """Gives stage 1 to the first to be enrolled (by day, then as put on file) and stage 2 to all others.

    Enrolments are put on file in any order; only rows whose stage is wrong are touched.
    """
    await session.flush()
    first = select(Enrolment).order_by(Enrolment.enrolled_on, Enrolment.participant_id).limit(stage_one)
    chosen = list((await session.execute(first)).scalars())
    held = (await session.execute(select(Enrolment).where(Enrolment.stage == 1))).scalars()
    keys = {row.participant_id for row in chosen}
    for row in held:
        if row.participant_id not in keys:
            row.stage = 2
    for row in chosen:
        row.stage = 1
    await session.flush()
