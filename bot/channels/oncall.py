"""The on-call system's way back: a signed call that says that somebody has taken a ticket up.

`POST /webhooks/oncall/acknowledge`, signed with `SPARC_ALERT_SECRET` after the Standard Webhooks specification. Taking a
ticket up twice changes nothing, so a call that is repeated needs no memory of its own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import structlog
from sanic import Blueprint, response
from sanic.request import Request
from sanic.response import HTTPResponse

from bot.channels.signature import SignatureError, verify
from bot.enrollment import writes
from bot.enrollment.audit import Actor
from bot.enrollment.database import Database
from bot.enrollment.errors import Conflict, NotOnFile

#: The type of the call; a notification of ours, sent back by somebody who has read one, is of another type.
ACKNOWLEDGED = "ticket.acknowledged"
MAX_BODY_BYTES = 4 * 1024
_LONGEST_NAME = 64
_log = structlog.get_logger(__name__)


class BadCall(ValueError):
    """The body is not what it should be; the text names the field."""


@dataclass(frozen=True)
class Acknowledgement:
    """A ticket (`T-12`) that somebody has taken up; `by` is who, as the on-call system names them."""

    ticket: str
    by: str


def read_call(body: bytes) -> Acknowledgement:
    """`{"type": "ticket.acknowledged", "data": {"ticket": "T-12", "by": "on-call nurse"}}`; `by` may be missing.

    Raises:
        BadCall: anything else.
    """
    try:
        call: Any = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise BadCall("body: expected JSON") from None
    if not isinstance(call, dict) or call.get("type") != ACKNOWLEDGED:
        raise BadCall(f"type: expected {ACKNOWLEDGED}")
    data = call.get("data")
    if not isinstance(data, dict):
        raise BadCall("data: expected an object")
    ticket, by = data.get("ticket"), data.get("by", "on-call")
    digits = ticket[2:] if isinstance(ticket, str) and ticket.startswith("T-") else ""
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 9):
        raise BadCall("data.ticket: expected a ticket such as T-12")
    if not isinstance(by, str) or not by.strip() or len(by) > _LONGEST_NAME or not by.isprintable():
        raise BadCall(f"data.by: expected 1 to {_LONGEST_NAME} printable characters")
    return Acknowledgement(str(ticket), by.strip())


def oncall_blueprint(secret: str, database: Database) -> Blueprint:
    """The route; mounted where a webhook is in the line."""
    hook = Blueprint("oncall_webhook", url_prefix="/webhooks/oncall")

    @hook.post("/acknowledge")
    async def acknowledge(request: Request) -> HTTPResponse:
        if len(request.body) > MAX_BODY_BYTES:
            return response.json({"error": f"body: expected at most {MAX_BODY_BYTES} bytes"}, status=413)
        headers: dict[str, str] = {}
        for name, value in request.headers.items():  # a header that comes twice counts as missing
            headers[name.lower()] = "" if name.lower() in headers else value
        try:
            verify(secret, request.body, headers)
        except SignatureError:
            return response.json({"error": "signature: missing, wrong or too old"}, status=401)
        try:
            call = read_call(request.body)
        except BadCall as problem:
            return response.json({"error": str(problem)}, status=400)
        return await _acknowledge(database, call)

    return hook


async def _acknowledge(database: Database, call: Acknowledgement) -> HTTPResponse:
    try:
        async with database.writing(Actor(call.by, "on-call"), "on-call: acknowledge ticket") as session:
            await writes.acknowledge_ticket(session, call.ticket)
            await session.commit()
    except NotOnFile:
        return response.json({"error": f"no ticket {call.ticket}"}, status=404)
    except Conflict:  # nothing is left to do for the caller: somebody has it, which is what counts
        return response.json({"ticket": call.ticket, "acknowledged": True, "first": False})
    _log.info("ticket acknowledged by on-call")
    return response.json({"ticket": call.ticket, "acknowledged": True, "first": True})
