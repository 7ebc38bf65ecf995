"""The engine on findings without any text, as a form or FHIR would hand them over."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from bot.trial.eligibility import RULES, RuleDataError, assess, load_rules
from bot.trial.facts import Finding, Period
from bot.trial.protocol import Protocol

TODAY = date(2026, 6, 10)


def on(day: str) -> Period:
    return Period.on(date.fromisoformat(day))


def form(
    concept: str,
    assertion: str = "present",
    when: Period | None = None,
    ended: Period | None = None,
    of: str = "patient",
    **values: object,
) -> Finding:
    return Finding(
        concept,
        values,
        assertion=assertion,
        experiencer=of,
        when=when or Period(),
        ended=ended or Period(),
        source="form",
    )  # type: ignore[arg-type]


CASES = [
    ("I01", "pass", [form("consent", status="given", to="study")]),
    ("I01", "fail", [form("consent", status="declined", to="study")]),
    ("I01", "unknown", [form("consent", status="given", to="other")]),
    ("I02", "pass", [form("birth_date", when=on("1950-06-11"))]),
    ("I02", "fail", [form("birth_date", when=on("1950-06-10"))]),
    ("I02", "pass", [form("birth_date", when=on("2007-06-10"))]),
    ("I02", "unknown", [form("birth_date", when=on("2008-06-10"))]),
    ("I02", "fail", [form("birth_date", when=on("2008-06-11"))]),
    ("I02", "unknown", [form("age", low=74, high=74), form("age", low=78, high=78)]),
    ("I03", "pass", [form("performance_status", scale="KPS", low=70, high=70)]),
    ("I03", "fail", [form("performance_status", scale="KPS", low=60, high=60)]),
    ("I03", "unknown", [form("performance_status", scale="ECOG", low=1, high=2)]),
    (
        "I06",
        "pass",
        [form("microsatellite", status="MSS", method="PCR"), form("mismatch_repair", status="dMMR", method="IHC")],
    ),
    ("I06", "fail", [form("mismatch_repair", status="dMMR", method="IHC")]),
    ("I06", "unknown", [form("microsatellite", status="MSS", method="NGS")]),
    ("I08", "fail", [form("m_category", value="1a")]),
    ("I10", "pass", [form("organ_function", scope=s, state="adequate") for s in ("blood_count", "liver", "kidney")]),
    ("I11", "pass", [form("sex", code="M"), form("postmenopausal", of="partner")]),
    ("E02", "fail", [form("treatment", kind="radiotherapy", pelvic=True, **{"for": "other_cancer"})]),
    ("E02", "unknown", [form("treatment", kind="radiotherapy", pelvic=False, **{"for": "other_cancer"})]),
    ("E05", "pass", [form("other_malignancy", kind="cancer", state="remission", ended=on("2024-06-10"))]),
    ("E05", "fail", [form("other_malignancy", kind="cancer", state="remission", ended=on("2024-06-11"))]),
    ("E06", "fail", [form("autoimmune_disease", assertion="uncertain")]),
    ("E06", "fail", [form("autoimmune_disease", exception="skin", treatment="stopped", ended=on("2024-06-10"))]),
    ("E06", "pass", [form("autoimmune_disease", exception="skin", treatment="stopped", ended=on("2024-06-09"))]),
    ("E07", "fail", [form("stroke", when=on("2025-12-10"))]),
    ("E07", "pass", [form("stroke", when=on("2025-12-09"))]),
    ("E07", "unknown", [form("stroke", when=Period(date(2025, 12, 1), date(2025, 12, 31)))]),
    ("E07", "unknown", [form("stroke")]),
    ("E07", "fail", [form("heart_failure", nyha=3)]),
    ("E08", "fail", [form("transplant", kind="organ")]),
    ("E08", "unknown", [form("transplant", kind="stem_cell")]),
    ("E11", "fail", [form("trial", drug=True, state="ended", ended=on("2026-05-13"))]),
    ("E11", "pass", [form("trial", drug=True, state="ended", ended=on("2026-05-12"))]),
    ("E12", "fail", [form("hbv_dna", iu_ml=200.0), form("anti_hcv", assertion="negated")]),
    ("E12", "pass", [form("hbv_dna", iu_ml=199.0), form("anti_hcv", assertion="negated")]),
    ("E12", "fail", [form("hbv_dna", copies_ml=1000.0)]),
    ("E12", "pass", [form("hbv_dna", copies_ml=999.0), form("hcv_rna", assertion="negated")]),
    ("E13", "fail", [form("vaccine", live=True, when=on("2026-05-13"))]),
    ("E13", "fail", [form("vaccine", live=True, assertion="planned")]),
    ("E13", "pass", [form("vaccine", live=True, when=on("2026-05-12"))]),
    ("E14", "fail", [form("surgery", major=True, when=on("2026-05-13"))]),
    ("E14", "unknown", [form("surgery", major=False, when=on("2026-06-01"))]),
    ("E16", "fail", [form("investigator", judgement="unsuitable")]),
]


@pytest.mark.parametrize(
    ("criterion", "expected", "findings"), CASES, ids=[f"{c} {e} {i}" for i, (c, e, _) in enumerate(CASES)]
)
def test_findings_without_text(protocol: Protocol, criterion: str, expected: str, findings: list[Finding]) -> None:
    assert assess(protocol, findings, TODAY).result(criterion).result == expected


def test_nothing_known_is_incomplete_and_asks_everything(protocol: Protocol) -> None:
    found = assess(protocol, (), TODAY)
    assert found.verdict == "incomplete"
    assert {result.result for result in found.criteria} == {"unknown"}
    assert sorted(found.ask_next) == sorted(RULES)


def test_what_was_half_said_is_asked_first(protocol: Protocol) -> None:
    found = assess(protocol, [form("stroke")], TODAY)
    assert found.ask_next[0] == "E07"


def test_criteria_come_in_the_record_s_order_with_its_words(protocol: Protocol) -> None:
    found = assess(protocol, (), TODAY)
    assert [result.id for result in found.criteria] == [criterion.id for criterion in protocol.criteria]
    assert found.result("E15").text == "History of interstitial pneumonia"


def test_exactly_eighteen_quotes_both_sentences(protocol: Protocol) -> None:
    why = assess(protocol, [form("age", low=18, high=18)], TODAY).result("I02").why
    assert "18 years < age ≤ 75 years" in why
    assert "Minimum Eligible Age 18 Years" in why


def test_the_lost_superscript_is_said(protocol: Protocol) -> None:
    assert "10^3" in assess(protocol, [form("hbv_dna", iu_ml=200.0)], TODAY).result("E12").why


def test_the_contract_s_form(protocol: Protocol) -> None:
    data = assess(protocol, [form("sex", code="M"), form("age", low=58, high=58)], TODAY).as_data()
    assert set(data) == {"verdict", "criteria", "facts", "ask_next"}
    assert data["facts"] == {"age": 58, "sex": "M"}
    assert set(data["criteria"][0]) == {"id", "result", "evidence", "why"}


def test_a_relative_s_illness_decides_nothing(protocol: Protocol) -> None:
    found = assess(protocol, [form("stroke", when=on("2026-05-01"), of="family")], TODAY)
    assert found.result("E07").result == "unknown"


@pytest.mark.parametrize("text", ["- a list", "windows: {}\n", "identifier: x\n"])
def test_broken_rule_data_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rules.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RuleDataError, match=r"rules\.yml"):
        load_rules(path)
