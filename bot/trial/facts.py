"""Findings: what is known about a person before enrolment, from a note, a form or another system.

A finding names a concept, normalised values, how it is asserted, of whom, and when. The engine in
`bot.trial.eligibility` decides from findings alone, so a form or FHIR can hand them over without any text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Literal, cast, get_args

Assertion = Literal["present", "negated", "uncertain", "planned", "hypothetical"]
Temporality = Literal["current", "historical"]
Experiencer = Literal["patient", "partner", "family", "other"]
Value = str | int | float | bool | None | tuple[str, ...]


class FindingError(ValueError):
    """A finding handed over as JSON is not in its form; the message names the field."""


@dataclass(frozen=True)
class Period:
    """Bounds of a day that is known more or less exactly: inclusive; None where there is no bound."""

    earliest: date | None = None
    latest: date | None = None

    @classmethod
    def on(cls, day: date) -> Period:
        return cls(day, day)

    @property
    def known(self) -> bool:
        return self.earliest is not None or self.latest is not None

    @property
    def exact(self) -> bool:
        return self.earliest is not None and self.earliest == self.latest

    def reaches(self, other: Period) -> Period:
        """The smallest period that holds both."""
        first = min(self.earliest, other.earliest) if self.earliest and other.earliest else None
        last = max(self.latest, other.latest) if self.latest and other.latest else None
        return Period(first, last)

    def as_list(self) -> list[str | None]:
        return [day.isoformat() if day else None for day in (self.earliest, self.latest)]


def shift_months(day: date, months: int) -> date:
    """The same day `months` later (earlier where negative); the month's last day where it has no such day."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    following = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    return date(year, month + 1, min(day.day, (following - timedelta(days=1)).day))


