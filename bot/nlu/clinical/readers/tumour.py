"""The rectal tumour: histology, height, TNM and stage, spread, lesion, course, obstruction."""

from __future__ import annotations

from collections.abc import Iterator

from bot.nlu.clinical.note import Note
from bot.nlu.clinical.readers.course import courses
from bot.nlu.clinical.readers.histology import histologies
from bot.nlu.clinical.readers.lesion import lesions
from bot.nlu.clinical.readers.obstruction import obstructions
from bot.nlu.clinical.readers.place import places
from bot.nlu.clinical.readers.spread import spreads
from bot.nlu.clinical.readers.staging import tnm
from bot.trial.facts import Finding


def read_tumour(note: Note) -> Iterator[Finding]:
    """All findings about the tumour itself."""
    yield from histologies(note)
    yield from places(note)
    yield from tnm(note)
    yield from spreads(note)
    yield from lesions(note)
    yield from courses(note)
    yield from obstructions(note)
