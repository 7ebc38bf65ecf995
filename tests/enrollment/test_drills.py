"""A process killed in the middle of its work, and two that write at once; the drills' own command runs them in full."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from bot.enrollment import drills
from bot.enrollment.database import Database


async def test_killed_in_the_middle_nothing_is_there_in_part(url: str) -> None:
    times = 2 if url.startswith("sqlite") else 1
    told: list[str] = []
    assert (await drills.kill_drill(url, times, told.append, seed=7)).times == times
    assert len(told) == times


async def test_two_writers_lose_nothing(url: str) -> None:
    outcome = await drills.race_drill(url, 10, lambda line: None)
    assert outcome.times == 20


@pytest.mark.parametrize("dialect", ["sqlite"])
async def test_the_drill_sees_a_write_that_is_there_in_part(url: str) -> None:
    await drills.race_drill(url, 1, lambda line: None)
    async with Database(url) as database, database.engine.begin() as connection:
        await connection.execute(text("DELETE FROM tickets WHERE number = 1"))
    with pytest.raises(drills.DrillFailed, match="in part"):
        await drills.check(url)
