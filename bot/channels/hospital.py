"""The hospital's webhook: signed messages in, the contract's answers out, each message once.

See ANSWERS.md, 'Hospital webhook'; what happens to an accepted message is in `bot/channels/intake.py`.
"""

from __future__ import annotations

from typing import Any

from rasa.core.channels.channel import InputChannel
from sanic import Blueprint, response
from sanic.request import Request
from sanic.response import HTTPResponse

from bot.channels.exchange import Exchange, Turn
from bot.channels.guard import MAX_BODY_BYTES, BadBody, Inbound, RateLimit, parse_body
from bot.channels.intake import Alarming, Intake, OnMessage, Outcome, refusal
from bot.channels.signature import SignatureError, verify
from bot.enrollment.database import Database
from bot.enrollment.messages import MessageKey


class HospitalInput(InputChannel):  # type: ignore[misc]
    """`POST /webhooks/hospital/webhook`."""

    def __init__(
        self, secret: str, database: Database, limit: RateLimit, alarming: Alarming, rooms: RateLimit | None = None
    ) -> None:
        self._secret = secret
        self._exchange = Exchange(self.name(), secret, database, alarming)
        self._intake = Intake("hospital webhook", database, limit, alarming, rooms)

    @classmethod
    def name(cls) -> str:
        """The channel's part of the address."""
        return "hospital"

    def blueprint(self, on_new_message: OnMessage) -> Blueprint:
        """The routes of the channel."""
        hook = Blueprint("hospital_webhook")

        @hook.post("/webhook")
        async def receive(request: Request) -> HTTPResponse:
            return _response(await self._receive(request, on_new_message))

        return hook

    async def _receive(self, request: Request, on_new_message: OnMessage) -> Outcome:
        if len(request.body) > MAX_BODY_BYTES:
            return refusal(413, f"body: expected at most {MAX_BODY_BYTES} bytes")
        try:
            webhook_id = verify(self._secret, request.body, _headers(request))
        except SignatureError:
            return refusal(401, "signature: missing, wrong or too old")
        try:
            inbound = parse_body(request.body)
        except BadBody as problem:
            return refusal(400, str(problem))
        key = MessageKey(webhook_id, inbound.account, inbound.body_hash)
        room = None if inbound.direct else inbound.conversation
        return await self._intake.take(key, inbound.text, lambda: self._answer(inbound, on_new_message), room)

    async def _answer(self, inbound: Inbound, on_new_message: OnMessage) -> list[dict[str, Any]]:
        turn = Turn(inbound.account, inbound.conversation, inbound.direct, inbound.text)
        return await self._exchange.answer(turn, on_new_message)


def _headers(request: Request) -> dict[str, str]:
    """The request's headers in lower case; one that comes twice counts as missing."""
    found: dict[str, str] = {}
    for name, value in request.headers.items():
        found[name.lower()] = "" if name.lower() in found else value
    return found


def _response(outcome: Outcome) -> HTTPResponse:
    return response.json(outcome.body, status=outcome.status, headers=outcome.headers, ensure_ascii=False)
