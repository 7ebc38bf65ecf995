"""`./sparc`: finds a Python, makes `.venv` once, mends what was interrupted. Real bash, real uv and pip, no network.

Each test has a checkout of its own: the true script, a lock of one tiny wheel that was made here, and a command line
that says how it was called.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BASE_PYTHON = Path(sys.executable).resolve()  # that beneath our virtual environment
TOOLS = (
    "bash",
    "cat",
    "cksum",
    "dirname",
    "env",
    "flock",
    "head",
    "ls",
    "mkdir",
    "mv",
    "readlink",
    "rm",
    "sed",
    "sleep",
    "tr",
)
CLI = """
import json, os, sys
import {package}
names = ("RASA_TELEMETRY_ENABLED", "PYTHONUTF8")
print(json.dumps({{"argv": sys.argv[1:], "file": __file__, "cwd": os.getcwd(), "env": [os.environ[n] for n in names]}}))
"""


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def link(path: Path, target: Path | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)
    return path


@dataclass
class Checkout:
    """A checkout at a path with spaces, and a machine around it: HOME, a PATH of the bare tools, a folder of wheels."""

    root: Path
    home: Path
    tools: Path
    wheels: Path

    def environment(self, *path: Path, **more: str) -> dict[str, str]:
        return {
            "HOME": str(self.home),
            "PATH": os.pathsep.join(map(str, (*path, self.tools))),
            "UV_OFFLINE": "1",
            "UV_FIND_LINKS": str(self.wheels),
            "UV_CACHE_DIR": str(self.home / "uv cache"),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": self.wheels.as_uri(),
            "PIP_CONFIG_FILE": os.devnull,
            **more,
        }

    def command(self, *arguments: str) -> list[str]:
        return [str(self.root / "sparc"), *arguments]

    def call(self, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), env=environment, cwd=self.home, capture_output=True, text=True, timeout=120
        )

    def find(self, *path: Path, **more: str) -> subprocess.CompletedProcess[str]:
        return self.call(self.environment(*path, SPARC_FIND_ONLY="1", **more))

    def lock(self, package: str) -> None:
        """The lock now asks for this one package, and the command line imports it."""
        wheel = self.wheels / f"{package}-1.0-py3-none-any.whl"
        info = f"{package}-1.0.dist-info"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(f"{package}.py", "")
            archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
            archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(f"{info}/RECORD", "")
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        (self.root / "requirements" / "dev.lock").write_text(f"{package}==1.0 \\\n    --hash=sha256:{digest}\n")
        (self.root / "bot" / "cli.py").write_text(CLI.format(package=package))

    def installed(self) -> set[str]:
        return {
            path.name.split("-")[0] for path in self.root.glob(".venv/lib/python3.10/site-packages/sparc_*.dist-info")
        }


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    root = tmp_path / "a checkout"
    made = Checkout(root, tmp_path / "my home", tmp_path / "tools", tmp_path / "my wheels")
    for folder in (root / "scripts", root / "bot", root / "requirements", made.home, made.tools, made.wheels):
        folder.mkdir(parents=True)
    shutil.copy(ROOT / "sparc", root)
    for name in ("setup.sh", "start.py", "test"):
        shutil.copy(ROOT / "scripts" / name, root / "scripts")
    shutil.copy(ROOT / "requirements" / "setup.lock", root / "requirements")
    for tool in TOOLS:
        if found := shutil.which(tool):
            link(made.tools / tool, found)
    made.lock("sparc_one")
    return made


@pytest.fixture
def python_path(tmp_path: Path) -> Path:
    """A folder for PATH with a Python 3.10."""
    return link(tmp_path / "python" / "python3.10", BASE_PYTHON).parent


@pytest.fixture
def uv_path(tmp_path: Path, uv: str) -> Path:
    """A folder for PATH with a uv that notes each of its calls in uv.log."""
    return script(tmp_path / "uv path" / "uv", f'echo "$*" >>"{tmp_path}/uv.log"\nexec "{uv}" "$@"').parent


def syncs(tmp_path: Path) -> int:
    return sum(line.startswith("pip sync") for line in (tmp_path / "uv.log").read_text().splitlines())


# --- the finder ---------------------------------------------------------------------------------------------------

PLACES = {
    "on PATH": "somewhere/python3.10",
    "on PATH as python3": "somewhere/python3",
    "behind a shim on PATH that fails": "somewhere/python3.10",
    "pyenv's, in HOME": "my home/.pyenv/versions/3.10.13/bin/python",
    "pyenv's, in PYENV_ROOT": "py env/versions/3.10.2/bin/python",
    "pyenv's, beside its shims on PATH": "some pyenv/versions/3.10.13/bin/python",
    "uv's, in HOME": "my home/.local/share/uv/python/cpython-3.10.13-linux-x86_64-gnu/bin/python3.10",
    "uv's, in XDG_DATA_HOME": "data home/uv/python/cpython-3.10.1-linux-x86_64-gnu/bin/python3.10",
    "uv's, in UV_PYTHON_INSTALL_DIR": "uv pythons/cpython-3.10.0-linux-x86_64-gnu/bin/python3.10",
}


@pytest.mark.parametrize("place", PLACES)
def test_finds_a_python(checkout: Checkout, tmp_path: Path, place: str) -> None:
    expected = link(tmp_path / PLACES[place], BASE_PYTHON)
    failing = "echo 'pyenv: python3.10: command not found' >&2; exit 127"
    shim = script(tmp_path / "some pyenv" / "shims" / "python3.10", failing)
    found = checkout.find(
        *([shim.parent] if "shim" in place else []),
        *([expected.parent] if expected.parent.name == "somewhere" else []),
        **({"PYENV_ROOT": str(tmp_path / "py env")} if "PYENV_ROOT" in place else {}),
        **({"XDG_DATA_HOME": str(tmp_path / "data home")} if "XDG" in place else {}),
        **({"UV_PYTHON_INSTALL_DIR": str(tmp_path / "uv pythons")} if "INSTALL_DIR" in place else {}),
    )
    assert (found.returncode, found.stdout, found.stderr) == (0, f"{expected}\n", "")


NO_PYTHON = {
    "nothing at all": None,
    "a shim that fails": "exit 127",
    "a shim that succeeds and is no Python": "exit 0",
    "another version": 'case "$*" in *version_info*) exit 1 ;; esac',
}


@pytest.mark.parametrize("what", NO_PYTHON)
def test_says_in_one_sentence_what_to_install(checkout: Checkout, tmp_path: Path, what: str) -> None:
    shim = NO_PYTHON[what]
    path = [script(tmp_path / "shims" / "python3.10", shim).parent] if shim else []
    found = checkout.find(*path)
    assert found.returncode == 1
    assert found.stdout == ""
    assert found.stderr.startswith("sparc: ") and "install Python 3.10" in found.stderr
    assert found.stderr.count("\n") == 1


def test_takes_the_python_beneath_a_virtual_environment(checkout: Checkout, tmp_path: Path) -> None:
    # An activated .venv is first on PATH; were it taken, remaking .venv would remove its own interpreter.
    subprocess.run([BASE_PYTHON, "-m", "venv", "--without-pip", tmp_path / "active"], check=True)
    found = checkout.find(tmp_path / "active" / "bin")
    assert found.returncode == 0
    assert not Path(found.stdout.strip()).is_relative_to(tmp_path)
    assert Path(found.stdout.strip()).resolve() == BASE_PYTHON.resolve()


# --- the set-up ---------------------------------------------------------------------------------------------------


def test_first_use_sets_up_and_runs(checkout: Checkout, tmp_path: Path, python_path: Path, uv_path: Path) -> None:
    done = checkout.call(checkout.environment(python_path, uv_path), "ask", "--as", "li.wei", "When is it? 下一次?")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)  # nothing but the command line's own output
    assert said["argv"] == ["ask", "--as", "li.wei", "When is it? 下一次?"]
    assert Path(said["cwd"]) == checkout.home.resolve()
    assert said["env"] == ["false", "1"]
    assert "first use" in done.stderr and "ready" in done.stderr
    assert "trying pip" not in done.stderr


def test_later_calls_need_nothing_and_say_nothing(checkout: Checkout, python_path: Path, uv_path: Path) -> None:
    checkout.call(checkout.environment(python_path, uv_path))
    again = checkout.call(checkout.environment())
    assert (again.returncode, again.stderr) == (0, "")


def test_runs_its_own_checkout_through_a_symlink(
    checkout: Checkout, tmp_path: Path, python_path: Path, uv_path: Path
) -> None:
    checkout.call(checkout.environment(python_path, uv_path))
    (checkout.home / "bot").mkdir()
    (checkout.home / "bot" / "cli.py").write_text("raise SystemExit('the bot of the working folder')")
    relative = link(tmp_path / "some bin" / "sparc-link", Path("..") / "a checkout" / "sparc")
    absolute = link(tmp_path / "other" / "sparc", relative)
    done = subprocess.run([absolute], env=checkout.environment(), cwd=checkout.home, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert Path(json.loads(done.stdout)["file"]) == (checkout.root / "bot" / "cli.py").resolve()


def test_a_changed_lock_brings_and_removes(checkout: Checkout, python_path: Path, uv_path: Path) -> None:
    environment = checkout.environment(python_path, uv_path)
    checkout.call(environment)
    assert checkout.installed() == {"sparc_one"}
    checkout.lock("sparc_second")
    done = checkout.call(environment)
    assert done.returncode == 0, done.stderr
    assert "have changed" in done.stderr
    assert checkout.installed() == {"sparc_second"}


@pytest.mark.parametrize("first", ["no environment before", "an older lock's environment before"])
def test_a_killed_set_up_heals(
    checkout: Checkout, tmp_path: Path, python_path: Path, uv_path: Path, uv: str, first: str
) -> None:
    environment = checkout.environment(python_path, uv_path)
    if first.startswith("an older"):
        checkout.call(environment)
        checkout.lock("sparc_second")
    reached = tmp_path / "reached"
    stuck = script(
        tmp_path / "stuck" / "uv",
        f'case "$*" in "pip sync"*) echo >"{reached}"; exec sleep 60 ;; esac\nexec "{uv}" "$@"',
    )
    running = subprocess.Popen(
        checkout.command(),
        env=checkout.environment(stuck.parent, python_path),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait_for(reached.exists)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()

    done = checkout.call(environment)
    assert done.returncode == 0, done.stderr
    assert "not finished" in done.stderr
    assert len(checkout.installed()) == 1
    assert checkout.call(environment).stderr == ""


def wait_for(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < give_up, "it never came so far"
        time.sleep(0.02)


def test_calls_at_once_install_once(checkout: Checkout, tmp_path: Path, python_path: Path, uv_path: Path) -> None:
    environment = checkout.environment(python_path, uv_path)
    running = [
        subprocess.Popen(checkout.command(str(number)), env=environment, stdout=subprocess.PIPE, text=True)
        for number in range(3)
    ]
    said = [json.loads(process.communicate(timeout=120)[0]) for process in running]
    assert [one["argv"] for one in said] == [["0"], ["1"], ["2"]]
    assert syncs(tmp_path) == 1


def test_a_moved_checkout_still_runs(checkout: Checkout, tmp_path: Path, python_path: Path, uv_path: Path) -> None:
    checkout.call(checkout.environment(python_path, uv_path))
    checkout.root = checkout.root.rename(tmp_path / "moved checkout")
    done = checkout.call(checkout.environment())
    assert done.returncode == 0, done.stderr
    assert Path(json.loads(done.stdout)["file"]).is_relative_to(checkout.root.resolve())


def test_uv_gets_the_index_that_pip_is_set_to(checkout: Checkout, tmp_path: Path, python_path: Path, uv: str) -> None:
    settings = tmp_path / "pip.conf"
    settings.write_text(
        "[global]\nindex-url = file:///mirror/simple\nextra-index-url =\n  file:///one\n  file:///two\n"
    )
    names = ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_STRATEGY")
    seen = script(
        tmp_path / "seen" / "uv",
        f'case "$*" in "pip sync"*) env >"{tmp_path}/env"; esac\nexec "{uv}" "$@"',
    )
    environment = checkout.environment(seen.parent, python_path, PIP_CONFIG_FILE=str(settings))
    done = checkout.call(environment)
    assert done.returncode == 0, done.stderr
    got = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines() if "=" in line)
    assert [got.get(name, "").split() for name in names] == [
        ["file:///mirror/simple"],
        ["file:///one", "file:///two"],
        ["unsafe-best-match"],
    ]


@pytest.mark.slow
@pytest.mark.parametrize("uv", ["no uv to be had", "a uv that fails"])
def test_pip_does_it_where_uv_cannot(checkout: Checkout, tmp_path: Path, python_path: Path, uv: str) -> None:
    path = [python_path]
    if uv == "a uv that fails":
        path.append(script(tmp_path / "bad" / "uv", '[ "$1" = --version ]').parent)
    done = checkout.call(checkout.environment(*path), "x")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["argv"] == ["x"]
    assert checkout.installed() == {"sparc_one"}


@pytest.mark.slow
def test_an_altered_package_is_refused(checkout: Checkout, python_path: Path) -> None:
    wheel = next(checkout.wheels.glob("*.whl"))
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("sparc_extra.py", "")
    done = checkout.call(checkout.environment(python_path))
    assert done.returncode == 1
    assert "hash" in done.stderr.lower()
    assert done.stderr.splitlines()[-1].startswith("sparc: the requirements could not be installed")
