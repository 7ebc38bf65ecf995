"""Tells those who wrote, where their channel can begin a conversation, that nobody of the team could be told.

Who writes again before that is told with the answer (`actions.safety`). A channel takes part by having a `push`; the chat
server finds it by that, so a channel registers by being configured.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, Protocol, runtime_checkable

import structlog

from bot.clock import Clock
from bot.enrollment import outbox
from bot.enrollment.database import Database
from bot.enrollment.outbox import DISPATCHER, Untold
from bot.logs import place_of
from bot.trial.triage import TriageRules

#: How often it is looked whether somebody has to be told.
POLL_SECONDS = 5.0
#: While one server tells somebody, another leaves it alone; where it fails it is tried again after this time.
LEASE = timedelta(seconds=60)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Recipient:
    """Whom to reach: where they wrote.

    Attributes:
        account, conversation: as the channel gave them to `metadata_of`.
        tracker_id: the conversation's id, as `conversation_key` made it.
        language: of the message they wrote: `en` or `zh`.
    """

    account: str
    conversation: str
    tracker_id: str
    language: str


@runtime_checkable
class CanPush(Protocol):
    """A channel that can say something without being asked."""

    @classmethod
    def name(cls) -> str:
        """The channel's name, which its conversations' ids begin with."""

    async def push(self, recipient: Recipient, message: Mapping[str, Any]) -> bool:
        """Delivers a message (`text`, `custom`) to where the recipient wrote; False, or an error: not delivered."""


class PatientTeller:
    """Looks for people who have to be told, and pushes it over the channel they wrote in.

    Args:
        channels: those that can push, by name.
        protocol: the trial's identifier, for the `custom` object.
        ward_line: the number to call the team.
    """

    def __init__(
        self,
        database: Database,
        channels: Mapping[str, CanPush],
        rules: TriageRules,
        protocol: str,
        emergency_number: str,
        ward_line: str,
        clock: Clock | None = None,
    ) -> None:
        self._database = database
        self._channels = channels
        self._rules = rules
        self._protocol = protocol
        self._numbers = (emergency_number, ward_line)
        self._clock = clock or Clock()

    async def run(self) -> None:
        """Works until it is cancelled."""
        while True:
            try:
                await self.round()
            except Exception as error:
                _log.error("people not told", where=place_of(error))
            await asyncio.sleep(POLL_SECONDS)

    async def round(self) -> int:
        """One look; returns how many were told."""
        async with self._database.session() as session:
            waiting = await outbox.untold(session, self._clock.now())
        told = 0
        for person in waiting:
            channel = self._channels.get(person.channel)
            if channel is None or not await outbox.hold_untold(self._database, person.ticket, LEASE, self._clock.now()):
                continue
            told += await self._tell(channel, person)
        return told

    async def _tell(self, channel: CanPush, person: Untold) -> bool:
        recipient = Recipient(person.account, person.conversation, person.tracker_id, person.language)
        try:
            delivered = await channel.push(recipient, self.message(person))
        except Exception as error:
            _log.warning("not pushed", channel=person.channel, where=place_of(error))
            return False
        if delivered:
            async with self._database.writing(DISPATCHER, "the patient is told") as session:
                await outbox.mark_told(session, [person.ticket], self._clock.now())
                await session.commit()
            _log.info("pushed", channel=person.channel, alert_level=person.level)
        return delivered

    def message(self, person: Untold) -> dict[str, Any]:
        """The message, in the contract's form; `about` is left out, since others may be in the room."""
        language: Literal["en", "zh"] = "zh" if person.language == "zh" else "en"
        custom: dict[str, Any] = {
            "answer": "handoff",
            "about": None,
            "data": {"ticket": f"T-{person.ticket}", "nobody_told": True},
            "sources": [],
            "language": language,
            "as_of": self._clock.now().isoformat(timespec="seconds"),
            "protocol": self._protocol,
        }
        return {"text": self._rules.notice(f"later_{person.level}", language, *self._numbers), "custom": custom}
