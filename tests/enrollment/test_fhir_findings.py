"""What a bundle says for a pre-check: coded facts alone; what has no code with one meaning says nothing."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from bot.enrollment.fhir_bundle import people_of
from bot.enrollment.fhir_findings import findings_of
from bot.trial.eligibility import assess
from bot.trial.facts import Finding, Period
from bot.trial.protocol import Protocol

WHO = {"reference": "Patient/a"}
PATIENT = {
    "resourceType": "Patient",
    "id": "a",
    "identifier": [{"value": "P-0301"}],
    "gender": "female",
    "birthDate": "1964-03-02",
}


def _observation(code: str, **value: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"code": code}]},
        "subject": WHO,
    } | value


def _condition(code: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Condition", "code": {"coding": [{"code": code}]}, "subject": WHO} | more


def _status(code: str) -> dict[str, Any]:
    return {"coding": [{"code": code}]}


def _findings(*resources: dict[str, Any]) -> tuple[Finding, ...]:
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": each} for each in (PATIENT, *resources)],
    }
    (person,) = people_of(bundle)
    return findings_of(person)[2:]


ECOG = [
    ({"valueInteger": 1}, 1),
    ({"valueQuantity": {"value": 0}}, 0),
    ({"valueCodeableConcept": {"coding": [{"system": "http://loinc.org", "code": "LA9624-3"}]}}, 2),
    ({"valueString": "1"}, 1),
    ({"valueInteger": 1, "valueString": "2"}, None),
    ({"valueInteger": 7}, None),
    ({"valueQuantity": {"value": 1.5}}, None),
    ({"valueQuantity": {"value": 1, "comparator": "<"}}, None),
    ({"valueString": "unknown"}, None),
    ({"valueInteger": 1, "status": "entered-in-error"}, None),
]


@pytest.mark.parametrize(("value", "grade"), ECOG)
def test_an_ecog_score_is_read_where_it_is_one(value: dict[str, Any], grade: int | None) -> None:
    found = _findings(_observation("89247-1", **value))
    assert [each.number("high") for each in found] == ([] if grade is None else [grade])


CATEGORIES = [
    ("21905-5", "cT3b", "t_category", "3b"),
    ("21905-5", "T2", "t_category", "2"),
    ("21906-3", "N1a", "n_category", "1a"),
    ("21907-1", "cM0", "m_category", "0"),
    ("21905-5", "ypT2", None, None),
    ("21905-5", "N1", None, None),
    ("21905-5", "T3 or T4", None, None),
]


@pytest.mark.parametrize(("code", "value", "concept", "category"), CATEGORIES)
def test_a_clinical_category_is_read_where_it_is_one(
    code: str, value: str, concept: str | None, category: str | None
) -> None:
    found = _findings(_observation(code, valueCodeableConcept={"text": value}))
    assert [(each.concept, each.text("value")) for each in found] == ([(concept, category)] if concept else [])


CONDITIONS = [
    ({"onsetDateTime": "2026-03-01"}, "I21.0", "myocardial_infarction", "present", "current"),
    ({"clinicalStatus": _status("resolved")}, "I63.9", "stroke", "present", "historical"),
    ({"verificationStatus": _status("refuted")}, "B20", "hiv", "negated", "current"),
    ({"verificationStatus": _status("provisional")}, "I50.0", "heart_failure", "uncertain", "current"),
    ({"verificationStatus": _status("entered-in-error")}, "B20", None, "", ""),
    ({}, "C20", None, "", ""),
    ({}, "I20.8", None, "", ""),
    ({}, "B200", None, "", ""),
]


@pytest.mark.parametrize(("more", "code", "concept", "assertion", "temporality"), CONDITIONS)
def test_a_coded_diagnosis_is_read_with_how_sure_it_is(
    more: dict[str, Any], code: str, concept: str | None, assertion: str, temporality: str
) -> None:
    found = _findings(_condition(code, **more))
    expected = [(concept, assertion, temporality)] if concept else []
    assert [(each.concept, each.assertion, each.temporality) for each in found] == expected


PERIODS = [
    ("2026-03-01", Period.on(date(2026, 3, 1))),
    ("2026-03-01T23:00:00Z", Period.on(date(2026, 3, 2))),  # in Shanghai
    ("2026-03-01T23:00:00", Period()),
    ("2024-02", Period(date(2024, 2, 1), date(2024, 2, 29))),
    ("2025-12", Period(date(2025, 12, 1), date(2025, 12, 31))),
    ("2025", Period(date(2025, 1, 1), date(2025, 12, 31))),
    ("2025-02-30", Period()),
    ("soon", Period()),
]


@pytest.mark.parametrize(("text", "period"), PERIODS)
def test_a_date_is_as_exact_as_it_was_said(text: str, period: Period) -> None:
    (found,) = _findings(_condition("I21.0", onsetDateTime=text))
    assert found.when == period


def test_the_pre_check_reads_a_bundle(protocol: Protocol) -> None:
    resources = [
        _observation("89247-1", valueInteger=1),
        _observation("21907-1", valueString="cM1"),
        _condition("I21.0", onsetDateTime="2026-03-01"),
    ]
    bundle = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": each} for each in (PATIENT, *resources)],
    }
    (person,) = people_of(bundle)
    results = {each.id: each.result for each in assess(protocol, findings_of(person), date(2026, 6, 10)).criteria}
    assert (results["I02"], results["I03"], results["I08"], results["E07"]) == ("pass", "pass", "fail", "fail")
    assert results["I06"] == results["E12"] == "unknown"
