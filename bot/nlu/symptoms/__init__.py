"""Symptoms in messages: read apart from everything else, before anything else."""

from bot.nlu.symptoms.lexicon import LexiconError
from bot.nlu.symptoms.reader import SymptomReader

__all__ = ["LexiconError", "SymptomReader"]
