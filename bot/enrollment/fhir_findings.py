"""What a FHIR bundle says about a patient, as findings for the eligibility pre-check.

Only codes with one meaning are read (LOINC, ICD-10); anything else says nothing, so its criterion stays unknown. The
evidence of a finding is the code with its display, never a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.enrollment.fhir_bundle import Person
from bot.enrollment.fhir_dates import period
from bot.enrollment.fhir_model import Concept, Condition, Observation
from bot.trial.facts import Assertion, Evidence, Finding, Temporality

_ECOG = "89247-1"
#: LOINC's answers to the ECOG score, grade 0 to 5.
_GRADES = ("LA9622-7", "LA9623-5", "LA9624-3", "LA9625-0", "LA9626-8", "LA9627-6")
#: Clinical categories by LOINC code: concept, and the form of a value such as `cT3a`.
_CATEGORIES = {
    "21905-5": ("t_category", re.compile(r"c?T(is|x|[0-4][a-d]?)", re.IGNORECASE)),
    "21906-3": ("n_category", re.compile(r"c?N(x|[0-3][a-c]?)", re.IGNORECASE)),
    "21907-1": ("m_category", re.compile(r"c?M([01][a-c]?)", re.IGNORECASE)),
}
#: ICD-10 categories (the part before what may follow) that mean one concept of the pre-check.
_DIAGNOSES = {
    "B20": "hiv",
    "B21": "hiv",
    "B22": "hiv",
    "B23": "hiv",
    "B24": "hiv",
    "G45": "tia",
    "I20.0": "unstable_angina",
    "I21": "myocardial_infarction",
    "I22": "myocardial_infarction",
    "I26": "pulmonary_embolism",
    "I50": "heart_failure",
    "I60": "stroke",
    "I61": "stroke",
    "I63": "stroke",
    "I64": "stroke",
}
_USABLE = ("final", "amended", "corrected")
_DOUBTFUL = ("unconfirmed", "provisional", "differential")
_OVER = ("inactive", "remission", "resolved")


def findings_of(person: Person) -> tuple[Finding, ...]:
    """The findings about one patient of a bundle (`fhir_bundle.read_bundle`)."""
    return (
        *_of_patient(person),
        *(each for _, observation in person.observations for each in _of_observation(observation)),
        *(each for _, condition in person.conditions for each in _of_condition(condition)),
    )


def _of_patient(person: Person) -> Iterator[Finding]:
    patient = person.patient
    if patient.gender in ("male", "female"):
        code = "M" if patient.gender == "male" else "F"
        yield Finding("sex", {"code": code}, evidence=Evidence(f"gender {patient.gender}"), source="fhir")
    born = period(patient.birthDate)
    if born.known:
        yield Finding("birth_date", when=born, evidence=Evidence(f"birthDate {patient.birthDate}"), source="fhir")


def _of_observation(observation: Observation) -> Iterator[Finding]:
    if observation.status not in _USABLE:
        return
    when = period(observation.effectiveDateTime)
    codes = set(observation.code.codes)
    if _ECOG in codes:
        grade = _grade(observation)
        if grade is not None:
            values: dict[str, str | int] = {"scale": "ECOG", "low": grade, "high": grade}
            yield Finding("performance_status", values, when=when, evidence=Evidence(f"ECOG {grade}"), source="fhir")
    for code, (concept, form) in _CATEGORIES.items():
        found = {match for match in map(form.fullmatch, _answers(observation)) if match} if code in codes else set()
        values_found = {match.group(1) for match in found}
        if len(values_found) == 1:
            value = values_found.pop()
            evidence = Evidence(f"c{concept[0].upper()}{value}")
            yield Finding(concept, {"value": value, "prefix": "c"}, when=when, evidence=evidence, source="fhir")


def _grade(observation: Observation) -> int | None:
    """The ECOG grade; None where none is said, or two are."""
    quantity = observation.valueQuantity
    said: set[int] = set()
    if observation.valueInteger is not None:
        said.add(observation.valueInteger)
    if quantity is not None and quantity.value is not None and quantity.comparator is None:
        said.add(int(quantity.value) if float(quantity.value).is_integer() else -1)
    for answer in _answers(observation):
        if answer in _GRADES:
            said.add(_GRADES.index(answer))
        elif re.fullmatch(r"[0-5]", answer):
            said.add(int(answer))
    return said.pop() if len(said) == 1 and said <= set(range(6)) else None


def _answers(observation: Observation) -> list[str]:
    value = observation.valueCodeableConcept
    answers = [] if value is None else [*value.codes, *(each.display or "" for each in value.coding), value.text or ""]
    return [answer.strip() for answer in [*answers, observation.valueString or ""] if answer.strip()]


def _of_condition(condition: Condition) -> Iterator[Finding]:
    verification = _codes(condition.verificationStatus)
    if "entered-in-error" in verification:
        return
    found = {(_DIAGNOSES[key], code) for code in condition.code.codes for key in _DIAGNOSES if _falls_under(code, key)}
    if len({concept for concept, _ in found}) != 1:
        return
    concept, code = min(found)
    assertion: Assertion = "present"
    if "refuted" in verification:
        assertion = "negated"
    elif verification & set(_DOUBTFUL):
        assertion = "uncertain"
    over = bool(_codes(condition.clinicalStatus) & set(_OVER))
    temporality: Temporality = "historical" if over else "current"
    yield Finding(
        concept,
        assertion=assertion,
        temporality=temporality,
        when=period(condition.onsetDateTime),
        ended=period(condition.abatementDateTime),
        evidence=Evidence(f"ICD-10 {code}"),
        source="fhir",
    )


def _falls_under(code: str, category: str) -> bool:
    """Whether an ICD-10 code is the category or one below it (`I21.0` and `I21` are, `I210` is not written)."""
    return code == category or code.startswith(category if "." in category else category + ".")


def _codes(concept: Concept | None) -> set[str]:
    return set() if concept is None else set(concept.codes)
