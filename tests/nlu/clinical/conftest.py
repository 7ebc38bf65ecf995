"""One reader for all tests of the clinical reading, and what they ask of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from bot.nlu.clinical import ClinicalReader
from bot.trial.eligibility import Assessment, assess
from bot.trial.protocol import load_protocol

TODAY = date(2026, 6, 10)
Check = Callable[..., Assessment]


@pytest.fixture(scope="session")
def reader() -> ClinicalReader:
    return ClinicalReader.load()


@pytest.fixture(scope="session")
def check(reader: ClinicalReader) -> Check:
    """`check(note)` decides all criteria of a note on 10 June 2026, or on the `today` given."""
    protocol = load_protocol()

    def run(note: str, today: date = TODAY) -> Assessment:
        return assess(protocol, reader.read(note, today), today)

    return run
