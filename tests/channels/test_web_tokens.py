"""The portal's tokens: which open a session and which do not, and where the keys come from."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from typing import Any

import jwt
import pytest
from aiohttp import web as server
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.exceptions import PyJWKSetError

from bot.channels.web_tokens import KeyRing, KeysUnavailable, PortalTokens, TokenError, key_ring, usable_keys
from bot.config import Settings
from bot.config_web import Portal as PortalSettings
from tests.helpers.portal import Key, Portal

from .conftest import SECRET, StillTime
from .web_page import PORTAL

EC, RSA = Key("ES256"), Key("RS256")


@dataclass(frozen=True)
class FromNow:
    """A time of a claim, in seconds from when the test runs: cases are listed long before."""

    seconds: int


def _claims(portal: Portal, changes: dict[str, Any]) -> dict[str, Any]:
    now = int(time.time())
    given = {name: now + value.seconds if isinstance(value, FromNow) else value for name, value in changes.items()}
    return portal.claims("li.wei", **given)


@pytest.fixture
def portal() -> Portal:
    made = Portal([EC, RSA])
    made.address = PORTAL
    return made


@pytest.fixture
def settings(portal: Portal) -> PortalSettings:
    return _settings(portal)


def _settings(portal: Portal, **changes: str) -> PortalSettings:
    web = Settings.from_environment({**portal.settings(), "SPARC_WEBHOOK_SECRET": SECRET, **changes}).web
    assert web is not None
    assert web.portal is not None
    return web.portal


class Fetched:
    """Where the key set comes from, and how often it was asked for; it can be broken."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal
        self.times = 0
        self.broken = False

    async def __call__(self) -> Any:
        self.times += 1
        if self.broken:
            raise OSError("no route")
        return {"keys": [key.public for key in self.portal.keys]}


@pytest.fixture
def fetched(portal: Portal) -> Fetched:
    return Fetched(portal)


@pytest.fixture
def tokens(settings: PortalSettings, fetched: Fetched) -> PortalTokens:
    return PortalTokens(settings, KeyRing(fetched, StillTime()))


def _encoded(header: Any, claims: Any, signature: bytes = b"") -> str:
    def part(data: Any) -> str:
        raw = data if isinstance(data, bytes) else json.dumps(data).encode()
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    return ".".join((part(header), part(claims), part(signature)))


# --- what opens a session -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [EC, RSA], ids=lambda key: key.algorithm)
@pytest.mark.parametrize(
    "changes",
    [
        {}, {"aud": ["another", "sparc-assistant"]}, {"nbf": 0}, {"sub": "李伟@hospital"}, {"sub": "x" * 128}, {"more": {"of": ["it"]}},
        {"iat": FromNow(50)}, {"iat": FromNow(-600), "exp": FromNow(-50)}, {"iat": FromNow(0), "exp": FromNow(600)},
    ],
    ids=repr,
)  # fmt: skip
async def test_a_good_token(tokens: PortalTokens, portal: Portal, key: Key, changes: dict[str, Any]) -> None:
    given = _claims(portal, changes)
    token = jwt.encode(given, key.private, algorithm=key.algorithm, headers={"kid": key.identifier})
    found = await tokens.verify(token)
    assert (found.account, found.issuer, found.identifier) == (given["sub"], PORTAL, given["jti"])
    assert found.role is None
    assert int(found.expires_at.timestamp()) == given["exp"] + 60  # as long as the clocks may be apart


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://portal.hospital.example/"}, {"iss": ...}, {"iss": [PORTAL]}, {"aud": "another"}, {"aud": []}, {"aud": ...},
        {"exp": FromNow(-61), "iat": FromNow(-100)}, {"exp": ...}, {"exp": "soon"}, {"exp": 1e400}, {"exp": -1}, {"exp": 10**30},
        {"iat": FromNow(120), "exp": FromNow(240)}, {"iat": ...}, {"iat": "now"}, {"iat": None}, {"iat": 0},
        {"exp": FromNow(601), "iat": FromNow(0)}, {"nbf": FromNow(120)}, {"nbf": "x"},
        {"sub": ...}, {"sub": ""}, {"sub": " li.wei"}, {"sub": "li.wei\n"}, {"sub": "li\u200b.wei"}, {"sub": 7}, {"sub": ["li.wei"]},
        {"sub": {"name": "li.wei"}}, {"sub": "x" * 129}, {"sub": None},
        {"jti": ...}, {"jti": ""}, {"jti": 7}, {"jti": "x" * 129}, {"jti": None}, {"jti": ["a"]},
    ],
    ids=repr,
)  # fmt: skip
async def test_a_token_whose_claims_are_not_good(tokens: PortalTokens, portal: Portal, changes: dict[str, Any]) -> None:
    header = {"alg": "ES256", "kid": EC.identifier}
    given = _claims(portal, changes)
    first = _encoded(header, given).rpartition(".")[0]
    signature = jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256).sign(first.encode(), EC.private)
    with pytest.raises(TokenError) as refused:
        await tokens.verify(_encoded(header, given, signature))
    assert "li.wei" not in str(refused.value)
    if "sub" in given and isinstance(given["sub"], str) and len(given["sub"]) > 3:
        assert given["sub"] not in str(refused.value)


