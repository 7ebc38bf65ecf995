"""The road from the chat server to the action server: one kept connection, a token, a short timeout.

Rasa's stock endpoint opens a session, so a TCP connection, for each call and waits 300 s; its token goes into the
URL. Only the part of the conversation that our actions read is sent, so a call costs the same at message 200 as at
message 5.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from typing import Any

import aiohttp
from rasa.utils.endpoints import ClientResponseError, EndpointConfig

from bot.server.action_servers import ActionServers

#: Seconds that an answer may take; a person gave up long before.
TIMEOUT_SECONDS = 20.0


class ActionEndpoint(EndpointConfig):
    """Calls the action server at `url`, or those at `urls` in turn, with `token` in the Authorization header."""

    def __init__(self, url: str, token: str, urls: Sequence[str] = ()) -> None:
        super().__init__(url=url, enable_selective_domain=True)
        self._servers = ActionServers(urls or (url,))
        self._bearer = f"Bearer {token}"
        self._session: aiohttp.ClientSession | None = None

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
            aiohttp.ClientError: it could not be reached.
        """
        body = json.dumps(slim_call(kwargs["json"]), ensure_ascii=False).encode("utf-8")
        async with self._servers.post(self._kept_session(), body) as reply:
            if reply.status >= 400:
                raise ClientResponseError(reply.status, reply.reason or "", await _rejection(reply))
            return await reply.json()

    async def check(self) -> None:
        """Asks whether any action server is ready.

        Raises:
            aiohttp.ClientError: none is.
        """
        await self._servers.check(self._kept_session())

    def _kept_session(self) -> aiohttp.ClientSession:
        # Made at the first call, inside the running loop, because a session belongs to one loop.
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                headers={"Authorization": self._bearer, "Content-Type": "application/json"},
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS),
                connector=aiohttp.TCPConnector(limit=64, keepalive_timeout=60),
            )
        return self._session

    async def close(self) -> None:
        """Closes the kept connection."""
        if self._session is not None:
            await self._session.close()


async def _rejection(reply: aiohttp.ClientResponse) -> str:
    """What Rasa needs to know of a refusal (400: the action's name); nothing else of an error's body is kept."""
    name = None
    if reply.status == 400:
        with contextlib.suppress(ValueError, KeyError, TypeError):
            name = str(json.loads(await reply.read())["action_name"])
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
