"""What a rule sees: the findings of one person, the day, the rule data; and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Any, Literal

from bot.trial.facts import Finding, Period, shift_months

Result = Literal["pass", "fail", "unknown"]
Side = Literal["inside", "outside", "unclear", "undated"]


@dataclass(frozen=True)
class Decision:
    """A rule's answer: the result, the reason in plain English, the findings it rests on."""

    result: Result
    why: str
    findings: tuple[Finding, ...] = field(default_factory=tuple)


def passed(why: str, *findings: Finding) -> Decision:
    return Decision("pass", why, findings)


def failed(why: str, *findings: Finding) -> Decision:
    return Decision("fail", why, findings)


def unknown(why: str, *findings: Finding) -> Decision:
    return Decision("unknown", why, findings)


NOT_MENTIONED = "Not mentioned."


@dataclass(frozen=True)
class Case:
    """The findings about one person on the day of enrolment, which stands for the start of treatment too."""

    findings: tuple[Finding, ...]
    today: date
    rules: Mapping[str, Any]

    @cached_property
    def _by_concept(self) -> dict[str, list[Finding]]:
        out: dict[str, list[Finding]] = {}
        for finding in self.findings:
            out.setdefault(finding.concept, []).append(finding)
        return out

    def all(self, *concepts: str, of: str = "patient") -> list[Finding]:
        """Findings of the concepts, of the patient unless `of` says whose."""
        return [f for concept in concepts for f in self._by_concept.get(concept, ()) if f.experiencer == of]

    def present(self, *concepts: str, of: str = "patient") -> list[Finding]:
        return [f for f in self.all(*concepts, of=of) if f.assertion == "present"]

    def negated(self, *concepts: str, of: str = "patient") -> list[Finding]:
        return [f for f in self.all(*concepts, of=of) if f.assertion == "negated"]

    def uncertain(self, *concepts: str) -> list[Finding]:
        return [f for f in self.all(*concepts) if f.assertion == "uncertain"]

    def threshold(self, name: str) -> float:
        return float(self.rules["thresholds"][name])

    def window_start(self, name: str) -> date:
        """The last day that still belongs to a window counted back from today."""
        window = self.rules["windows"][name]
        day = shift_months(self.today, -int(window.get("months", 0)) - 12 * int(window.get("years", 0)))
        return day - timedelta(weeks=int(window.get("weeks", 0)))

    def side(self, name: str, when: Period) -> Side:
        """On which side of a barring window an event lies; its last day belongs to the window."""
        start = self.window_start(name)
        if not when.known:
            return "undated"
        if when.latest is not None and when.latest < start:
            return "outside"
        if when.earliest is not None and when.earliest >= start:
            return "inside"
        return "unclear"

    @cached_property
    def age(self) -> tuple[int, int] | None:
        """Lowest and highest age that the statements allow; None where none is made."""
        bounds: list[tuple[int, int]] = []
        for finding in self.present("age"):
            low, high = finding.number("low"), finding.number("high")
            if low is not None and high is not None:
                bounds.append((int(low), int(high)))
        for finding in self.present("birth_date"):
            if finding.when.earliest and finding.when.latest:
                bounds.append(
                    (years_between(finding.when.latest, self.today), years_between(finding.when.earliest, self.today))
                )
        if not bounds:
            return None
        exact = [b for b in bounds if b[0] == b[1]] or bounds
        return min(b[0] for b in exact), max(b[1] for b in exact)

    @cached_property
    def sex(self) -> str | None:
        codes = {f.text("code") for f in self.present("sex")}
        return codes.pop() if len(codes) == 1 else None

    @property
    def beyond_childbearing(self) -> bool:
        return self.age is not None and self.age[0] >= self.threshold("age_no_childbearing")


def years_between(birth: date, day: date) -> int:
    """Completed years of age on a day."""
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


Rule = Callable[[Case], Decision]


def first(findings: Iterable[Finding], count: int = 4) -> tuple[Finding, ...]:
    return tuple(findings)[:count]


def quoted(finding: Finding) -> str:
    """The words of a finding for a sentence, or its concept where it came without text."""
    return f"'{finding.evidence.text}'" if finding.evidence.text else finding.concept.replace("_", " ")
