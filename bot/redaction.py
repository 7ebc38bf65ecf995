"""The second line before the logs: takes out of a line what looks like, or is named as, personal data.

The first line is that nothing personal is handed to a log. What this one cannot know is a name in plain letters under
a harmless key: it goes by looks and by keys.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, MutableMapping
from typing import Any

#: What a value under one of these keys says of a person is not for a log, whatever it looks like.
PERSONAL_KEYS = frozenset(
    {
        "account", "address", "birth_date", "body", "content", "conversation", "email", "headers", "identity", "message",
        "name", "participant", "payload", "person", "phone", "recipient", "room", "sender", "subject", "text", "token", "user", "username",
    }
)  # fmt: skip
#: Keys whose values are made by ourselves and look like numbers.
_OWN_KEYS = frozenset({"timestamp", "level", "request", "model", "protocol", "logger"})
_LOOKS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"[@!#$][^\s:'\"]{1,200}:[A-Za-z0-9.-]+(?::\d+)?"), "[chat id]"),
    (re.compile(r"\b(?:slack|mattermost|rocketchat|botframework):[^\s'\"]+"), "[chat id]"),
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "[e-mail]"),
    (re.compile(r"(?<![A-Za-z0-9])[PpＰ]\s?[-‐‑–－]\s?[0-9０-９]{3,}"), "[participant]"),
    (
        re.compile(r"(?<![\w-])(?=[A-Z2-9]*[A-Z])[A-HJKMNP-Z2-9]{5}-?[A-HJKMNP-Z2-9]{5}(?![\w-])"),
        "[link code]",
    ),
    (re.compile(r"\b(?:19|20)\d\d(?:-\d\d?-\d\d?|/\d\d?/\d\d?|\.\d\d?\.\d\d?)(?!\d)"), "[date]"),
    (re.compile(r"(?<!\d)\d\d?[./]\d\d?[./](?:19|20)?\d\d(?!\d)"), "[date]"),
    (
        re.compile(
            r"\b\d\d?\s+(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\s+(?:19|20)\d\d\b", re.IGNORECASE
        ),
        "[date]",
    ),
    (re.compile(r"(?:(?:19|20)\d\d年)?\d\d?月\d\d?日"), "[date]"),
    (re.compile(r"(?<![\w.])\+?\d(?:[\s()-]?\d){6,}(?![\w.])"), "[number]"),
    (re.compile(r"[\u3400-\u9fff][\u3400-\u9fff\u3000-\u303f\uff00-\uffef0-9]*"), "[text]"),
)

#: Of these characters each of the above needs one; most texts of a log line hold none.
_SUSPECT = re.compile(r"[@:\dA-Z\u3400-\u9fff]")


def redact_text(text: str) -> str:
    """A text without what looks like personal data."""
    if _SUSPECT.search(text) is None:
        return text
    for look, instead in _LOOKS:
        text = look.sub(instead, text)
    return text


def redact_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: the event with personal keys emptied and every other text redacted."""
    for key, value in list(event.items()):
        event[key] = value if key in _OWN_KEYS else _redacted(key, value)
    return event


def _redacted(key: str, value: Any) -> Any:
    if key.lower() in PERSONAL_KEYS:
        return value if value is None or isinstance(value, bool) else "[removed]"
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, Mapping):
        return {redact_text(str(inner)): _redacted(str(inner), one) for inner, one in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_redacted("", one) for one in value]
    return value if value is None or isinstance(value, (bool, int, float)) else redact_text(str(value))


class RedactingFormatter(logging.Formatter):
    """For libraries' lines: the line redacted, of an exception its kind and places instead of its text."""

    def format(self, record: logging.LogRecord) -> str:
        """The line as it is printed."""
        return redact_text(super().format(record))

    def formatException(self, ei: Any) -> str:
        """Where an exception came from; its text can hold what somebody wrote."""
        from bot.logs import place_of

        return " | ".join(place_of(ei[1])) if ei[1] is not None else ""
