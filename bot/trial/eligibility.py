"""The eligibility pre-check: every criterion as pass, fail or unknown, from findings alone.

Three values: `pass` (the findings say that it stands in nobody's way), `fail` (a barrier) and `unknown` (not
mentioned, in doubt, contradictory). It never says that somebody is eligible: an investigator decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Protocol

from ruamel.yaml import YAML

from bot.trial.criteria import illness, person, treatment, tumour
from bot.trial.criteria.case import Case, Result, Rule
from bot.trial.facts import Finding

Verdict = Literal["barrier_found", "incomplete", "no_barrier_found"]
RULES_FILE = Path(__file__).with_name("protocols") / "NCT05576480.eligibility.yml"

#: The rule of each criterion, in the record's order.
RULES: Mapping[str, Rule] = {
    "I01": person.consent,
    "I02": person.age,
    "I03": person.performance,
    "I04": tumour.diagnosis,
    "I05": tumour.emergency,
    "I06": tumour.microsatellite,
    "I07": treatment.untreated,
    "I08": tumour.metastasis,
    "I09": tumour.lesion,
    "I10": illness.organs,
    "I11": person.contraception,
    "E01": tumour.recurrence,
    "E02": treatment.previous,
    "E03": treatment.tolerance,
    "E04": tumour.obstruction,
    "E05": illness.malignancy,
    "E06": illness.autoimmune,
    "E07": illness.cardiovascular,
    "E08": illness.transplant,
    "E09": illness.infection,
    "E10": person.pregnancy,
    "E11": treatment.other_trial,
    "E12": illness.hepatitis,
    "E13": treatment.vaccine,
    "E14": treatment.surgery,
    "E15": illness.lungs,
    "E16": person.judgement,
}


class RuleDataError(ValueError):
    """The eligibility rule file is not in its form; the message names file and field."""


class CriterionText(Protocol):
    """What the engine asks of a criterion of the protocol file."""

    @property
    def id(self) -> str: ...

    @property
    def text(self) -> str: ...


class HasCriteria(Protocol):
    """What the engine asks of a protocol."""

    @property
    def criteria(self) -> Iterable[Any]: ...


@dataclass(frozen=True)
class CriterionResult:
    """One criterion decided: evidence in the note's words, `why` in plain English, `text` the record's sentence."""

    id: str
    result: Result
    evidence: tuple[str, ...]
    why: str
    text: str = ""
    findings: tuple[Finding, ...] = field(default=(), repr=False)

    def as_data(self) -> dict[str, Any]:
        return {"id": self.id, "result": self.result, "evidence": list(self.evidence), "why": self.why}


@dataclass(frozen=True)
class Assessment:
    """All criteria of one person on one day."""

    verdict: Verdict
    criteria: tuple[CriterionResult, ...]
    facts: Mapping[str, Any]
    ask_next: tuple[str, ...]

    def as_data(self) -> dict[str, Any]:
        """The form of the contract: `verdict`, `criteria`, `facts`, `ask_next`."""
        return {
            "verdict": self.verdict,
            "criteria": [result.as_data() for result in self.criteria],
            "facts": dict(self.facts),
            "ask_next": list(self.ask_next),
        }

    def result(self, criterion: str) -> CriterionResult:
        """The result of a criterion by its id.

        Raises:
            KeyError: there is no such criterion.
        """
        for result in self.criteria:
            if result.id == criterion:
                return result
        raise KeyError(criterion)


@lru_cache(maxsize=4)
def load_rules(path: Path = RULES_FILE) -> Mapping[str, Any]:
    """The rule data of a protocol.

    Raises:
        RuleDataError: the file is no mapping or lacks a field.
    """
    content = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise RuleDataError(f"{path.name}: expected a mapping")
    for name in (
        "windows",
        "thresholds",
        "treatment_denials",
        "cardiovascular_events",
        "cardiovascular_denials",
        "ask_order",
    ):
        if name not in content:
            raise RuleDataError(f"{path.name}: {name} is missing")
    if sorted(content["ask_order"]) != sorted(RULES):
        raise RuleDataError(f"{path.name}: ask_order: expected every criterion once")
    return content


def assess(
    protocol: HasCriteria, findings: Iterable[Finding], today: date, rules: Mapping[str, Any] | None = None
) -> Assessment:
    """Decides all criteria from findings; `today` stands for enrolment and the start of treatment.

    The findings may come from a note, a form or another system: no text is needed.
    """
    case = Case(tuple(findings), today, load_rules() if rules is None else rules)
    texts = {criterion.id: criterion.text for criterion in protocol.criteria}
    results = []
    for criterion, rule in RULES.items():
        decision = rule(case)
        evidence = tuple(dict.fromkeys(f.evidence.text for f in decision.findings if f.evidence.text))
        results.append(
            CriterionResult(
                criterion, decision.result, evidence, decision.why, texts.get(criterion, ""), decision.findings
            )
        )
    values = {result.result for result in results}
    verdict: Verdict = (
        "barrier_found" if "fail" in values else "incomplete" if "unknown" in values else "no_barrier_found"
    )
    order = case.rules["ask_order"]
    waiting = sorted((r for r in results if r.result == "unknown"), key=lambda r: (not r.findings, order.index(r.id)))
    return Assessment(verdict, tuple(results), facts(case.findings, case), tuple(r.id for r in waiting))


def facts(findings: Iterable[Finding], case: Case) -> dict[str, Any]:
    """What was read, normalised, in words a screen can show."""
    out: dict[str, Any] = {}
    if case.age is not None:
        out["age"] = case.age[0] if case.age[0] == case.age[1] else list(case.age)
    if case.sex is not None:
        out["sex"] = case.sex
    for finding in findings:
        if finding.concept in {"age", "sex", "birth_date"} or finding.experiencer not in {"patient", "partner"}:
            continue
        entry: dict[str, Any] = {
            k: list(v) if isinstance(v, tuple) else v for k, v in finding.values.items() if v not in (None, "", False)
        }
        if finding.assertion != "present":
            entry["assertion"] = finding.assertion
        if finding.experiencer != "patient":
            entry["of"] = finding.experiencer
        if finding.when.known:
            entry["when"] = finding.when.as_list()
        if finding.ended.known:
            entry["ended"] = finding.ended.as_list()
        known = out.setdefault(finding.concept, [])
        if entry not in known:
            known.append(entry)
    return out
