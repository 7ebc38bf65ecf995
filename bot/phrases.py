"""The sentences a person reads: the responses of `domain.yml` and of `bot/channels/phrases.yml`, filled strictly.

Each response has one text a language (`metadata: {language: ...}`). A variable that is missing is an error here, never
an unfilled brace in a chat.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


class PhraseError(ValueError):
    """A response is missing, lacks a language, or a variable was not given; the message names it."""


@dataclass(frozen=True)
class Phrases:
    """The responses by name and language."""

    texts: Mapping[str, Mapping[str, str]]

    @classmethod
    def load(cls, domain: Path) -> Phrases:
        """Reads the responses of a domain file, or of one with responses alone.

        Raises:
            PhraseError: a response is not one text each in English and Chinese.
        """
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        responses: Mapping[str, Any] = yaml.load(domain.read_text(encoding="utf-8"), Loader=loader)["responses"]
        texts: dict[str, dict[str, str]] = {}
        for name, variations in responses.items():
            found = {variation["metadata"]["language"]: str(variation["text"]).strip() for variation in variations}
            if set(found) != {"en", "zh"} or len(variations) != 2:
                raise PhraseError(f"{domain}: responses.{name}: expected one text in en and one in zh")
            texts[name] = found
        return cls(texts)

    def say(self, name: str, language: str, **words: object) -> str:
        """The response in a language, its variables filled.

        Raises:
            PhraseError: no such response, or a variable it needs was not given.
        """
        try:
            text = self.texts[name]["zh" if language == "zh" else "en"]
        except KeyError:
            raise PhraseError(f"responses.{name}: not in the domain") from None
        try:
            return text.format(**words)
        except KeyError as missing:
            raise PhraseError(f"responses.{name}: the variable {missing} was not given") from None

    def variables(self, name: str) -> Mapping[str, frozenset[str]]:
        """The variables of a response by language."""
        return {
            language: frozenset(field for _, field, _, _ in string.Formatter().parse(text) if field)
            for language, text in self.texts[name].items()
        }
