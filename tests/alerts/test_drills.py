"""The outlet down and processes killed between ticket and notification; the drill's own command runs it in full."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from bot.alerts import drills
from bot.alerts.receiver import Delivery
from bot.enrollment.database import Database


async def test_killed_with_the_outlet_down_every_ticket_arrives_under_one_key(url: str) -> None:
    told: list[str] = []
    outcome = await drills.drill(url, 2, outage=0.5, lease=1.0, tell=told.append, seed=3)
    assert (outcome.rounds, outcome.kills, outcome.two_keys) == (2, 4, 0)
    assert outcome.between >= 2  # the first of each round always leaves something waiting
    assert outcome.tickets >= 4
    assert len(told) == 2


@pytest.mark.parametrize("dialect", ["sqlite"])
async def test_the_drill_sees_a_ticket_that_never_arrives_and_one_under_two_keys(url: str) -> None:
    work = drills._Drill(url, outage=0.1, lease=1.0, seed=1)
    with work.receiver:
        await work.round("refuse")
        again = work.receiver.deliveries[0]
        work.receiver.deliveries.append(Delivery("alert_other", again.body, True))
        with pytest.raises(drills.DrillFailed, match="1 tickets under two keys"):
            await work.check()
        work.receiver.deliveries.pop()
        await work.check()
        copied = (
            "kind, participant_id, conversation, account, summary, made_at, NULL, NULL FROM tickets WHERE number = 1"
        )
        async with Database(url) as database, database.engine.begin() as connection:
            await connection.execute(text(f"INSERT INTO tickets SELECT 99, {copied}"))
        with pytest.raises(drills.DrillFailed, match="never notified: T-99"):
            await work.check()
