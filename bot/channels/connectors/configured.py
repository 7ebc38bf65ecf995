"""Which of Rasa's connectors are on: those of the file that `SPARC_CONNECTORS` names, if they verify who is calling."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rasa.core.channels.channel import InputChannel
from rasa.shared.exceptions import RasaException
from rasa.shared.utils.io import read_config_file

from bot.channels.connectors.guarded import Common
from bot.errors import SettingsError

#: Connectors by name, with what each needs. Those that verify nobody need `signed: true` as well.
NEEDS: Mapping[str, tuple[str, ...]] = {
    "slack": ("slack_token", "slack_signing_secret"),
    "botframework": ("app_id", "app_password"),
    "mattermost": ("url", "token"),
    "rocketchat": ("user", "password", "server_url"),
}
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_VERIFY_NOBODY = frozenset({"mattermost", "rocketchat"})


def read_connectors(file: Path) -> dict[str, dict[str, Any]]:
    """The credentials of each connector, in the form of Rasa's `credentials.yml`; `${NAME}` is the environment's.

    Raises:
        SettingsError: the file cannot be read, names a connector that is not to be had, leaves something out, or
            would start one that verifies nobody without our signature in front. No value is quoted.
    """
    try:
        content = read_config_file(str(file))
    except (OSError, RasaException, ValueError) as error:
        raise SettingsError(f"SPARC_CONNECTORS: {file} cannot be read ({type(error).__name__})") from None
    found: dict[str, dict[str, Any]] = {}
    for name, credentials in content.items():
        if name not in NEEDS:
            raise SettingsError(
                f"SPARC_CONNECTORS: {name!r} is not to be had: only {', '.join(NEEDS)} can be put behind our identity"
            )
        if not isinstance(credentials, dict):
            raise SettingsError(f"SPARC_CONNECTORS: {name}: expected its settings below it")
        credentials = {key: _expanded(name, value) for key, value in credentials.items()}
        missing = [
            one for one in NEEDS[name] if not isinstance(credentials.get(one), str) or not credentials[one].strip()
        ]
        if missing:
            raise SettingsError(f"SPARC_CONNECTORS: {name}: missing {', '.join(missing)}")
        if name in _VERIFY_NOBODY and credentials.get("signed") is not True:
            raise SettingsError(
                f"SPARC_CONNECTORS: {name}: this connector verifies nobody; it starts only with 'signed: true' and"
                " something before it that signs as docs/webhook.md says"
            )
        found[name] = credentials
    return found


def _expanded(connector: str, value: Any) -> Any:
    """A value with `${NAME}` replaced; Rasa's own reader does that for values without quotes alone.

    Raises:
        SettingsError: the environment has no such variable.
    """
    if not isinstance(value, str):
        return value
    for name in _VARIABLE.findall(value):
        if name not in os.environ:
            raise SettingsError(f"SPARC_CONNECTORS: {connector}: the environment has no {name}")
        value = value.replace("${" + name + "}", os.environ[name])
    return value


def build_connectors(file: Path | None, common: Common) -> list[InputChannel]:
    """The connectors of the file; none where there is no file.

    Raises:
        SettingsError: see :func:`read_connectors`.
        StartupError: one of them cannot start.
    """
    if file is None:
        return []
    makers = _makers()
    return [makers[name](credentials, common) for name, credentials in read_connectors(file).items()]


def _makers() -> dict[str, Callable[[Mapping[str, Any], Common], InputChannel]]:
    # Imported where one is configured: each brings its chat's library along.
    from bot.channels.connectors.botframework import GuardedBotFramework
    from bot.channels.connectors.signed import SignedMattermost, SignedRocketChat
    from bot.channels.connectors.slack import GuardedSlack

    return {
        "slack": GuardedSlack,
        "botframework": GuardedBotFramework,
        "mattermost": SignedMattermost,
        "rocketchat": SignedRocketChat,
    }
