"""A reply as Matrix messages: a notice with text and HTML, then its picture and its file."""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from bot.phrases import Phrases
from bot.trial.protocol import Protocol

#: The contract's object travels beside the text, as JSON text, since events may hold no fractions.
CARD = "sparc.answer"
#: A homeserver refuses events over 65,536 bytes; what it adds itself needs room too.
_LARGEST_EVENT = 50_000
_DATA_ADDRESS = re.compile(
    r"data:([a-z]+/[a-z0-9.+-]+)((?:;[a-z0-9=._-]+)*?)(;base64)?,(.*)\Z", re.IGNORECASE | re.DOTALL
)
_ITEM = re.compile(r"(?:[-•*]|\d+\.) +")
_TABLE_HEAD = {
    "en": ("Criterion", "Result", "Words of the note", "Why"),
    "zh": ("标准", "结果", "原文", "理由"),
}
_RESULTS = {"zh": {"fail": "不符合", "pass": "符合", "unknown": "未知"}, "en": {}}
_FILE_NAMES = {"text/calendar": "visits.ics", "image/png": "recruitment.png"}


@dataclass(frozen=True)
class File:
    """A picture or file to be put into the homeserver's store before its message is sent.

    Attributes:
        kind: its MIME type.
        name: as people see it.
    """

    data: bytes
    kind: str
    name: str

    def content(self, address: str) -> dict[str, Any]:
        """The message that shows it, once it is stored under an `mxc://` address."""
        info: dict[str, Any] = {"mimetype": self.kind, "size": len(self.data)}
        picture = self.kind.startswith("image/")
        if picture and self.data[:8] == b"\x89PNG\r\n\x1a\n":
            info["w"], info["h"] = struct.unpack(">II", self.data[16:24])
        return {"msgtype": "m.image" if picture else "m.file", "body": self.name, "url": address, "info": info}


class Messages:
    """Turns the contract's messages into Matrix's."""

    def __init__(self, phrases: Phrases, protocol: Protocol) -> None:
        self._phrases = phrases
        self._protocol = protocol

    def parts(self, reply: Sequence[Mapping[str, Any]]) -> list[dict[str, Any] | File]:
        """The messages to send, in order; a file is stored first and its `content` sent."""
        found: list[dict[str, Any] | File] = []
        for message in reply:
            found.append(self._notice(message))
            for field in ("image", "attachment"):
                file = _file(message.get(field))
                if file is not None:
                    found.append(file)
        return found

    def _notice(self, message: Mapping[str, Any]) -> dict[str, Any]:
        custom: Mapping[str, Any] = message.get("custom") or {}
        language = "zh" if custom.get("language") == "zh" else "en"
        text = str(message.get("text", ""))
        options = [str(button["title"]) for button in message.get("buttons") or ()]
        offer = ""
        if options:
            listed = (", " if language == "en" else "、").join(f"“{option}”" for option in options)
            offer = self._phrases.say("suggestions", language, options=listed)
        body = f"{text}\n{offer}" if offer else text
        table = self._table(custom, language) if custom.get("answer") == "eligibility_check" else ""
        formatted = as_html(text) + table + (f"<p><em>{html.escape(offer)}</em></p>" if offer else "")
        content: dict[str, Any] = {"msgtype": "m.notice", "body": body}
        rich = {"format": "org.matrix.custom.html", "formatted_body": formatted}
        card = {CARD: json.dumps(custom, ensure_ascii=False, separators=(",", ":"))} if custom else {}
        for more in ({**rich, **card}, rich, {}):  # what people read comes before what programs read
            if _size({**content, **more}) <= _LARGEST_EVENT:
                return {**content, **more}
        return {**content, "body": body.encode("utf-8")[: _LARGEST_EVENT // 2].decode("utf-8", "ignore")}

    def _table(self, custom: Mapping[str, Any], language: str) -> str:
        """The criteria that something was found for, failing ones first; the rest by number."""
        criteria = custom.get("data", {}).get("criteria") or []
        order = {"fail": 0, "pass": 1}
        decided = sorted((one for one in criteria if one["result"] in order), key=lambda one: order[one["result"]])
        if not decided:
            return ""
        rows = "".join(self._row(one, language) for one in decided)
        head = "".join(f"<th>{html.escape(word)}</th>" for word in _TABLE_HEAD[language])
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"

    def _row(self, one: Mapping[str, Any], language: str) -> str:
        title = self._protocol.criterion(one["id"]).title["zh" if language == "zh" else "en"]
        result = _RESULTS[language].get(one["result"], one["result"])
        evidence = "; ".join(f"“{words}”" for words in one["evidence"])
        cells = (f"{one['id']} {title}", result, evidence, one["why"])
        marked = [html.escape(str(cell)) for cell in cells]
        if one["result"] == "fail":
            marked[1] = f"<strong>{marked[1]}</strong>"
        return "<tr>" + "".join(f"<td>{cell}</td>" for cell in marked) + "</tr>"


def as_html(text: str) -> str:
    """Plain text as HTML: lines that begin with a dash or a number become a list; nothing in the text is markup."""
    blocks: list[str] = []
    items: list[str] = []
    prose: list[str] = []

    def end() -> None:
        if prose:
            blocks.append("<p>" + "<br>".join(prose) + "</p>")
        if items:
            blocks.append("<ul>" + "".join(f"<li>{item}</li>" for item in items) + "</ul>")
        prose.clear()
        items.clear()

    for line in text.split("\n"):
        item = _ITEM.match(line.strip())
        if item:
            if prose:
                end()
            items.append(html.escape(line.strip()[item.end() :] if line.strip()[0] in "-•*" else line.strip()))
        elif not line.strip():
            end()
        else:
            if items:
                end()
            prose.append(html.escape(line))
    end()
    return "".join(blocks)


def _file(address: Any) -> File | None:
    """The file in a data address, or None where there is none or it is no such address."""
    found = _DATA_ADDRESS.match(address) if isinstance(address, str) else None
    if found is None:
        return None
    try:
        data = base64.b64decode(found[4], validate=True) if found[3] else unquote_to_bytes(found[4])
    except (binascii.Error, ValueError):
        return None
    kind = found[1].lower()
    return File(data, kind, _FILE_NAMES.get(kind, "file"))


def _size(content: Mapping[str, Any]) -> int:
    return len(json.dumps(content, ensure_ascii=False).encode("utf-8", "replace"))
