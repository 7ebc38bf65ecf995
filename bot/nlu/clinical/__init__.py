"""Reading clinical text: `ClinicalReader` turns notes, letters and shorthand into findings."""

from __future__ import annotations

from bot.nlu.clinical.lexicon import LexiconError
from bot.nlu.clinical.reader import ClinicalReader

__all__ = ["ClinicalReader", "LexiconError"]
