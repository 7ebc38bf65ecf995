"""A Slack that is played: it signs and sends events as Slack does, and keeps what is posted."""

from __future__ import annotations

import hashlib
import hmac
import json
import time as clock
import uuid
from typing import Any

import aiohttp
from aiohttp import web

SIGNING_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
TOKEN = "xoxb-not-a-real-token"


class SlackApi:
    """Slack's Web API: keeps what is posted; `faults` are given out first."""

    def __init__(self) -> None:
        self.posted: list[dict[str, Any]] = []
        self.tokens: set[str] = set()
        self.faults: list[tuple[int, dict[str, Any], dict[str, str]]] = []

    async def post_message(self, request: web.Request) -> web.Response:
        self.tokens.add(request.headers.get("Authorization", ""))
        form = dict(await request.post()) if request.content_type != "application/json" else await request.json()
        if self.faults:
            status, body, headers = self.faults.pop(0)
            return web.json_response(body, status=status, headers=headers)
        self.posted.append(form)
        return web.json_response({"ok": True, "channel": form["channel"], "ts": "1.2"})


class Slack:
    """Slack's side: signs and sends events to the assistant's address."""

    def __init__(self, address: str, session: aiohttp.ClientSession, channel: Any, api: SlackApi) -> None:
        self._address = f"{address}/webhooks/slack/webhook"
        self._session = session
        self.channel = channel
        self.api = api

    @staticmethod
    def event(text: Any, user: str = "U0PATIENT", **changes: Any) -> dict[str, Any]:
        inner = {"type": "message", "channel": "D0DIRECT", "channel_type": "im", "user": user, "text": text}
        inner = {**inner, "ts": f"17.{uuid.uuid4().int % 10**9}", **changes}
        return {
            "type": "event_callback",
            "team_id": "T0HOSPITAL",
            "event_id": f"Ev{uuid.uuid4().hex[:8]}",
            "event": inner,
        }

    async def send(self, body: Any, **headers: str) -> tuple[int, str]:
        """One request, signed as Slack does unless the headers say otherwise; waits for the work to be done."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        moment = headers.pop("at", str(int(clock.time())))
        digest = hmac.new(SIGNING_SECRET.encode(), b"v0:" + moment.encode() + b":" + raw, hashlib.sha256).hexdigest()
        signed = {
            "X-Slack-Request-Timestamp": moment,
            "X-Slack-Signature": f"v0={digest}",
            "Content-Type": "application/json",
        }
        kept = {name: value for name, value in {**signed, **headers}.items() if value}
        async with self._session.post(self._address, data=raw, headers=kept) as reply:
            found = reply.status, await reply.text()
        await self.channel.queues.idle()
        return found

    async def say(self, text: str, user: str = "U0PATIENT", **changes: Any) -> str:
        """A message; what the assistant said to it."""
        before = len(self.api.posted)
        assert (await self.send(self.event(text, user, **changes)))[0] == 200
        return "\n".join(str(one["text"]) for one in self.api.posted[before:])
