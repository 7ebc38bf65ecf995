"""The real servers, started once as a user starts them: `./sparc run` with its own home and ports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bot.config import ROOT
from tests.helpers import assistant as helpers
from tests.helpers.assistant import Assistant


@pytest.fixture(scope="session")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    """The assistant with the participants of tests/data/dialogues."""
    folder = ROOT / "tests" / "data" / "dialogues"
    home = tmp_path_factory.mktemp("home")
    with helpers.with_participants(folder, "2026-09-16T14:00:00+08:00", home) as started:
        yield started


@pytest.fixture(scope="session")
def conversations() -> Any:
    """The helpers, for tests that start an assistant of their own."""
    return helpers
