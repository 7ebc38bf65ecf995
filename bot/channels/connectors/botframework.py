"""Microsoft's Bot Framework (Teams): Rasa's connector with a fixed algorithm, the issuer, and the address checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jwt
import requests
from rasa.core.channels.botframework import BotFrameworkInput
from sanic import Blueprint, response
from sanic.exceptions import InvalidUsage
from sanic.request import Request
from sanic.response import HTTPResponse

from bot.channels.connectors.guarded import Common, Guard, sender_of
from bot.channels.guard import MAX_BODY_BYTES
from bot.channels.intake import OnMessage
from bot.errors import StartupError

_ISSUER = "https://api.botframework.com"
#: An activity carries more than its text.
_MOST_BYTES = 4 * MAX_BODY_BYTES


class GuardedBotFramework(BotFrameworkInput):  # type: ignore[misc]
    """`POST /webhooks/botframework/webhook`.

    Raises:
        StartupError: Microsoft's keys cannot be fetched.
    """

    def __init__(self, credentials: Mapping[str, Any], common: Common) -> None:
        try:
            super().__init__(credentials["app_id"], credentials["app_password"])
        except (requests.RequestException, KeyError, ValueError) as error:
            raise StartupError(f"botframework: the keys cannot be fetched ({type(error).__name__})") from None
        self._guard = Guard(self.name(), common)

    def claims_of(self, token: str) -> dict[str, Any]:
        """What a token says, once it is proven.

        Rasa takes the algorithm from the token itself; here it is fixed, and issuer and lifetime are required.

        Raises:
            jwt.PyJWTError: it is not Microsoft's, not for this bot, too old, or of an unknown key.
        """
        key = self.jwt_keys.get(str(jwt.get_unverified_header(token).get("kid")))
        if key is None:
            raise jwt.InvalidKeyError("unknown key")
        claims: dict[str, Any] = jwt.decode(
            token,
            key=jwt.PyJWK(key, algorithm="RS256"),
            audience=self.app_id,
            issuer=_ISSUER,
            algorithms=["RS256"],
            leeway=300,
            options={"require": ["exp", "aud", "iss"]},
        )
        return claims

    def _validate_jwt_token(self, jwt_token: str) -> None:
        self.claims_of(jwt_token)

    def get_metadata(self, request: Request) -> dict[str, Any]:
        """Who wrote, and whether in a conversation of two."""
        data = _activity(request)
        conversation = data["conversation"]
        direct = (
            conversation.get("isGroup") is not True and conversation.get("conversationType", "personal") == "personal"
        )
        return sender_of(self.name(), data["from"].get("id"), conversation.get("id"), direct, data.get("id"))

    @staticmethod
    def add_attachments_to_metadata(postdata: dict[str, Any], metadata: Any) -> Any:
        """Nothing that a person sent joins the metadata."""
        return metadata

    def blueprint(self, on_new_message: OnMessage) -> Blueprint:
        """Rasa's routes behind the checks of the token and of the address that answers go to."""
        routes = super().blueprint(self._guard.before(on_new_message))

        @routes.middleware("request")
        async def check(request: Request) -> HTTPResponse | None:
            if request.method != "POST":
                return None
            if len(request.body) > _MOST_BYTES:
                return response.json({"error": "body: too large"}, status=413)
            kind, _, token = request.headers.get("authorization", "").partition(" ")
            try:
                claims = self.claims_of(token) if kind == "Bearer" else None
            except (jwt.PyJWTError, ValueError, TypeError):
                claims = None
            # Answers carry the bot's own bearer token: they go where Microsoft says, never where a body says.
            address = None if claims is None else claims.get("serviceurl")
            if claims is None or not address or address != _activity(request).get("serviceUrl"):
                return response.json({"error": "token: missing or wrong"}, status=401)
            return None

        return routes


def _activity(request: Request) -> dict[str, Any]:
    data = request.json
    if not isinstance(data, dict) or not all(isinstance(data.get(name), dict) for name in ("from", "conversation")):
        raise InvalidUsage("expected an activity")
    if not isinstance(data.get("text", ""), str):
        raise InvalidUsage("expected an activity")
    return data
