"""The levels: rules as data, the order of what is said, and files that are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from bot.trial.triage import (
    DEFAULT_RULES,
    SymptomFinding,
    Triage,
    TriageError,
    TriageRules,
    assess_symptoms,
    load_triage_rules,
)


@pytest.fixture(scope="module")
def rules() -> TriageRules:
    return load_triage_rules()


def present(*signs: str | tuple[str, dict[str, float]]) -> list[SymptomFinding]:
    pairs = [(sign, {}) if isinstance(sign, str) else sign for sign in signs]
    return [SymptomFinding(name, "present", measures, name) for name, measures in pairs]


@pytest.mark.parametrize(
    ("signs", "level"),
    [
        (["chest_pain"], "emergency"),
        (["breathless_rest"], "emergency"),
        (["breathless"], "emergency"),
        ([("breathless", {"mild": 1})], "urgent"),
        (["breathless_effort"], "urgent"),
        (["breathless_effort", "leg_swelling"], "emergency"),
        (["palpitations"], "urgent"),
        (["palpitations", "dizziness"], "emergency"),
        (["airway_swelling"], "emergency"),
        (["stroke_signs"], "emergency"),
        (["bulbar_signs"], "emergency"),
        (["seizure"], "emergency"),
        (["syncope"], "emergency"),
        (["confusion"], "emergency"),
        (["drowsy"], "emergency"),
        ([("temperature", {"celsius": 37.4})], None),
        ([("temperature", {"celsius": 36.0})], None),
        ([("temperature", {"celsius": 37.5})], "urgent"),
        ([("temperature", {"celsius": 37.9})], "urgent"),
        ([("temperature", {"celsius": 38.0})], "emergency"),
        ([("temperature", {"celsius": 37.6}), "shivering"], "emergency"),
        (["fever", "very_ill"], "emergency"),
        ([("temperature", {"celsius": 35.9})], "urgent"),
        ([("temperature", {"celsius": 35.9}), "cold_clammy"], "emergency"),
        (["bleeding_severe"], "emergency"),
        (["vomiting_blood"], "emergency"),
        (["black_stool"], "urgent"),
        (["black_stool", "dizziness"], "emergency"),
        (["belly_pain"], "urgent"),
        (["belly_pain_sudden"], "emergency"),
        (["belly_swollen", "vomiting", "no_stool_no_wind"], "emergency"),
        ([("nothing_down", {"hours": 24})], "emergency"),
        ([("nothing_down", {"hours": 6})], "urgent"),
        (["nothing_down"], "emergency"),
        ([("vomiting", {"count": 1})], "routine"),
        (["vomiting"], "routine"),
        ([("vomiting", {"count": 2})], "urgent"),
        (["vomiting", "dizziness"], "emergency"),
        (["vomited_tablets"], None),
        ([("diarrhoea", {"count": 1})], "routine"),
        ([("diarrhoea", {"count": 3})], "routine"),
        ([("diarrhoea", {"count": 4})], "urgent"),
        (["diarrhoea"], "urgent"),
        ([("diarrhoea", {"mild": 1})], "routine"),
        (["diarrhoea_night"], "urgent"),
        (["diarrhoea", "dizziness"], "emergency"),
        (["headache"], "routine"),
        (["headache_severe"], "urgent"),
        (["headache_sudden"], "emergency"),
        (["headache", "vision_trouble"], "emergency"),
        (["skin_blisters", "mouth_sores"], "emergency"),
        ([("no_urine", {"hours": 12})], "emergency"),
        ([("no_urine", {"hours": 11})], "urgent"),
        (["no_urine"], "emergency"),
        (["thirst"], "urgent"),
        (["thirst", "vomiting"], "emergency"),
        (["jaundice"], "urgent"),
        (["jaundice", "confusion"], "emergency"),
        (["jaundice", "nosebleed"], "emergency"),
        (["swallowed_by_another"], "emergency"),
        (["suicidal_thoughts"], "emergency"),
        (["cough"], "urgent"),
        (["poor_intake"], "urgent"),
        (["hand_foot"], "urgent"),
        ([("hand_foot", {"mild": 1})], "routine"),
        (["numbness"], "urgent"),
        ([("numbness", {"mild": 1})], "routine"),
        (["cold_tingling"], "routine"),
        (["pregnancy"], "urgent"),
        (["interacting_medicine"], "urgent"),
        (["live_vaccine"], "urgent"),
        (["overdose"], "urgent"),
        (["extravasation"], "urgent"),
        (["taste"], "routine"),
        (["hair_loss"], "routine"),
        (["nausea"], "routine"),
        ([("fatigue", {"mild": 1})], "routine"),
        (["fatigue", "dizziness"], "urgent"),
        (["unheard_of"], None),
        ([], None),
    ],
)
def test_level_of_signs(rules: TriageRules, signs: list[str], level: str | None) -> None:
    assert assess_symptoms(rules, present(*signs)).level == level


@pytest.mark.parametrize("status", ["negated", "past", "general", "other_person", "hypothetical"])
def test_only_present_signs_count(rules: TriageRules, status: str) -> None:
    finding = SymptomFinding.from_json({"concept": "chest_pain", "status": status})
    assert assess_symptoms(rules, [finding]) == Triage(level=None)


def test_one_vomiting_after_the_tablets_is_left_to_the_missed_dose_answer(rules: TriageRules) -> None:
    triage = assess_symptoms(rules, present("vomited_tablets"))
    assert (triage.level, triage.flags, triage.advice) == (None, ("vomited_tablets",), ())


def test_repeated_vomiting_after_the_tablets_is_triage(rules: TriageRules) -> None:
    triage = assess_symptoms(rules, present("vomited_tablets", ("vomiting", {"count": 3})))
    assert triage.level == "urgent"
    assert "vomited_tablets" in triage.flags


def test_safe_advice_comes_first_and_questions_last(rules: TriageRules) -> None:
    triage = assess_symptoms(rules, present(("temperature", {"celsius": 37.8})))
    text = rules.render(triage, "en", emergency_number="120", ward_line="010-555")
    assert triage.advice[0] == "urgent"
    assert text.startswith("Please call the trial team now on 010-555")
    assert text.index("?") > text.index("010-555")
    assert 0 < len(triage.questions) <= 3


def test_an_emergency_asks_nothing(rules: TriageRules) -> None:
    assert assess_symptoms(rules, present("chest_pain", "cough")).questions == ()


def test_flags_of_the_deciding_level_come_first(rules: TriageRules) -> None:
    assert assess_symptoms(rules, present("taste", "cough", "chest_pain")).flags == ("chest_pain", "cough", "taste")


@pytest.mark.parametrize(
    ("sign", "advice"),
    [
        ("suicidal_thoughts", "suicidal_thoughts"),
        ("swallowed_by_another", "swallowed_by_another"),
        ("pregnancy", "pregnancy"),
        ("extravasation", "extravasation"),
        ("overdose", "overdose"),
        ("live_vaccine", "interaction"),
    ],
)
def test_specific_advice_follows_the_level(rules: TriageRules, sign: str, advice: str) -> None:
    assert advice in assess_symptoms(rules, present(sign)).advice[1:]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_numbers_are_filled_in(rules: TriageRules, language: str) -> None:
    everything = Triage(level="emergency", advice=tuple(rules.advice), questions=tuple(rules.questions))
    text = rules.render(everything, language, emergency_number="999", ward_line="010-555")  # type: ignore[arg-type]
    assert "999" in text
    assert "{" not in text


def test_rules_are_frozen(rules: TriageRules) -> None:
    with pytest.raises(TypeError):
        rules.version = "2"  # type: ignore[misc]


def test_finding_survives_json() -> None:
    finding = SymptomFinding("temperature", "present", {"celsius": 38.4}, "38.4")
    assert SymptomFinding.from_json(finding.to_json()) == finding


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"concept": "x"},
        {"concept": "x", "status": "maybe"},
        {"concept": "x", "status": "present", "measures": {"a": "b"}},
    ],
)
def test_broken_finding_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not a symptom finding"):
        SymptomFinding.from_json(data)


def broken(tmp_path: Path, change: object) -> Path:
    data = YAML(typ="safe").load(DEFAULT_RULES.read_text(encoding="utf-8"))
    change(data)  # type: ignore[operator]
    file = tmp_path / "rules.yml"
    with file.open("w", encoding="utf-8") as stream:
        YAML(typ="safe").dump(data, stream)
    return file


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda data: data.pop("version"), "version"),
        (lambda data: data.update(extra=1), "extra"),
        (lambda data: data["rules"][3].update(level="dire"), "rules.3.level"),
        (lambda data: data["rules"][3].update(source=["hearsay"]), "rules.3.source"),
        (lambda data: data["rules"][3].update(advice=["nothing"]), "rules.3.advice"),
        (lambda data: data["rules"][3].update(ask=["nothing"]), "rules.3.ask"),
        (lambda data: data["rules"][3].update(when=["@nothing"]), "rules.3.group"),
        (lambda data: data["rules"][3].update(when=[]), "rules.3"),
        (lambda data: data["rules"][3].update(when=[{"sign": "a", "group": "b"}]), "rules.3.when.0"),
        (lambda data: data["rules"][3].update(when=[{"group": "fever", "min": {"celsius": 3}}]), "rules.3.when.0"),
        (lambda data: data["groups"].update(loop=["@fever"]), "groups.loop.0.group"),
        (lambda data: data["advice"].pop("urgent"), "advice.urgent"),
        (lambda data: data["advice"]["urgent"].pop("zh"), "advice.urgent.zh"),
        (lambda data: data["advice"]["urgent"].update(en="call {nobody}"), "advice.urgent"),
        (lambda data: data["advice"]["urgent"].update(zh=" "), "advice.urgent"),
    ],
)
def test_broken_file_is_refused_with_the_path_of_the_field(tmp_path: Path, change: object, path: str) -> None:
    file = broken(tmp_path, change)
    with pytest.raises(TriageError) as refusal:
        load_triage_rules(file)
    assert str(refusal.value).startswith(f"{file}: {path}")


@pytest.mark.parametrize("content", ["", "- a", "a: [", "\x00"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "rules.yml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(TriageError, match=r"rules\.yml"):
        load_triage_rules(file)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TriageError, match=r"none\.yml"):
        load_triage_rules(tmp_path / "none.yml")
