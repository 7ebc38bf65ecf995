from __future__ import annotations

import pytest

from bot.nlu.symptoms import SymptomReader
from bot.trial.triage import TriageRules, load_triage_rules


@pytest.fixture(scope="session")
def reader() -> SymptomReader:
    return SymptomReader.load()


@pytest.fixture(scope="session")
def rules() -> TriageRules:
    return load_triage_rules()
