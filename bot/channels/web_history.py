"""What was said in the web chat before: from the conversation store, with the files that the stored replies still hold."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timezone
from typing import Any

#: Reads a conversation: tracker id, number before which (or None), how many events.
History = Callable[[str, int | None, int], Awaitable[list[tuple[int, dict[str, Any]]]]]
#: Events read at a time; a turn has six or seven.
PAGE_EVENTS = 210
_SHOWN = ("text", "custom", "buttons", "image")
_CALENDAR = "data:text/calendar"
_FILE_KINDS = re.compile(r"data:text/calendar(?:;charset=utf-8)?;base64,")


def shown_reply(reply: Sequence[dict[str, Any]], identifier: str) -> list[dict[str, Any]]:
    """A reply's messages as the page gets them: a file is named, to be fetched by its message's id."""
    shown = []
    for message in reply:
        kept: dict[str, Any] = {name: message[name] for name in _SHOWN if name in message}
        if str(message.get("attachment", "")).startswith(_CALENDAR):
            kept["file"] = f"/chat/calendar/{identifier}"
        shown.append(kept)
    return shown


def calendar_file(reply: Sequence[dict[str, Any]]) -> bytes | None:
    """The calendar file of a reply, or None where it has none."""
    for message in reply:
        address = str(message.get("attachment", ""))
        kind = _FILE_KINDS.match(address)
        if kind:
            try:
                return base64.b64decode(address[kind.end() :], validate=True)
            except binascii.Error:
                return None
    return None


def entries_of(events: Sequence[tuple[int, dict[str, Any]]]) -> list[dict[str, Any]]:
    """The messages among a conversation's events, oldest first.

    Each has `from` (`person` or `assistant`), `text`, `at`, and the person's `id` of the message; the assistant's carry
    the id of what they answer, with `custom` and `buttons`.
    """
    entries: list[dict[str, Any]] = []
    asked: str | None = None
    for number, event in events:
        kind = event.get("event")
        if kind == "user":
            asked = event.get("message_id")
            entries.append(_entry(number, event, "person", asked))
        elif kind == "bot":
            data = event.get("data") or {}
            kept = {name: data[name] for name in ("custom", "buttons") if data.get(name)}
            entries.append({**_entry(number, event, "assistant", asked), **kept})
    return entries


def with_files(entries: Sequence[dict[str, Any]], replies: dict[str, Any]) -> None:
    """Adds pictures and files to the assistant's messages whose reply is still kept; changes the entries."""
    for entry in entries:
        if entry["from"] == "assistant" and entry["id"] in replies:
            for message in shown_reply(replies[entry["id"]], entry["id"]):
                if message.get("text") == entry["text"]:
                    entry.update({name: message[name] for name in ("image", "file") if name in message})


def _entry(number: int, event: dict[str, Any], who: str, identifier: str | None) -> dict[str, Any]:
    at = datetime.fromtimestamp(event["timestamp"], timezone.utc).isoformat(timespec="seconds")
    return {"number": number, "from": who, "text": event.get("text") or "", "at": at, "id": identifier}
