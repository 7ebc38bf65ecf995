"""What a homeserver delivers, read: which events matter, and what of them is kept. Nothing here may fail on a bad event."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from bot.enrollment.inbox import NewEvent

#: The specification's bound on ids.
_LONGEST_ID = 255
#: What is kept of a longer text: enough to see that it is too long, and whether it tells of something alarming.
_KEPT_TEXT = 20_000
_QUOTE = re.compile(r"\A(?:>[^\n]*\n)+\n?")
#: A user id with its server: without one it could be an account of another channel.
_USER = re.compile(r"@[^:]*:[^:].*")
#: Kinds of messages that are text; `m.notice` is what machines say and is never answered.
_TEXT_TYPES = frozenset({"m.text", "m.emote"})
_SILENT_TYPES = frozenset({"m.notice", "m.key.verification.request"})


class BadTransaction(ValueError):
    """A body that no homeserver sends."""


def events_of(body: bytes, own_user: str) -> list[NewEvent]:
    """The events of a transaction that there is something to do about, in their order.

    An event that is malformed or of no interest is passed over: a transaction that is refused comes again for ever.

    Raises:
        BadTransaction: the body is no JSON object with a list `events`.
    """
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        raise BadTransaction("body: expected a JSON object") from None
    events = data.get("events") if isinstance(data, dict) else None
    if not isinstance(events, list):
        raise BadTransaction("events: expected a list")
    return list(of_interest(events, own_user))


def of_interest(events: Iterable[Any], own_user: str) -> Iterable[NewEvent]:
    """The events that there is something to do about, in their order."""
    for event in events:
        if not isinstance(event, dict):
            continue
        event_id, room, sender = (_identifier(event.get(name)) for name in ("event_id", "room_id", "sender"))
        if not event_id or not room or not sender or not _USER.fullmatch(sender):
            continue
        content = event.get("content")
        kept = _kept(event, content if isinstance(content, dict) else {}, own_user, sender)
        if kept is not None:
            yield NewEvent(event_id, room, sender, kept)


def _kept(event: Mapping[str, Any], content: Mapping[str, Any], own_user: str, sender: str) -> dict[str, Any] | None:
    kind = event.get("type")
    if kind == "m.room.member":
        return _membership(event, content, own_user)
    if sender == own_user:
        return None
    if kind == "m.room.message":
        return _message(content, own_user)
    if kind == "m.room.encrypted" or (kind == "m.room.encryption" and "state_key" in event):
        return {"kind": "encrypted"}
    return None


def _membership(event: Mapping[str, Any], content: Mapping[str, Any], own_user: str) -> dict[str, Any] | None:
    about, membership = event.get("state_key"), content.get("membership")
    if about == own_user:
        return {"kind": "invited"} if membership == "invite" else None
    return {"kind": "left"} if membership in ("leave", "ban") else None


def _message(content: Mapping[str, Any], own_user: str) -> dict[str, Any] | None:
    relation = content.get("m.relates_to")
    relation = relation if isinstance(relation, dict) else {}
    new = content.get("m.new_content")
    if relation.get("rel_type") == "m.replace" and isinstance(new, dict):
        content = new  # a message that was mended counts as it now stands
    kind, body = content.get("msgtype"), content.get("body")
    if kind in _SILENT_TYPES or (kind is None and body is None):  # the latter: a message that was taken back
        return None
    kept: dict[str, Any] = {"kind": "message"}
    root = relation.get("event_id")
    if relation.get("rel_type") == "m.thread" and _identifier(root):
        kept["thread"] = root
    if kind not in _TEXT_TYPES or not isinstance(body, str):
        return {**kept, "kind": "no_text"}
    if isinstance(relation.get("m.in_reply_to"), dict):
        body = _QUOTE.sub("", body, count=1)  # old clients repeat what they answer
    mentions = content.get("m.mentions")
    users = mentions.get("user_ids") if isinstance(mentions, dict) else None
    named = (isinstance(users, list) and own_user in users) or own_user in body
    return {**kept, "text": body[:_KEPT_TEXT], "named": named}


def _identifier(value: Any) -> str | None:
    good = isinstance(value, str) and 0 < len(value) <= _LONGEST_ID and value.isprintable()
    return str(value) if good else None
