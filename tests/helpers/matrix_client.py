"""A person's Matrix client (matrix-nio), run in the homeserver's environment: one JSON command a line in, one reply a line out.

Commands: {"do": "login", "homeserver", "user", "password"}, {"do": "create", "invite": [..], "direct", "preset", "encrypted"},
{"do": "send", "room", "text"}, {"do": "sync", "milliseconds"} (the events that are new), {"do": "call", "method", "path",
"body"} for anything else of the client-server API.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from nio import AsyncClient, AsyncClientConfig, LoginResponse
from nio.responses import RoomSendResponse, SyncResponse


class Person:
    """One signed-in person."""

    def __init__(self) -> None:
        self.client: Any = None

    async def login(self, homeserver: str, user: str, password: str) -> dict[str, Any]:
        config = AsyncClientConfig(encryption_enabled=False, max_timeouts=0, request_timeout=20)
        self.client = AsyncClient(homeserver, user, config=config)
        found = await self.client.login(password)
        assert isinstance(found, LoginResponse), found
        return {"user_id": found.user_id}

    async def create(
        self, invite: list[str], direct: bool = True, preset: str = "trusted_private_chat", encrypted: bool = False
    ) -> dict[str, Any]:
        initial = [{"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}]
        body = {"invite": invite, "is_direct": direct, "preset": preset, "initial_state": initial if encrypted else []}
        found = await self.call("POST", "/_matrix/client/v3/createRoom", body)
        return {"room": found["reply"]["room_id"]}

    async def send(self, room: str, text: str) -> dict[str, Any]:
        found = await self.client.room_send(
            room, "m.room.message", {"msgtype": "m.text", "body": text}, ignore_unverified_devices=True
        )
        assert isinstance(found, RoomSendResponse), found
        return {"event_id": found.event_id}

    async def sync(self, milliseconds: int = 0) -> dict[str, Any]:
        found = await self.client.sync(timeout=milliseconds, sync_filter={"room": {"timeline": {"limit": 500}}})
        if not isinstance(found, SyncResponse):
            return {"events": [], "error": str(found)}
        events = []
        for room, info in found.rooms.join.items():
            events += [{"room": room, **event.source} for event in info.timeline.events]
        return {"events": events, "invited": list(found.rooms.invite)}

    async def call(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.client.access_token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body)
        reply = await self.client.send(method, path, data, headers)
        raw = await reply.read()
        try:
            return {"status": reply.status, "reply": json.loads(raw)}
        except ValueError:
            return {"status": reply.status, "reply": raw.decode("latin-1")}


async def main() -> None:
    person = Person()
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        command = json.loads(line)
        try:
            reply = await getattr(person, command.pop("do"))(**command)
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), flush=True)
    if person.client is not None:
        await person.client.close()


if __name__ == "__main__":
    asyncio.run(main())
