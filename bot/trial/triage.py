"""Levels of symptoms: what is said first to somebody who writes about one.

The rules are data (`protocols/NCT05576480.triage.yml`), each with its sources; this module reads them and applies them
to what was found in a message. Nothing here reads text: :class:`SymptomFinding` is the value that a reader hands in
and that a form or a test can build by hand.

Between two levels the higher holds; a rule over several signs may raise two urgent ones to an emergency.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, Extra, ValidationError, root_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

Level = Literal["emergency", "urgent", "routine"]
Status = Literal["present", "negated", "past", "general", "other_person", "hypothetical"]
TextLanguage = Literal["en", "zh"]

#: The highest level first; `assess_symptoms` takes the first that any rule raises.
LEVELS: Final[tuple[Level, ...]] = ("emergency", "urgent", "routine")
#: What is said where nobody of the team could be told of a ticket: in the answer itself (`now`), or later; about a symptom
#: by its level, about another request (`other`).
NOTICES: Final = ("now", "now_other", "later_emergency", "later_urgent", "later_other")
DEFAULT_RULES: Final = Path(__file__).parent / "protocols" / "NCT05576480.triage.yml"
_STATUSES: Final[tuple[Status, ...]] = ("present", "negated", "past", "general", "other_person", "hypothetical")
_PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
_KNOWN_PLACEHOLDERS: Final = frozenset({"emergency_number", "ward_line"})
_MOST_ADVICE: Final = 3
_MOST_QUESTIONS: Final = 3


class TriageError(ValueError):
    """The rules' file is missing or broken; the message names the file and the path of the field."""


