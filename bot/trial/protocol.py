"""The protocol file, read once into frozen values and checked as a whole.

`load_protocol()` gives the `Protocol` of NCT05576480. A file that is broken is refused with its name, the path of every
field that is wrong, what was expected there and what was found; nothing of it is used.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import ValidationError

from bot.trial.protocol_model import (
    Amount,
    Closure,
    Contact,
    Criterion,
    Design,
    DosePlan,
    DrugName,
    NoteText,
    Protocol,
    Reference,
    Settings,
    Text,
    Timing,
    Topic,
    VisitPlan,
)
from bot.trial.record import VisitCode

__all__ = [
    "DEFAULT_PROTOCOL",
    "LAST_CAPECITABINE",
    "TOPICS",
    "Amount",
    "Closure",
    "Contact",
    "Criterion",
    "Design",
    "DosePlan",
    "DrugName",
    "NoteText",
    "Problem",
    "Protocol",
    "ProtocolError",
    "Reference",
    "Settings",
    "Text",
    "Timing",
    "Topic",
    "VisitPlan",
    "load_protocol",
]

#: The file of the trial this assistant was made for.
DEFAULT_PROTOCOL = Path(__file__).parent / "protocols" / "NCT05576480.yml"

#: The topics of `trial_info`, all of which a protocol file answers.
TOPICS = (
    "purpose", "design", "treatment", "penpulimab", "capecitabine", "oxaliplatin", "radiotherapy", "surgery",
    "watch_and_wait", "neoadjuvant", "mss", "status", "size", "dates", "location", "sponsor", "investigator", "results",
    "references", "identifier", "not_in_record",
)  # fmt: skip

#: What SURGERY is counted from: the end of the tablets, not another visit.
LAST_CAPECITABINE: Literal["last_capecitabine"] = "last_capecitabine"

#: The codes under `notes` and `reasons` that schedule and dosing speak of.
NOTE_CODES = (
    "window_not_in_record", "io1_either_day", "c1d1_day_set_by_site", "radiotherapy_day_confirmed_by_team",
    "weekend_radiotherapy", "weekend", "closure", "unconfirmed", "not_confirmed_as_done", "overtaken",
    "counted_from_actual_start", "gap_under_21_days", "before_day_15", "outside_window", "surgery_too_early",
    "bound_from_actual", "bound_from_planned", "team_sets_day", "watch_and_wait_possible", "capecitabine_ended",
    "booking_after_end",
)  # fmt: skip
REASON_CODES = (
    "not_started", "withdrawn", "completed", "screen_failed", "no_record", "missed", "cancelled", "on_hold", "capecitabine_ended",
    "nothing_to_come",
)  # fmt: skip

_NOTHING = "nothing"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a protocol file."""

    path: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.path}: expected {self.expected}, found {self.found}"


class ProtocolError(ValueError):
    """A protocol file that must not be used; the message names the file and every field that is wrong."""

    def __init__(self, file: Path, problems: Iterable[Problem]) -> None:
        self.file = file
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{file}: {problem}" for problem in self.problems))


