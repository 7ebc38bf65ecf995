"""Webhook signatures as the Standard Webhooks specification has them.

The library verifies; around it, because it raises other errors than its own on malformed headers and takes odd
time stamps, every doubt becomes the same refusal. https://www.standardwebhooks.com/
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone

from standardwebhooks.webhooks import Webhook

_ID = re.compile(r"[\x21-\x7e]{1,256}\Z")
_TIMESTAMP = re.compile(r"[0-9]{1,12}\Z")


class SignatureError(Exception):
    """A request that is not signed as it should be; it says no more than that."""


def verify(secret: str, body: bytes, headers: Mapping[str, str]) -> str:
    """Checks a request and returns its `webhook-id`.

    The time stamp must be within five minutes of the real time, whatever `SPARC_CLOCK` says: replay is a matter of
    the world's clock.

    Raises:
        SignatureError: a header is missing or malformed, the time stamp is too far off, or no signature matches.
    """
    identifier, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not _ID.match(identifier) or not _TIMESTAMP.match(timestamp):
        raise SignatureError
    try:
        Webhook(secret).verify(body, dict(headers), json_parse=False)
    except Exception:
        raise SignatureError from None
    return identifier


def sign(secret: str, identifier: str, body: bytes, moment: datetime | None = None) -> dict[str, str]:
    """The three headers of a signed request, as a caller makes them."""
    now = (moment or datetime.now(timezone.utc)).astimezone(timezone.utc)
    signature = Webhook(secret).sign(identifier, now, body.decode("utf-8"))
    return {
        "webhook-id": identifier,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
        "content-type": "application/json",
    }
