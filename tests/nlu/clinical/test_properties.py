"""What must hold of every note: nothing crashes, nothing unrelated moves a criterion, silence is never a pass."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.nlu.clinical import ClinicalReader
from bot.trial.eligibility import RULES, Assessment, assess
from bot.trial.facts import Finding, Period
from bot.trial.protocol import load_protocol

TODAY = date(2026, 6, 10)
DATA = Path(__file__).resolve().parents[2] / "data" / "notes"
Check = Callable[..., Assessment]

WORDS = st.sampled_from(
    [
        "58M",
        "no",
        "not",
        "ECOG",
        "1",
        "T3",
        "N1",
        "M0",
        "MSS",
        "MSI-H",
        ";",
        ",",
        ".",
        "?",
        ":",
        "(",
        ")",
        "\n",
        "-",
        "[x]",
        "[",
        "]",
        "/",
        "denies",
        "MI",
        "2019",
        "stroke",
        "HBsAg",
        "neg",
        "pos",
        "consent",
        "signed",
        "planned",
        "his",
        "mother",
        "lupus",
        "yesterday",
        "12/05/2026",
        "6cm",
        "AV",
        "rectal",
        "adenoca",
        "transplant",
        "HIV",
        "vaccine",
        "live",
        "if",
        "possible",
        "?",
        "and",
        "or",
        "but",
        "corrected",
    ]
)
CLINICAL = st.lists(WORDS, max_size=60).map(" ".join)

NOTES = [json.loads(line)["note"] for file in sorted(DATA.glob("*.jsonl")) for line in file.open(encoding="utf-8")]
#: Words and clauses of real notes in any order: they reach the readers' patterns, which random letters never do.
SCRAMBLED = st.one_of(
    st.lists(st.sampled_from(sorted({word for note in NOTES for word in note.split()})), max_size=40).map(" ".join),
    st.builds(
        lambda mark, clauses: mark.join(clauses),
        st.sampled_from([", ", ". ", "\n", "; ", " "]),
        st.lists(
            st.sampled_from(sorted({part for note in NOTES for part in re.split(r"[.;,\n]", note) if part.strip()})),
            max_size=8,
        ),
    ),
)
ANYTHING = st.one_of(
    st.text(alphabet=st.characters(), max_size=300),
    st.binary(max_size=300).map(lambda raw: raw.decode("latin-1")),
    CLINICAL,
    SCRAMBLED,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=ANYTHING)
def test_any_string_gives_findings_that_quote_it(reader: ClinicalReader, text: str) -> None:
    for finding in reader.read(text, TODAY):
        if finding.evidence.start is not None and finding.evidence.end is not None:
            assert text[finding.evidence.start : finding.evidence.end] == finding.evidence.text
        assert Finding.from_json(finding.to_json()) == finding


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=ANYTHING)
def test_any_string_is_assessed(check: Check, text: str) -> None:
    found = check(text)
    assert [result.id for result in found.criteria] == list(RULES)
    assert {result.result for result in found.criteria} <= {"pass", "fail", "unknown"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\x00",
        "\ud800",
        "a\udfffb\x00c",
        "\n\n\n",
        "." * 500,
        "(" * 300,
        "?" * 300,
        "no " * 400,
        "٣٤ سنة",
        "患者，男，58岁",
        "operation nor",
        "Her only operation",
    ],
)
def test_odd_strings(check: Check, text: str) -> None:
    assert check(text).verdict == "incomplete"


UNRELATED = [
    "Lives on the third floor with two cats.",
    "Works as a teacher.",
    "Enjoys fishing.",
    "Speaks Portuguese at home.",
    "The car park was full.",
    "Came by bus.",
    "Plays the clarinet.",
]
NOTES = [
    "58M, ECOG 1, low rectal adenoca 6cm AV, cT3N1M0, MSS by PCR, tx-naive. Study consent signed 8 June.",
    "Mrs Adair, 64, postmenopausal. HBsAg negative, anti-HCV negative. No autoimmune disease. MI in 2018.",
    "Kidney transplant 2010. On haemodialysis. Rheumatoid arthritis on methotrexate. Recurrent rectal cancer after resection in 2020.",
    "No drug allergies. No live vaccine given or planned. No surgery in the last four weeks. No interstitial lung disease.",
]


@pytest.mark.parametrize("note", NOTES)
@pytest.mark.parametrize("sentence", UNRELATED)
def test_an_unrelated_sentence_changes_nothing_decided(check: Check, note: str, sentence: str) -> None:
    alone = {r.id: r.result for r in check(note).criteria}
    for text in (f"{note} {sentence}", f"{sentence} {note}", f"{note}\n{sentence}"):
        together = {r.id: r.result for r in check(text).criteria}
        assert {k: together[k] for k, v in alone.items() if v != "unknown"} == {
            k: v for k, v in alone.items() if v != "unknown"
        }


@pytest.mark.parametrize("note", NOTES)
def test_without_its_evidence_a_criterion_is_never_passed(reader: ClinicalReader, note: str) -> None:
    protocol = load_protocol()
    findings = reader.read(note, TODAY)
    for result in assess(protocol, findings, TODAY).criteria:
        rest = findings
        while result.result == "pass" and result.findings:
            used = {finding.concept for finding in result.findings}
            rest = tuple(finding for finding in rest if finding.concept not in used)
            result = assess(protocol, rest, TODAY).result(result.id)
        assert result.result != "pass"


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(days=st.integers(min_value=0, max_value=900))
def test_windows_count_their_last_day(check: Check, days: int) -> None:
    day = TODAY - timedelta(days=days)
    stated = f"{day.day} {day:%B} {day.year}"
    assert check(f"MI on {stated}.").result("E07").result == ("fail" if day >= date(2025, 12, 10) else "pass")
    assert check(f"Hysterectomy on {stated}.").result("E14").result == ("fail" if day >= date(2026, 5, 13) else "pass")
    assert check(f"Yellow fever vaccine on {stated}.").result("E13").result == (
        "fail" if day >= date(2026, 5, 13) else "pass"
    )
    assert check(f"Left a drug trial on {stated}.").result("E11").result == (
        "fail" if day >= date(2026, 5, 13) else "pass"
    )
    assert check(f"Lymphoma, in complete remission since {stated}.").result("E05").result == (
        "pass" if day <= date(2024, 6, 10) else "fail"
    )


def test_a_period_without_bounds_is_unknown() -> None:
    assert not Period().known
