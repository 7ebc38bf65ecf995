"""Everything that is read in one message, as one JSON-serialisable value.

The order is that of harm: a clinical note is read as a note, a sign of illness before any question, questions last.
Nothing is decided here: levels of symptoms, verdicts, dates of visits and rights are the business of the actions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from bot.nlu.language import Language, detect_language, fold
from bot.nlu.questions.classifier import FALLBACK, OUT_OF_SCOPE, IntentClassifier
from bot.nlu.questions.lexicon import Lexicon
from bot.nlu.questions.parts import Part
from bot.nlu.questions.reader import SOCIAL, QuestionReader
from bot.nlu.questions.split import segments
from bot.trial.triage import SymptomFinding, TriageRules, assess_symptoms, load_triage_rules

if TYPE_CHECKING:
    from bot.trial.facts import Finding

_FORMAT = 1
_NEXT_PATIENT = re.compile(
    r"^\W*(?:(?:ok(?:ay)?|now|so|and|then|right|done|thanks|on\s+to|moving\s+on\s+to)\W+)*(?:the\s+|a\s+)?"
    r"(?:next|new|another|different)\s+(?:patient|pt|case|candidate|referral|one|lady|gentleman|man|woman)?\b\s*[:,.\-–—;]",
    re.IGNORECASE,
)
_FIRST_PERSON = re.compile(r"\b(?:i|i'm|i've|me|my)\b|我", re.IGNORECASE)
#: 'MSS status? don't know yet': staff ask themselves and answer that it is open.
_NOT_YET_KNOWN = re.compile(
    r"^\W*(?!what|when|where|who|how|which|why|is|are|do|does|can|could|should)[^?]{2,40}\?\s*(?:still\s+|we\s+|i\s+)*"
    r"(?:don'?t\s+know|unknown|not\s+known|no\s+idea|pending|awaited|awaiting|not\s+(?:yet|back|done|available|sure)|tbc|tbd)\b",
    re.IGNORECASE,
)
#: The sign of tablets that were vomited.
_CAME_UP = "vomited_tablets"


_TOO_MUCH = "overdose"
#: A Chinese question of leave stands at the end of what it asks about ('吃双份行不行'); what was done says so ('吃了').
_LEAVE = re.compile(r"(?:行不行|行吗|可以吗|可不可以|好不好|好吗|成吗|能吗|能不能|对吗)\W*$")
_HOW_MUCH = re.compile(r"(?:吃|服|用)(?:多少|几[片粒颗次])|(?:多少|几)(?:片|粒|颗|毫克)")
_DONE = re.compile(r"了(?![吗呢?？]?\W*$)|已经|刚才?|不小心")

_DONE_EN = re.compile(
    r"\b(?:took|taken|swallowed|ate|eaten|had|doubled|already|mistake\w*|accident\w*|overdos\w*|gave|given|got|twice|by\s+now)\b",
    re.IGNORECASE,
)


def _asks_leave(text: str) -> bool:
    """Whether a message asks leave for a deed and tells of none."""
    if _LEAVE.search(text) or _HOW_MUCH.search(text):
        return not _DONE.search(text)
    return text.rstrip().endswith("?") and bool(re.search(r"[a-z]", text)) and not _DONE_EN.search(text)


class _SymptomSource(Protocol):
    def read(self, text: str) -> tuple[SymptomFinding, ...]: ...

    def speaks_of_body(self, text: str) -> bool: ...


class _ClinicalSource(Protocol):
    def read(self, text: str, today: date) -> tuple[Finding, ...]: ...

    def looks_like_note(self, text: str, findings: Sequence[Finding] | None = None) -> bool: ...


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
        of_body: whether it speaks of somebody's body or how they feel, though no sign may have been found.
    """

    language: Language | None
    parts: tuple[Part, ...]
    symptoms: tuple[Mapping[str, Any], ...] = ()
    is_note: bool = False
    findings: tuple[Mapping[str, Any], ...] = ()
    of_body: bool = False

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
        if self.of_body:
            data["of_body"] = True
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
            of_body=bool(data.get("of_body")),
        )


