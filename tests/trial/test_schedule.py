"""Dates, states and lists of visits, worked out by hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest

from bot.trial.protocol import Protocol
from bot.trial.record import ParticipantRecord, VisitEvent
from bot.trial.schedule import (
    calendar,
    contraception_until,
    next_visit,
    planned_dates,
    position,
    undated_visit,
    visit_of,
    visits_between,
    visits_to_come,
)

Build = Callable[..., ParticipantRecord]


def day(text: str) -> dt.date:
    """`03-02` is a day of 2026."""
    return dt.date.fromisoformat(f"2026-{text}")


WORKED_EXAMPLE = {
    "RT1": "03-02", "RT2": "03-03", "RT3": "03-04", "RT4": "03-05", "RT5": "03-06", "IO1": "03-07",
    "C1D1": "03-16", "C2D1": "04-06", "C3D1": "04-27", "C4D1": "05-18",
}  # fmt: skip


@pytest.mark.parametrize(("code", "expected"), WORKED_EXAMPLE.items())
def test_worked_example_day_1_on_2_march(protocol: Protocol, build: Build, code: str, expected: str) -> None:
    visit = visit_of(protocol, build(RT1="2026-03-02"), code, day("03-02"))  # type: ignore[arg-type]
    assert visit.date == day(expected)


def test_worked_example_first_penpulimab_on_7_or_8_march(protocol: Protocol, build: Build) -> None:
    visit = visit_of(protocol, build(RT1="2026-03-02"), "IO1", day("03-02"))
    assert visit.window == (day("03-07"), day("03-08"))
    assert "2026-03-07 or 2026-03-08" in " ".join(visit.notes_for(staff=False))


def test_worked_example_surgery_not_before_14_june(protocol: Protocol, build: Build) -> None:
    visit = visit_of(protocol, build(RT1="2026-03-02"), "SURGERY", day("03-02"))
    assert (visit.date, visit.window, visit.status) == (None, (day("06-14"), None), "planned")
    assert "planned last capecitabine dose, 2026-05-31" in " ".join(visit.notes_for(staff=False))


DELAYED = [
    # recorded -> visit: expected day
    ({"C1D1": "2026-03-18"}, {"C2D1": "04-08", "C3D1": "04-29", "C4D1": "05-20"}),
    ({"C1D1": "2026-03-16", "C2D1": "2026-04-13"}, {"C3D1": "05-04", "C4D1": "05-25"}),
    ({"C2D1": "2026-04-08", "C3D1": "2026-05-06"}, {"C4D1": "05-27"}),
    ({"C1D1": "2026-03-16", "C2D1": "booked 2026-04-09"}, {"C3D1": "04-30", "C4D1": "05-21"}),
    ({"C1D1": "2026-03-15"}, {"C2D1": "04-05"}),
    ({"IO1": "2026-03-10"}, {"C1D1": "03-16", "C2D1": "04-06"}),
    ({"C2D1": "missed 2026-04-06"}, {"C2D1": "04-06", "C3D1": "04-27"}),
    ({"C2D1": "missed"}, {"C2D1": "04-06", "C3D1": "04-27"}),
    ({"C2D1": "cancelled"}, {"C2D1": "04-06", "C3D1": "04-27"}),
    ({"RT3": "2026-03-05"}, {"RT2": "03-03", "RT4": "03-06", "RT5": "03-07", "IO1": "03-07", "C1D1": "03-16"}),
    ({"C4D1": "2026-05-18", "SURGERY": "booked 2026-06-16"}, {"SURGERY": "06-16"}),
    ({"C4D1": "2026-05-18", "RESTAGE": "booked 2026-06-08"}, {"RESTAGE": "06-08"}),
]


@pytest.mark.parametrize(("given", "expected"), DELAYED, ids=[" ".join(given) for given, _ in DELAYED])
def test_what_follows_counts_from_the_actual_day(
    protocol: Protocol, build: Build, given: dict[str, str], expected: dict[str, str]
) -> None:
    dates = {v.visit: v.date for v in calendar(protocol, build(RT1="2026-03-02", **given), day("03-09"))}
    assert {code: dates[code] for code in expected} == {code: day(text) for code, text in expected.items()}  # type: ignore[index]


@pytest.mark.parametrize(
    ("given", "last", "earliest"),
    [
        ({}, None, "06-14"),
        ({"C4D1": "2026-05-25"}, None, "06-21"),
        ({"C4D1": "2026-05-18"}, "05-31", "06-14"),
        ({"C4D1": "2026-05-18"}, "05-28", "06-11"),  # stopped early
        ({"C4D1": "2026-05-18"}, "06-02", "06-16"),  # after a pause
        ({"C4D1": "2026-05-18"}, "05-18", "06-01"),  # stopped on its first day
        ({"C3D1": "2026-04-27"}, "05-04", "05-18"),  # the fourth cycle never came
        ({"C3D1": "2026-04-27", "C4D1": "2026-05-18"}, "05-10", "06-14"),  # older than cycle 4: not the last one
        ({"C4D1": "booked 2026-05-20"}, "05-10", "06-16"),
    ],
)
def test_earliest_surgery_is_14_days_after_the_last_capecitabine(
    protocol: Protocol, build: Build, given: dict[str, str], last: str | None, earliest: str
) -> None:
    record = build(RT1="2026-03-02", last_capecitabine=last and day(last), **given)
    assert visit_of(protocol, record, "SURGERY", day("05-19")).window == (day(earliest), None)


def test_an_evening_start_moves_the_bound_by_a_day(protocol: Protocol, build: Build) -> None:
    evening = protocol.with_settings(first_capecitabine_dose="evening")
    assert visit_of(evening, build(RT1="2026-03-02"), "SURGERY", day("03-02")).window == (day("06-15"), None)


def test_keep_plan_counts_from_the_plan(protocol: Protocol, build: Build) -> None:
    kept = protocol.with_settings(delay_policy="keep_plan")
    record = build(RT1="2026-03-02", C1D1="2026-03-20")
    dates = {v.visit: v.date for v in calendar(kept, record, day("03-21"))}
    assert (dates["C1D1"], dates["C2D1"], dates["C3D1"]) == (day("03-20"), day("04-06"), day("04-27"))


STATES = [
    # what is on file, today, visit, state, days until
    ({}, "03-02", "RT1", "done", None),
    ({}, "03-02", "RT2", "planned", 1),
    ({}, "03-03", "RT2", "planned", 0),
    ({}, "03-04", "RT2", "no_record", None),
    ({"RT2": "missed 2026-03-03"}, "03-04", "RT2", "missed", None),
    ({}, "03-07", "IO1", "planned", 0),
    ({}, "03-08", "IO1", "planned", 0),  # day 7 is still in the record's 'D6 or D7'
    ({}, "03-09", "IO1", "no_record", None),
    ({"IO1": "booked 2026-03-08 09:30"}, "03-07", "IO1", "booked", 1),
    ({"IO1": "booked 2026-03-07"}, "03-08", "IO1", "no_record", None),
    ({"C1D1": "booked 2026-03-17"}, "03-16", "C1D1", "booked", 1),
    ({"C1D1": "booked 2026-03-17"}, "03-17", "C1D1", "booked", 0),
    ({"C1D1": "booked 2026-03-17"}, "03-18", "C1D1", "no_record", None),
    ({"C1D1": "2026-03-17"}, "03-17", "C1D1", "done", None),
    ({"C1D1": "2026-03-17"}, "03-16", "C1D1", "booked", 1),  # nothing is done in the future
    ({"C2D1": "cancelled 2026-04-06"}, "03-20", "C2D1", "cancelled", None),
    ({}, "04-01", "RESTAGE", "planned", None),
    ({"RESTAGE": "2026-06-03", "C4D1": "2026-05-18"}, "06-04", "RESTAGE", "done", None),
    ({"SURGERY": "2026-06-20", "C4D1": "2026-05-18"}, "06-24", "RESTAGE", "no_record", None),
]


@pytest.mark.parametrize(("given", "today", "code", "state", "days_until"), STATES)
def test_states(
    protocol: Protocol, build: Build, given: dict[str, str], today: str, code: str, state: str, days_until: int | None
) -> None:
    visit = visit_of(protocol, build(RT1="2026-03-02", **given), code, day(today))  # type: ignore[arg-type]
    assert (visit.status, visit.days_until) == (state, days_until)


@pytest.mark.parametrize(
    ("words", "today", "state"),
    [
        ("2026-03-16", "03-17", "done"),
        ("2026-03-16", "03-16", "booked"),
        ("2026-03-16", "03-15", "booked"),
        ("booked 2026-03-16", "03-17", "done"),
        ("missed 2026-03-16", "03-17", "missed"),
    ],
)
def test_a_clock_set_before_the_recording_reads_it_afresh(
    protocol: Protocol, build: Build, words: str, today: str, state: str
) -> None:
    record = build(RT1="2026-03-02", C1D1=words, recorded_on=day("06-10"))
    assert visit_of(protocol, record, "C1D1", day(today)).status == state


@pytest.mark.parametrize(
    ("given", "status", "today", "code", "date", "reason"),
    [
        ({}, "enrolled", "03-01", None, None, "not_started"),
        ({}, "screening", "03-01", None, None, "not_started"),
        ({"RT1": "missed 2026-03-02"}, "enrolled", "03-03", None, None, "not_started"),
        ({"RT1": "cancelled 2026-03-02"}, "enrolled", "03-01", None, None, "not_started"),
        ({"RT1": "booked 2026-03-02"}, "enrolled", "03-01", "RT1", "03-02", None),
        ({"RT1": "booked 2026-03-02"}, "enrolled", "03-02", "RT1", "03-02", None),
        ({"RT1": "2026-03-02"}, "on_treatment", "03-02", "RT2", "03-03", None),
        ({"RT1": "2026-03-02"}, "on_treatment", "03-04", "RT3", "03-04", None),
        ({"RT1": "2026-03-02", "RT3": "2026-03-04"}, "on_treatment", "03-04", "RT4", "03-05", None),
        ({"RT1": "2026-03-02"}, "on_treatment", "03-07", "IO1", "03-07", None),
        ({"RT1": "2026-03-02"}, "on_treatment", "03-08", "IO1", "03-07", None),
        ({"RT1": "2026-03-02"}, "on_treatment", "03-09", "C1D1", "03-16", None),
        ({"RT1": "2026-03-02"}, "on_treatment", "03-17", "C2D1", "04-06", None),
        ({"RT1": "2026-03-02", "C2D1": "missed 2026-04-06"}, "on_treatment", "04-07", "C3D1", "04-27", None),
        ({"RT1": "2026-03-02", "C4D1": "2026-05-18"}, "on_treatment", "05-18", "RESTAGE", None, None),
        ({"RT1": "2026-03-02", "C4D1": "2026-05-18", "RESTAGE": "2026-06-03"}, "on_treatment", "06-04", "SURGERY",
         None, None),
        ({"RT1": "2026-03-02", "C4D1": "2026-05-18", "SURGERY": "2026-06-16"}, "on_treatment", "06-17", None, None,
         "nothing_to_come"),
        ({"RT1": "2026-03-02"}, "withdrawn", "03-04", None, None, "withdrawn"),
        ({"RT1": "2026-03-02", "C1D1": "booked 2026-03-16"}, "withdrawn", "03-10", None, None, "withdrawn"),
        ({"RT1": "2026-03-02"}, "completed", "03-04", None, None, "completed"),
        ({}, "screen_failed", "03-04", None, None, "screen_failed"),
    ],
)  # fmt: skip
def test_next_visit(
    protocol: Protocol,
    build: Build,
    given: dict[str, str],
    status: str,
    today: str,
    code: str | None,
    date: str | None,
    reason: str | None,
) -> None:
    found = next_visit(protocol, build(status=status, **given), day(today))
    assert found.reason == reason
    assert (found.visit and found.visit.visit, found.visit and found.visit.date) == (code, date and day(date))


@pytest.mark.parametrize(
    ("given", "status", "today", "codes"),
    [
        ({"RT1": "2026-03-02", "C2D1": "2026-04-06"}, "on_treatment", "04-07", "C3D1 C4D1 RESTAGE SURGERY"),
        ({"RT1": "2026-03-02", "C4D1": "2026-05-18"}, "on_treatment", "05-19", "RESTAGE SURGERY"),
        ({"RT1": "2026-03-02", "C4D1": "2026-05-18", "RESTAGE": "2026-06-03"}, "on_treatment", "06-04", "SURGERY"),
        ({"RT1": "2026-03-02", "C3D1": "cancelled"}, "on_treatment", "04-07", "C4D1 RESTAGE SURGERY"),
        ({"RT1": "2026-03-02", "C2D1": "2026-04-06"}, "withdrawn", "04-07", ""),
        ({"RT1": "2026-03-02", "C2D1": "booked 2026-04-06"}, "withdrawn", "04-01", ""),
        ({"RT1": "2026-03-02", "C4D1": "2026-05-18"}, "completed", "05-19", ""),
    ],
)
def test_visits_to_come(
    protocol: Protocol, build: Build, given: dict[str, str], status: str, today: str, codes: str
) -> None:
    found = visits_to_come(protocol, build(status=status, **given), day(today))
    assert [visit.visit for visit in found] == codes.split()


def test_a_booked_surgery_before_an_undated_restaging_keeps_its_date(protocol: Protocol, build: Build) -> None:
    record = build(RT1="2026-03-02", C4D1="2026-05-18", SURGERY="booked 2026-06-16")
    found = visits_to_come(protocol, record, day("06-01"))
    assert [(visit.visit, visit.date) for visit in found] == [("RESTAGE", None), ("SURGERY", day("06-16"))]


@pytest.mark.parametrize(
    ("first", "last", "codes"),
    [
        ("03-02", "03-02", "RT1"),
        ("03-05", "03-08", "RT4 RT5 IO1"),
        ("03-08", "03-08", "IO1"),  # the second of its two days
        ("03-09", "03-15", ""),
        ("04-27", "05-18", "C3D1 C4D1"),
        ("06-01", "07-31", ""),  # surgery has a bound, no day
    ],
)
def test_visits_between(protocol: Protocol, build: Build, first: str, last: str, codes: str) -> None:
    found = visits_between(protocol, build(RT1="2026-03-02"), day(first), day(last), day("03-02"))
    assert [visit.visit for visit in found] == codes.split()


@pytest.mark.parametrize(
    ("given", "status", "today", "expected"),
    [
        ({}, "enrolled", "03-01", (None, None, None)),
        ({"RT1": "booked 2026-03-02"}, "enrolled", "03-01", (None, None, None)),
        ({"RT1": "booked 2026-03-02"}, "enrolled", "03-02", (1, None, None)),
        ({"RT1": "booked 2026-03-02"}, "enrolled", "03-03", (None, None, None)),  # nobody said that it took place
        ({"RT1": "2026-03-02"}, "on_treatment", "03-08", (7, None, None)),
        ({"RT1": "2026-03-02"}, "on_treatment", "03-16", (15, 1, 1)),  # due today
        ({"RT1": "2026-03-02"}, "on_treatment", "03-17", (16, None, None)),  # nothing on file
        ({"RT1": "2026-03-02", "C1D1": "2026-03-18"}, "on_treatment", "03-18", (17, 1, 1)),
        ({"RT1": "2026-03-02", "C1D1": "2026-03-18"}, "on_treatment", "04-07", (37, 1, 21)),
        ({"RT1": "2026-03-02", "C1D1": "2026-03-18", "C2D1": "booked 2026-04-09"}, "on_treatment", "04-08",
         (38, None, None)),
        ({"RT1": "2026-03-02", "C1D1": "2026-03-18"}, "on_treatment", "04-08", (38, 2, 1)),
        ({"RT1": "2026-03-02", "C4D1": "2026-05-18"}, "on_treatment", "06-07", (98, 4, 21)),
        ({"RT1": "2026-03-02", "C4D1": "2026-05-18"}, "on_treatment", "06-08", (99, None, None)),
        ({"RT1": "2026-03-02", "C1D1": "2026-03-16"}, "withdrawn", "03-17", (None, None, None)),
        ({"RT1": "2026-03-02", "C1D1": "2026-03-16"}, "completed", "03-17", (None, None, None)),
    ],
)  # fmt: skip
def test_position(
    protocol: Protocol,
    build: Build,
    given: dict[str, str],
    status: str,
    today: str,
    expected: tuple[int | None, int | None, int | None],
) -> None:
    data = position(protocol, build(status=status, **given), day(today)).as_data()
    assert data == {"status": status, **dict(zip(("trial_day", "cycle", "cycle_day"), expected, strict=True))}


def test_without_a_first_fraction_nothing_has_a_date(protocol: Protocol, build: Build) -> None:
    visits = calendar(protocol, build(status="enrolled"), day("03-01"))
    assert {(visit.date, visit.window, visit.status) for visit in visits} == {(None, None, "planned")}


def test_a_cycle_on_file_carries_the_next_even_without_a_first_fraction(protocol: Protocol, build: Build) -> None:
    dates = {v.visit: v.date for v in calendar(protocol, build(C2D1="2026-04-06"), day("04-07"))}
    assert (dates["RT1"], dates["C1D1"], dates["C3D1"]) == (None, None, day("04-27"))


def test_after_withdrawal_no_derived_day_is_named(protocol: Protocol, build: Build) -> None:
    visits = calendar(protocol, build(status="withdrawn", RT1="2026-03-02", C1D1="2026-03-16"), day("03-20"))
    states = {visit.visit: (visit.date, visit.status) for visit in visits}
    assert states["C1D1"] == (day("03-16"), "done")
    assert states["RT2"] == (day("03-03"), "no_record")
    assert {states[code] for code in ("C2D1", "C3D1", "C4D1", "RESTAGE", "SURGERY")} == {(None, "cancelled")}  # type: ignore[index]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"IO1": "2026-03-20"}, "C1D1"),  # given after the planned day 15
        ({"C2D1": "2026-03-12"}, "C1D1"),  # a later cycle on file before it
        ({"RT5": "2026-03-10"}, "IO1"),  # radiotherapy went past day 6
    ],
)
def test_an_overtaken_day_is_the_teams_to_set(
    protocol: Protocol, build: Build, given: dict[str, str], code: str
) -> None:
    visit = visit_of(protocol, build(RT1="2026-03-02", **given), code, day("03-09"))  # type: ignore[arg-type]
    assert (visit.date, [note.code for note in visit.notes][:1]) == (None, ["overtaken"])


NOTES = [
    # what is on file, today, visit, notes (all of those named, in any order)
    ({}, "03-02", "IO1", {"io1_either_day", "weekend"}),
    ({"IO1": "booked 2026-03-08"}, "03-02", "IO1", {"weekend"}),
    ({}, "03-02", "C1D1", {"c1d1_day_set_by_site"}),
    ({"C1D1": "booked 2026-03-16"}, "03-02", "C1D1", set()),
    ({"C1D1": "2026-03-16"}, "03-17", "C2D1", {"closure"}),  # 6 April: Tomb-Sweeping Day
    ({"C1D1": "2026-03-18"}, "03-19", "C2D1", {"counted_from_actual_start"}),
    ({}, "03-17", "C2D1", {"unconfirmed", "closure"}),
    ({}, "03-17", "C4D1", {"unconfirmed"}),
    ({"C1D1": "2026-03-16", "C2D1": "missed 2026-04-06"}, "04-07", "C3D1", {"unconfirmed"}),
    ({"C1D1": "2026-03-16", "C2D1": "cancelled 2026-04-06"}, "03-20", "C3D1", {"unconfirmed"}),
    ({}, "03-05", "RT4", set()),  # the file records the first fraction alone
    ({"RT3": "missed 2026-03-04"}, "03-05", "RT4", {"unconfirmed"}),
    ({"C1D1": "2026-03-16", "C2D1": "2026-04-06"}, "04-06", "C2D1", set()),
    ({"C1D1": "booked 2026-03-16"}, "03-17", "C1D1", {"not_confirmed_as_done"}),
    ({"C1D1": "2026-03-16", "C2D1": "2026-04-02"}, "04-02", "C2D1", {"gap_under_21_days"}),
    ({"C1D1": "2026-03-16", "C2D1": "booked 2026-04-02"}, "03-20", "C2D1", {"gap_under_21_days"}),
    ({"C1D1": "2026-03-13"}, "03-13", "C1D1", {"before_day_15"}),
    ({"IO1": "2026-03-10"}, "03-11", "IO1", {"outside_window"}),
    ({"C4D1": "2026-05-18", "SURGERY": "2026-06-10"}, "06-11", "SURGERY", {"surgery_too_early"}),
    ({"C4D1": "2026-05-18"}, "05-20", "RESTAGE", {"team_sets_day"}),
    ({"C4D1": "2026-05-18"}, "05-20", "SURGERY", {"bound_from_planned", "watch_and_wait_possible", "team_sets_day"}),
]


@pytest.mark.parametrize(("given", "today", "code", "codes"), NOTES)
def test_notes(protocol: Protocol, build: Build, given: dict[str, str], today: str, code: str, codes: set[str]) -> None:
    visit = visit_of(protocol, build(RT1="2026-03-02", **given), code, day(today))  # type: ignore[arg-type]
    assert {note.code for note in visit.notes} == codes


def test_all_rests_on_a_first_fraction_that_nobody_confirmed(protocol: Protocol, build: Build) -> None:
    visits = visits_to_come(protocol, build(RT1="booked 2026-03-02"), day("03-03"))
    assert [visit.visit for visit in visits if visit.unconfirmed] == [code for code in WORKED_EXAMPLE if code != "RT1"]


def test_radiotherapy_over_a_weekend_is_a_conflict_for_staff(protocol: Protocol, build: Build) -> None:
    record = build(RT1="2026-03-04")  # a Wednesday: fractions 4 and 5 as written fall on Saturday and Sunday
    visits = {visit.visit: visit for visit in calendar(protocol, record, day("03-04"))}
    assert (visits["RT4"].date, visits["RT5"].date) == (day("03-07"), day("03-08"))
    for code, conflict in (("RT2", False), ("RT3", False), ("RT4", True), ("RT5", True)):
        codes = {note.code for note in visits[code].notes}  # type: ignore[index]
        assert codes == {"radiotherapy_day_confirmed_by_team"} | ({"weekend_radiotherapy"} if conflict else set())
    assert not any("Conflict" in text for text in visits["RT4"].notes_for(staff=False))


def test_a_recorded_end_of_capecitabine_puts_the_next_cycle_in_doubt(protocol: Protocol, build: Build) -> None:
    record = build(RT1="2026-03-02", C3D1="2026-04-27", last_capecitabine=day("05-04"))
    visit = visit_of(protocol, record, "C4D1", day("05-06"))
    assert (visit.date, [note.code for note in visit.notes]) == (day("05-18"), ["capecitabine_ended"])


def test_a_standing_booking_of_somebody_withdrawn_is_shown_to_staff(protocol: Protocol, build: Build) -> None:
    visit = visit_of(
        protocol, build(status="withdrawn", RT1="2026-03-02", C1D1="booked 2026-03-16"), "C1D1", day("03-10")
    )
    assert [(note.code, note.audience) for note in visit.notes] == [("booking_after_end", "staff")]


def test_public_holidays_warn_in_a_year_without_a_list(protocol: Protocol, build: Build) -> None:
    record = build(RT1="2026-09-28")  # C1D1 12 October, C4D1 14 December 2026; the next starts in 2027
    later = build(C3D1="2027-09-10")  # C4D1 1 October 2027, National Day
    assert "closure" not in {n.code for n in visit_of(protocol, record, "C4D1", day("09-28")).notes}
    visit = visit_of(protocol, later, "C4D1", dt.date(2027, 9, 11))
    assert (visit.date, "closure" in {note.code for note in visit.notes}) == (dt.date(2027, 10, 1), True)
    assert any("国庆" in text for text in visit.notes_for(staff=False, language="zh"))


def test_contract_form(protocol: Protocol, build: Build) -> None:
    record = build(RT1="2026-03-02", IO1="booked 2026-03-08 09:30")
    assert visit_of(protocol, record, "IO1", day("03-06")).as_data("zh") == {
        "visit": "IO1",
        "title": "首次派安普利单抗输注",
        "date": "2026-03-08",
        "window": ["2026-03-07", "2026-03-08"],
        "status": "booked",
        "time": "09:30",
        "what_happens": "静脉输注派安普利单抗200 mg,约60分钟(55至65分钟),在第6天或第7天进行。",
        "days_until": 2,
    }
    assert visit_of(protocol, record, "SURGERY", day("03-06")).as_data()["window"] == ["2026-06-14", None]


def test_a_visit_of_nobody_has_no_dates(protocol: Protocol) -> None:
    data = undated_visit(protocol, "C2D1").as_data()
    assert (data["visit"], data["date"], data["window"], data["days_until"]) == ("C2D1", None, None, None)


def test_planned_dates_hold_both_days_of_an_open_choice(protocol: Protocol, build: Build) -> None:
    open_choice = planned_dates(protocol, build(RT1="2026-03-02"))
    booked = planned_dates(protocol, build(RT1="2026-03-02", IO1="booked 2026-03-08"))
    assert open_choice["IO1"] == (day("03-07"), day("03-08"))
    assert booked["IO1"] == (day("03-08"), day("03-08"))
    assert (open_choice["RESTAGE"], open_choice["SURGERY"]) == (None, None)


@pytest.mark.parametrize(
    ("status", "given", "last", "until"),
    [
        ("on_treatment", {"C4D1": "2026-05-18"}, "05-31", None),
        ("completed", {"C4D1": "2026-05-18"}, "05-31", "2026-11-30"),  # 31 November there is none
        ("completed", {"C4D1": "2026-05-18", "SURGERY": "2026-06-16"}, "05-31", "2026-12-16"),
        ("completed", {"SURGERY": "2026-08-31"}, None, "2027-02-28"),
        ("completed", {"SURGERY": "2026-06-30"}, None, "2026-12-30"),
        ("completed", {"SURGERY": "2026-07-01"}, None, "2027-01-01"),
        ("completed", {}, None, None),
        ("withdrawn", {"C1D1": "2026-03-16"}, "03-20", None),
    ],
)
def test_contraception_until_six_months_after_a_recorded_end(
    protocol: Protocol, build: Build, status: str, given: dict[str, str], last: str | None, until: str | None
) -> None:
    record = build(status=status, last_capecitabine=last and day(last), **given)
    assert contraception_until(protocol, record) == (until and dt.date.fromisoformat(until))


def test_a_done_visit_without_a_day_is_as_if_nothing_were_on_file(protocol: Protocol) -> None:
    record = ParticipantRecord(
        "P-0001",
        "on_treatment",
        events={"RT1": VisitEvent("RT1", day("03-02"), "done"), "C1D1": VisitEvent("C1D1", None, "done")},
    )
    visit = visit_of(protocol, record, "C1D1", day("03-10"))
    assert (visit.date, visit.status) == (day("03-16"), "planned")
