"""The protocol file says what the record says, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import holidays
import pytest

from bot.trial.protocol import TOPICS, Protocol

RECORD = Path(__file__).parent / "data" / "NCT05576480.txt"


@pytest.fixture(scope="module")
def record() -> str:
    """The public record, its markdown escapes undone."""
    return RECORD.read_text(encoding="utf-8").replace("\\", "")


def listed(record: str, first: str, last: str) -> list[str]:
    section = record.split(f"\n{first}\n")[1].split(f"\n{last}\n")[0]
    return [line[2:].strip() for line in section.splitlines() if line.startswith("* ")]


def test_criteria_are_the_records_in_its_order_and_words(protocol: Protocol, record: str) -> None:
    inclusion = listed(record, "Inclusion Criteria", "Exclusion Criteria")
    exclusion = listed(record, "Exclusion Criteria", "Minimum Eligible Age")
    ids = [f"I{n:02d}" for n in range(1, 12)] + [f"E{n:02d}" for n in range(1, 17)]
    assert [(c.id, c.text) for c in protocol.criteria] == list(zip(ids, inclusion + exclusion, strict=True))
    assert [c.kind for c in protocol.criteria] == ["inclusion"] * 11 + ["exclusion"] * 16


def test_every_quote_is_in_the_record(protocol: Protocol, record: str) -> None:
    quotes = [protocol.design.quote, protocol.contraception.quote, *protocol.schedule.quote]
    quotes += [dose.quote for dose in protocol.doses] + [reference.citation for reference in protocol.references]
    quotes += [contact.phone for contact in protocol.contacts] + [reference.pmid for reference in protocol.references]
    quotes += [protocol.title.en, protocol.sponsor.lead, protocol.sponsor.collaborator, protocol.site.name.en]
    assert [quote for quote in quotes if quote not in record] == []


@pytest.mark.parametrize("topic", TOPICS)
def test_every_topic_names_sections_of_the_record(protocol: Protocol, record: str, topic: str) -> None:
    if topic == "not_in_record":
        return
    headings = set(record.splitlines())
    assert set(protocol.topics[topic].source.split("; ")) <= headings


@pytest.mark.parametrize("topic", TOPICS)
def test_every_number_of_a_topic_is_in_the_record(protocol: Protocol, record: str, topic: str) -> None:
    """A number that the record does not have would be invented; spelled ones and sums are listed here."""
    text = protocol.topics[topic].text
    known = set(re.findall(r"\d+", record)) | {"25", "55", "65", "21", "23", "15"}
    assert set(re.findall(r"\d+", text.en)) - known == set()
    zh_dates = {"2", "6", "8", "28", "31", "12"}
    assert set(re.findall(r"\d+", text.zh)) - known - zh_dates == set()


@pytest.mark.parametrize("topic", TOPICS)
def test_both_languages_of_a_topic_name_the_same_amounts(protocol: Protocol, topic: str) -> None:
    text = protocol.topics[topic].text
    amounts = r"(\d+)\s*(?:mg|Gy|%|minutes|分钟|people|人)"
    assert set(re.findall(amounts, text.en)) <= set(re.findall(r"\d+", text.zh)), topic


def test_settings_are_the_sites(protocol: Protocol) -> None:
    settings = protocol.settings
    assert (settings.c1d1_offset_days, settings.delay_policy) == (14, "re_anchor")
    assert (settings.first_capecitabine_dose, settings.radiotherapy_weekends) == ("morning", "as_written")
    assert (settings.tablet_strengths_mg, settings.bsa_formula) == ((500, 150), "mosteller")
    assert (settings.ward_line, settings.emergency_number) == (None, "120")


def test_every_setting_has_its_comment() -> None:
    from bot.trial.protocol import DEFAULT_PROTOCOL

    lines = DEFAULT_PROTOCOL.read_text(encoding="utf-8").split("\nsettings:\n")[1].split("\n\n")[0].splitlines()
    names = [n for n, line in enumerate(lines) if re.match(r"  [a-z_]+:", line)]
    bare = [lines[n] for n in names if not lines[n - 1].startswith("  #")]
    explained_by_the_line_above = ("tablet_strengths_source", "plausible_weight_kg", "closures")
    assert [line for line in bare if not line.strip().startswith(explained_by_the_line_above)] == []


def test_design_of_two_stages(protocol: Protocol) -> None:
    design = protocol.design
    assert (design.stage_one_enrolled, design.stage_one_pcr_boundary) == (23, 3)
    assert (design.evaluable_target, design.enrolled_target, design.loss_percent) == (48, 55, 15)


@pytest.mark.parametrize(
    ("drug", "basis", "times", "minutes_inside", "minutes_outside"),
    [
        ("capecitabine", "1000 mg/m2", 2, [], []),
        ("oxaliplatin", "135 mg/m2", 1, [121, 180], [60, 119, 120]),
        ("penpulimab", "200 mg", 1, [55, 60, 65], [54, 66, 120]),
    ],
)
def test_doses(
    protocol: Protocol, drug: str, basis: str, times: int, minutes_inside: list[int], minutes_outside: list[int]
) -> None:
    dose = protocol.dose(drug)
    assert (str(dose.amount), dose.times_per_day) == (basis, times)
    if dose.infusion_minutes is not None:
        assert [m for m in minutes_inside + minutes_outside if dose.infusion_minutes.holds(m)] == minutes_inside
    else:
        assert (drug, minutes_inside) == ("capecitabine", [])


def test_the_demos_closed_days_are_the_public_holidays_of_2026(protocol: Protocol) -> None:
    assert {closure.date for closure in protocol.settings.closures} == set(holidays.country_holidays("CN", years=2026))


def test_values_are_frozen(protocol: Protocol) -> None:
    with pytest.raises(TypeError):
        protocol.identifier = "NCT0"  # type: ignore[misc]
    with pytest.raises(TypeError):
        protocol.topics["purpose"] = protocol.topics["mss"]  # type: ignore[index]


def test_settings_can_be_replaced_without_touching_the_protocol(protocol: Protocol) -> None:
    changed = protocol.with_settings(ward_line="021-5555")
    assert (changed.settings.ward_line, protocol.settings.ward_line) == ("021-5555", None)


@pytest.mark.parametrize("lookup", ["visit", "criterion", "dose"])
def test_an_unknown_name_is_a_key_error(protocol: Protocol, lookup: str) -> None:
    with pytest.raises(KeyError):
        getattr(protocol, lookup)("X99")
