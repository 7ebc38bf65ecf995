"""Other illness: cancers, autoimmune disease, heart and vessels, transplants, lungs."""

from __future__ import annotations

from collections.abc import Iterator

from bot.nlu.clinical.note import Note
from bot.nlu.clinical.readers.autoimmune import read_autoimmune
from bot.nlu.clinical.readers.common import dates_of, finding
from bot.nlu.clinical.readers.heart import read_heart
from bot.nlu.clinical.readers.other_cancers import read_other_cancers
from bot.nlu.clinical.readers.transplants import read_transplants
from bot.trial.facts import Finding


def read_illness(note: Note) -> Iterator[Finding]:
    """All findings about other illness."""
    yield from read_other_cancers(note)
    yield from read_autoimmune(note)
    yield from read_heart(note)
    yield from read_transplants(note)
    yield from read_lungs(note)


def read_lungs(note: Note) -> Iterator[Finding]:
    for mention in note.of("lung"):
        if mention.is_patient and mention.assertion in {"present", "negated", "uncertain"}:
            yield finding(
                note,
                "interstitial_lung",
                mention.start,
                mention.end,
                assertion=mention.assertion,
                when=dates_of(mention)[0],
                cue=mention.cue,
            )
    for mention in note.of("lung_general"):
        if mention.negated and note.after(mention.end, 1) not in (
            ["symptoms"],
            ["infection"],
            ["infections"],
            ["distress"],
            ["compromise"],
        ):
            yield finding(note, "lung_general", mention.start, mention.end, assertion="negated", cue=mention.cue)