def _forged(portal: Portal, kind: str) -> str:
    """What somebody without the portal's private keys can make."""
    good = portal.claims("li.wei")
    public = RSA.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    first, other = portal.sign("li.wei").split("."), Key()

    def by_hmac(header: dict[str, Any], secret: bytes) -> str:
        text = _encoded(header, good).rpartition(".")[0]
        return _encoded(header, good, hmac.new(secret, text.encode(), hashlib.sha256).digest())

    return {
        "without a signature": _encoded({"alg": "none", "kid": EC.identifier}, good),
        "none in capitals": _encoded({"alg": "NONE", "kid": RSA.identifier}, good),
        "the public key as a secret": by_hmac({"alg": "HS256", "kid": RSA.identifier}, public),
        "an empty secret": by_hmac({"alg": "HS256", "kid": EC.identifier}, b""),
        "an own key under the portal's id": jwt.encode(good, other.private, "ES256", headers={"kid": EC.identifier}),
        "an own key in the header": jwt.encode(
            good, other.private, "ES256", headers={"kid": other.identifier, "jwk": other.public}
        ),
        "an own key at an address": jwt.encode(
            good, other.private, "ES256", headers={"kid": "x", "jku": "https://evil.example/keys"}
        ),
        "an id that is a path": jwt.encode(good, other.private, "ES256", headers={"kid": "../../../dev/null"}),
        "no id": jwt.encode(good, EC.private, "ES256"),
        "another algorithm of the same key": jwt.encode(good, RSA.private, "RS512", headers={"kid": RSA.identifier}),
        "a probabilistic signature": jwt.encode(good, RSA.private, "PS256", headers={"kid": RSA.identifier}),
        "the other key's id": jwt.encode(good, RSA.private, "RS256", headers={"kid": EC.identifier}),
        "claims changed after signing": ".".join(
            (first[0], _encoded({}, {**good, "sub": "he.tao"}).split(".")[1], first[2])
        ),
        "a cut signature": ".".join(first)[:-8],
        "nothing for a signature": ".".join((*first[:2], "")),
        "an encrypted token": ".".join((*first, "a", "b")),
        "a critical extension": jwt.encode(
            good, EC.private, "ES256", headers={"kid": EC.identifier, "crit": ["x"], "x": 1}
        ),
        "claims that are a list": _encoded({"alg": "ES256", "kid": EC.identifier}, [1]),
        "claims nested without end": _encoded({"alg": "ES256", "kid": EC.identifier}, b"[" * 3000),
        "a header nested without end": _encoded(b"[" * 3000, good),
        "an id that is a list": _encoded({"alg": "ES256", "kid": [EC.identifier]}, good),
        "too long": portal.sign("li.wei", more="x" * 9000),
        "no token": "hello",
        "dots": "..",
        "no text that can be written": "\ud800.\ud800.\ud800",
        "nothing": "",
    }[kind]


