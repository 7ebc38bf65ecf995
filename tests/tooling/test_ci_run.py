"""`.ci/run`: tests what is committed, says so with its exit code, and leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPARC = r"""#!/usr/bin/env bash
echo "in $PWD"
echo "SPARC_CLOCK ${SPARC_CLOCK:-unset}"
cat state.txt
exit "$(cat status.txt)"
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with the true .ci/run, a ./sparc that says where it runs, and everything committed."""
    root = tmp_path / "a checkout"
    (root / ".ci").mkdir(parents=True)
    shutil.copy(ROOT / ".ci" / "run", root / ".ci" / "run")
    (root / "sparc").write_text(SPARC)
    (root / "sparc").chmod(0o755)
    (root / "state.txt").write_text("committed\n")
    (root / "status.txt").write_text("0\n")
    (root / ".gitignore").write_text("var/\n")
    (tmp_path / "temporary").mkdir()
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    for command in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-q", "-m", "test: all"]):
        subprocess.run(["git", *command], cwd=root, check=True)
    return root


def run(checkout: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TMPDIR": str(checkout.parent / "temporary"), "SPARC_CLOCK": "2020-01-01"}
    return subprocess.run([checkout / ".ci" / "run"], env=environment, capture_output=True, text=True, timeout=60)


def test_a_clean_checkout_is_tested_where_it_is(checkout: Path) -> None:
    done = run(checkout)
    assert done.returncode == 0, done.stderr
    assert f"in {checkout.resolve()}\n" in done.stdout


@pytest.mark.parametrize("left", ["state.txt", "untracked.txt", "var/ignored.txt"])
def test_anything_else_is_cloned_first(checkout: Path, left: str) -> None:
    (checkout / "var").mkdir()
    (checkout / left).write_text("of the developer\n")
    done = run(checkout)
    assert done.returncode == 0, done.stderr
    assert f"in {checkout.parent.resolve()}/temporary/" in done.stdout
    assert done.stdout.endswith("\ncommitted\n")
    assert list((checkout.parent / "temporary").iterdir()) == []


@pytest.mark.parametrize("status", [1, 3])
@pytest.mark.parametrize("dirty", [True, False], ids=["cloned", "in place"])
def test_a_failure_is_passed_on(checkout: Path, status: int, dirty: bool) -> None:
    (checkout / "status.txt").write_text(f"{status}\n")
    subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@e.org", "commit", "-qam", "test: fails"],
        cwd=checkout,
        check=True,
    )
    if dirty:
        (checkout / "untracked.txt").write_text("")
    assert run(checkout).returncode == status


def test_settings_of_the_caller_decide_nothing(checkout: Path) -> None:
    assert "SPARC_CLOCK unset" in run(checkout).stdout
