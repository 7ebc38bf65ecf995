"""Talks to the running server as the hospital's chat would: signed requests to the webhook."""

from __future__ import annotations

import http.client
import json
import time
import uuid
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from bot.channels.signature import sign
from bot.config import Settings
from bot.errors import ClientError

_PATH = "/webhooks/hospital/webhook"
_TIMEOUT_SECONDS = 60
#: How often a busy or failing server is asked again; one that says 'too many messages' is waited for longer.
_MOST_FAILURES = 3
_MOST_WAITS = 200


class Unreachable(ClientError):
    """Nobody answers at the server's address."""


@dataclass(frozen=True)
class Client:
    """Sends messages to the server of these settings."""

    settings: Settings

    def send(self, account: str, conversation: str, text: str, direct: bool = True) -> list[dict[str, Any]]:
        """Sends one message and returns the reply; waits where the server asks to (rate limit, busy).

        Raises:
            Unreachable: nobody answers there.
            ClientError: the message was refused.
        """
        body = json.dumps(
            {"account": account, "conversation": conversation, "direct": direct, "text": text}, ensure_ascii=False
        ).encode("utf-8", "replace")  # a terminal's bytes that are no UTF-8 arrive as lone surrogates
        identifier = f"msg_{uuid.uuid4().hex}"
        failures = 0
        for _ in range(_MOST_WAITS):
            status, data, wait = self._post(identifier, body)
            if status == 200:
                return _reply(data)
            failures += status != HTTPStatus.TOO_MANY_REQUESTS
            if wait is None or failures >= _MOST_FAILURES:
                raise ClientError(f"the server refused the message ({status}): {_reason(data)}")
            time.sleep(min(wait, 30.0))
        raise ClientError("the server stayed busy")

    def _post(self, identifier: str, body: bytes) -> tuple[int, bytes, float | None]:
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.settings.host, self.settings.host)
        connection = http.client.HTTPConnection(host, self.settings.port, timeout=_TIMEOUT_SECONDS)
        try:
            connection.request("POST", _PATH, body, sign(self.settings.signing_secret(), identifier, body))
            answer = connection.getresponse()
            return answer.status, answer.read(), _seconds(answer.getheader("Retry-After"))
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(
                f"nobody answers on http://{host}:{self.settings.port} ({error}); start it with ./sparc run"
            ) from None
        finally:
            connection.close()


def _reply(data: bytes) -> list[dict[str, Any]]:
    try:
        reply = json.loads(data)
    except ValueError:
        reply = None
    if not isinstance(reply, list) or not all(isinstance(message, dict) for message in reply):
        raise ClientError("what answers there is not this server: expected a JSON list of messages")
    return reply


def _seconds(header: str | None) -> float | None:
    """What Retry-After asks for; None where it is missing or, as a proxy may write it, a date."""
    return float(header) if header is not None and header.isascii() and header.isdigit() else None


def _reason(data: bytes) -> str:
    try:
        return str(json.loads(data)["error"])
    except (ValueError, KeyError, TypeError):
        return data[:200].decode("utf-8", "replace")
