"""Whole installations of several processes, on PostgreSQL and Redis of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks.stack import Stack, what_is_missing


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two chat servers and two action servers."""
    missing = what_is_missing()
    if missing is not None:
        pytest.skip(missing)
    with Stack(tmp_path_factory.mktemp("stack") / "of-two", chats=2, actions=2) as started:
        yield started
