"""Everything that is read in one message, as one JSON-serialisable value.

The order is that of harm: a clinical note is read as a note, a sign of illness before any question, questions last.
Nothing is decided here: levels of symptoms, verdicts, dates of visits and rights are the business of the actions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from bot.nlu.language import Language, detect_language, fold
from bot.nlu.questions.classifier import FALLBACK, OUT_OF_SCOPE, IntentClassifier
from bot.nlu.questions.lexicon import Lexicon
from bot.nlu.questions.parts import Part
from bot.nlu.questions.reader import SOCIAL, QuestionReader

if TYPE_CHECKING:
    from bot.trial.facts import Finding
    from bot.trial.triage import SymptomFinding

_FORMAT = 1
_NEXT_PATIENT = re.compile(
    r"^\W*(?:(?:ok(?:ay)?|now|so|and|then|right|done|thanks|on\s+to|moving\s+on\s+to)\W+)*(?:the\s+|a\s+)?"
    r"(?:next|new|another|different)\s+(?:patient|pt|case|candidate|referral|one|lady|gentleman|man|woman)?\b\s*[:,.\-–—;]",
    re.IGNORECASE,
)
_FIRST_PERSON = re.compile(r"\b(?:i|i'm|i've|me|my)\b|我", re.IGNORECASE)
#: What may go with tablets that came up again without making it more than a missed dose.
_STOMACH = frozenset({"vomiting", "nausea"})


class _SymptomSource(Protocol):
    def read(self, text: str) -> tuple[SymptomFinding, ...]: ...


class _ClinicalSource(Protocol):
    def read(self, text: str, today: date) -> tuple[Finding, ...]: ...

    def looks_like_note(self, text: str) -> bool: ...


@dataclass(frozen=True)
class Reading:
    """What one message says.

    Attributes:
        language: `en`, `zh`, or None where the message shows none.
        parts: its questions, the one to be answered first at the head; never empty.
        symptoms: signs of illness as found, with their status, for `bot.trial.triage`.
        is_note: whether it has the form of a clinical note.
        findings: clinical findings, for `bot.trial.eligibility`; of a note, and of a short addition to one
            ('MSI-H on PCR').
    """

    language: Language | None
    parts: tuple[Part, ...]
    symptoms: tuple[Mapping[str, Any], ...] = ()
    is_note: bool = False
    findings: tuple[Mapping[str, Any], ...] = ()

    @property
    def lead(self) -> Part:
        """The question to be answered first."""
        return self.parts[0]

    def to_json(self) -> dict[str, Any]:
        """The reading as plain JSON values; empty lists are left out."""
        data: dict[str, Any] = {"format": _FORMAT, "language": self.language}
        data["parts"] = [part.to_json() for part in self.parts]
        if self.symptoms:
            data["symptoms"] = [dict(one) for one in self.symptoms]
        if self.is_note or self.findings:
            data["note"] = {"is_note": self.is_note, "findings": [dict(one) for one in self.findings]}
        return data

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Reading:
        """The reading that `to_json` wrote.

        Raises:
            ValueError: it is of another format.
        """
        if data.get("format") != _FORMAT:
            raise ValueError(f"reading: expected format {_FORMAT}, found {data.get('format')!r}")
        note = data.get("note", {})
        return cls(
            language=data["language"],
            parts=tuple(Part.from_json(part) for part in data["parts"]),
            symptoms=tuple(data.get("symptoms", ())),
            is_note=note.get("is_note", False),
            findings=tuple(note.get("findings", ())),
        )


class MessageReader:
    """Reads messages; built once, holds no state of any conversation."""

    def __init__(self, questions: QuestionReader, symptoms: _SymptomSource, clinical: _ClinicalSource) -> None:
        self._questions = questions
        self._symptoms = symptoms
        self._clinical = clinical

    @classmethod
    def load(cls, classifier: IntentClassifier | Path) -> MessageReader:
        """A reader of a trained classifier, or of the folder where one is stored.

        Raises:
            ModelError: the folder holds no classifier.
            LexiconError: a lexicon file is broken.
        """
        from bot.nlu.clinical import ClinicalReader
        from bot.nlu.symptoms import SymptomReader

        lexicon = Lexicon.load()
        if isinstance(classifier, Path):
            classifier = IntentClassifier.load(classifier, lexicon)
        return cls(QuestionReader(classifier, lexicon), SymptomReader.load(), ClinicalReader.load())

    def read(self, text: str, today: date) -> Reading:
        """The reading of one message on a given day (in Asia/Shanghai)."""
        language = detect_language(text)
        symptoms = self._symptoms.read(text)
        present = [one for one in symptoms if one.status == "present"]
        is_note = self._clinical.looks_like_note(text) and not (present and _FIRST_PERSON.search(text))
        findings = self._clinical.read(text, today)
        parts = self._questions.read(text, today)
        if is_note:
            parts = (_note_part(text, parts),)
        elif present:
            parts = _symptoms_first(text, parts, present)
        else:
            parts = _without_idle_symptoms(parts)
        return Reading(
            language=language,
            parts=parts,
            symptoms=() if is_note else tuple(one.to_json() for one in symptoms),
            is_note=is_note,
            findings=tuple(one.to_json() for one in findings),
        )


def _note_part(text: str, parts: tuple[Part, ...]) -> Part:
    """A note is one part, whatever questions its words resemble; 'next patient:' before it starts a new one."""
    intent = "next_patient" if _NEXT_PATIENT.match(fold(text)) else "check_eligibility"
    participants = tuple(dict.fromkeys(code for part in parts for code in part.participants))
    return Part(text=text.strip(), intent=intent, confidence=1.0, participants=participants)


def _symptoms_first(text: str, parts: tuple[Part, ...], present: list[SymptomFinding]) -> tuple[Part, ...]:
    """A sign of illness leads; questions beside it follow, and what merely told of it goes with it."""
    missed = next((part for part in parts if part.intent == "report_missed_dose"), None)
    if missed is not None and {one.concept for one in present} <= _STOMACH and not _more_than_once(present):
        return (missed, *(part for part in parts if part is not missed and part.intent != "report_symptom"))
    told = [part for part in parts if part.intent == "report_symptom"]
    others = [part for part in parts if _asks_beside(part, present)]
    participants = tuple(dict.fromkeys(code for part in parts for code in part.participants))
    lead = told[0] if told else Part(text=fold(text).strip(), intent="report_symptom", confidence=1.0)
    return (
        Part(text=lead.text, intent="report_symptom", confidence=1.0, ranking=lead.ranking, participants=participants),
        *others,
    )


def _asks_beside(part: Part, present: list[SymptomFinding]) -> bool:
    """Whether a part is a question of its own beside the sign of illness, not the words that told of it."""
    if part.intent in SOCIAL | {FALLBACK, OUT_OF_SCOPE, "report_symptom", "follow_up", "check_eligibility"}:
        return False
    told_here = any(one.evidence and one.evidence.lower() in part.text.lower() for one in present)
    return not told_here or part.intent in ("report_missed_dose", "request_reschedule", "ask_dose_schedule")


def _more_than_once(present: list[SymptomFinding]) -> bool:
    return any(one.measures.get("count", 1.0) > 1 or one.measures.get("severe") for one in present)


def _without_idle_symptoms(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """With no sign of illness present ('my wife has a fever'), a question beside the telling is the message."""
    others = tuple(part for part in parts if part.intent != "report_symptom")
    return others or parts
