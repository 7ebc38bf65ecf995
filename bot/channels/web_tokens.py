"""Tokens of the hospital's portal: who comes to the web chat, in the portal's own signature (JWT, RS256 or ES256).

PyJWT checks signature, times, issuer and audience. What is fixed here: the algorithm belongs to the key and never to
the token, keys come from the portal's key set alone, and a token lives for minutes.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import structlog
from jwt.exceptions import PyJWKSetError

from bot.channels.guard import is_name
from bot.config_web import Portal

_log = structlog.get_logger(__name__)
#: How far the portal's clock may be off, in seconds.
LEEWAY_SECONDS = 60
#: The longest life of a token, in seconds: it is handed over at once.
LONGEST_LIFE_SECONDS = 10 * 60
MAX_TOKEN_CHARACTERS = 8 * 1024
_MAX_KEYS_BYTES = 256 * 1024
_REQUIRED = ["iss", "sub", "aud", "exp", "iat", "jti"]
_RSA_BITS = 2048


class TokenError(Exception):
    """A token that opens nothing; the reason is for the log and names nobody."""


class KeysUnavailable(Exception):
    """The portal's keys cannot be had, so that no token can be judged."""


@dataclass(frozen=True)
class SignOn:
    """What the portal vouches for.

    Attributes:
        account: the chat account (`sub`).
        role: the staff role of its groups, or None.
        issuer, identifier: what makes the token one of its kind (`iss`, `jti`).
        expires_at: until when it could be used.
    """

    account: str
    role: str | None
    issuer: str
    identifier: str
    expires_at: datetime


class KeyRing:
    """The portal's public keys, fetched when they are needed and again when they have changed.

    A key that is not known is looked for at most every `LOOK_AGAIN` seconds: invented key ids must not become a flood
    of requests at the portal. Keys that cannot be fetched again are kept for a day.
    """

    FRESH, LOOK_AGAIN, LAST_RESORT = 600.0, 30.0, 86_400.0

    def __init__(self, fetch: Callable[[], Awaitable[Any]], clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._keys: dict[str, tuple[Any, str]] = {}
        self._fetched: float | None = None
        self._tried: float | None = None
        self._lock = asyncio.Lock()

    async def find(self, identifier: str) -> tuple[Any, str] | None:
        """The key with this id and its algorithm; None where the portal has none such.

        Raises:
            KeysUnavailable: no keys were ever fetched, or not for a day.
        """
        if identifier not in self._keys or self._age(self._fetched) > self.FRESH:
            await self._refresh()
        if self._age(self._fetched) > self.LAST_RESORT:
            raise KeysUnavailable
        return self._keys.get(identifier)

    async def _refresh(self) -> None:
        async with self._lock:
            if self._age(self._tried) < self.LOOK_AGAIN:
                return
            self._tried = self._clock()
            try:
                self._keys = usable_keys(await self._fetch())
                self._fetched = self._clock()
            except Exception as error:
                _log.error("the portal's keys cannot be fetched", error=type(error).__name__)

    def _age(self, moment: float | None) -> float:
        return float("inf") if moment is None else self._clock() - moment


def usable_keys(key_set: Any) -> dict[str, tuple[Any, str]]:
    """The signing keys of a key set by id, each with its one algorithm; what else is in the set is left out.

    Raises:
        PyJWKSetError: it is no key set, or none of its keys can be used.
    """
    found: dict[str, tuple[Any, str]] = {}
    for data in key_set.get("keys", ()) if isinstance(key_set, dict) else ():
        algorithm = _algorithm(data) if isinstance(data, dict) else None
        if algorithm is None:
            continue
        try:
            key = jwt.PyJWK(data, algorithm)
        except Exception as error:
            _log.warning("a key of the portal cannot be read", error=type(error).__name__)
            continue
        if algorithm == "RS256" and key.key.key_size < _RSA_BITS:
            _log.warning("a key of the portal is too short", bits=key.key.key_size)
            continue
        found.setdefault(str(data["kid"]), (key, algorithm))
    if not found:
        raise PyJWKSetError("no key that can be used")
    return found


def _algorithm(data: Mapping[str, Any]) -> str | None:
    """The algorithm of a public signing key, by its kind; None for keys of other kinds and uses."""
    kind = (data.get("kty"), data.get("crv"))
    algorithm = "RS256" if kind == ("RSA", None) else "ES256" if kind == ("EC", "P-256") else None
    fits = data.get("use", "sig") == "sig" and data.get("alg", algorithm) == algorithm and "d" not in data
    return algorithm if fits and isinstance(data.get("kid"), str) else None


class PortalTokens:
    """Judges tokens."""

    def __init__(self, portal: Portal, keys: KeyRing) -> None:
        self._portal = portal
        self._keys = keys

    async def verify(self, token: str) -> SignOn:
        """What the portal says in a token.

        Raises:
            TokenError: it is not the portal's, not for this assistant, too old, or not of the form.
            KeysUnavailable: it cannot be judged now.
        """
        claims = await self._claims(token)
        account, identifier = claims["sub"], claims["jti"]
        if not is_name(account):
            raise TokenError("sub is no account's name")
        if not is_name(identifier):
            raise TokenError("jti is empty or too long")
        if int(claims["exp"]) - int(claims["iat"]) > LONGEST_LIFE_SECONDS:
            raise TokenError("lives too long")
        until = datetime.fromtimestamp(int(claims["exp"]) + LEEWAY_SECONDS, timezone.utc)
        return SignOn(account, self._role(claims), self._portal.issuer, identifier, until)

    async def _claims(self, token: str) -> dict[str, Any]:
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise TokenError("too long")
        try:
            identifier = jwt.get_unverified_header(token).get("kid")
            found = await self._keys.find(identifier) if isinstance(identifier, str) else None
            if found is None:
                raise TokenError("no such key")
            key, algorithm = found
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=self._portal.audience,
                issuer=self._portal.issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": _REQUIRED},
            )
        except jwt.PyJWTError as error:
            raise TokenError(type(error).__name__) from None
        except (ValueError, OverflowError, RecursionError) as error:  # what no portal writes: odd numbers, deep nesting
            raise TokenError(type(error).__name__) from None
        return claims

    def _role(self, claims: Mapping[str, Any]) -> str | None:
        value: Any = claims
        for part in self._portal.role_claim.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        groups = {value} if isinstance(value, str) else set(value) if _is_words(value) else set()
        return next((role for group, role in self._portal.roles if group in groups), None)


def _is_words(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def key_ring(portal: Portal) -> KeyRing:
    """The keys that the settings name: fetched over HTTPS, or read from a file."""
    if "://" not in portal.keys:
        return KeyRing(lambda: asyncio.to_thread(_read, Path(portal.keys)))
    return KeyRing(lambda: _download(portal.keys))


def _read(path: Path) -> Any:
    return json.loads(path.read_bytes()[:_MAX_KEYS_BYTES])


async def _download(address: str) -> Any:
    wait = aiohttp.ClientTimeout(total=5)
    async with (
        aiohttp.ClientSession(timeout=wait, trust_env=True) as session,
        session.get(address, allow_redirects=False) as reply,
    ):
        if reply.status != 200:
            raise PyJWKSetError(f"status {reply.status}")
        found = bytearray()
        async for chunk in reply.content.iter_any():
            found += chunk
            if len(found) > _MAX_KEYS_BYTES:
                raise PyJWKSetError("too large")
        return json.loads(found)
