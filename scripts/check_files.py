"""Refuses what must not enter the repository: `check_files.py large FILE...`, `check_files.py secrets FILE...`."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

#: The largest file that may be committed, in bytes.
LARGEST = 1_000_000

# A key that is encrypted is a key all the same. The dashes are written as a class, so that this file may be committed.
_SECRETS = {
    "a private key": re.compile(rb"[-]{5}BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?[-]{5}"),
    "a webhook secret": re.compile(rb"\bwhsec_[A-Za-z0-9+/]{32,}={0,2}"),
}


def too_large(path: Path) -> str | None:
    """What is wrong with the file's size, or None."""
    size = path.stat().st_size
    return f"{path}: {size:,} bytes; at most {LARGEST:,} may be committed" if size > LARGEST else None


def holds_secret(path: Path) -> str | None:
    """Which secret the file holds and on which line, never the secret itself; or None."""
    content = path.read_bytes()
    for name, pattern in _SECRETS.items():
        found = pattern.search(content)
        if found:
            return f"{path}:{content.count(bytes([10]), 0, found.start()) + 1}: {name}; keep it in SPARC_HOME instead"
    return None


_CHECKS: dict[str, Callable[[Path], str | None]] = {"large": too_large, "secrets": holds_secret}


def main(check: str, names: Iterable[str]) -> int:
    """Prints one line for each refused file; 1 if there is any."""
    paths = [Path(name) for name in names]
    refused = [line for path in paths if path.is_file() and (line := _CHECKS[check](path))]
    for line in refused:
        print(line)
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
