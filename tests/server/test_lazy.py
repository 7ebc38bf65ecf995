"""The serving process starts where TensorFlow cannot be imported at all."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Optional

import pytest

from bot.config import ROOT
from bot.server.lazy import (
    CHAT_LIBRARIES,
    DEFERRED,
    LIBRARIES,
    _DeferringFinder,
    _Libraries,
    defer_unused_modules,
)

_CODE = """
import sys
sys.modules["tensorflow"] = None  # importing it is an ImportError
from bot.server.lazy import CHAT_LIBRARIES, DEFERRED, LIBRARIES, defer_unused_modules
defer_unused_modules()
import bot.server.app, bot.channels.hospital
import rasa.core.agent
assert "matplotlib" not in sys.modules
deferred = sys.modules["rasa.utils.train_utils"]  # imported, and never executed
assert type(deferred).__name__ == "_LazyModule", type(deferred)
(libraries,) = (finder for finder in sys.meta_path if type(finder).__name__ == "_Libraries")
assert libraries.asleep == LIBRARIES | CHAT_LIBRARIES, (LIBRARIES | CHAT_LIBRARIES) - libraries.asleep
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


def test_with_chats_in_use_their_libraries_are_the_real_ones() -> None:
    code = (
        "from bot.server.lazy import defer_unused_modules\ndefer_unused_modules(with_chats=True)\n"
        "import bot.server.app, slack_sdk, webexteamssdk, socketio, requests\n"
        "assert issubclass(requests.RequestException, Exception)\nprint('up')"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
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


# --- libraries that sleep -------------------------------------------------------------------------------------------------


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Libraries]:
    """A library of two modules on the path, asleep."""
    package = tmp_path / "sleeper"
    package.mkdir()
    (package / "__init__.py").write_text("from sleeper.inner import Thing\nwoken = True\n")
    (package / "inner.py").write_text(
        "class Thing:\n    size = 3\n    def __init__(self, name='x'): self.name = name\n"
        "table = {'a': 1}\n__version__ = '1.2'\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    finder = _Libraries({"sleeper", "absent"})
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
    yield finder
    for name in [name for name in sys.modules if name.split(".")[0] in ("sleeper", "absent")]:
        del sys.modules[name]


def test_what_sleeps_is_imported_and_not_executed(library: _Libraries) -> None:
    outer: Any = importlib.import_module("sleeper")
    inner: Any = importlib.import_module("sleeper.inner")
    thing = inner.Thing
    assert outer.inner is inner
    assert inner.Thing is thing
    assert Optional[thing] == Optional[inner.Thing]  # noqa: UP045  an annotation wakes nothing
    assert library.asleep == {"sleeper", "absent"}


@pytest.mark.parametrize(
    "use",
    [
        lambda inner: inner.Thing("y").name == "y",
        lambda inner: inner.Thing.size == 3,
        lambda inner: inner.__version__ == "1.2",
        lambda inner: inner.table["a"] == 1,
        lambda inner: not isinstance(3, inner.Thing),
        lambda inner: not issubclass(int, inner.Thing),
        lambda inner: types.new_class("Mine", (inner.Thing,)).size == 3,
        lambda inner: isinstance(inner.Thing(), inner.Thing),
    ],
)
def test_a_use_wakes_it_and_the_real_one_answers(library: _Libraries, use: Callable[[Any], bool]) -> None:
    inner: Any = importlib.import_module("sleeper.inner")
    assert use(inner)
    assert library.asleep == {"absent"}
    real: Any = sys.modules["sleeper.inner"]
    assert type(real) is types.ModuleType
    assert sys.modules["sleeper"].woken is True
    assert isinstance(inner.Thing("z"), real.Thing)


def test_what_is_not_there_is_missed_when_it_is_used(library: _Libraries) -> None:
    absent: Any = importlib.import_module("absent")
    with pytest.raises(ModuleNotFoundError):
        absent.something()
    with pytest.raises(AttributeError):
        importlib.import_module("sleeper.inner").nothing()


def test_a_part_of_a_library_may_sleep_alone() -> None:
    finder = _Libraries({"spacy.cli"})
    assert finder.find_spec("spacy", None) is None
    assert finder.find_spec("spacy.client", None) is None
    assert finder.find_spec("spacy.cli.info", None) is not None


@pytest.mark.parametrize("name", sorted(LIBRARIES | CHAT_LIBRARIES))
def test_what_sleeps_is_installed(name: str) -> None:
    assert importlib.util.find_spec(name.split(".")[0]) is not None


def _path_of(name: str) -> list[str]:
    found = importlib.util.find_spec(name.rpartition(".")[0])  # the package's folder, without importing the package
    assert found is not None
    return list(found.submodule_search_locations or ())