KINDS = [
    "without a signature", "none in capitals", "the public key as a secret", "an empty secret", "an own key under the portal's id",
    "an own key in the header", "an own key at an address", "an id that is a path", "no id", "another algorithm of the same key",
    "a probabilistic signature", "the other key's id", "claims changed after signing", "a cut signature", "nothing for a signature",
    "an encrypted token", "a critical extension", "claims that are a list", "claims nested without end", "a header nested without end",
    "an id that is a list", "too long", "no token", "dots", "no text that can be written", "nothing",
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
async def test_a_forged_token_opens_nothing(tokens: PortalTokens, portal: Portal, kind: str) -> None:
    with pytest.raises(TokenError):
        await tokens.verify(_forged(portal, kind))


@pytest.mark.parametrize(
    ("claim", "claims", "role"),
    [
        ("roles", {"roles": "ward-7-nurses"}, "nurse"), ("roles", {"roles": ["x", "ward-7-nurses"]}, "nurse"),
        ("roles", {"roles": ["ward-7-nurses", "trial-coordinators"]}, "coordinator"),  # the setting's order counts
        ("roles", {"roles": ["nurse"]}, None), ("roles", {"roles": "WARD-7-NURSES"}, None), ("roles", {"roles": "ward-7-nurses "}, None),
        ("roles", {"roles": {"ward-7-nurses": True}}, None), ("roles", {"roles": ["ward-7-nurses", 7]}, None), ("roles", {"roles": 7}, None),
        ("roles", {}, None), ("realm_access.roles", {"realm_access": {"roles": ["ward-7-nurses"]}}, "nurse"),
        ("realm_access.roles", {"realm_access.roles": ["ward-7-nurses"]}, None), ("realm_access.roles", {"realm_access": "ward-7-nurses"}, None),
    ],
)  # fmt: skip
async def test_roles(portal: Portal, fetched: Fetched, claim: str, claims: dict[str, Any], role: str | None) -> None:
    tokens = PortalTokens(_settings(portal, SPARC_WEB_ROLE_CLAIM=claim), KeyRing(fetched, StillTime()))
    assert (await tokens.verify(portal.sign("li.wei", **claims))).role == role


# --- keys ---------------------------------------------------------------------------------------------------------


def _public(**changes: Any) -> dict[str, Any]:
    given = {**EC.public, **changes}
    return {name: value for name, value in given.items() if value is not ...}


@pytest.mark.parametrize(
    "key",
    [
        _public(use="enc"), _public(alg="HS256"), _public(kid=...), _public(kid=7), _public(kty="oct", k="c2VjcmV0"), _public(crv="P-384"),
        _public(x="AAAA"), _public(d="AAAA"), {}, "text", None, {"kty": "RSA", "kid": "a", "n": "AQAB", "e": "AQAB"},
    ],
    ids=lambda key: json.dumps(key)[:60],
)  # fmt: skip
def test_a_key_that_is_no_public_signing_key_is_left_out(key: Any) -> None:
    found = usable_keys({"keys": [key, RSA.public]})
    assert list(found) == [RSA.identifier]


@pytest.mark.parametrize(
    "key_set", [{}, {"keys": []}, {"keys": [_public(use="enc")]}, [], None, "text", {"keys": None}], ids=repr
)
def test_a_key_set_without_keys(key_set: Any) -> None:
    with pytest.raises((PyJWKSetError, TypeError)):
        usable_keys(key_set)


def test_of_two_keys_with_one_id_the_first_counts() -> None:
    (found,) = usable_keys({"keys": [EC.public, {**RSA.public, "kid": EC.identifier}]}).values()
    assert found[1] == "ES256"


async def test_keys_change_and_a_key_that_is_not_known_is_looked_for_now_and_then(
    fetched: Fetched, portal: Portal
) -> None:
    clock, new = StillTime(), Key()
    ring = KeyRing(fetched, clock)
    assert await ring.find(EC.identifier) is not None
    assert await ring.find(EC.identifier) is not None
    assert fetched.times == 1
    portal.keys.append(new)
    for _ in range(50):
        assert await ring.find(new.identifier) is None
    assert fetched.times == 1  # a flood of invented ids is no flood at the portal
    clock.now += KeyRing.LOOK_AGAIN
    assert await ring.find(new.identifier) is not None
    portal.keys.remove(EC)
    clock.now += KeyRing.FRESH + 1
    assert await ring.find(EC.identifier) is None  # taken out: no longer good
    assert fetched.times == 3


async def test_keys_that_cannot_be_fetched_again_hold_for_a_day(fetched: Fetched) -> None:
    clock = StillTime()
    ring = KeyRing(fetched, clock)
    fetched.broken = True
    with pytest.raises(KeysUnavailable):
        await ring.find(EC.identifier)
    fetched.broken = False
    clock.now += KeyRing.LOOK_AGAIN
    assert await ring.find(EC.identifier) is not None
    fetched.broken = True
    clock.now += KeyRing.LAST_RESORT - 1
    assert await ring.find(EC.identifier) is not None
    clock.now += 2
    with pytest.raises(KeysUnavailable):
        await ring.find(EC.identifier)


async def test_keys_of_a_file(tmp_path: Any, portal: Portal) -> None:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"keys": [EC.public]}))
    ring = key_ring(_settings(portal, SPARC_WEB_KEYS=str(path)))
    assert await ring.find(EC.identifier) is not None


@pytest.mark.parametrize(
    "answer",
    [
        server.Response(status=500), server.Response(status=302, headers={"Location": "/good"}), server.Response(text="no JSON"),
        server.Response(text="[]"), server.Response(text=json.dumps({"keys": [EC.public], "more": "x" * 300_000})),
    ],
    ids=["an error", "a redirect", "no JSON", "another JSON", "too large"],
)  # fmt: skip
async def test_an_address_that_gives_no_keys(portal: Portal, answer: server.Response) -> None:
    async def bad(_request: server.Request) -> server.Response:
        return answer

    async def good(_request: server.Request) -> server.Response:
        return server.json_response({"keys": [EC.public]})

    application = server.Application()
    application.router.add_get("/bad", bad)
    application.router.add_get("/good", good)
    runner = server.AppRunner(application)
    await runner.setup()
    await server.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        with pytest.raises(KeysUnavailable):
            await key_ring(_settings(portal, SPARC_WEB_KEYS=f"{address}/bad")).find(EC.identifier)
        assert await key_ring(_settings(portal, SPARC_WEB_KEYS=f"{address}/good")).find(EC.identifier) is not None
    finally:
        await runner.cleanup()
