"""Webhook signatures as the Standard Webhooks specification has them: https://www.standardwebhooks.com/

The specification's own library signs. It is not used to verify, because it reads the body as text (a signed body that
is no UTF-8 would be called unsigned) and stops at a malformed entry even where a good one follows, as a sender may
write while its keys rotate.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Mapping
from datetime import datetime, timezone

from standardwebhooks.webhooks import Webhook

#: How far a time stamp may be off, in seconds, either way.
TOLERANCE_SECONDS = 5 * 60
_ID = re.compile(r"[\x21-\x7e]{1,256}\Z")
_TIMESTAMP = re.compile(r"[0-9]{1,12}\Z")
#: Signatures looked at in one header; a rotation needs two.
_MOST_SIGNATURES = 10


class SignatureError(Exception):
    """A request that is not signed as it should be; it says no more than that."""


def verify(secret: str, body: bytes, headers: Mapping[str, str], now: float | None = None) -> str:
    """Checks a request and returns its `webhook-id`.

    The time stamp must be within five minutes of the real time, whatever `SPARC_CLOCK` says: replay is a matter of
    the world's clock.

    Args:
        headers: with lower-case names.
        now: seconds since 1970, for tests.

    Raises:
        SignatureError: a header is missing or malformed, the time stamp is too far off, or no signature matches.
    """
    identifier, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not _ID.match(identifier) or not _TIMESTAMP.match(timestamp):
        raise SignatureError
    if abs((time.time() if now is None else now) - int(timestamp)) > TOLERANCE_SECONDS:
        raise SignatureError
    signed = f"{identifier}.{timestamp}.".encode("ascii") + body
    expected = b"v1," + base64.b64encode(hmac.new(_key(secret), signed, hashlib.sha256).digest())
    given = headers.get("webhook-signature", "").split(" ")[:_MOST_SIGNATURES]
    # Every entry is compared, so that the time it takes tells nothing.
    if not any([hmac.compare_digest(expected, entry.encode("utf-8", "replace")) for entry in given]):  # noqa: C419
        raise SignatureError
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


def _key(secret: str) -> bytes:
    # The specification's secrets may come without their padding.
    key = base64.b64decode(secret.removeprefix("whsec_") + "==")
    if not key:
        raise SignatureError
    return key
