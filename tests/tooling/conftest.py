"""What the tests of the tooling share: a uv that runs by itself."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def uv() -> str:
    """A uv that runs without the PATH of this machine: no shim, which would look there for what is behind it."""
    candidates = [Path(shutil.which("uv") or "/nonexistent"), ROOT / ".venv.setup" / "uv" / "bin" / "uv"]
    candidates += Path.home().glob(".pyenv/versions/*/bin/uv")
    bare = {"PATH": "/nonexistent", "HOME": "/nonexistent"}
    for candidate in candidates:
        if (
            candidate.exists()
            and subprocess.run([candidate, "--version"], env=bare, capture_output=True).returncode == 0
        ):
            return str(candidate)
    pytest.skip("no uv on this machine")
