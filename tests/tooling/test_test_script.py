"""`./sparc test`: every check runs, the tests last; one that fails fails the whole; arguments go to pytest alone."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "test"

#: Stands for the interpreter: notes the tool it was called for, and fails where it is told to.
PYTHON = r"""#!/usr/bin/env bash
echo "$*" >>"$CALLS"
case " $* " in *" $FAILS "*) echo "what is wrong"; exit 5 ;; esac
case " $* " in *" pytest "*) echo "== 3 passed ==" ;; esac
"""


def run(tmp_path: Path, *arguments: str, fails: str = "nothing") -> tuple[subprocess.CompletedProcess[str], list[str]]:
    python = tmp_path / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)
    calls = tmp_path / "calls"
    environment = {**os.environ, "SPARC_TEST_PYTHON": str(python), "CALLS": str(calls), "FAILS": fails}
    done = subprocess.run([SCRIPT, *arguments], env=environment, capture_output=True, text=True)
    return done, calls.read_text().splitlines()


def test_everything(tmp_path: Path) -> None:
    done, calls = run(tmp_path)
    assert done.returncode == 0
    assert [call for call in calls if "--check" in call] == ["-m ruff format --check ."]
    assert ["ruff check" in calls[0], "mypy" in calls[2], "importlinter" in calls[3]] == [True] * 3
    assert calls[4].startswith("-m pytest ") and "--cov" in calls[4]
    assert done.stdout.endswith("== 3 passed ==\n")


@pytest.mark.parametrize("fails", ["ruff check", "ruff format", "mypy", "--no-cache", "pytest"])
def test_one_that_fails_fails_the_whole(tmp_path: Path, fails: str) -> None:
    done, calls = run(tmp_path, fails=fails)
    assert done.returncode != 0
    assert "what is wrong" in done.stdout
    assert len(calls) == 5  # the others run all the same


def test_arguments_go_to_pytest_alone(tmp_path: Path) -> None:
    done, calls = run(tmp_path, "tests/trial", "-k", "dose or visit")
    assert (done.returncode, calls) == (0, ["-m pytest tests/trial -k dose or visit"])


def test_the_report_on_reading(tmp_path: Path) -> None:
    done, calls = run(tmp_path, "--nlu", "--language", "zh")
    assert (done.returncode, calls) == (0, ["-m bot.nlu.report --language zh"])
