"""A broken protocol file is refused: file, path of the field, what was expected, what was found."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.trial.protocol import DEFAULT_PROTOCOL, ProtocolError, load_protocol

Swap = Callable[[str], str]


def swap(old: str, new: str) -> Swap:
    def change(text: str) -> str:
        assert old in text, f"the protocol file has no {old!r} to break"
        return text.replace(old, new, 1)

    return change


CASES: dict[str, tuple[Swap, str, str, str]] = {
    # what is wrong: (the change, path, expected, found)
    "a text where days belong": (swap("c1d1_offset_days: 14", "c1d1_offset_days: soon"),
        "settings.c1d1_offset_days", "a whole number", "'soon'"),
    "a quoted number": (swap("enrolled_target: 55", "enrolled_target: '55'"),
        "design.enrolled_target", "a whole number", "'55'"),
    "a number where a text belongs": (swap('emergency_number: "120"', "emergency_number: 120"),
        "settings.emergency_number", "a text", "120"),
    "a number for a date": (swap("start: 2023-02-06", "start: 20230206"),
        "status.start", "a date such as 2026-03-02", "20230206"),
    "an unknown policy": (swap("delay_policy: re_anchor", "delay_policy: push"),
        "settings.delay_policy", "one of 're_anchor', 'keep_plan'", "'push'"),
    "an unknown key": (swap("  ward_line: null", "  ward_line: null\n  ward_phone: null"),
        "settings.ward_phone", "no such key", "None"),
    "a missing key": (swap("  bsa_formula: mosteller\n", ""),
        "settings.bsa_formula", "a value", "nothing"),
    "a missing language": (swap('  city: {en: "Shanghai, China", zh: "中国上海"}', '  city: {en: "Shanghai, China"}'),
        "site.city.zh", "a value", "nothing"),
    "an empty text": (swap('zh: "第1周期第1天"', 'zh: ""'),
        "schedule.visits[6].title.zh", "a text that is not empty", "''"),
    "a visit that nobody knows": (swap("- id: RT2", "- id: RT9"),
        "schedule.visits[1].id", "one of 'RT1'", "'RT9'"),
    "the same visit twice": (swap("- id: RT3", "- id: RT2"),
        "schedule.visits", "each id once", "RT2 2 times"),
    "the same criterion twice": (swap("- id: E16", "- id: E15"),
        "criteria", "each id once", "E15 2 times"),
    "a criterion of the wrong kind": (swap("- id: I05\n    kind: inclusion", "- id: I05\n    kind: exclusion"),
        "criteria[4].id", "E and two digits for exclusion", "I05"),
    "the same drug twice": (swap("- drug: oxaliplatin", "- drug: capecitabine"),
        "doses", "each id once", "capecitabine 2 times"),
    "a dangling anchor": (swap("anchor: C1D1, offset_days: 21", "anchor: C4D1, offset_days: 21"),
        "schedule.visits[7].timing.anchor", "one of C1D1, IO1", "C4D1"),
    "an anchor that does not exist": (swap("anchor: C1D1, offset_days: 21", "anchor: C9D1, offset_days: 21"),
        "schedule.visits[7].timing.anchor", "one of 'RT1'", "'C9D1'"),
    "surgery after a visit": (swap("anchor: last_capecitabine", "anchor: C4D1"),
        "schedule.visits[11].timing.anchor", "one of last_capecitabine", "C4D1"),
    "no anchor at all": (swap("anchor: RT4, offset_days: 1", "offset_days: 1"),
        "schedule.visits[4].timing.anchor", "a value, as type is after", "nothing"),
    "an anchor for an undated visit": (swap("timing: {type: undated}", "timing: {type: undated, anchor: C4D1}"),
        "schedule.visits[10].timing.anchor", "nothing, as type is undated", "'C4D1'"),
    "a setting that does not exist": (swap("offset_days: c1d1_offset_days", "offset_days: c1d1_offset"),
        "schedule.visits[6].timing.offset_days", "days, or a setting that holds days", "c1d1_offset"),
    "a setting that holds no days": (swap("offset_days: c1d1_offset_days", "offset_days: delay_policy"),
        "schedule.visits[6].timing.offset_days", "days, or a setting that holds days", "delay_policy"),
    "a step back in time": (swap("anchor: C1D1, offset_days: 21", "anchor: C1D1, offset_days: -21"),
        "schedule.visits[7].timing.offset_days", "1 or more days", "-21"),
    "a window upside down": (swap("{lower: 0, upper: 1}", "{lower: 1, upper: 0}"),
        "schedule.visits[5].timing.window_days", "0 <= lower <= upper", "lower=1 upper=0"),
    "five cycles with four visits": (swap("    count: 4", "    count: 5"),
        "schedule.cycles.visits", "5 visits, as count says", "4"),
    "tablets beyond the cycle": (swap("cycle_days: {first: 1, last: 14}", "cycle_days: {first: 1, last: 28}"),
        "doses[0].cycle_days", "1 <= first <= last <= cycle length", "first=1 last=28"),
    "a dose of nothing": (swap("amount: {value: 135,", "amount: {value: 0,"),
        "doses[1].amount.value", "1 or more", "0"),
    "no tablets": (swap("tablet_strengths_mg: [500, 150]", "tablet_strengths_mg: []"),
        "settings.tablet_strengths_mg", "at least one strength", "none"),
    "limits upside down": (swap("{lowest: 120, highest: 220}", "{lowest: 220, highest: 120}"),
        "settings.plausible_height_cm", "lowest < highest", "lowest=220 highest=120"),
    "a topic left out": (swap("\n  watch_and_wait:\n", "\n  watch_and_see:\n"),
        "topics.watch_and_wait", "a value", "nothing"),
    "a topic of its own": (swap("\n  watch_and_wait:\n", "\n  watch_and_see:\n"),
        "topics.watch_and_see", "no such key", "watch_and_see"),
    "a placeholder lost in translation": (swap("距上一周期第1天仅{days}天", "距上一周期第1天不足"),
        "notes.gap_under_21_days.text.zh", "the placeholders ['days']", "[]"),
    "a key given twice": (swap("identifier: NCT05576480\n", "identifier: NCT05576480\nidentifier: NCT1\n"),
        "line 12", "well-formed YAML", "the key 'identifier' is given twice"),
    "no YAML": (lambda text: text + "\n\t- [",
        "line ", "well-formed YAML", ""),
    "a list": (lambda text: "- 1\n- 2\n",
        "(file)", "a mapping of keys", "list"),
    "nothing": (lambda text: "",
        "(file)", "a mapping of keys", "NoneType"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "path", "expected", "found"), CASES.values(), ids=CASES.keys())
def test_refused_with_file_path_expectation_and_finding(
    tmp_path: Path, change: Swap, path: str, expected: str, found: str
) -> None:
    file = tmp_path / "broken.yml"
    file.write_text(change(DEFAULT_PROTOCOL.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(ProtocolError) as refusal:
        load_protocol(file)
    pattern = f"{re.escape(f'{file}: {path}')}.*expected .*{re.escape(expected)}.*found .*{re.escape(found)}"
    assert re.search(pattern, str(refusal.value)), str(refusal.value)


def test_every_problem_is_named_at_once(tmp_path: Path) -> None:
    file = tmp_path / "broken.yml"
    text = DEFAULT_PROTOCOL.read_text(encoding="utf-8")
    file.write_text(text.replace("count: 4", "count: x").replace("enrolled_target: 55", "enrolled_target: y"))
    with pytest.raises(ProtocolError) as refusal:
        load_protocol(file)
    assert {problem.path for problem in refusal.value.problems} == {"schedule.cycles.count", "design.enrolled_target"}


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ProtocolError, match="expected a readable file, found No such file"):
        load_protocol(tmp_path / "none.yml")


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    file = tmp_path / "broken.yml"
    file.write_bytes(b"identifier: \xff\xfe")
    with pytest.raises(ProtocolError, match="expected UTF-8 text"):
        load_protocol(file)
