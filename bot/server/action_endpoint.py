"""The road from the chat server to the action server: one kept connection, a token, a short timeout.

Rasa's stock endpoint opens a session, so a TCP connection, for each call and waits 300 s; its token goes into the
URL. Only the part of the conversation that our actions read is sent, so a call costs the same at message 200 as at
message 5.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from rasa.utils.endpoints import ClientResponseError, EndpointConfig

from bot.server.action_servers import ActionServers
from bot.server.kept import Reply

#: Seconds that an answer may take; a person gave up long before.
TIMEOUT_SECONDS = 20.0


class ActionEndpoint(EndpointConfig):
    """Calls the action server at `url`, or those at `urls` in turn, with `token` in the Authorization header."""

    def __init__(self, url: str, token: str, urls: Sequence[str] = ()) -> None:
        super().__init__(url=url, enable_selective_domain=True)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._servers = ActionServers(urls or (url,), headers)

    async def request(
        self,
        method: str = "post",
        subpath: str | None = None,
        content_type: str | None = "application/json",
        compress: bool = False,
        return_method: str = "json",
        **kwargs: Any,
    ) -> Any:
        """Posts the action call and returns the decoded reply.

        Raises:
            ClientResponseError: the action server answered with an error status; the body is not in it, because
                it could hold what a person wrote.
            ConnectionError: it could not be reached, or broke off.
            asyncio.TimeoutError: it did not answer in time.
            ValueError: the answer is no JSON.
        """
        body = json.dumps(slim_call(kwargs["json"]), ensure_ascii=False).encode("utf-8")
        reply = await self._servers.post(body, TIMEOUT_SECONDS)
        if reply.status >= 400:
            raise ClientResponseError(reply.status, _reason(reply.status), _rejection(reply))
        return json.loads(reply.body)

    async def check(self) -> None:
        """Asks whether any action server is ready.

        Raises:
            ConnectionError, asyncio.TimeoutError: none is.
        """
        await self._servers.check()

    async def close(self) -> None:
        """Closes the kept connections."""
        self._servers.close()


def _reason(status: int) -> str:
    with contextlib.suppress(ValueError):
        return HTTPStatus(status).phrase
    return ""


def _rejection(reply: Reply) -> str:
    """What Rasa needs to know of a refusal (400: the action's name); nothing else of an error's body is kept."""
    name = None
    if reply.status == 400:
        with contextlib.suppress(ValueError, KeyError, TypeError):
            name = str(json.loads(reply.body)["action_name"])
    return json.dumps({"action_name": name or "unknown", "error": "rejected"})


def slim_call(call: dict[str, Any]) -> dict[str, Any]:
    """The action call without the history: slots and the latest message are all that our actions read."""
    tracker = call.get("tracker", {})
    kept = {
        key: tracker.get(key) for key in ("sender_id", "slots", "latest_message", "active_loop", "latest_action_name")
    }
    latest = dict(kept.get("latest_message") or {})
    for heavy in ("text_tokens", "intent_ranking", "response_selector"):
        latest.pop(heavy, None)
    kept["latest_message"] = latest
    kept["events"] = []
    return {**call, "tracker": kept, "domain": {}}
