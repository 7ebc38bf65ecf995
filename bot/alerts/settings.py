"""Who is told, and how: the settings of notification, read by `bot.config` from the environment.

An error names the variable and the entry, and never quotes an address: it may hold a token or a password.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Literal
from urllib.parse import unquote, urlsplit

from bot.alerts.rules import ALERT_LEVELS, AlertLevel, Policy
from bot.errors import SettingsError

#: What may be notified besides emergencies and urgent symptoms.
ALSO: Final = ("routine", "handoff", "reschedule")
_NONE = "none"
_LONGEST_MINUTES: Final = 7 * 24 * 60
_MAIL_PORTS: Final = {"smtp": 587, "smtps": 465, "smtp+plain": 25}


@dataclass(frozen=True)
class Place:
    """An outlet of the line.

    Attributes:
        name: such as `1-webhook` or `2-mail`: the step it belongs to, counted from 1, and its kind. It names nobody.
        address: the URL, or the e-mail address.
    """

    name: str
    kind: Literal["webhook", "mail"]
    address: str = field(repr=False)


@dataclass(frozen=True)
class MailServer:
    """The SMTP server that mail is handed to.

    Attributes:
        security: `starttls` and `tls` refuse to send without a verified certificate; `plain` is for this machine alone.
        sender: the address that the mail comes from.
    """

    host: str
    port: int
    security: Literal["starttls", "tls", "plain"]
    sender: str
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class AlertSettings:
    """The settings of notification.

    Attributes:
        line: who is told, in order; each step is one outlet or several that are told together. Empty: nobody.
        declined: it was said that nobody is to be notified.
        secret: signs the notifications to webhooks, and the acknowledgements that come back.
        also: what is notified besides emergencies and urgent symptoms, of `ALSO`.
    """

    line: tuple[tuple[Place, ...], ...] = ()
    declined: bool = False
    secret: str | None = field(default=None, repr=False)
    mail: MailServer | None = None
    policy: Policy = field(default_factory=Policy)
    also: frozenset[str] = frozenset()

    @property
    def names(self) -> tuple[tuple[str, ...], ...]:
        """The names of the outlets, by step."""
        return tuple(tuple(place.name for place in step) for step in self.line)

    def level_of(self, kind: str, triage_level: str | None = None) -> AlertLevel | None:
        """How pressing a ticket is; None where nobody is notified of it.

        Args:
            kind: the ticket's kind: `symptom`, `handoff` or `reschedule`.
            triage_level: of a symptom.
        """
        if kind == "symptom":
            if triage_level == "emergency":
                return "emergency"
            if triage_level == "urgent":
                return "urgent"
            return "other" if "routine" in self.also else None
        return "other" if kind in self.also else None

    @classmethod
    def from_environment(cls, env: Mapping[str, str], demo: bool) -> AlertSettings:
        """Reads `SPARC_ALERT_...` and `SPARC_SMTP_...`.

        Raises:
            SettingsError: a variable is malformed, or one that the line needs, or that is required outside demo mode,
                is missing.
        """
        text = env.get("SPARC_ALERT_LINE", "").strip()
        if not text and not demo:
            raise SettingsError(
                "SPARC_ALERT_LINE: required outside demo mode: who is told of urgent symptoms; "
                "none, if nobody is to be notified"
            )
        declined = text.lower() == _NONE
        line = () if declined else _line(text)
        secret = _secret(env, needed=any(place.kind == "webhook" for step in line for place in step))
        mail = _mail_server(env, needed=any(place.kind == "mail" for step in line for place in step))
        policy = Policy(
            _waits(env), timedelta(minutes=_minutes(env.get("SPARC_ALERT_LIMIT", ""), "SPARC_ALERT_LIMIT", 3))
        )
        return cls(line, declined, secret, mail, policy, _also(env))


def _line(text: str) -> tuple[tuple[Place, ...], ...]:
    """`https://a, mail@b; mail@c`: steps part at semicolons, outlets told together at commas."""
    if not text:
        return ()
    line = []
    for number, step in enumerate(text.split(";"), start=1):
        places: list[Place] = []
        for entry in step.split(","):
            kind = _kind_of(entry.strip(), f"SPARC_ALERT_LINE: step {number}")
            same = sum(place.kind == kind for place in places)
            places.append(Place(f"{number}-{kind}" + (f"-{same + 1}" if same else ""), kind, entry.strip()))
        line.append(tuple(places))
    return tuple(line)


def _kind_of(entry: str, where: str) -> Literal["webhook", "mail"]:
    if "://" in entry:
        try:
            url = urlsplit(entry)
            host, _ = url.hostname, url.port
        except ValueError:
            url, host = urlsplit(""), None
        safe = url.scheme == "https" or (url.scheme == "http" and _is_this_machine(host or ""))
        if not host or not safe or url.username or url.fragment or not entry.isascii() or not entry.isprintable():
            raise SettingsError(f"{where}: expected an https:// address (http:// on this machine alone)")
        return "webhook"
    _check_mail_address(entry, where)
    return "mail"


def _check_mail_address(text: str, where: str) -> None:
    from email.errors import MessageError  # these take longer to import than most commands need
    from email.headerregistry import Address

    try:
        address = Address(addr_spec=text) if text.isascii() and text.isprintable() else None
    except (MessageError, ValueError, IndexError):
        address = None
    if address is None or not address.username or not address.domain or " " in text:
        raise SettingsError(f"{where}: expected an https:// address or an e-mail address")


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _secret(env: Mapping[str, str], needed: bool) -> str | None:
    secret = env.get("SPARC_ALERT_SECRET", "").strip() or None
    if secret is None:
        if needed:
            raise SettingsError(
                "SPARC_ALERT_SECRET: required for the webhook of SPARC_ALERT_LINE; expected whsec_ and base64"
            )
        return None
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith("whsec_") or len(key) < 16:
        raise SettingsError("SPARC_ALERT_SECRET: expected whsec_ and the base64 of at least 16 bytes")
    return secret


def _mail_server(env: Mapping[str, str], needed: bool) -> MailServer | None:
    text, sender = env.get("SPARC_SMTP_URL", "").strip(), env.get("SPARC_SMTP_FROM", "").strip()
    if not text:
        if needed:
            raise SettingsError("SPARC_SMTP_URL: required for the e-mail addresses of SPARC_ALERT_LINE")
        return None
    expected = "SPARC_SMTP_URL: expected smtp://USER:PASSWORD@HOST:PORT (STARTTLS) or smtps://... (TLS)"
    try:
        url = urlsplit(text)
        host, port = url.hostname, url.port
    except ValueError:
        raise SettingsError(expected) from None
    if not host or url.scheme not in _MAIL_PORTS or url.path not in ("", "/") or url.query or url.fragment:
        raise SettingsError(expected)
    if url.scheme == "smtp+plain" and not _is_this_machine(host):
        raise SettingsError("SPARC_SMTP_URL: expected smtp:// or smtps://; smtp+plain:// on this machine alone")
    _check_mail_address(sender, "SPARC_SMTP_FROM")
    return MailServer(
        host=host,
        port=port or _MAIL_PORTS[url.scheme],
        security="tls" if url.scheme == "smtps" else "plain" if url.scheme == "smtp+plain" else "starttls",
        sender=sender,
        username=unquote(url.username) if url.username else None,
        password=unquote(url.password) if url.password else None,
    )


def _waits(env: Mapping[str, str]) -> Mapping[AlertLevel, timedelta]:
    """`emergency=5,urgent=15,other=240`, in minutes; what is not named keeps its default."""
    waits = dict(Policy().waits)
    text = env.get("SPARC_ALERT_WAIT", "").strip()
    for entry in text.split(",") if text else ():
        level, _, minutes = entry.strip().partition("=")
        known = next((known for known in ALERT_LEVELS if known == level), None)
        if known is None or not minutes:
            raise SettingsError(
                "SPARC_ALERT_WAIT: expected minutes by level such as emergency=5,urgent=15,other=240, found other text"
            )
        waits[known] = timedelta(minutes=_minutes(minutes, "SPARC_ALERT_WAIT", 0))
    return waits


def _minutes(text: str, name: str, default: int) -> int:
    text = text.strip()
    if not text:
        return default
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 8 else 0
    if not 1 <= number <= _LONGEST_MINUTES:
        raise SettingsError(f"{name}: expected a whole number of minutes from 1 to {_LONGEST_MINUTES}, found {text!r}")
    return number


def _also(env: Mapping[str, str]) -> frozenset[str]:
    words = [word.strip() for word in env.get("SPARC_ALERT_ALSO", "").split(",") if word.strip()]
    if any(word not in ALSO for word in words):
        raise SettingsError(f"SPARC_ALERT_ALSO: expected some of {', '.join(ALSO)}, with commas between")
    return frozenset(words)
