"""Telling those who wrote over channels that can push, on both databases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from bot.alerts.push import LEASE, CanPush, PatientTeller, Recipient
from bot.enrollment import outbox
from bot.enrollment.database import Database
from bot.trial.triage import load_triage_rules

from .conftest import Desk, HandClock, MakeDesk, rounds


class WebChat:
    """A channel that can push; `up` says whether it delivers, an error what it raises."""

    def __init__(self) -> None:
        self.pushed: list[tuple[Recipient, Mapping[str, Any]]] = []
        self.up = True
        self.error: Exception | None = None

    @classmethod
    def name(cls) -> str:
        return "web"

    async def push(self, recipient: Recipient, message: Mapping[str, Any]) -> bool:
        if self.error is not None:
            raise self.error
        if self.up:
            self.pushed.append((recipient, message))
        return self.up


class NoPush:
    @classmethod
    def name(cls) -> str:
        return "hospital"


def teller(database: Database, channel: WebChat, clock: HandClock) -> PatientTeller:
    return PatientTeller(
        database, {channel.name(): channel}, load_triage_rules(), "NCT05576480", "120", "021-5550", clock
    )


async def _unreached(team: Desk, **alert: Any) -> str:
    """A ticket of which nobody could be told, and the limit over."""
    number = await team.open(**alert)
    team.clock.pass_by(minutes=10)
    await rounds(team.dispatcher())
    return number


def test_a_channel_takes_part_by_having_a_push() -> None:
    assert isinstance(WebChat(), CanPush)
    assert not isinstance(NoPush(), CanPush)


@pytest.mark.parametrize(
    ("language", "level", "said"),
    [("en", "emergency", "call 120 now, then 021-5550"), ("zh", "urgent", "请现在就拨打021-5550")],
)
async def test_it_is_pushed_where_they_wrote_and_once(
    desk: MakeDesk, clock: HandClock, language: str, level: str, said: str
) -> None:
    team, chat = desk("http://127.0.0.1:9/dead"), WebChat()
    number = await _unreached(team, account="li.wei", language=language, level=level)
    telling = teller(team.database, chat, clock)
    assert [await telling.round(), await telling.round()] == [1, 0]
    ((recipient, message),) = chat.pushed
    assert recipient == Recipient("li.wei", "room-1", "web-0123", language)
    assert said in message["text"]
    assert message["custom"] == {
        "answer": "handoff", "about": None, "data": {"ticket": number, "nobody_told": True}, "sources": [],
        "language": language, "as_of": "2026-11-24T12:10:00+08:00", "protocol": "NCT05576480",
    }  # fmt: skip


async def test_what_was_not_delivered_is_tried_again_and_told_with_the_next_message(
    desk: MakeDesk, clock: HandClock
) -> None:
    team, chat = desk("http://127.0.0.1:9/dead"), WebChat()
    await _unreached(team)
    telling = teller(team.database, chat, clock)
    chat.up = False
    assert await telling.round() == 0
    chat.error = RuntimeError("gone")
    clock.pass_by(seconds=61)
    assert await telling.round() == 0
    chat.up, chat.error = True, None
    assert await telling.round() == 0  # its lease still runs
    clock.pass_by(seconds=61)
    async with team.database.session() as session:
        assert len(await outbox.untold(session, clock.now())) == 1
    assert await telling.round() == 1


async def test_of_two_servers_one_tells(desk: MakeDesk, clock: HandClock) -> None:
    team, first, second = desk("http://127.0.0.1:9/dead"), WebChat(), WebChat()
    await _unreached(team)
    held = await outbox.hold_untold(team.database, 1, LEASE, clock.now())
    assert held
    assert not await outbox.hold_untold(team.database, 1, LEASE, clock.now())
    assert await teller(team.database, first, clock).round() == 0
    clock.pass_by(seconds=61)
    told = [await teller(team.database, chat, clock).round() for chat in (first, second)]
    assert told == [1, 0]


async def test_other_channels_and_acknowledged_tickets_are_left_alone(desk: MakeDesk, clock: HandClock) -> None:
    team, chat = desk("http://127.0.0.1:9/dead"), WebChat()
    number = await _unreached(team)
    telling = teller(team.database, chat, clock)
    telling._channels = {"matrix": chat}  # they wrote in the web chat
    assert await telling.round() == 0
    telling._channels = {"web": chat}
    await team.acknowledge(number)
    assert await telling.round() == 0
    assert chat.pushed == []
