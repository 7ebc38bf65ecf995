"""Settings of the web chat (`SPARC_WEB_...`); `bot/config.py` reads them with the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from bot.errors import SettingsError

_ROLES = ("coordinator", "investigator", "nurse", "pharmacist")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True)
class Portal:
    """The hospital's portal that signs people in.

    Attributes:
        issuer: the `iss` of its tokens.
        audience: the `aud` that names this assistant.
        keys: where its public keys are: an address (https), or a file.
        role_claim: the claim with a member of staff's groups; dots lead into objects.
        roles: which group is which role, in order of precedence.
    """

    issuer: str
    audience: str
    keys: str
    role_claim: str
    roles: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class WebSettings:
    """What a deployment decides about the web chat.

    Attributes:
        origin: the address that browsers see (`https://host`); None in demo mode, where any name of the server will do.
        entrance: the portal's page that people sign in on, or None.
        portal: whose tokens are taken, or None where an administrator's links are the only way in.
        idle, lifetime: how long a session lasts unused, and at most.
        proxies: how many proxies of the hospital stand before the assistant, each of which adds whom it was called by.
        demo: whether links of the demonstration count.
    """

    origin: str | None
    entrance: str | None
    portal: Portal | None
    idle: timedelta
    lifetime: timedelta
    demo: bool
    proxies: int = 0

    @property
    def secure(self) -> bool:
        """Whether browsers come over TLS."""
        return self.origin is not None and self.origin.startswith("https:")

    @property
    def senders(self) -> frozenset[str]:
        """Origins of pages that may post a token: the portal's."""
        return frozenset() if self.entrance is None else frozenset({_origin_of(self.entrance)})

    @classmethod
    def from_environment(
        cls, env: Mapping[str, str], demo: bool, number: Callable[[str, int, int, int], int]
    ) -> WebSettings | None:
        """Reads the settings; None where the web chat is off (no `SPARC_WEB_ORIGIN` outside demo mode).

        Args:
            number: reads a whole number: name, default, least, most.

        Raises:
            SettingsError: a variable is malformed, or one lacks another that it needs.
        """
        idle = number("SPARC_WEB_IDLE_MINUTES", 15, 1, 24 * 60)
        hours = number("SPARC_WEB_SESSION_HOURS", 12, 1, 7 * 24)
        proxies = number("SPARC_WEB_PROXIES", 0, 0, 5)
        origin = _text(env, "SPARC_WEB_ORIGIN")
        if origin is not None:
            origin = _checked_origin(origin)
        entrance = _text(env, "SPARC_WEB_PORTAL")
        if entrance is not None and not _is_address(entrance):
            raise SettingsError("SPARC_WEB_PORTAL: expected an address such as https://portal.hospital.example/chat")
        portal = _portal(env)
        if origin is None and not demo:
            return None
        return cls(origin, entrance, portal, timedelta(minutes=idle), timedelta(hours=hours), demo, proxies)


def _portal(env: Mapping[str, str]) -> Portal | None:
    issuer, keys = _text(env, "SPARC_WEB_ISSUER"), _text(env, "SPARC_WEB_KEYS")
    roles = tuple(_role(pair) for pair in (_text(env, "SPARC_WEB_ROLES") or "").split(",") if pair.strip())
    if (issuer is None) != (keys is None):
        raise SettingsError("SPARC_WEB_ISSUER: expected together with SPARC_WEB_KEYS, found one without the other")
    if issuer is None or keys is None:
        return None
    if "://" in keys and not _is_address(keys):
        raise SettingsError("SPARC_WEB_KEYS: expected an address that begins with https://, or a file")
    return Portal(
        issuer=issuer,
        audience=_text(env, "SPARC_WEB_AUDIENCE") or "sparc-assistant",
        keys=keys,
        role_claim=_text(env, "SPARC_WEB_ROLE_CLAIM") or "roles",
        roles=roles,
    )


def _role(pair: str) -> tuple[str, str]:
    group, separator, role = (part.strip() for part in pair.rpartition("="))
    if not group or not separator or role not in _ROLES:
        raise SettingsError(
            f"SPARC_WEB_ROLES: expected pairs such as trial-nurses=nurse; roles are {', '.join(_ROLES)}"
        )
    return group, role


def _checked_origin(text: str) -> str:
    parts = urlsplit(text)
    if not _is_address(text) or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise SettingsError("SPARC_WEB_ORIGIN: expected https:// and a host, no path")
    return _origin_of(text)


def _origin_of(address: str) -> str:
    """The origin as browsers write it: lower case, no port where it is the usual one."""
    parts = urlsplit(address.lower())
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    usual = {"https": 443, "http": 80}[parts.scheme]
    return f"{parts.scheme}://{host}" + ("" if parts.port in (None, usual) else f":{parts.port}")


def _is_address(text: str) -> bool:
    """Whether it is an address over TLS, or of this machine."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    plain = parts.scheme == "http" and parts.hostname in _LOOPBACK
    return bool(parts.hostname) and (parts.scheme == "https" or plain) and parts.username is None


def _text(env: Mapping[str, str], name: str) -> str | None:
    return env.get(name, "").strip() or None
