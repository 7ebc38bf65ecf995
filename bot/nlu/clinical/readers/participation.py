"""Consent, contraception and fertility, pregnancy, vaccines, other trials, the investigator's judgement."""

from __future__ import annotations

from collections.abc import Iterator

from bot.nlu.clinical.note import Note
from bot.nlu.clinical.readers.consent import read_consent
from bot.nlu.clinical.readers.fertility import read_contraception, read_pregnancy
from bot.nlu.clinical.readers.investigator import read_investigator
from bot.nlu.clinical.readers.trials import read_trials
from bot.nlu.clinical.readers.vaccines import read_vaccines
from bot.trial.facts import Finding


def read_participation(note: Note) -> Iterator[Finding]:
    """All findings about taking part."""
    yield from read_consent(note)
    yield from read_contraception(note)
    yield from read_pregnancy(note)
    yield from read_vaccines(note)
    yield from read_trials(note)
    yield from read_investigator(note)
