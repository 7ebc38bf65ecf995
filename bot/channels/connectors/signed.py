"""Mattermost and Rocket.Chat: Rasa's connectors verify nobody, so they listen only behind our signature."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rasa.core.channels.mattermost import MattermostInput
from rasa.core.channels.rocketchat import RocketChatInput
from sanic import Blueprint, response
from sanic.exceptions import InvalidUsage
from sanic.request import Request
from sanic.response import HTTPResponse

from bot.channels.connectors.guarded import Common, Guard, sender_of
from bot.channels.guard import MAX_BODY_BYTES
from bot.channels.intake import OnMessage
from bot.channels.signature import SignatureError, verify


class _Signed:
    """Lets nothing pass to a connector's routes that is not signed as docs/webhook.md says."""

    common: Common

    def behind_signature(self, routes: Blueprint) -> Blueprint:
        """The connector's routes with the check before them."""

        @routes.middleware("request")
        async def check(request: Request) -> HTTPResponse | None:
            if len(request.body) > MAX_BODY_BYTES:
                return response.json({"error": "body: too large"}, status=413)
            try:
                request.ctx.signed_id = verify(self.common.secret, request.body, _once(request))
            except SignatureError:
                return response.json({"error": "signature: missing, wrong or too old"}, status=401)
            return None

        return routes


class SignedMattermost(_Signed, MattermostInput):  # type: ignore[misc]
    """Mattermost's outgoing webhooks, handed on by something that signs them."""

    def __init__(self, credentials: Mapping[str, Any], common: Common) -> None:
        super().__init__(credentials["url"], credentials["token"], credentials.get("webhook_url", ""))
        self.common = common
        self._guard = Guard(self.name(), common)

    def get_metadata(self, request: Request) -> dict[str, Any]:
        """Who wrote; the writer's id, never the name, which people may change."""
        data = _object(request)
        return sender_of(
            self.name(), data.get("user_id"), data.get("channel_id"), data.get("direct"), request.ctx.signed_id
        )

    def blueprint(self, on_new_message: OnMessage) -> Blueprint:
        """Rasa's routes behind the signature."""
        return self.behind_signature(super().blueprint(self._guard.before(on_new_message)))


class SignedRocketChat(_Signed, RocketChatInput):  # type: ignore[misc]
    """Rocket.Chat's outgoing webhooks, handed on by something that signs them."""

    def __init__(self, credentials: Mapping[str, Any], common: Common) -> None:
        super().__init__(credentials["user"], credentials["password"], credentials["server_url"])
        self.common = common
        self._guard = Guard(self.name(), common)

    def get_metadata(self, request: Request) -> dict[str, Any]:
        """Who wrote; the writer's id, never the name, which people may change. A visitor has no account."""
        data = _object(request)
        if "visitor" in data:
            raise InvalidUsage("expected a message of a user with an account")
        return sender_of(
            self.name(), data.get("user_id"), data.get("channel_id"), data.get("direct"), request.ctx.signed_id
        )

    def blueprint(self, on_new_message: OnMessage) -> Blueprint:
        """Rasa's routes behind the signature."""
        return self.behind_signature(super().blueprint(self._guard.before(on_new_message)))


def _object(request: Request) -> dict[str, Any]:
    data = request.json
    if not isinstance(data, dict) or not isinstance(data.get("text", ""), str):
        raise InvalidUsage("expected a JSON object")
    return data


def _once(request: Request) -> dict[str, str]:
    """The request's headers in lower case; one that comes twice counts as missing."""
    found: dict[str, str] = {}
    for name, value in request.headers.items():
        found[name.lower()] = "" if name.lower() in found else value
    return found
