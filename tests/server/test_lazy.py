"""The serving process starts where TensorFlow cannot be imported at all."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from bot.config import ROOT
from bot.server.lazy import DEFERRED, _DeferringFinder, defer_unused_modules

_CODE = """
import sys
sys.modules["tensorflow"] = None  # importing it is an ImportError
from bot.server.lazy import DEFERRED, defer_unused_modules
defer_unused_modules()
import bot.server.app, bot.channels.hospital
import rasa.core.agent
assert "matplotlib" not in sys.modules
deferred = sys.modules["rasa.utils.train_utils"]  # imported, and never executed
assert type(deferred).__name__ == "_LazyModule", type(deferred)
print("up")
"""


def test_the_server_is_imported_without_tensorflow() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _CODE],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "up"), done.stderr[-2000:]


def test_the_finder_is_installed_once() -> None:
    defer_unused_modules()
    defer_unused_modules()
    assert sum(isinstance(finder, _DeferringFinder) for finder in sys.meta_path) == 1


@pytest.mark.parametrize("name", sorted(DEFERRED))
def test_what_is_deferred_is_a_real_module_of_rasa(name: str) -> None:
    spec = _DeferringFinder().find_spec(name, _path_of(name))
    assert spec is not None
    assert spec.origin is not None
    assert spec.origin.endswith(name.rpartition(".")[2] + ".py")


def test_nothing_else_is_touched() -> None:
    assert _DeferringFinder().find_spec("rasa.core.agent", _path_of("rasa.core.agent")) is None


def _path_of(name: str) -> list[str]:
    found = importlib.util.find_spec(name.rpartition(".")[0])  # the package's folder, without importing the package
    assert found is not None
    return list(found.submodule_search_locations or ())
