"""The registration file by which a homeserver knows the assistant."""

from __future__ import annotations

import re
from typing import Any

import yaml

from bot.config import Settings
from bot.errors import SettingsError

#: The id under which the homeserver keeps the registration.
REGISTRATION_ID = "sparc-assistant"


def registration(settings: Settings) -> str:
    """The file as YAML; it holds both tokens, so it is as secret as they are.

    Its namespace is the assistant's own user and nobody else: a wider one would let it speak for patients.

    Raises:
        SettingsError: the Matrix channel is not configured.
    """
    matrix = settings.matrix
    if matrix is None:
        raise SettingsError("SPARC_MATRIX_HOMESERVER: the Matrix channel is off; set it and SPARC_MATRIX_SERVER_NAME")
    as_token, hs_token = settings.matrix_tokens()
    content: dict[str, Any] = {
        "id": REGISTRATION_ID,
        "url": matrix.address,
        "as_token": as_token,
        "hs_token": hs_token,
        "sender_localpart": matrix.user,
        "rate_limited": False,
        "namespaces": {
            "users": [{"exclusive": True, "regex": f"@{re.escape(matrix.user)}:{re.escape(matrix.server_name)}"}],
            "aliases": [],
            "rooms": [],
        },
    }
    return str(yaml.safe_dump(content, sort_keys=False))
