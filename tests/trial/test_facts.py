"""Findings: their JSON form, and what a further message about the same patient does to them."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.trial.facts import Evidence, Finding, FindingError, Period, merge, shift_months

DAYS = st.dates(min_value=date(1900, 1, 1), max_value=date(2100, 1, 1))
PERIODS = st.builds(Period, st.none() | DAYS, st.none() | DAYS)
VALUES = st.dictionaries(
    st.text(min_size=1, max_size=8),
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.text(max_size=8)
    | st.lists(st.text(max_size=4), max_size=3).map(tuple),
    max_size=4,
)
FINDINGS = st.builds(
    Finding,
    concept=st.text(min_size=1, max_size=12),
    values=VALUES,
    assertion=st.sampled_from(["present", "negated", "uncertain", "planned", "hypothetical"]),
    temporality=st.sampled_from(["current", "historical"]),
    experiencer=st.sampled_from(["patient", "partner", "family", "other"]),
    when=PERIODS,
    ended=PERIODS,
    evidence=st.builds(Evidence, st.text(max_size=20), st.none() | st.integers(0, 99), st.none() | st.integers(0, 99)),
    cue=st.text(max_size=5),
    source=st.sampled_from(["note", "form", "fhir"]),
)


@given(FINDINGS)
def test_json_round_trip(finding: Finding) -> None:
    assert Finding.from_json(finding.to_json()) == finding


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({}, "concept"),
        ({"concept": ""}, "concept"),
        ({"concept": "age", "values": [1]}, "values"),
        ({"concept": "age", "assertion": "maybe"}, "assertion"),
        ({"concept": "age", "experiencer": "dog"}, "experiencer"),
        ({"concept": "age", "when": ["soon", None]}, "when"),
        ({"concept": "age", "ended": "2026"}, "ended"),
        ({"concept": "age", "evidence": ["x"]}, "evidence"),
    ],
)
def test_broken_json_names_the_field(data: dict[str, object], field: str) -> None:
    with pytest.raises(FindingError, match=field):
        Finding.from_json(data)


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2026, 6, 10), -6, date(2025, 12, 10)),
        (date(2026, 3, 31), -1, date(2026, 2, 28)),
        (date(2024, 2, 29), 12, date(2025, 2, 28)),
        (date(2026, 1, 15), -24, date(2024, 1, 15)),
    ],
)
def test_months_keep_the_day_or_take_the_last(day: date, months: int, expected: date) -> None:
    assert shift_months(day, months) == expected


def ps(value: int) -> Finding:
    return Finding("performance_status", {"scale": "ECOG", "low": value, "high": value})


MSI_H = Finding("microsatellite", {"status": "MSI-H", "method": "PCR"})
MSS = Finding("microsatellite", {"status": "MSS", "method": None})
STROKE = Finding("stroke", when=Period.on(date(2020, 5, 1)))
NO_CHEMO = Finding("treatment", {"kind": "chemotherapy"}, assertion="negated")
SURGERY = Finding("treatment", {"kind": "surgery", "for": "this"})


def test_a_value_that_one_has_once_is_replaced() -> None:
    assert merge((ps(2), STROKE), (ps(1),)) == (STROKE, ps(1))
    assert merge((MSI_H,), (MSS,)) == (MSS,)


def test_an_event_is_added() -> None:
    mi = Finding("myocardial_infarction", when=Period.on(date(2019, 1, 1)))
    assert merge((STROKE,), (mi,)) == (STROKE, mi)


def test_a_denial_takes_back_the_same_event_only() -> None:
    denied = Finding("stroke", assertion="negated")
    assert merge((STROKE, ps(1)), (denied,)) == (ps(1), denied)
    assert merge((SURGERY,), (NO_CHEMO,)) == (SURGERY, NO_CHEMO)


def test_the_partner_s_is_not_the_patient_s() -> None:
    own, hers = Finding("hysterectomy"), Finding("hysterectomy", assertion="negated", experiencer="partner")
    assert merge((own,), (hers,)) == (own, hers)


def test_saying_it_again_changes_nothing() -> None:
    assert merge((STROKE,), (STROKE,)) == (STROKE,)
