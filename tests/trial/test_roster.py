"""The staff's lists over many participants."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest

from bot.trial.protocol import Protocol
from bot.trial.record import ParticipantRecord
from bot.trial.roster import deviations, due_next_week, next_week, overdue, visits_in, visits_on
from bot.trial.schedule import Visit

Build = Callable[..., ParticipantRecord]
TODAY = dt.date(2026, 3, 4)


@pytest.fixture
def people(build: Build) -> list[ParticipantRecord]:
    return [
        build(code="P-0101", RT1="2026-03-02"),
        build(code="P-0102", RT1="2026-03-02", IO1="booked 2026-03-08 10:00"),
        build(code="P-0103", RT1="2026-02-16", C1D1="booked 2026-03-05"),
        build(code="P-0104", status="withdrawn", RT1="2026-03-02"),
        build(code="P-0105", status="withdrawn", RT1="2026-02-16", C1D1="booked 2026-03-05"),
        build(code="P-0106", RT1="2026-02-12", C1D1="cancelled 2026-03-05"),
        build(code="P-0107", status="enrolled"),
        build(code="P-0108", status="completed", RT1="2026-02-16", SURGERY="2026-03-03"),
    ]


def named(visits: tuple[Visit, ...]) -> list[str]:
    return [f"{visit.participant} {visit.visit} {visit.status}" for visit in visits]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2026-03-02", ["P-0101 RT1 done", "P-0102 RT1 done", "P-0104 RT1 done"]),
        ("2026-03-05", ["P-0101 RT4 planned", "P-0102 RT4 planned", "P-0103 C1D1 booked"]),
        ("2026-03-07", ["P-0101 IO1 planned"]),
        ("2026-03-08", ["P-0101 IO1 planned", "P-0102 IO1 booked"]),
        ("2026-03-03", ["P-0101 RT2 no_record", "P-0102 RT2 no_record", "P-0108 SURGERY done"]),
        ("2026-03-12", []),
    ],
)
def test_who_is_in(protocol: Protocol, people: list[ParticipantRecord], day: str, expected: list[str]) -> None:
    assert named(visits_on(protocol, people, dt.date.fromisoformat(day), TODAY)) == expected


def test_a_span_is_in_date_order(protocol: Protocol, people: list[ParticipantRecord]) -> None:
    found = visits_in(protocol, people, dt.date(2026, 3, 5), dt.date(2026, 3, 7), TODAY)
    assert named(found) == [
        "P-0101 RT4 planned", "P-0102 RT4 planned", "P-0103 C1D1 booked", "P-0101 RT5 planned", "P-0102 RT5 planned",
        "P-0101 IO1 planned",
    ]  # fmt: skip


def test_the_contract_form_names_the_participant(protocol: Protocol, people: list[ParticipantRecord]) -> None:
    (visit,) = visits_on(protocol, people, dt.date(2026, 3, 7), TODAY)
    assert (visit.as_data()["participant"], visit.as_data()["visit"]) == ("P-0101", "IO1")


@pytest.mark.parametrize(
    ("today", "monday", "sunday"),
    [
        ("2026-03-02", "2026-03-09", "2026-03-15"),
        ("2026-03-04", "2026-03-09", "2026-03-15"),
        ("2026-03-08", "2026-03-09", "2026-03-15"),
        ("2026-12-30", "2027-01-04", "2027-01-10"),
    ],
)
def test_next_week_begins_on_monday(today: str, monday: str, sunday: str) -> None:
    found = next_week(dt.date.fromisoformat(today))
    assert [day.isoformat() for day in found] == [monday, sunday]


def test_due_next_week(protocol: Protocol, build: Build) -> None:
    people = [build(code="P-0101", RT1="2026-02-23"), build(code="P-0102", RT1="2026-03-02")]
    assert named(due_next_week(protocol, people, TODAY)) == ["P-0101 C1D1 planned"]


@pytest.mark.parametrize(
    ("given", "today", "expected"),
    [
        ({"RT1": "2026-03-02"}, "2026-03-05", []),  # the file records the first fraction alone
        ({"RT1": "2026-03-02", "RT2": "2026-03-03"}, "2026-03-05", ["RT3"]),
        ({"RT1": "2026-03-02"}, "2026-03-09", ["IO1"]),
        ({"RT1": "2026-03-02", "IO1": "2026-03-07"}, "2026-03-17", ["C1D1"]),
        ({"RT1": "2026-03-02", "C1D1": "2026-03-16"}, "2026-03-18", []),  # something was done since
        ({"RT1": "booked 2026-03-02"}, "2026-03-03", ["RT1"]),
        ({"RT1": "2026-03-02", "IO1": "2026-03-07", "C1D1": "booked 2026-03-17"}, "2026-03-18", ["C1D1"]),
        ({"RT1": "2026-03-02", "status": "withdrawn"}, "2026-03-17", []),
    ],
)
def test_overdue(protocol: Protocol, build: Build, given: dict[str, str], today: str, expected: list[str]) -> None:
    found = overdue(protocol, [build(**given)], dt.date.fromisoformat(today))
    assert [visit.visit for visit in found] == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"RT1": "2026-03-02", "IO1": "2026-03-07", "C1D1": "2026-03-16"}, []),
        ({"RT1": "2026-03-02", "IO1": "2026-03-10"}, ["IO1"]),
        ({"RT1": "2026-03-02", "C1D1": "2026-03-12"}, ["C1D1"]),
        ({"RT1": "2026-03-02", "C1D1": "2026-03-16", "C2D1": "booked 2026-04-03"}, ["C2D1"]),
    ],
)
def test_deviations(protocol: Protocol, build: Build, given: dict[str, str], expected: list[str]) -> None:
    found = deviations(protocol, [build(**given)], dt.date(2026, 3, 20))
    assert [visit.visit for visit in found] == expected
