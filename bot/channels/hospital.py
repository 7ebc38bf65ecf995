"""The hospital's webhook: signed messages in, the contract's answers out, each message once.

A message that was accepted is answered or refused with a clear error; the same `webhook-id` again gets the first
reply again. See ANSWERS.md, 'Hospital webhook'.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog
from rasa.core.channels.channel import InputChannel, UserMessage
from sanic import Blueprint, response
from sanic.request import Request
from sanic.response import HTTPResponse

from bot.channels.guard import MAX_BODY_BYTES, BadBody, Inbound, RateLimit, parse_body
from bot.channels.identity import conversation_key, metadata_of, who_speaks
from bot.channels.output import AnswerCollector
from bot.channels.signature import SignatureError, verify
from bot.enrollment import messages
from bot.enrollment.audit import Actor
from bot.enrollment.database import Database
from bot.enrollment.messages import Claim, MessageKey
from bot.logs import place_of

_log = structlog.get_logger(__name__)
_CHANNEL = Actor("hospital webhook", "system")

OnMessage = Callable[[UserMessage], Awaitable[Any]]
#: Whether a text holds an alarming symptom; such a message passes the rate limit.
Alarming = Callable[[str], bool]


@dataclass(frozen=True)
class _Outcome:
    """What came of a message: several deliveries of it may be waiting for the same one."""

    status: int
    body: Any
    retry_after: int | None = None

    def response(self) -> HTTPResponse:
        headers = {} if self.retry_after is None else {"Retry-After": str(max(1, self.retry_after))}
        return response.json(self.body, status=self.status, headers=headers, ensure_ascii=False)


class HospitalInput(InputChannel):  # type: ignore[misc]
    """`POST /webhooks/hospital/webhook`."""

    def __init__(self, secret: str, database: Database, limit: RateLimit, alarming: Alarming) -> None:
        self._secret = secret
        self._database = database
        self._limit = limit
        self._alarming = alarming
        # Deliveries of one message that arrive together wait for the one piece of work, instead of being turned away.
        self._working: dict[MessageKey, asyncio.Task[_Outcome]] = {}

    @classmethod
    def name(cls) -> str:
        """The channel's part of the address."""
        return "hospital"

    def blueprint(self, on_new_message: OnMessage) -> Blueprint:
        """The routes of the channel."""
        hook = Blueprint("hospital_webhook")

        @hook.post("/webhook")
        async def receive(request: Request) -> HTTPResponse:
            if len(request.body) > MAX_BODY_BYTES:
                return _refusal(413, f"body: expected at most {MAX_BODY_BYTES} bytes").response()
            try:
                webhook_id = verify(self._secret, request.body, _headers(request))
            except SignatureError:
                return _refusal(401, "signature: missing, wrong or too old").response()
            try:
                inbound = parse_body(request.body)
            except BadBody as problem:
                return _refusal(400, str(problem)).response()
            key = MessageKey(webhook_id, inbound.account, inbound.body_hash)
            # A caller that hangs up ends this handler, never the work: its next delivery finds the reply.
            outcome = await asyncio.shield(self._started(key, inbound, on_new_message))
            return outcome.response()

        return hook

    def _started(self, key: MessageKey, inbound: Inbound, on_new_message: OnMessage) -> asyncio.Task[_Outcome]:
        work = self._working.get(key)
        if work is None:
            work = self._working[key] = asyncio.create_task(self._work(key, inbound, on_new_message))
            work.add_done_callback(lambda _: self._working.pop(key, None))
        return work

    async def _work(self, key: MessageKey, inbound: Inbound, on_new_message: OnMessage) -> _Outcome:
        try:
            return await self._claim_and_answer(key, inbound, on_new_message)
        except Exception as error:
            _log.error("message failed", where=place_of(error))
            await self._give_back(key)
            return _refusal(503, "the message could not be answered; send it again", retry_after=2)

    async def _claim_and_answer(self, key: MessageKey, inbound: Inbound, on_new_message: OnMessage) -> _Outcome:
        # Counted before anything is awaited: messages that arrive together must not all see the same room left.
        limited = self._limit.wait(inbound.account)
        if limited and not self._alarming(inbound.text):
            # Before the claim: turning a flood away must not take the one writer's lock from everybody else.
            return await self._earlier(key) or _refusal(429, "too many messages", retry_after=math.ceil(limited))
        claim = await self._claim(key)
        if not claim.new and not limited:
            self._limit.give_back(inbound.account)
        if claim.reply is not None:
            return _Outcome(200, claim.reply)
        if claim.busy:
            return _refusal(503, "the message is being answered; send it again", retry_after=2)
        reply = await self._answer(inbound, on_new_message)
        async with self._database.writing(_CHANNEL, "reply") as session:
            await messages.store_reply(session, key, reply)
            await session.commit()
        return _Outcome(200, reply)

    async def _earlier(self, key: MessageKey) -> _Outcome | None:
        """The outcome of a message that was answered before; a repetition is never 'too many'."""
        async with self._database.session() as session:
            reply = await messages.stored_reply(session, key)
        return None if reply is None else _Outcome(200, reply)

    async def _answer(self, inbound: Inbound, on_new_message: OnMessage) -> list[dict[str, Any]]:
        person = await who_speaks(self._database, inbound.account)
        output = AnswerCollector(inbound.account)
        key = conversation_key(self._secret, self.name(), inbound.account, f"{inbound.conversation}:{inbound.direct}")
        metadata = metadata_of(person, inbound.account, inbound.conversation, inbound.direct)
        await on_new_message(UserMessage(inbound.text, output, key, input_channel=self.name(), metadata=metadata))
        if not output.messages or "custom" not in output.messages[0]:
            raise RuntimeError("no answer came back")
        return output.messages

    async def _claim(self, key: MessageKey) -> Claim:
        async with self._database.writing(_CHANNEL, "message") as session:
            claim = await messages.claim(session, key)
            await session.commit()
        return claim

    async def _give_back(self, key: MessageKey) -> None:
        """Opens the message to the next delivery; where even that fails, the claim runs out by itself."""
        try:
            async with self._database.writing(_CHANNEL, "not answered") as session:
                await messages.release(session, key)
                await session.commit()
        except Exception as error:
            _log.error("claim not given back", where=place_of(error))


def _headers(request: Request) -> dict[str, str]:
    """The request's headers in lower case; one that comes twice counts as missing."""
    found: dict[str, str] = {}
    for name, value in request.headers.items():
        found[name.lower()] = "" if name.lower() in found else value
    return found


def _refusal(status: int, text: str, retry_after: int | None = None) -> _Outcome:
    return _Outcome(status, {"error": text}, retry_after)
