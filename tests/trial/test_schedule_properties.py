"""What holds for every participant, whatever was delayed."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.trial.dosing import doses_on, dosing_days
from bot.trial.protocol import Protocol
from bot.trial.record import ParticipantRecord, VisitCode, VisitEvent
from bot.trial.schedule import calendar, planned_dates, visits_to_come

CHAIN: tuple[VisitCode, ...] = ("RT1", "C1D1", "C2D1", "C3D1", "C4D1")
PLANNED_GAPS = (0, 14, 21, 21, 21)
starts = st.dates(dt.date(2025, 1, 1), dt.date(2027, 6, 30))


@st.composite
def courses(draw: st.DrawFn) -> tuple[ParticipantRecord, dt.date]:
    """Somebody whose visits were held in order, each on its day or up to three weeks late, and a today."""
    day = draw(starts)
    events: dict[VisitCode, VisitEvent] = {}
    for code, gap in zip(CHAIN[: draw(st.integers(1, 5))], PLANNED_GAPS, strict=False):
        day += dt.timedelta(days=gap + draw(st.integers(0, 21)) if code != "RT1" else 0)
        events[code] = VisitEvent(code, day, "done", recorded_on=day)
        if code == "RT1" and draw(st.booleans()):
            io1 = day + dt.timedelta(days=draw(st.integers(5, 6)))
            events["IO1"] = VisitEvent("IO1", io1, "done", recorded_on=io1)
    today = day + dt.timedelta(days=draw(st.integers(0, 40)))
    if draw(st.booleans()) and len(events) < 5:
        later = [code for code in CHAIN if code not in events]
        if later:
            booked = today + dt.timedelta(days=draw(st.integers(21, 60)))
            events[later[0]] = VisitEvent(later[0], booked, "booked", recorded_on=today)
    return ParticipantRecord("P-0001", "on_treatment", events=events), today


@given(courses())
@settings(deadline=None)
def test_no_schedule_is_out_of_order(protocol: Protocol, course: tuple[ParticipantRecord, dt.date]) -> None:
    record, today = course
    dates = [visit.date for visit in calendar(protocol, record, today) if visit.date is not None]
    assert dates == sorted(dates)


@given(courses())
@settings(deadline=None)
def test_the_list_of_visits_to_come_is_in_order_and_ends_with_surgery(
    protocol: Protocol, course: tuple[ParticipantRecord, dt.date]
) -> None:
    record, today = course
    to_come = visits_to_come(protocol, record, today)
    dates = [visit.date for visit in to_come if visit.date is not None]
    assert dates == sorted(dates)
    assert [visit.visit for visit in to_come][-2:] == ["RESTAGE", "SURGERY"]
    assert all(date >= today for date in dates if date != dates[0])


@given(courses(), st.integers(1, 21))
@settings(deadline=None)
def test_a_delay_never_moves_the_past(protocol: Protocol, course: tuple[ParticipantRecord, dt.date], days: int) -> None:
    """Booking the next cycle later leaves every visit before it where it was, and what follows moves by as much."""
    record, _ = course
    open_cycles = [code for code in CHAIN[1:] if code not in record.events]
    before = planned_dates(protocol, record)
    if not open_cycles or before[open_cycles[0]] is None:
        return
    delayed = open_cycles[0]
    planned = before[delayed]
    assert planned is not None
    event = VisitEvent(delayed, planned[0] + dt.timedelta(days=days), "booked")
    after = planned_dates(protocol, replace(record, events={**record.events, delayed: event}))
    codes = list(before)
    for code in codes[: codes.index(delayed)]:
        assert after[code] == before[code]
    for code in CHAIN[CHAIN.index(delayed) :]:
        was, now = before[code], after[code]
        assert was is not None and now is not None
        assert (now[0] - was[0]).days == days


@given(courses(), st.integers(1, 60))
@settings(deadline=None)
def test_the_passing_of_time_moves_no_date(
    protocol: Protocol, course: tuple[ParticipantRecord, dt.date], days: int
) -> None:
    record, today = course
    later = today + dt.timedelta(days=days)
    assert [v.date for v in calendar(protocol, record, today)] == [v.date for v in calendar(protocol, record, later)]


@given(courses())
@settings(deadline=None, max_examples=40)
def test_every_cycle_that_takes_place_has_exactly_14_dosing_days(
    protocol: Protocol, course: tuple[ParticipantRecord, dt.date]
) -> None:
    record, today = course
    visits = {visit.visit: visit for visit in calendar(protocol, record, today)}
    for number, code in enumerate(CHAIN[1:], start=1):
        start, held = visits[code].date, visits[code].status != "no_record"
        assert start is not None
        days = [start + dt.timedelta(days=n) for n in range(21)]
        doses = [dose for day in days for dose in doses_on(protocol, record, day, today).items]
        tablets = [dose for dose in doses if dose.drug == "capecitabine" and dose.cycle == number]
        assert [dose.cycle_day for dose in tablets] == (list(range(1, 15)) if held else [])
        assert all(dose.times_per_day == 2 for dose in tablets)


@given(courses(), st.integers(-10, 120))
@settings(deadline=None)
def test_the_next_dosing_day_is_a_dosing_day_and_none_lies_between(
    protocol: Protocol, course: tuple[ParticipantRecord, dt.date], offset: int
) -> None:
    record, today = course
    day = today + dt.timedelta(days=offset)
    following = doses_on(protocol, record, day, today).next["capecitabine"]
    if following is None:
        return
    assert following > day
    between = [day + dt.timedelta(days=n) for n in range(1, (following - day).days)]
    due = [d for d in [*between, following] for dose in doses_on(protocol, record, d, today).items if dose.cycle]
    assert due == [] or set(due) == {following}


@given(starts)
def test_an_evening_start_has_28_doses_too(protocol: Protocol, start: dt.date) -> None:
    evening = protocol.with_settings(first_capecitabine_dose="evening")
    record = ParticipantRecord("P-0001", "on_treatment", events={"C1D1": VisitEvent("C1D1", start, "done")})
    days = dosing_days(evening, start)
    doses = [d for day in days for d in doses_on(evening, record, day, start).items if d.drug == "capecitabine"]
    assert (len(days), sum(dose.times_per_day for dose in doses)) == (15, 28)
    assert [doses[0].times_per_day, doses[1].times_per_day, doses[-1].times_per_day] == [1, 2, 1]
