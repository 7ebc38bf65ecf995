"""`./sparc matrix registration`: the file by which a homeserver knows the assistant."""

from __future__ import annotations

import os
from pathlib import Path

from bot.channels.matrix.registration import registration
from bot.config import Settings


def write_registration(settings: Settings, file: Path) -> None:
    """Writes the file, readable by its owner alone; it replaces one that is there.

    Raises:
        SettingsError: the Matrix channel is not configured.
        OSError: the file cannot be written.
    """
    text = registration(settings)
    scratch = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as output:
        output.write(text)
    scratch.replace(file)