class _Reader(yaml.CSafeLoader):
    """YAML as written, except that a key given twice is an error (YAML itself lets the last one win)."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is given twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def load_protocol(path: Path | None = None) -> Protocol:
    """The protocol of the file (default: NCT05576480), checked.

    Raises:
        ProtocolError: the file cannot be read, is no YAML, or breaks a rule of the form.
    """
    file = DEFAULT_PROTOCOL if path is None else path
    raw = _read(file)
    try:
        protocol = Protocol.parse_obj(raw)
    except ValidationError as error:
        raise ProtocolError(file, _problems_of(error, raw)) from None
    problems = [problem for check in _CHECKS for problem in check(protocol)]
    if problems:
        raise ProtocolError(file, problems)
    return protocol


def _read(file: Path) -> dict[str, Any]:
    try:
        raw = yaml.load(file.read_text(encoding="utf-8"), Loader=_Reader)
    except OSError as error:
        raise ProtocolError(file, [Problem("(file)", "a readable file", error.strerror or str(error))]) from None
    except UnicodeDecodeError as error:
        raise ProtocolError(file, [Problem("(file)", "UTF-8 text", str(error))]) from None
    except yaml.MarkedYAMLError as error:
        where = f"line {error.problem_mark.line + 1}" if error.problem_mark else "(file)"
        raise ProtocolError(file, [Problem(where, "well-formed YAML", error.problem or str(error))]) from None
    except (yaml.YAMLError, ValueError) as error:
        raise ProtocolError(file, [Problem("(file)", "well-formed YAML", str(error))]) from None
    if not isinstance(raw, dict):
        raise ProtocolError(file, [Problem("(file)", "a mapping of keys", type(raw).__name__)])
    return raw


def _problems_of(error: ValidationError, raw: object) -> Iterator[Problem]:
    for detail in error.errors():
        found: Any = raw
        path = ""
        known = True
        for part in detail["loc"]:
            path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
            try:
                found = found[part]
            except (KeyError, IndexError, TypeError):
                known = False
                break
        yield Problem(path, _expected(detail), repr(found) if known else _NOTHING)


def _expected(detail: Any) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "value_error.missing":
        return "a value"
    if kind == "value_error.extra":
        return "no such key"
    if kind == "value_error.const" or "enum" in context or "permitted" in context:
        return "one of " + ", ".join(map(repr, context.get("permitted", ())))
    if kind == "type_error.none.not_allowed":
        return "a value"
    message = str(detail["msg"])
    for shown, plain in (
        ("str type expected", "a text"),
        ("value is not a valid integer", "a whole number"),
        ("value is not a valid boolean", "true or false"),
        ("value is not a valid tuple", "a list"),
        ("value is not a valid dict", "a mapping of keys"),
        ("ensure this value has at least", "a text that is not empty"),
    ):
        if message.startswith(shown):
            return plain
    return message


def _twice(path: str, names: Iterable[object]) -> Iterator[Problem]:
    for name, count in Counter(names).items():
        if count > 1:
            yield Problem(path, "each id once", f"{name} {count} times")


def _unique_ids(protocol: Protocol) -> Iterator[Problem]:
    yield from _twice("criteria", (criterion.id for criterion in protocol.criteria))
    yield from _twice("schedule.visits", (visit.id for visit in protocol.visits))
    yield from _twice("schedule.cycles.visits", protocol.schedule.cycles.visits)
    yield from _twice("doses", (dose.drug for dose in protocol.doses))
    yield from _twice("contacts", (contact.id for contact in protocol.contacts))
    yield from _twice("references", (reference.pmid for reference in protocol.references))
    yield from _twice("settings.closures", (closure.date for closure in protocol.settings.closures))


def _complete(protocol: Protocol) -> Iterator[Problem]:
    """Every code that the contract or our own answers speak of is there, and no other."""
    expected: dict[str, tuple[Iterable[str], Iterable[str]]] = {
        "topics": (TOPICS, protocol.topics),
        "notes": (NOTE_CODES, protocol.notes),
        "reasons": (REASON_CODES, protocol.reasons),
        "schedule.visits": (get_args(VisitCode), [visit.id for visit in protocol.visits]),
        "doses": (get_args(DrugName), [dose.drug for dose in protocol.doses]),
    }
    for path, (wanted, given) in expected.items():
        for name in sorted(set(wanted) - set(given)):
            yield Problem(f"{path}.{name}", "a value", _NOTHING)
        for name in sorted(set(given) - set(wanted)):
            yield Problem(f"{path}.{name}", "no such key", name)


def _criterion_ids(protocol: Protocol) -> Iterator[Problem]:
    for index, criterion in enumerate(protocol.criteria):
        letter = "I" if criterion.kind == "inclusion" else "E"
        if not (len(criterion.id) == 3 and criterion.id[0] == letter and criterion.id[1:].isdigit()):
            yield Problem(f"criteria[{index}].id", f"{letter} and two digits for {criterion.kind}", criterion.id)


def _timings(protocol: Protocol) -> Iterator[Problem]:
    earlier: set[str] = set()
    fixed = [visit.id for visit in protocol.visits if visit.timing.type == "fixed_reference"]
    if len(fixed) != 1:
        yield Problem("schedule.visits", "one visit with timing.type fixed_reference", str(len(fixed)))
    for index, visit in enumerate(protocol.visits):
        yield from _timing(f"schedule.visits[{index}].timing", visit.timing, earlier, protocol.settings)
        earlier.add(visit.id)


def _timing(path: str, timing: Timing, earlier: set[str], settings: Settings) -> Iterator[Problem]:
    needs_anchor = timing.type in ("after", "not_before")
    for name, given in (("anchor", timing.anchor), ("offset_days", timing.offset_days), ("relation", timing.relation)):
        if needs_anchor and given is None:
            yield Problem(f"{path}.{name}", f"a value, as type is {timing.type}", _NOTHING)
        if not needs_anchor and given is not None:
            yield Problem(f"{path}.{name}", f"nothing, as type is {timing.type}", repr(given))
    anchors = {LAST_CAPECITABINE} if timing.type == "not_before" else earlier
    if needs_anchor and timing.anchor is not None and timing.anchor not in anchors:
        yield Problem(f"{path}.anchor", "one of " + ", ".join(sorted(anchors)), timing.anchor)
    if isinstance(timing.offset_days, str):
        if type(getattr(settings, timing.offset_days, None)) is not int:
            yield Problem(f"{path}.offset_days", "days, or a setting that holds days", timing.offset_days)
    elif timing.offset_days is not None and timing.offset_days < 1:
        yield Problem(f"{path}.offset_days", "1 or more days", str(timing.offset_days))
    if timing.window_days and not 0 <= timing.window_days.lower <= timing.window_days.upper:
        yield Problem(f"{path}.window_days", "0 <= lower <= upper", str(timing.window_days))


def _numbers(protocol: Protocol) -> Iterator[Problem]:
    cycles, settings, design = protocol.schedule.cycles, protocol.settings, protocol.design
    positive = {
        "settings.c1d1_offset_days": settings.c1d1_offset_days,
        "schedule.cycles.count": cycles.count,
        "schedule.cycles.length_days": cycles.length_days,
        "contraception.months_after_end": protocol.contraception.months_after_end,
        "design.stage_one_enrolled": design.stage_one_enrolled,
        "design.evaluable_target": design.evaluable_target,
        "design.enrolled_target": design.enrolled_target,
        **{f"settings.tablet_strengths_mg[{n}]": mg for n, mg in enumerate(settings.tablet_strengths_mg)},
        **{f"doses[{n}].amount.value": dose.amount.value for n, dose in enumerate(protocol.doses)},
        **{f"doses[{n}].times_per_day": dose.times_per_day for n, dose in enumerate(protocol.doses)},
    }
    for path, number in positive.items():
        if number < 1:
            yield Problem(path, "1 or more", str(number))
    if not settings.tablet_strengths_mg:
        yield Problem("settings.tablet_strengths_mg", "at least one strength", "none")
    if len(cycles.visits) != cycles.count:
        yield Problem("schedule.cycles.visits", f"{cycles.count} visits, as count says", str(len(cycles.visits)))
    for index, dose in enumerate(protocol.doses):
        if not 1 <= dose.cycle_days.first <= dose.cycle_days.last <= cycles.length_days:
            yield Problem(f"doses[{index}].cycle_days", "1 <= first <= last <= cycle length", str(dose.cycle_days))
    for name in ("plausible_height_cm", "plausible_weight_kg"):
        limits = getattr(settings, name)
        if limits.lowest >= limits.highest:
            yield Problem(f"settings.{name}", "lowest < highest", str(limits))


def _placeholders(protocol: Protocol) -> Iterator[Problem]:
    """Both languages of a text name the same placeholders: a missing one would drop a date from an answer."""
    for name, note in protocol.notes.items():
        fields = [_fields(text) for text in (note.text.en, note.text.zh)]
        if fields[0] != fields[1]:
            yield Problem(f"notes.{name}.text.zh", f"the placeholders {sorted(fields[0])}", str(sorted(fields[1])))


def _fields(text: str) -> set[str]:
    return {part.split("}")[0] for part in text.split("{")[1:]}


_CHECKS: tuple[Callable[[Protocol], Iterator[Problem]], ...] = (
    _unique_ids,
    _complete,
    _criterion_ids,
    _timings,
    _numbers,
    _placeholders,
)