@dataclass(frozen=True)
class SymptomFinding:
    """One sign read in a message.

    Attributes:
        concept: the sign's name in the lexicon and in the rules, such as `chest_pain`.
        status: `present` (now, in the participant), or why it is none: `negated`, `past`, `general` (asked about),
            `other_person`, `hypothetical`.
        measures: figures that belong to it: `celsius` (degrees C), `count` (times in a day), `hours` (how long),
            and the marks `mild` and `severe` (1.0 where said so).
        evidence: the words of the message it rests on.
    """

    concept: str
    status: Status
    measures: Mapping[str, float] = field(default_factory=dict)
    evidence: str = ""

    def to_json(self) -> dict[str, Any]:
        """The finding as plain JSON values."""
        return {
            "concept": self.concept,
            "status": self.status,
            "measures": dict(self.measures),
            "evidence": self.evidence,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SymptomFinding:
        """The finding that `to_json` wrote.

        Raises:
            ValueError: a field is missing, or the status is none of the known ones.
        """
        try:
            concept, status = str(data["concept"]), data["status"]
            measures = {str(name): float(value) for name, value in dict(data.get("measures") or {}).items()}
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a symptom finding: {error!r}") from None
        if status not in _STATUSES:
            raise ValueError(f"not a symptom finding: status {status!r}")
        return cls(concept=concept, status=status, measures=measures, evidence=str(data.get("evidence") or ""))


@dataclass(frozen=True)
class Triage:
    """What a message's signs come to.

    Attributes:
        level: the highest level raised, or None where no sign is present.
        flags: what was recognised, those of the highest level first. `vomited_tablets` may stand with level None:
            one vomiting right after the tablets is answered as a missed dose.
        advice: keys of the texts to give, in this order; the level's own (the safe step) is always first.
        questions: keys of at most three questions, asked after the advice and only where an answer could raise the
            level; none in an emergency.
        sources: keys of the sources that the rules of the highest level rest on.
    """

    level: Level | None
    flags: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    def as_data(self) -> dict[str, Any]:
        """The part of a `symptom_triage` answer's data that rests on the rules alone (the ticket is the caller's)."""
        return {"level": self.level, "flags": list(self.flags)}


class _Strict(BaseModel):
    class Config:
        extra = Extra.forbid
        allow_mutation = False


class Text(_Strict):
    """A reviewed text in both languages; `{emergency_number}` and `{ward_line}` are filled from the site's settings."""

    en: str
    zh: str

    @root_validator
    def _placeholders_known(cls, values: dict[str, Any]) -> dict[str, Any]:
        for language, text in values.items():
            unknown = set(_PLACEHOLDER.findall(text)) - _KNOWN_PLACEHOLDERS
            if unknown:
                raise ValueError(f"{language}: unknown placeholder {sorted(unknown)[0]!r}")
            if not text.strip():
                raise ValueError(f"{language}: empty text")
        return values


class Condition(_Strict):
    """One thing that must hold: a sign present (with its figures), a named group, or any of several.

    `min` and `below` compare a measure of the sign and fail where it was not given; `lacking` names measures that must
    not be there.
    """

    sign: str | None = None
    group: str | None = None
    any: tuple[Condition, ...] = ()
    min: Mapping[str, float] = {}
    below: Mapping[str, float] = {}
    lacking: tuple[str, ...] = ()

    @classmethod
    def validate(cls, value: Any) -> Condition:
        """Takes the short forms of the file too: `chest_pain` names a sign, `@fever` a group."""
        if isinstance(value, str):
            value = {"group": value[1:]} if value.startswith("@") else {"sign": value}
        return super().validate(value)

    @root_validator(pre=True)
    def _exactly_one_kind(cls, values: dict[str, Any]) -> dict[str, Any]:
        if sum(name in values for name in ("sign", "group", "any")) != 1:
            raise ValueError("give exactly one of sign, group, any")
        if "sign" not in values and {"min", "below", "lacking"} & set(values):
            raise ValueError("min, below and lacking belong to a sign")
        return values


Condition.update_forward_refs()


class Rule(_Strict):
    """All of `when` present raises `level` and carries `flag`; `level` null only marks the flag."""

    flag: str
    level: Level | None
    when: tuple[Condition, ...]
    source: tuple[str, ...]
    advice: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()


class TriageRules(_Strict):
    """The protocol's rules of triage, frozen.

    Attributes:
        version: of the texts and rules, as it is shown to the site for signature.
        sources: key -> what the rule rests on.
        groups: named conditions, any of which fulfils the group.
        rules: in the order of the file; flags may repeat.
        advice, questions: the reviewed texts by key; `emergency`, `urgent` and `routine` are the levels' own.
        notices: what is said where nobody of the team could be told: those of `NOTICES`.
    """

    protocol: str
    version: str
    sources: Mapping[str, str]
    groups: Mapping[str, tuple[Condition, ...]]
    rules: tuple[Rule, ...]
    advice: Mapping[str, Text]
    questions: Mapping[str, Text]
    notices: Mapping[str, Text]

    def signs(self) -> frozenset[str]:
        """Every sign that some rule or group asks for."""
        found: set[str] = set()
        pending: list[Condition] = [condition for rule in self.rules for condition in rule.when]
        pending += [condition for conditions in self.groups.values() for condition in conditions]
        while pending:
            condition = pending.pop()
            pending += condition.any
            if condition.sign is not None:
                found.add(condition.sign)
        return frozenset(found)

    def render(self, triage: Triage, language: TextLanguage, emergency_number: str, ward_line: str) -> str:
        """The text a person reads: the safe step first, what belongs to the sign, then the questions.

        Raises:
            KeyError: the triage names a text that these rules do not hold.
        """
        texts = [self.advice[key] for key in triage.advice] + [self.questions[key] for key in triage.questions]
        return "\n".join(_filled(text, language, emergency_number, ward_line) for text in texts)

    def notice(self, key: str, language: TextLanguage, emergency_number: str, ward_line: str) -> str:
        """What a person reads where nobody of the team could be told; `key` is one of `NOTICES`."""
        return _filled(self.notices[key], language, emergency_number, ward_line)


def _filled(text: Text, language: TextLanguage, emergency_number: str, ward_line: str) -> str:
    settings = {"emergency_number": emergency_number, "ward_line": ward_line}
    return _PLACEHOLDER.sub(lambda match: settings[match.group(1)], text.zh if language == "zh" else text.en)


def load_triage_rules(path: Path | None = None) -> TriageRules:
    """The rules of one protocol.

    Raises:
        TriageError: the file cannot be read, or a field is missing, unknown, of the wrong kind, or names a text, source
            or group that is not there; the message names the file and the field's path.
    """
    file = DEFAULT_RULES if path is None else path
    try:
        data = YAML(typ="safe").load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise TriageError(f"{file}: {error}") from None
    if not isinstance(data, dict):
        raise TriageError(f"{file}: expected a mapping at the top")
    try:
        rules = TriageRules.parse_obj(data)
    except ValidationError as error:
        first = error.errors()[0]
        raise TriageError(f"{file}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    for problem in _dangling(rules):
        raise TriageError(f"{file}: {problem}")
    return rules


def _dangling(rules: TriageRules) -> Iterator[str]:
    """Names in the file that lead nowhere, each as `path: what is wrong`."""
    for level in LEVELS:
        if level not in rules.advice:
            yield f"advice.{level}: missing"
    for name in NOTICES:
        if name not in rules.notices:
            yield f"notices.{name}: missing"
    for name, conditions in rules.groups.items():
        for index, condition in enumerate(conditions):
            if condition.group is not None:
                yield f"groups.{name}.{index}.group: a group may not name another group"
    for index, rule in enumerate(rules.rules):
        where = f"rules.{index}"
        for kind, names, known in (
            ("source", rule.source, rules.sources),
            ("advice", rule.advice, rules.advice),
            ("ask", rule.ask, rules.questions),
            ("group", _groups_named(rule.when), rules.groups),
        ):
            yield from (f"{where}.{kind}: unknown {name!r}" for name in names if name not in known)
        if not rule.source or not rule.when:
            yield f"{where}: a rule needs a condition and a source"


def _groups_named(conditions: Iterable[Condition]) -> Iterator[str]:
    for condition in conditions:
        if condition.group is not None:
            yield condition.group
        yield from _groups_named(condition.any)


def assess_symptoms(rules: TriageRules, findings: Iterable[SymptomFinding]) -> Triage:
    """The level of a message's signs; the highest that any rule raises holds.

    Only findings with status `present` count. A finding whose concept no rule knows raises nothing.
    """
    present: dict[str, list[SymptomFinding]] = {}
    for finding in findings:
        if finding.status == "present":
            present.setdefault(finding.concept, []).append(finding)
    if not present:
        return Triage(level=None)
    fired = [rule for rule in rules.rules if all(_holds(rules, condition, present) for condition in rule.when)]
    raised = {rule.level for rule in fired}
    level = next((level for level in LEVELS if level in raised), None)
    deciding = [rule for rule in fired if rule.level == level]
    ordered = [*deciding, *(rule for rule in fired if rule.level != level)]
    return Triage(
        level=level,
        flags=_unique(rule.flag for rule in ordered),
        advice=_advice(level, ordered),
        questions=_questions(level, ordered),
        sources=_unique(key for rule in deciding for key in rule.source),
    )


def _advice(level: Level | None, rules: Iterable[Rule]) -> tuple[str, ...]:
    if level is None:
        return ()
    return _unique([level, *(key for rule in rules for key in rule.advice)])[:_MOST_ADVICE]


def _questions(level: Level | None, rules: Iterable[Rule]) -> tuple[str, ...]:
    # In an emergency no answer could change what to do next, so nothing is asked.
    if level is None or level == "emergency":
        return ()
    return _unique(key for rule in rules for key in rule.ask)[:_MOST_QUESTIONS]


def _unique(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _holds(rules: TriageRules, condition: Condition, present: Mapping[str, list[SymptomFinding]]) -> bool:
    if condition.group is not None:
        return any(_holds(rules, member, present) for member in rules.groups[condition.group])
    if condition.any:
        return any(_holds(rules, member, present) for member in condition.any)
    return any(_fulfils(condition, finding.measures) for finding in present.get(condition.sign or "", ()))


def _fulfils(condition: Condition, measures: Mapping[str, float]) -> bool:
    return (
        all(name in measures and measures[name] >= limit for name, limit in condition.min.items())
        and all(name in measures and measures[name] < limit for name, limit in condition.below.items())
        and not any(name in measures for name in condition.lacking)
    )
