"""Which doses are due on a day, how much they are, and what to do about a missed one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from bot.trial.dosing import dose_amount, doses_on, infusion_within_record, missed_dose
from bot.trial.protocol import Protocol
from bot.trial.record import DoseHold, ParticipantRecord

Build = Callable[..., ParticipantRecord]


def day(text: str) -> dt.date:
    """`03-02` is a day of 2026."""
    return dt.date.fromisoformat(f"2026-{text}")


def short(items: list[dict[str, Any]]) -> str:
    """`capecitabine c1d3 1800x2, penpulimab - 200`: the doses of a day in a line."""
    lines = []
    for item in items:
        place = f"c{item['cycle']}d{item['cycle_day']}" if item["cycle"] else "-"
        times = f"x{item['times_per_day']}" if item["route"] == "oral" else ""
        lines.append(f"{item['drug']} {place} {item['per_dose_mg']}{times}")
    return ", ".join(lines)


DAYS = [
    # what is on file (RT1 2026-03-02), today, day, doses, next capecitabine, reason
    ({}, "03-04", "03-04", "", "03-16", None),
    ({}, "03-04", "03-07", "penpulimab - 200", "03-16", None),  # day 6 or 7: both until one is booked
    ({}, "03-04", "03-08", "penpulimab - 200", "03-16", None),
    ({"IO1": "booked 2026-03-08"}, "03-04", "03-07", "", "03-16", None),
    ({"IO1": "booked 2026-03-08"}, "03-04", "03-08", "penpulimab - 200", "03-16", None),
    ({"IO1": "2026-03-07"}, "03-08", "03-07", "penpulimab - 200", "03-16", None),
    ({}, "03-09", "03-07", "", "03-16", "no_record"),
    ({"IO1": "missed 2026-03-07"}, "03-08", "03-07", "", "03-16", "missed"),
    ({}, "03-15", "03-15", "", "03-16", None),
    ({}, "03-16", "03-16", "capecitabine c1d1 1800x2, oxaliplatin c1d1 None, penpulimab c1d1 200", "03-17", None),
    ({}, "03-15", "03-16", "capecitabine c1d1 1800x2, oxaliplatin c1d1 None, penpulimab c1d1 200", "03-17", None),
    ({}, "03-15", "03-20", "capecitabine c1d5 1800x2", "03-21", None),
    ({}, "03-17", "03-17", "", None, "no_record"),  # day 1 has passed and nothing says that it took place
    ({}, "03-17", "03-30", "", None, "no_record"),
    ({}, "03-17", "04-06", "capecitabine c2d1 1800x2, oxaliplatin c2d1 None, penpulimab c2d1 200", "04-07", None),
    ({"C1D1": "booked 2026-03-16"}, "03-17", "03-17", "", None, "no_record"),
    ({"C1D1": "2026-03-16"}, "03-17", "03-17", "capecitabine c1d2 1800x2", "03-18", None),
    ({"C1D1": "2026-03-16"}, "03-28", "03-28", "capecitabine c1d13 1800x2", "03-29", None),
    ({"C1D1": "2026-03-16"}, "03-29", "03-29", "capecitabine c1d14 1800x2", "04-06", None),
    ({"C1D1": "2026-03-16"}, "03-30", "03-30", "", "04-06", None),
    ({"C1D1": "2026-03-16"}, "03-30", "04-05", "", "04-06", None),
    ({"C1D1": "2026-03-16"}, "04-06", "04-06",
     "capecitabine c2d1 1800x2, oxaliplatin c2d1 None, penpulimab c2d1 200", "04-07", None),
    ({"C1D1": "2026-03-16"}, "03-30", "05-01", "capecitabine c3d5 1800x2", "05-02", None),
    ({"C1D1": "2026-03-16", "C2D1": "booked 2026-04-09"}, "04-06", "04-06", "", "04-09", None),
    ({"C1D1": "2026-03-16", "C2D1": "booked 2026-04-09"}, "04-06", "04-10", "capecitabine c2d2 1800x2", "04-11", None),
    ({"C1D1": "2026-03-16", "C2D1": "missed 2026-04-06"}, "04-07", "04-07", "", None, "missed"),
    ({"C1D1": "2026-03-16", "C2D1": "cancelled 2026-04-06"}, "04-07", "04-07", "", None, "cancelled"),
    ({"C1D1": "2026-03-16", "C2D1": "cancelled 2026-04-06"}, "04-01", "04-01", "", None, None),
    ({"C1D1": "2026-03-16"}, "04-08", "04-01", "", None, None),  # and cycle 2 has nothing on file
    ({"C4D1": "2026-05-18"}, "05-30", "05-30", "capecitabine c4d13 1800x2", "05-31", None),
    ({"C4D1": "2026-05-18"}, "05-31", "05-31", "capecitabine c4d14 1800x2", None, None),
    ({"C4D1": "2026-05-18"}, "06-01", "06-01", "", None, None),
    ({"C4D1": "2026-05-18", "last": "05-28"}, "05-29", "05-28", "capecitabine c4d11 1800x2", None, None),
    ({"C4D1": "2026-05-18", "last": "05-28"}, "05-29", "05-29", "", None, "capecitabine_ended"),
    ({"C1D1": "2026-03-16", "IO1": "2026-03-16"}, "03-16", "03-16",
     "penpulimab - 200, capecitabine c1d1 1800x2, oxaliplatin c1d1 None, penpulimab c1d1 200", "03-17", None),
]  # fmt: skip


@pytest.mark.parametrize(("given", "today", "on", "doses", "following", "reason"), DAYS)
def test_doses_of_a_day(
    protocol: Protocol,
    build: Build,
    given: dict[str, Any],
    today: str,
    on: str,
    doses: str,
    following: str | None,
    reason: str | None,
) -> None:
    last = given.get("last")
    events = {code: words for code, words in given.items() if code != "last"}
    record = build(RT1="2026-03-02", capecitabine_mg=1800, last_capecitabine=last and day(last), **events)
    data = doses_on(protocol, record, day(on), day(today)).as_data()
    assert (data["date"], short(data["items"]), data["reason"]) == (f"2026-{on}", doses, reason)
    assert data["next"] == {"capecitabine": following and f"2026-{following}"}


@pytest.mark.parametrize(
    ("status", "given", "on", "following", "reason"),
    [
        ("withdrawn", {"RT1": "2026-03-02", "C1D1": "2026-03-16"}, "03-17", None, "withdrawn"),
        ("completed", {"RT1": "2026-03-02", "C1D1": "2026-03-16"}, "03-17", None, "completed"),
        ("screen_failed", {}, "03-17", None, "screen_failed"),
        ("screening", {}, "03-17", None, "not_started"),
        ("enrolled", {"RT1": "booked 2026-03-30"}, "03-17", "2026-04-13", "not_started"),
        ("enrolled", {"RT1": "booked 2026-03-30"}, "04-14", "2026-04-15", "not_started"),
        ("enrolled", {"RT1": "missed 2026-03-16"}, "03-17", None, "not_started"),
    ],
)
def test_no_doses_and_why(
    protocol: Protocol,
    build: Build,
    status: str,
    given: dict[str, str],
    on: str,
    following: str | None,
    reason: str,
) -> None:
    data = doses_on(protocol, build(status=status, capecitabine_mg=1800, **given), day(on), day("03-17")).as_data()
    assert (data["items"], data["next"], data["reason"]) == ([], {"capecitabine": following}, reason)


def test_treatment_that_begins_today_has_begun(protocol: Protocol, build: Build) -> None:
    found = doses_on(protocol, build(RT1="booked 2026-03-02", status="enrolled"), day("03-02"), day("03-02"))
    assert (found.items, found.reason) == ((), None)


def test_an_unconfirmed_start_is_named(protocol: Protocol, build: Build) -> None:
    found = doses_on(protocol, build(RT1="2026-03-02"), day("04-06"), day("03-17"))
    assert [note.code for note in found.notes] == ["unconfirmed"]


def test_every_reason_has_its_sentence(protocol: Protocol) -> None:
    assert all(protocol.reasons[code].en and protocol.reasons[code].zh for code in protocol.reasons)


AMOUNTS = [
    # drug, for staff, prescribed only, on file -> mg, source
    ("capecitabine", False, False, {"capecitabine_mg": 1650}, 1650, "prescribed"),
    ("capecitabine", False, False, {}, None, "none"),
    ("capecitabine", True, False, {"capecitabine_mg": 1650}, 1650, "prescribed"),
    ("capecitabine", True, False, {}, 1592, "calculated"),
    ("capecitabine", True, True, {}, None, "none"),
    ("oxaliplatin", False, False, {}, None, "none"),
    ("oxaliplatin", False, False, {"oxaliplatin_mg": 200}, 200, "prescribed"),
    ("oxaliplatin", True, False, {}, 215, "calculated"),
    ("oxaliplatin", True, True, {"oxaliplatin_mg": 210}, 210, "prescribed"),
    ("penpulimab", False, False, {}, 200, "prescribed"),
    ("penpulimab", True, False, {}, 200, "prescribed"),
    ("capecitabine", True, False, {"weight_kg": None}, None, "none"),
    ("capecitabine", True, False, {"height_cm": 57.0, "weight_kg": 160.0}, None, "none"),
]


@pytest.mark.parametrize(("drug", "staff", "prescribed_only", "given", "mg", "source"), AMOUNTS)
def test_amounts(
    protocol: Protocol,
    build: Build,
    drug: Any,
    staff: bool,
    prescribed_only: bool,
    given: dict[str, Any],
    mg: int | None,
    source: str,
) -> None:
    record = build(**{"height_cm": 160.0, "weight_kg": 57.0, **given})
    data = dose_amount(protocol, record, drug, staff, prescribed_only).as_data()
    assert (data["drug"], data["per_dose_mg"], data["source"]) == (drug, mg, source)
    assert data["basis"] == {"capecitabine": "1000 mg/m2", "oxaliplatin": "135 mg/m2", "penpulimab": "200 mg"}[drug]


def test_a_patient_sees_nothing_calculated(protocol: Protocol, build: Build) -> None:
    record = build(height_cm=160.0, weight_kg=57.0, capecitabine_mg=1650)
    found = dose_amount(protocol, record, "capecitabine", for_staff=False)
    assert set(found.as_data()) == {"drug", "per_dose_mg", "basis", "source"}
    assert (found.bsa_m2, found.calculation, found.staff_note) == (None, None, None)


def test_staff_see_the_arithmetic(protocol: Protocol, build: Build) -> None:
    record = build(height_cm=169.0, weight_kg=65.0, capecitabine_mg=1800)
    data = dose_amount(protocol, record, "capecitabine", for_staff=True).as_data()
    assert (data["bsa_m2"], data["flags"]) == (1.75, [])
    assert data["calculation"] == {
        "height_cm": 169.0,
        "weight_kg": 65.0,
        "formula": "mosteller",
        "bsa_m2": 1.7468,
        "exact_mg": 1746.8,
        "roundings": {
            "nearest_150": [{"mg": 1800, "tablets": {"500": 3, "150": 2}}],
            "tablets": [{"mg": 1750, "tablets": {"500": 2, "150": 5}}],
        },
        "order_deviation_percent": 3.0,
    }


def test_staff_see_the_label_difference_of_oxaliplatin(protocol: Protocol, build: Build) -> None:
    found = dose_amount(protocol, build(height_cm=169.0, weight_kg=65.0), "oxaliplatin", for_staff=True)
    assert found.staff_note is not None and "130 mg/m2" in found.staff_note.en


@pytest.mark.parametrize(
    ("given", "flags"),
    [
        ({"height_cm": 57.0, "weight_kg": 160.0}, ("height", "swapped")),
        ({"height_cm": 160.0}, ("no_weight",)),
        ({}, ("no_height", "no_weight")),
        ({"height_cm": 160.0, "weight_kg": 20.0}, ("weight",)),
    ],
)
def test_no_area_from_implausible_or_missing_measures(
    protocol: Protocol, build: Build, given: dict[str, float], flags: tuple[str, ...]
) -> None:
    found = dose_amount(protocol, build(**given), "capecitabine", for_staff=True)
    assert (found.flags, found.bsa_m2, found.calculation) == (flags, None, None)


MISSED = [
    # what is on file (RT1 2026-03-02, C1D1 2026-03-16), today, missed on, slot -> next
    ({}, "03-20", None, None, "03-20"),
    ({}, "03-20", None, "morning", "03-20"),
    ({}, "03-20", None, "evening", "03-21"),
    ({}, "03-20", "03-19", "evening", "03-20"),
    ({}, "03-29", None, "morning", "03-29"),
    ({}, "03-29", None, "evening", "04-06"),
    ({}, "03-30", "03-29", "evening", "04-06"),
    ({"C4D1": "2026-05-18"}, "05-31", None, "evening", None),
    ({}, "04-08", None, None, None),  # cycle 2 has nothing on file
]


@pytest.mark.parametrize(("given", "today", "missed_on", "slot", "following"), MISSED)
def test_missed_dose(
    protocol: Protocol,
    build: Build,
    given: dict[str, str],
    today: str,
    missed_on: str | None,
    slot: Any,
    following: str | None,
) -> None:
    record = build(RT1="2026-03-02", C1D1="2026-03-16", **given)
    on = missed_on and day(missed_on)
    found = missed_dose(protocol, record, "capecitabine", day(today), missed_on=on, slot=slot)
    assert found.as_data() == {
        "drug": "capecitabine",
        "take_now": False,
        "double": False,
        "next": following and f"2026-{following}",
    }
    assert "double dose" in found.text.en and "双倍" in found.text.zh and "leaflet" in found.source


def test_a_vomited_dose_is_not_taken_again(protocol: Protocol, build: Build) -> None:
    record = build(RT1="2026-03-02", C1D1="2026-03-16")
    found = missed_dose(protocol, record, "capecitabine", day("03-20"), vomited=True)
    assert (found.take_now, found.double, found.next) == (False, False, day("03-20"))
    assert found.text.en.startswith("Do not take the tablets again") and "site" in found.source


def test_a_missed_infusion_is_the_teams(protocol: Protocol, build: Build) -> None:
    found = missed_dose(protocol, build(RT1="2026-03-02"), "oxaliplatin", day("03-17"))
    assert (found.next, found.text) == (None, protocol.leaflet.missed_infusion)


@pytest.mark.parametrize(
    ("drug", "minutes", "within"),
    [("oxaliplatin", 120, False), ("oxaliplatin", 121, True), ("penpulimab", 54.9, False), ("penpulimab", 65, True)],
)
def test_infusion_lengths(protocol: Protocol, drug: Any, minutes: float, within: bool) -> None:
    assert infusion_within_record(protocol, drug, minutes) is within


def test_tablets_have_no_infusion_length(protocol: Protocol) -> None:
    with pytest.raises(ValueError, match="expected an infusion, found capecitabine"):
        infusion_within_record(protocol, "capecitabine", 60)


def test_a_drug_that_is_withheld_is_not_due(protocol: Protocol, build: Build) -> None:
    hold = DoseHold("capecitabine", dt.date(2026, 3, 18), dt.date(2026, 3, 20))
    record = build(RT1="2026-03-02", C1D1="2026-03-16", capecitabine_mg=1500, holds=(hold,))
    today = dt.date(2026, 3, 17)
    assert [dose.drug for dose in doses_on(protocol, record, dt.date(2026, 3, 17), today).items] == ["capecitabine"]
    for day in (18, 19, 20):
        due = doses_on(protocol, record, dt.date(2026, 3, day), today)
        assert (due.items, due.reason) == ((), "on_hold")
    assert doses_on(protocol, record, dt.date(2026, 3, 17), today).next["capecitabine"] == dt.date(2026, 3, 21)
    assert doses_on(protocol, record, dt.date(2026, 3, 21), today).items


def test_a_hold_of_one_infusion_leaves_the_others_due(protocol: Protocol, build: Build) -> None:
    record = build(RT1="2026-03-02", C1D1="2026-03-16", holds=(DoseHold("oxaliplatin", dt.date(2026, 3, 1)),))
    due = doses_on(protocol, record, dt.date(2026, 3, 16), dt.date(2026, 3, 16))
    assert {dose.drug for dose in due.items} == {"capecitabine", "penpulimab"}
    assert due.reason == "on_hold"
