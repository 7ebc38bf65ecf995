"""Figures: temperatures in every form, counts, stretches of time."""

from __future__ import annotations

import pytest

from bot.nlu.symptoms.measures import figures, swaps
from bot.nlu.symptoms.text import normalise


def values(text: str, kind: str) -> list[float]:
    return [figure.value for figure in figures(normalise(text)) if figure.kind == kind]


@pytest.mark.parametrize(
    ("text", "celsius"),
    [
        ("38.4", 38.4),
        ("38,5", 38.5),
        ("38.4C", 38.4),
        ("39 degrees", 39.0),
        ("101F", 38.3),
        ("100.4 °F", 38.0),
        ("temp of 101", 38.3),
        ("fever of 39", 39.0),
        ("my temperature this morning was 38", 38.0),
        ("0107 has 39", 39.0),
        ("thirty eight point five", 38.5),
        ("thirty nine degrees", 39.0),
        ("38度5", 38.5),
        ("38.5度", 38.5),
        ("三十九度", 39.0),
        ("三十八度五", 38.5),
        ("38度半", 38.5),
        ("体温39", 39.0),
        ("temp 36.6", 36.6),
        ("temp is 35.2", 35.2),
        ("rigors and 39", 39.0),
        ("102.5 and shaking", 39.2),
        ("temperature below 36", 35.9),
    ],
)
def test_temperature(text: str, celsius: float) -> None:
    assert values(text, "celsius") == [celsius]


@pytest.mark.parametrize(
    "text",
    [
        "38 cm",
        "38 years old",
        "I am 38",
        "room 38",
        "bed 39",
        "38 mg",
        "weight 38.5 kg",
        "CRP 38.5",
        "3.8.2026",
        "2026-06-38",
        "8:38",
        "38%",
        "P-0038",
        "38 tablets left",
        "it's 39 degrees outside",
        "房间38",
        "38岁",
        "version 38.4",
        "day 38",
        "my wife is 38",
        "it is 39 today outside",
        "it was 38 degrees in the city",
    ],
)
def test_no_temperature(text: str) -> None:
    assert values(text, "celsius") == []


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("8 times today", 8),
        ("eight times", 8),
        ("twice", 2),
        ("x8", 8),
        ("8x", 8),
        ("6 loose stools", 6),
        ("once", 1),
        ("4 more stools than usual", 4),
        ("拉了八次", 8),
        ("吐了三次", 3),
        ("一天十次", 10),
        ("5-6 times", 6),
        ("5 or 6 times", 6),
        ("the 5th time", 5),
        ("several times", 6),
    ],
)
def test_count(text: str, count: float) -> None:
    assert max(values(text, "count")) == count


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("for 12 hours", 12),
        ("for two days", 48),
        ("since yesterday", 24),
        ("since last night", 13),
        ("since this morning", 6),
        ("all day", 24),
        ("十二个小时", 12),
        ("十几个小时", 12),
        ("两天", 48),
        ("从昨天", 24),
        ("half a day", 12),
    ],
)
def test_hours(text: str, hours: float) -> None:
    assert max(values(text, "hours")) == hours


@pytest.mark.parametrize("text", ["2 hours ago", "two hours after my tablets", "every 3 weeks", "in 2 days", "2天前"])
def test_no_stretch_of_time(text: str) -> None:
    assert values(text, "hours") == []


@pytest.mark.parametrize(
    ("text", "taken", "meant"),
    [
        ("I took 6 tablets instead of 4", 6, 4),
        ("took three tablets instead of four", 3, 4),
        ("been taking 5 rather than 3 pills", 5, 3),
        ("该吃三片吃成了五片", 5, 3),
        ("药四粒吃成七粒", 7, 4),
    ],
)
def test_tablets_taken_against_those_meant(text: str, taken: float, meant: float) -> None:
    assert [(swap.taken, swap.meant) for swap in swaps(normalise(text))] == [(taken, meant)]


@pytest.mark.parametrize("text", ["visit at 5 instead of 3", "took them at 9 instead of 8 o'clock"])
def test_other_numbers_are_no_tablets(text: str) -> None:
    assert swaps(normalise(text)) == []
