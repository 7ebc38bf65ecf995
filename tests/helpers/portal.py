"""A hospital's portal, for tests: its key set, tokens in its signature, and the page whose form hands them over."""

from __future__ import annotations

import html
import json
import time
import uuid
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

AUDIENCE = "sparc-assistant"
_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Portal</title>
<link rel="icon" href="data:,"></head><body><h1>Portal</h1>
<form method="post" action="{action}"><input type="hidden" name="token" value="{token}">
<button>Chat with the study assistant</button></form></body></html>"""


class Key:
    """A signing key; its public half is in the portal's key set while it is published."""

    def __init__(self, algorithm: str = "ES256") -> None:
        self.identifier = f"key-{uuid.uuid4().hex[:8]}"
        self.algorithm = algorithm
        self.private: Any = (
            ec.generate_private_key(ec.SECP256R1())
            if algorithm == "ES256"
            else rsa.generate_private_key(public_exponent=65537, key_size=2048)
        )

    @property
    def public(self) -> dict[str, Any]:
        """The key set's entry."""
        kind = ECAlgorithm if self.algorithm == "ES256" else RSAAlgorithm
        data = json.loads(kind.to_jwk(self.private.public_key()))
        return {**data, "kid": self.identifier, "alg": self.algorithm, "use": "sig"}


class Portal:
    """The portal's server on loopback, with as many keys as the test publishes."""

    def __init__(self, keys: list[Key] | None = None) -> None:
        self.keys = keys or [Key()]
        self.asked = 0
        self.address = ""
        #: Where the form hands over, and what.
        self.action, self.token = "", ""
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listens on a port of its own."""
        application = web.Application()
        application.router.add_get("/", self._page)
        application.router.add_get("/keys", self._keys)
        self._runner = web.AppRunner(application)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.address = f"http://127.0.0.1:{port}"

    async def stop(self) -> None:
        """Ends."""
        if self._runner is not None:
            await self._runner.cleanup()

    def settings(self) -> dict[str, str]:
        """What the assistant has to know of the portal."""
        return {
            "SPARC_WEB_ISSUER": self.address,
            "SPARC_WEB_KEYS": f"{self.address}/keys",
            "SPARC_WEB_PORTAL": f"{self.address}/",
            "SPARC_WEB_ROLES": "trial-coordinators=coordinator,ward-7-nurses=nurse",
        }

    def claims(self, account: str, **changes: Any) -> dict[str, Any]:
        """Good claims with some changed; one of `...` is left out."""
        now = int(time.time())
        good = {"iss": self.address, "aud": AUDIENCE, "sub": account, "iat": now, "exp": now + 120}
        given = {**good, "jti": uuid.uuid4().hex, **changes}
        return {name: value for name, value in given.items() if value is not ...}

    def sign(self, account: str, key: Key | None = None, **changes: Any) -> str:
        """A token for an account, by the newest key unless another is given."""
        key = key or self.keys[-1]
        claims = self.claims(account, **changes)
        return jwt.encode(claims, key.private, algorithm=key.algorithm, headers={"kid": key.identifier})

    async def _page(self, _request: web.Request) -> web.Response:
        filled = _PAGE.format(action=html.escape(self.action), token=html.escape(self.token))
        return web.Response(text=filled, content_type="text/html")

    async def _keys(self, _request: web.Request) -> web.Response:
        self.asked += 1
        return web.json_response({"keys": [key.public for key in self.keys]})
