"""The outlets: the hospital's on-call system over a signed webhook, and e-mail over SMTP."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from datetime import datetime, timezone
from types import MappingProxyType
from typing import Final, Protocol

import aiohttp
import aiosmtplib
from standardwebhooks.webhooks import Webhook

from bot.alerts.message import Notice
from bot.alerts.settings import AlertSettings, MailServer, Place

#: The longest that one attempt may take, in seconds; a lease on a notification must outlast it.
ATTEMPT_SECONDS: Final = 15
_WEBHOOK_TIMEOUT: Final = aiohttp.ClientTimeout(total=10, connect=5)
_MAIL_SECONDS: Final = 12


class NotTaken(Exception):
    """An outlet did not take a notification.

    Attributes:
        code: what came of it, for logs: `status 503`, `timeout`, the kind of error. Never the outlet's own words.
        asked: seconds that it asked to wait before the next attempt, where it did.
    """

    def __init__(self, code: str, asked: float | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.asked = asked


class Outlet(Protocol):
    """Somewhere a notification can be sent."""

    async def send(self, notice: Notice) -> None:
        """Hands a notification over; returns once it was taken.

        Raises:
            NotTaken: it was not, or nobody knows whether it was.
        """

    async def close(self) -> None:
        """Gives connections back."""


class WebhookOutlet:
    """Posts to an on-call system, signed after the Standard Webhooks specification; the key is the `webhook-id`.

    Any status of 200 to 299 means that it was taken. Redirects are not followed: what is signed for one address is not
    taken to another.
    """

    def __init__(self, url: str, secret: str) -> None:
        self._url = url
        self._signer = Webhook(secret)
        self._session: aiohttp.ClientSession | None = None

    async def send(self, notice: Notice) -> None:
        """See `Outlet.send`."""
        body, now = notice.body(), datetime.now(timezone.utc)
        headers = {
            "webhook-id": notice.key,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(notice.key, now, body.decode()),
            "content-type": "application/json",
            "user-agent": "sparc-assistant",
        }
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_WEBHOOK_TIMEOUT)
        try:
            async with self._session.post(self._url, data=body, headers=headers, allow_redirects=False) as answer:
                if not 200 <= answer.status < 300:
                    raise NotTaken(f"status {answer.status}", _seconds(answer.headers.get("Retry-After")))
        except asyncio.TimeoutError:
            raise NotTaken("timeout") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NotTaken(type(error).__name__) from None

    async def close(self) -> None:
        """Gives the kept connection back."""
        if self._session is not None:
            await self._session.close()
            self._session = None


class MailOutlet:
    """Hands a mail to an SMTP server; a repetition carries the same Message-ID."""

    def __init__(self, server: MailServer, recipient: str) -> None:
        self._server = server
        self._recipient = recipient

    async def send(self, notice: Notice) -> None:
        """See `Outlet.send`."""
        server = self._server
        try:
            await asyncio.wait_for(
                aiosmtplib.send(
                    notice.mail(server.sender, self._recipient),
                    hostname=server.host,
                    port=server.port,
                    username=server.username,
                    password=server.password,
                    use_tls=server.security == "tls",
                    start_tls=server.security == "starttls",
                    tls_context=None if server.security == "plain" else ssl.create_default_context(),
                    timeout=_MAIL_SECONDS,
                ),
                _MAIL_SECONDS,
            )
        except (asyncio.TimeoutError, aiosmtplib.SMTPTimeoutError):
            raise NotTaken("timeout") from None
        except aiosmtplib.SMTPResponseException as error:
            raise NotTaken(f"SMTP {error.code}") from None
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise NotTaken(type(error).__name__) from None

    async def close(self) -> None:
        """Nothing is kept open."""


def _seconds(header: str | None) -> float | None:
    """What `Retry-After` asks for; None where it is missing, or a date."""
    return float(header) if header is not None and header.isascii() and header.isdigit() and len(header) < 7 else None


def build_outlets(settings: AlertSettings) -> Mapping[str, Outlet]:
    """The outlets of the line by name."""

    def outlet(place: Place) -> Outlet:
        if place.kind == "webhook":
            assert settings.secret is not None
            return WebhookOutlet(place.address, settings.secret)
        assert settings.mail is not None
        return MailOutlet(settings.mail, place.address)

    return MappingProxyType({place.name: outlet(place) for step in settings.line for place in step})