@dataclass(frozen=True)
class Evidence:
    """Words a finding rests on, with their offsets in the text; a form's field has no offsets."""

    text: str = ""
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True)
class Finding:
    """One fact about the person.

    Attributes:
        concept: what it is about, such as `myocardial_infarction` or `t_category`.
        values: normalised values by name (JSON scalars and tuples of strings).
        assertion: `present`, `negated`, `uncertain`, `planned` or `hypothetical`.
        temporality: `current` or `historical`.
        experiencer: whom it is about; the engine reads the patient's, and for contraception the partner's.
        when: bounds of the day it happened, was measured, or (with the value `ongoing`) began.
        ended: bounds of the day it ended, where that is said.
        evidence: the words it rests on.
        cue: the words that decided its assertion, such as `denies`.
        source: `note`, `form`, `fhir` or another name.
    """

    concept: str
    values: Mapping[str, Value] = field(default_factory=dict)
    assertion: Assertion = "present"
    temporality: Temporality = "current"
    experiencer: Experiencer = "patient"
    when: Period = Period()
    ended: Period = Period()
    evidence: Evidence = Evidence()
    cue: str = ""
    source: str = "note"

    def get(self, name: str) -> Value:
        return self.values.get(name)

    def text(self, name: str) -> str:
        value = self.values.get(name)
        return value if isinstance(value, str) else ""

    def number(self, name: str) -> float | None:
        value = self.values.get(name)
        return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None

    def flag(self, name: str) -> bool:
        return self.values.get(name) is True

    def to_json(self) -> dict[str, Any]:
        """A dict of JSON values from which :meth:`from_json` makes the same finding."""
        return {
            "concept": self.concept,
            "values": {k: list(v) if isinstance(v, tuple) else v for k, v in self.values.items()},
            "assertion": self.assertion,
            "temporality": self.temporality,
            "experiencer": self.experiencer,
            "when": self.when.as_list(),
            "ended": self.ended.as_list(),
            "evidence": [self.evidence.text, self.evidence.start, self.evidence.end],
            "cue": self.cue,
            "source": self.source,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Finding:
        """The finding that :meth:`to_json` wrote; fields that are missing take their defaults.

        Raises:
            FindingError: `concept` is missing, or a field holds something that is not its kind.
        """
        concept = data.get("concept")
        if not isinstance(concept, str) or not concept:
            raise FindingError("concept: expected a name")
        values = data.get("values", {})
        if not isinstance(values, Mapping):
            raise FindingError("values: expected an object")
        text, start, end = _triple(data.get("evidence", ("", None, None)))
        return cls(
            concept=concept,
            values={str(k): tuple(v) if isinstance(v, list) else v for k, v in values.items()},
            assertion=cast(Assertion, _one_of("assertion", data.get("assertion", "present"), get_args(Assertion))),
            temporality=cast(
                Temporality, _one_of("temporality", data.get("temporality", "current"), get_args(Temporality))
            ),
            experiencer=cast(
                Experiencer, _one_of("experiencer", data.get("experiencer", "patient"), get_args(Experiencer))
            ),
            when=_period("when", data.get("when", (None, None))),
            ended=_period("ended", data.get("ended", (None, None))),
            evidence=Evidence(text, start, end),
            cue=str(data.get("cue", "")),
            source=str(data.get("source", "note")),
        )


def _one_of(name: str, value: object, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise FindingError(f"{name}: expected one of {', '.join(allowed)}, found {value!r}")
    return str(value)


def _triple(value: object) -> tuple[str, int | None, int | None]:
    if not isinstance(value, (list, tuple)) or len(value) != 3 or not isinstance(value[0], str):
        raise FindingError("evidence: expected [text, start, end]")
    return value[0], value[1], value[2]


def _period(name: str, value: object) -> Period:
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise FindingError(f"{name}: expected [earliest, latest]")
    try:
        days = [date.fromisoformat(day) if day is not None else None for day in value]
    except (TypeError, ValueError):
        raise FindingError(f"{name}: expected ISO dates or null, found {value!r}") from None
    return Period(days[0], days[1])


#: Concepts of which a person has one value at a time: a later message about the same person replaces it. The
#: names listed together stand for one another ('stage III' replaces no T category, a birth date replaces an age).
_SINGLE: tuple[frozenset[str], ...] = (
    frozenset({"age", "birth_date"}),
    frozenset({"sex"}),
    frozenset({"performance_status"}),
    frozenset({"consent"}),
    frozenset({"histology"}),
    frozenset({"tumour_height"}),
    frozenset({"rectal_third"}),
    frozenset({"tumour_site"}),
    frozenset({"t_category"}),
    frozenset({"n_category"}),
    frozenset({"m_category", "metastasis"}),
    frozenset({"stage"}),
    frozenset({"microsatellite"}),
    frozenset({"mismatch_repair"}),
    frozenset({"untreated"}),
    frozenset({"course"}),
    frozenset({"organ_function"}),
    frozenset({"contraception"}),
    frozenset({"hbv_dna"}),
    frozenset({"hbsag"}),
    frozenset({"anti_hcv"}),
    frozenset({"hcv_rna"}),
    frozenset({"hiv"}),
    frozenset({"obstruction"}),
    frozenset({"investigator"}),
)


def _slot(finding: Finding) -> object:
    for names in _SINGLE:
        if finding.concept in names:
            return (names, finding.experiencer)
    return None


def merge(earlier: Iterable[Finding], later: Iterable[Finding]) -> tuple[Finding, ...]:
    """What is known after a further message about the same patient.

    A value that a person has once (ECOG, MSI, T category, age, ...) is replaced by the later statement; an event
    or illness is added, and replaced only where the later message states the same concept anew.
    """
    new = tuple(later)
    slots = {slot for finding in new if (slot := _slot(finding)) is not None}
    kept = [
        f
        for f in earlier
        if (slot := _slot(f)) not in slots and not (slot is None and _contradicts(f, new)) and f not in new
    ]
    return (*kept, *new)


def _key(finding: Finding) -> tuple[object, ...]:
    """What an event or illness is told apart by: its concept, its kind or name, and whose it is."""
    return (finding.concept, finding.get("kind"), finding.get("name"), finding.get("live"), finding.experiencer)


def _contradicts(old: Finding, new: tuple[Finding, ...]) -> bool:
    """Whether a later finding of the same concept says otherwise ('no, that was negated', another date)."""
    same = [f for f in new if _key(f) == _key(old)]
    return any(f.assertion != old.assertion or (f.when.known and not old.when.known) for f in same)