class MessageReader:
    """Reads messages; built once, holds no state of any conversation."""

    def __init__(
        self, questions: QuestionReader, symptoms: _SymptomSource, clinical: _ClinicalSource, rules: TriageRules
    ) -> None:
        self._questions = questions
        self._symptoms = symptoms
        self._clinical = clinical
        self._rules = rules

    @classmethod
    def load(cls, classifier: IntentClassifier | Path) -> MessageReader:
        """A reader of a trained classifier, or of the folder where one is stored.

        Raises:
            ModelError: the folder holds no classifier.
            LexiconError: a lexicon file is broken.
        """
        from bot.nlu.clinical import ClinicalReader
        from bot.nlu.pieces import PiecewiseReader

        lexicon = Lexicon.load()
        if isinstance(classifier, Path):
            classifier = IntentClassifier.load(classifier, lexicon)
        return cls(
            QuestionReader(classifier, lexicon), PiecewiseReader.load(), ClinicalReader.load(), load_triage_rules()
        )

    def read(self, text: str, today: date) -> Reading:
        """The reading of one message on a given day (in Asia/Shanghai)."""
        language = detect_language(text)
        symptoms = self._symptoms.read(text)
        if _asks_leave(text):  # only a deed that is asked about: 'may I take two lots tonight'
            symptoms = tuple(
                replace(one, status="hypothetical") if one.concept == _TOO_MUCH and one.status == "present" else one
                for one in symptoms
            )
        symptoms = _of_the_tablets_alone(text, symptoms)
        level = assess_symptoms(self._rules, symptoms).level if symptoms else None
        present = [one for one in symptoms if one.status == "present"] if level is not None else []
        findings = distinct(self._clinical.read(text, today))
        parts = self._questions.read(text, today)
        if findings and _NOT_YET_KNOWN.match(text):
            findings = tuple(replace(one, assertion="uncertain") for one in findings)
            parts = (Part(text=text.strip(), intent="check_eligibility", confidence=1.0),)
        asks = any(segment.asks for segment in segments(fold(text)))
        if (
            level == "routine"
            and asks
            and not _FIRST_PERSON.search(text)
            and all(_surely_outside(part) for part in parts)
        ):
            # 'which vitamins help against hair loss in men': a word of the list in a question of another world
            symptoms = tuple(replace(one, status="general") for one in symptoms)
            present = []
        # A sign of now in the writer, or in a participant named by code, is a report and never a note to be checked.
        is_note = (
            self._clinical.looks_like_note(text, findings)
            and not (present and (_FIRST_PERSON.search(text) or any(part.participants for part in parts)))
            and not _asks_of_words(text, parts)
        )
        if is_note:
            parts = (_note_part(text, parts),)
        elif self._tablets_came_up(symptoms):
            parts = _missed_first(text, parts)
        elif present:
            parts = _symptoms_first(text, parts, present)
        else:
            parts = _without_idle_symptoms(parts)
        return Reading(
            language=language,
            parts=parts,
            symptoms=tuple(one.to_json() for one in symptoms),
            is_note=is_note,
            findings=tuple(one.to_json() for one in findings),
            of_body=self._symptoms.speaks_of_body(text),
        )

    def _tablets_came_up(self, symptoms: tuple[SymptomFinding, ...]) -> bool:
        """Vomiting right after the tablets is a missed dose, unless something more alarming stands beside it."""
        if not any(one.concept == _CAME_UP and one.status == "present" for one in symptoms):
            return False
        return assess_symptoms(self._rules, symptoms).level in (None, "routine")


#: How sure it must be that a message is none of the trial's.
_SURELY = 0.9
#: The sign that nothing at all is kept down.
_NOTHING_DOWN = "nothing_down"


def _of_the_tablets_alone(text: str, symptoms: tuple[SymptomFinding, ...]) -> tuple[SymptomFinding, ...]:
    """The signs without 'nothing stays down' where the same words tell of the tablets ('they came straight back up')."""
    tablets = [_place(text, one) for one in symptoms if one.concept == _CAME_UP and one.status == "present"]

    def told_of_tablets(one: SymptomFinding) -> bool:
        start, end = _place(text, one)
        return one.concept == _NOTHING_DOWN and any(start < last and first < end for first, last in tablets)

    return tuple(one for one in symptoms if not told_of_tablets(one))


def _place(text: str, one: SymptomFinding) -> tuple[int, int]:
    start = text.lower().find(one.evidence.lower()) if one.evidence else -1
    return (start, start + len(one.evidence)) if start >= 0 else (0, 0)


def _surely_outside(part: Part) -> bool:
    return part.intent == OUT_OF_SCOPE and part.confidence >= _SURELY


def distinct(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Findings that say the same once, at the first place: a note pasted over and over says no more than one."""
    said: dict[str, Finding] = {}
    for finding in findings:
        data = {**finding.to_json(), "evidence": finding.evidence.text.casefold()}
        said.setdefault(json.dumps(data, sort_keys=True), finding)
    return tuple(said.values())


def _asks_of_words(text: str, parts: tuple[Part, ...]) -> bool:
    """'What does microsatellite stable mean': words of a note in a question about the trial, without a value."""
    if re.search(r"\d", text) or not any(segment.asks for segment in segments(fold(text))):
        return False
    return all(part.intent.startswith(("ask_trial_", "ask_eligibility_criteria")) for part in parts)


def _note_part(text: str, parts: tuple[Part, ...]) -> Part:
    """A note is one part, whatever questions its words resemble; 'next patient:' before it starts a new one."""
    intent = "next_patient" if _NEXT_PATIENT.match(fold(text)) else "check_eligibility"
    participants = tuple(dict.fromkeys(code for part in parts for code in part.participants))
    return Part(text=text.strip(), intent=intent, confidence=1.0, participants=participants)


def _missed_first(text: str, parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """Tablets that came up again are answered as a missed dose."""
    missed = next((part for part in parts if part.intent == "report_missed_dose"), None)
    if missed is None:
        whole = max(parts, key=lambda part: len(part.text))
        missed = Part(text=fold(text).strip(), intent="report_missed_dose", confidence=1.0, ranking=whole.ranking,
                      participants=whole.participants, drugs=whole.drugs, dates=whole.dates)  # fmt: skip
    kept = tuple(part for part in parts if part.intent.startswith("ask_") and part.text != missed.text)
    return (missed, *(part for part in kept if missed in parts))


def _symptoms_first(text: str, parts: tuple[Part, ...], present: list[SymptomFinding]) -> tuple[Part, ...]:
    """A sign of illness leads; questions beside it follow, and what merely told of it goes with it."""
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


def _without_idle_symptoms(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """With no sign of illness present ('my wife has a fever'), a question beside the telling is the message."""
    others = tuple(part for part in parts if part.intent != "report_symptom")
    return others or parts
