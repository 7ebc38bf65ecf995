"""One message of a verified account, from its text to the answer: the road that all channels share.

Who it is comes from the account alone; link codes are taken out before anything else sees them; what is left goes to
the bot under a conversation of this account, this room and this standing.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rasa.core.channels.channel import UserMessage

from bot.channels.identity import conversation_key, metadata_of, who_speaks
from bot.channels.intake import Alarming, OnMessage
from bot.channels.linking import Linking
from bot.channels.output import AnswerCollector
from bot.enrollment.database import Database
from bot.enrollment.queries import Identity
from bot.phrases import Phrases


@functools.cache
def channel_phrases() -> Phrases:
    """What the channels say by themselves."""
    return Phrases.load(Path(__file__).with_name("phrases.yml"))


@dataclass(frozen=True)
class Turn:
    """A message whose sender was verified and whose text was cleaned.

    Attributes:
        account: the account, with its server or workspace where the chat has several.
        room: the room, as the chat names it.
        direct: whether nobody else can read along.
        role: the staff role that the hospital's sign-on vouches for, where the channel has one.
        identifier: the message's id, for channels that show what was said before.
    """

    account: str
    room: str
    direct: bool
    text: str
    role: str | None = None
    identifier: str | None = None


class Exchange:
    """Answers turns of one channel.

    Args:
        channel: its name; part of every conversation's key.
        secret: keys the conversations' names.
    """

    def __init__(
        self, channel: str, secret: str, database: Database, alarming: Alarming, linking: Linking | None = None
    ) -> None:
        self._channel = channel
        self._secret = secret
        self._database = database
        self._alarming = alarming
        self._linking = linking or Linking(channel, database, channel_phrases())

    async def answer(self, turn: Turn, bot: OnMessage) -> list[dict[str, Any]]:
        """The messages of the reply; the first carries the contract's `custom`.

        Raises:
            RuntimeError: no answer came back. Whatever the bot raises passes through.
        """
        person = await who_speaks(self._database, turn.account, turn.role)
        linked = await self._linking.handle(person, turn.account, turn.direct, turn.text)
        if linked is None:
            return await self._ask(person, turn, turn.text, bot)
        linked.message["recipient_id"] = turn.account
        if not (linked.rest and self._alarming(linked.rest)):
            return [linked.message]
        # A sign of illness beside a code is answered first.
        person = await who_speaks(self._database, turn.account, turn.role)
        messages = await self._ask(person, turn, linked.rest, bot)
        first, also = messages[0], linked.message["custom"]
        custom = first["custom"]
        others = [*custom.get("also", ()), {key: also[key] for key in ("answer", "about", "data")}]
        joined = {**first, "text": f"{first['text']}\n{linked.message['text']}", "custom": {**custom, "also": others}}
        return [joined, *messages[1:]]

    async def _ask(self, person: Identity | None, turn: Turn, text: str, bot: OnMessage) -> list[dict[str, Any]]:
        output = AnswerCollector(turn.account)
        key = self.conversation(person, turn.account, turn.room, turn.direct)
        metadata = metadata_of(person, turn.account, turn.room, turn.direct)
        message = UserMessage(
            text, output, key, input_channel=self._channel, message_id=turn.identifier, metadata=metadata
        )
        await bot(message)
        return output.answer()

    def conversation(self, person: Identity | None, account: str, room: str, direct: bool) -> str:
        """The tracker id of an account's conversation in a room.

        The standing is part of it: what was said before an account was linked or unlinked is not remembered.
        """
        standing = "nobody" if person is None else person.participant or person.role
        return conversation_key(self._secret, self._channel, account, f"{room}:{direct}:{standing}")
