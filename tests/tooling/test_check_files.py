"""The checks before a commit: size and secrets."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "check_files.py"
DASHES = "-" * 5  # so that this file may be committed itself

CASES = {
    "text": ("secrets", "The secret is kept elsewhere.\n", True),
    "a public key": ("secrets", f"{DASHES}BEGIN PUBLIC KEY{DASHES}\n", True),
    "a private key": ("secrets", f"first\n{DASHES}BEGIN PRIVATE KEY{DASHES}\n", False),
    "an RSA key": ("secrets", f"{DASHES}BEGIN RSA PRIVATE KEY{DASHES}\n", False),
    "an SSH key": ("secrets", f"{DASHES}BEGIN OPENSSH PRIVATE KEY{DASHES}\n", False),
    "a PGP key": ("secrets", f"{DASHES}BEGIN PGP PRIVATE KEY BLOCK{DASHES}\n", False),
    "a webhook secret": ("secrets", "secret: whsec_" + "Ab1/" * 8 + "\n", False),
    "a placeholder": ("secrets", "secret: whsec_...\n", True),
    "a megabyte": ("large", "x" * 1_000_000, True),
    "more than a megabyte": ("large", "x" * 1_000_001, False),
}


@pytest.mark.parametrize("what", CASES)
def test_check(tmp_path: Path, what: str) -> None:
    check, content, fine = CASES[what]
    path = tmp_path / "some file.txt"
    path.write_text(content)
    done = subprocess.run([sys.executable, SCRIPT, check, path], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0 if fine else 1, "")
    assert done.stdout.startswith(f"{path}:") is not fine
    assert "Ab1/" not in done.stdout
