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
mkdir -p reports/screenshots && echo seen >reports/screenshots/page.png
cat state.txt
exit "$(cat status.txt)"
"""
#: All that .ci/run calls, so that a test can leave the browser and the package manager out or play them.
TOOLS = ("bash", "cat", "cp", "dirname", "git", "mkdir", "mktemp", "rm")
APT = """#!/usr/bin/env bash
echo "$*" >>"$APT_LOG"
exit "$APT_STATUS"
"""


@pytest.fixture
def checkout(tmp_path: Path, machine: Path) -> Path:
    """A repository with the true .ci/run, a ./sparc that says where it runs, and everything committed."""
    root = tmp_path / "a checkout"
    (root / ".ci").mkdir(parents=True)
    shutil.copy(ROOT / ".ci" / "run", root / ".ci" / "run")
    (root / "sparc").write_text(SPARC)
    (root / "sparc").chmod(0o755)
    (root / "state.txt").write_text("committed\n")
    (root / "status.txt").write_text("0\n")
    (root / ".gitignore").write_text("var/\nreports/\n")
    (tmp_path / "temporary").mkdir()
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    for command in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-q", "-m", "test: all"]):
        subprocess.run(["git", *command], cwd=root, check=True)
    return root


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder of programs: a machine with a browser and a font, and nothing more than .ci/run needs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    program(folder / "chromium", "exit 0")
    program(folder / "fc-list", "echo a font")
    program(folder / "id", "echo 0")
    return folder


def program(path: Path, text: str) -> None:
    path.write_text(text if text.startswith("#!") else f"#!{shutil.which('bash')}\n{text}\n")
    path.chmod(0o755)


def run(checkout: Path, **more: str) -> subprocess.CompletedProcess[str]:
    here = checkout.parent
    given = {"PATH": str(here / "bin"), "TMPDIR": str(here / "temporary"), "SPARC_CLOCK": "2020-01-01"}
    environment = {**os.environ, **given, **more}
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


@pytest.mark.parametrize("dirty", [True, False], ids=["cloned", "in place"])
def test_what_it_reports_stays_in_the_checkout(checkout: Path, dirty: bool) -> None:
    if dirty:
        (checkout / "untracked.txt").write_text("")
    assert run(checkout).returncode == 0
    assert (checkout / "reports" / "screenshots" / "page.png").read_text() == "seen\n"


@pytest.mark.parametrize(
    ("missing", "wanted"),
    [
        (["chromium", "fc-list"], "chromium fonts-wqy-microhei"),
        (["chromium"], "chromium"),
        (["fc-list"], "fonts-wqy-microhei"),
    ],
)
def test_the_browser_is_installed_where_it_is_missing(
    checkout: Path, machine: Path, tmp_path: Path, missing: list[str], wanted: str
) -> None:
    for name in missing:
        (machine / name).unlink()
    program(machine / "apt-get", APT)
    log = tmp_path / "apt.log"
    done = run(checkout, APT_LOG=str(log), APT_STATUS="0")
    assert done.returncode == 0, done.stderr
    assert f"installing {wanted}\n" in done.stdout
    assert log.read_text().endswith(f"--no-install-recommends {wanted}\n")


def test_a_browser_that_cannot_be_installed_is_said_and_fails_nothing(
    checkout: Path, machine: Path, tmp_path: Path
) -> None:
    (machine / "chromium").unlink()
    program(machine / "apt-get", APT)
    done = run(checkout, APT_LOG=str(tmp_path / "apt.log"), APT_STATUS="100")
    assert done.returncode == 0, done.stderr
    assert "missing: chromium; apt-get could not install them" in done.stdout


@pytest.mark.parametrize("who", ["1000", "0"], ids=["not root", "no apt-get"])
def test_nothing_is_installed_where_this_may_not(checkout: Path, machine: Path, tmp_path: Path, who: str) -> None:
    (machine / "chromium").unlink()
    program(machine / "id", f"echo {who}")
    log = tmp_path / "apt.log"
    if who != "0":
        program(machine / "apt-get", APT)
    done = run(checkout, APT_LOG=str(log), APT_STATUS="0")
    assert done.returncode == 0, done.stderr
    assert "missing: chromium; not installed" in done.stdout
    assert not log.exists()


def test_a_machine_that_has_all_installs_nothing(checkout: Path, machine: Path, tmp_path: Path) -> None:
    program(machine / "apt-get", APT)
    done = run(checkout, APT_LOG=str(tmp_path / "apt.log"), APT_STATUS="0")
    assert (done.returncode, "chromium" in done.stdout) == (0, False)
    assert not (tmp_path / "apt.log").exists()
