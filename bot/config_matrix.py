"""Settings of the Matrix channel; it is off unless a homeserver is named."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from bot.errors import SettingsError

_SERVER_NAME = re.compile(r"(?=.{1,230}\Z)[A-Za-z0-9.-]+(?::[0-9]{1,5})?\Z|\[[0-9A-Fa-f:.]+\](?::[0-9]{1,5})?\Z")
_LOCAL_PART = re.compile(r"[a-z0-9._=/-]{1,64}\Z")
_TOKEN = re.compile(r"[\x21-\x7e]{16,256}\Z")


@dataclass(frozen=True)
class MatrixSettings:
    """What the Matrix channel needs to know.

    Attributes:
        homeserver: address of the homeserver's client-server API.
        server_name: its name, the part of its users' ids behind the colon.
        user: local part of the assistant's own user id.
        address: where the homeserver reaches the chat server.
        friends: servers whose people may invite, its own among them.
        mentioned_only: in a room with others only messages that name the assistant are answered (and signs of illness).
        given_as_token, given_hs_token: the tokens of the registration, where they are set and not made.
    """

    homeserver: str
    server_name: str
    user: str
    address: str
    friends: frozenset[str]
    mentioned_only: bool
    given_as_token: str | None
    given_hs_token: str | None

    @property
    def user_id(self) -> str:
        """The assistant's own user id."""
        return f"@{self.user}:{self.server_name}"


def matrix_settings(env: Mapping[str, str], port: int) -> MatrixSettings | None:
    """The settings in the environment, or None where no homeserver is named.

    Args:
        port: of the chat server, for the default address.

    Raises:
        SettingsError: a variable is malformed, or the server's name is missing.
    """
    homeserver = env.get("SPARC_MATRIX_HOMESERVER", "").strip()
    if not homeserver:
        return None
    name = env.get("SPARC_MATRIX_SERVER_NAME", "").strip()
    if not _SERVER_NAME.match(name):
        raise SettingsError("SPARC_MATRIX_SERVER_NAME: expected the homeserver's name, such as hospital.example")
    user = env.get("SPARC_MATRIX_USER", "").strip() or "sparc"
    if not _LOCAL_PART.match(user):
        raise SettingsError("SPARC_MATRIX_USER: expected a local part of small letters and digits, such as sparc")
    friends = {one.strip() for one in env.get("SPARC_MATRIX_SERVERS", "").split(",") if one.strip()}
    if not all(_SERVER_NAME.match(one) for one in friends):
        raise SettingsError("SPARC_MATRIX_SERVERS: expected names of homeservers, apart by commas")
    groups = env.get("SPARC_MATRIX_GROUPS", "").strip() or "all"
    if groups not in ("all", "mentioned"):
        raise SettingsError("SPARC_MATRIX_GROUPS: expected all or mentioned")
    return MatrixSettings(
        homeserver=_address(homeserver, "SPARC_MATRIX_HOMESERVER"),
        server_name=name,
        user=user,
        address=_address(
            env.get("SPARC_MATRIX_ADDRESS", "").strip() or f"http://127.0.0.1:{port}", "SPARC_MATRIX_ADDRESS"
        ),
        friends=frozenset({name, *friends}),
        mentioned_only=groups == "mentioned",
        given_as_token=_token(env, "SPARC_MATRIX_AS_TOKEN"),
        given_hs_token=_token(env, "SPARC_MATRIX_HS_TOKEN"),
    )


def _address(text: str, name: str) -> str:
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and not parts.query and not parts.username
        good = good and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good:
        raise SettingsError(f"{name}: expected an address such as http://127.0.0.1:8008")
    return text.rstrip("/")


def _token(env: Mapping[str, str], name: str) -> str | None:
    token = env.get(name, "").strip() or None
    if token is not None and not _TOKEN.match(token):
        raise SettingsError(f"{name}: expected 16 to 256 printable characters")
    return token
