"""Linking and unlinking in the chat: what it takes, what it answers. None of it reaches Rasa or a log.

A code is redeemed in a direct room alone. Answers are the contract's: `help` with `linked` or `unlinked` where
something was done, `link_needed`, `not_allowed` or `not_direct` with a reason where not (docs/operating.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import structlog

from bot.channels.guard import RateLimit
from bot.channels.link_codes import FoundCode, asks_to_unlink, find_code, for_a_linked_account
from bot.enrollment.audit import Actor
from bot.enrollment.database import Database
from bot.enrollment.errors import Conflict, EnrolmentError, InvalidValue
from bot.enrollment.link_codes import is_link_code, redeem_link_code, void_link_code
from bot.enrollment.queries import Identity
from bot.enrollment.writes import unlink
from bot.nlu.language import detect_language
from bot.phrases import Phrases

#: Wrong codes that an account may try at once, and then again one in twelve minutes.
TRIES = 5
_TRIES_A_MINUTE = 1 / 12
_PROTOCOL = "NCT05576480"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Linked:
    """What came of a message that had to do with linking.

    Attributes:
        message: the answer, as a channel's message.
        rest: what else was written, without the code.
    """

    message: dict[str, Any]
    rest: str


class Linking:
    """Takes link codes and wishes to be unlinked out of the stream of messages.

    Args:
        channel: whose messages these are, for the audit trail.
    """

    def __init__(self, channel: str, database: Database, phrases: Phrases) -> None:
        self._actor = Actor(f"{channel} channel", "system")
        self._database = database
        self._phrases = phrases
        self._tries = RateLimit(_TRIES_A_MINUTE, burst=TRIES)
        # Ten letters that may be a word are looked up so often and no more; they use up no tries of a real code.
        self._looks = RateLimit(_TRIES_A_MINUTE, burst=TRIES)

    async def handle(self, person: Identity | None, account: str, direct: bool, text: str) -> Linked | None:
        """Answers a message that has to do with linking; None for every other."""
        language = detect_language(text) or (person.language if person else None)
        if asks_to_unlink(text):
            return Linked(await self._unlink(person, account, direct, language), "")
        found = find_code(text)
        if found is None or (person is not None and not for_a_linked_account(found)):
            return None
        if not found.sure and not await self._is_code(found, account):
            return None
        language = detect_language(found.rest) or (person.language if person else None)
        if not direct:
            return Linked(await self._void(found, language), found.rest)
        return Linked(await self._redeem(found, account, language), found.rest)

    async def _is_code(self, found: FoundCode, account: str) -> bool:
        """Whether what may be a word is a code: the database alone can tell."""
        if self._looks.wait(account):
            return False
        async with self._database.session() as session:
            return await is_link_code(session, found.code)

    async def _redeem(self, found: FoundCode, account: str, language: str | None) -> dict[str, Any]:
        if self._tries.wait(account):
            return self._refusal(account, "link_needed", "too_many_tries", "link_code_tries", language)
        try:
            async with self._database.writing(self._actor, "link code redeemed in the chat") as session:
                person = await redeem_link_code(session, account, found.code)
                await session.commit()
        except Conflict:
            self._tries.give_back(account)
            return self._refusal(account, "not_allowed", "account_linked", "link_code_taken", language)
        except EnrolmentError as problem:
            _log.info("link code refused", taken=isinstance(problem, InvalidValue))
            return self._refusal(account, "link_needed", "code_not_valid", "link_code_wrong", language)
        self._tries.give_back(account)
        _log.info("account linked", kind=person.kind)
        said = language or person.language
        if person.participant is not None:
            text = self._phrases.say("linked_participant", said, participant=person.participant)
            data = {"linked": "participant", "participant": person.participant}
        else:
            text = self._phrases.say("linked_staff", said, role=person.role)
            data = {"linked": "staff", "role": str(person.role)}
        return self._message(account, "help", person.participant, data, text, said)

    async def _void(self, found: FoundCode, language: str | None) -> dict[str, Any]:
        async with self._database.writing(self._actor, "link code shown to others") as session:
            await void_link_code(session, found.code)
            await session.commit()
        return self._refusal("", "not_direct", "others_present", "link_code_shown", language)

    async def _unlink(
        self, person: Identity | None, account: str, direct: bool, language: str | None
    ) -> dict[str, Any]:
        if not direct:
            return self._refusal(account, "not_direct", "others_present", "unlink_in_private", language)
        if person is None:
            return self._refusal(account, "link_needed", "account_not_linked", "unlinked_already", language)
        async with self._database.writing(person.actor, "unlinked in the chat") as session:
            await unlink(session, account)
            await session.commit()
        _log.info("account unlinked", kind=person.kind)
        said = language or person.language
        return self._message(account, "help", None, {"unlinked": True}, self._phrases.say("unlinked", said), said)

    def _refusal(self, account: str, answer: str, reason: str, phrase: str, language: str | None) -> dict[str, Any]:
        """A refusal; to somebody whose language nothing shows (a bare code), in both."""
        if language is None:
            text = "\n".join(self._phrases.say(phrase, one) for one in ("en", "zh"))
        else:
            text = self._phrases.say(phrase, language)
        return self._message(account, answer, None, {"reason": reason}, text, language or "en")

    def _message(
        self, account: str, answer: str, about: str | None, data: dict[str, Any], text: str, language: str
    ) -> dict[str, Any]:
        custom: dict[str, Any] = {
            "answer": answer,
            "about": about,
            "data": data,
            "sources": [],
            "language": "zh" if language == "zh" else "en",
            "as_of": self._database.clock.now().isoformat(timespec="seconds"),
            "protocol": _PROTOCOL,
        }
        return {"recipient_id": account, "text": text, "custom": custom}
