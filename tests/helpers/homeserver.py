"""A homeserver that is played: it keeps what it is told, and fails where the test says so."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from aiohttp import web

from tests.helpers.synapse import SERVER_NAME

ME, PATIENT = f"@sparc:{SERVER_NAME}", f"@li.wei:{SERVER_NAME}"


class Homeserver:
    """Answers as a homeserver does, and badly where the test says so: `faults` are given out first, by kind of call."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.sent: dict[str, dict[str, Any]] = {}
        self.order: list[str] = []
        self.faults: dict[str, list[tuple[int, dict[str, Any]]]] = {}
        self.members = {ME: "join", PATIENT: "join"}
        self.state: list[dict[str, Any]] = []
        self.left: list[str] = []
        self.paths: list[str] = []
        self.timeline: list[dict[str, Any]] = []
        self.keeps_before_failing = False

    async def handle(self, request: web.Request) -> web.Response:
        self.paths.append(request.raw_path)
        parts = request.path.split("/")
        kind = next(
            (word for word in ("send", "state", "messages", "leave", "join", "ping", "upload") if word in parts),
            "other",
        )
        self.calls[kind] += 1
        fault = self.faults.get(kind) and self.faults[kind].pop(0)
        body = await request.read()
        if kind == "send" and (not fault or self.keeps_before_failing):
            if parts[-1] not in self.sent:
                self.order.append(parts[-1])
            self.sent[parts[-1]] = json.loads(body)
        if fault:
            return web.json_response(fault[1], status=fault[0])
        if kind == "state" and request.method == "GET":
            members = [
                {"type": "m.room.member", "state_key": who, "content": {"membership": how}}
                for who, how in self.members.items()
            ]
            history = {
                "type": "m.room.history_visibility",
                "state_key": "",
                "content": {"history_visibility": "joined"},
            }
            return web.json_response([*members, history, *self.state])  # a later event counts
        if kind == "messages" and "filter" not in request.query:
            return web.json_response({"chunk": self.timeline[::-1]})
        if kind == "messages":
            return web.json_response({"chunk": [{"content": content} for content in self.sent.values()]})
        if kind == "leave":
            self.left.append(parts[-2])
        return web.json_response({"event_id": "$x"})
