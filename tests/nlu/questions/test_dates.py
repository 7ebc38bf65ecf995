from calendar import day_name
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.nlu.dates import direction_of, read_dates

WEDNESDAY = date(2026, 6, 10)


def day(text: str) -> date:
    month, number = text.split("-")
    return date(2026, int(month), int(number))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("do I come in today", "6-10"),
        ("tablets tonight?", "6-10"),
        ("this morning's dose", "6-10"),
        ("xeloda tmrw??", "6-11"),
        ("tomorow", "6-11"),
        ("the day after tomorrow", "6-12"),
        ("I forgot it yesterday", "6-9"),
        ("day before yesterday", "6-8"),
        ("on Friday", "6-12"),
        ("Wednesday", "6-10"),
        ("this Sat", "6-13"),
        ("and next Tuesday?", "6-16"),
        ("Tuesday next week", "6-16"),
        ("Friday next week", "6-19"),
        ("next week Friday", "6-19"),
        ("Tuesday week", "6-23"),
        ("a week on Friday", "6-19"),
        ("a week today", "6-17"),
        ("xeloda sat?", "6-13"),
        ("thurs?", "6-11"),
        ("on the 15th", "6-15"),
        ("by the 3rd", "7-3"),
        ("15 June", "6-15"),
        ("15th of June", "6-15"),
        ("June 15th, 2026", "6-15"),
        ("the sixth of October", "10-6"),
        ("October the twenty-first", "10-21"),
        ("15/6", "6-15"),
        ("6/15", "6-15"),
        ("06/06", "6-6"),
        ("15/06/2026", "6-15"),
        ("2026-06-15", "6-15"),
        ("2026.6.15", "6-15"),
        ("on 15.6.", "6-15"),
        ("in 3 days", "6-13"),
        ("in two weeks", "6-24"),
        ("ten days from now", "6-20"),
        ("in a fortnight", "6-24"),
        ("in a month", "7-10"),
        ("2 days ago", "6-8"),
        ("a week ago", "6-3"),
        ("今天", "6-10"),
        ("今晚要吃药吗", "6-10"),
        ("明天", "6-11"),
        ("后天", "6-12"),
        ("大后天", "6-13"),
        ("昨晚", "6-9"),
        ("前天", "6-8"),
        ("周五", "6-12"),
        ("下周二", "6-16"),
        ("这周六", "6-13"),
        ("上周五", "6-5"),
        ("下下周一", "6-22"),
        ("星期天", "6-14"),
        ("6月15日", "6-15"),
        ("六月十五号", "6-15"),
        ("2026年6月15日", "6-15"),
        ("15号", "6-15"),
        ("三天后", "6-13"),
        ("两周后", "6-24"),
        ("３天前", "6-7"),
        ("６月１５日", "6-15"),
    ],
)
def test_one_day(text: str, expected: str) -> None:
    (mention,) = read_dates(text, WEDNESDAY, direction_of(text))
    assert (mention.date, mention.last, mention.ambiguous, mention.impossible) == (day(expected), None, False, False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("two weeks from today", "6-24"),
        ("3 weeks from tomorrow", "7-2"),
        ("the day after 20 June", "6-21"),
        ("the day before the 28th", "6-27"),
        ("two weeks on Friday", "6-26"),
        ("fortnight today", "6-24"),
        ("the Monday after next", "6-22"),
        ("not this Friday but the next", "6-19"),
        ("the first Monday in July", "7-6"),
        ("the 3rd of next month", "7-3"),
        ("the twenty-first", "6-21"),
        ("wed 17", "6-17"),
        ("since Monday", "6-8"),
        ("从今天起两周后", "6-24"),
        ("两个星期后的今天", "6-24"),
        ("下个月三号", "7-3"),
        ("再过两天", "6-12"),
        ("我9.21去行吗", "9-21"),
    ],
)
def test_a_day_counted_from_another_is_that_day(text: str, expected: str) -> None:
    (mention,) = read_dates(text, WEDNESDAY, direction_of(text))
    assert (mention.date, mention.last) == (day(expected), None)


@pytest.mark.parametrize(
    "text",
    [
        "in a few days", "in a couple of weeks", "in two and a half weeks", "at the end of the month", "mid October",
        "over Christmas", "on my birthday", "the week after 21 September", "月底", "过几天", "国庆节", "半个月后",
    ],
)  # fmt: skip
def test_a_time_that_names_no_day_is_vague(text: str) -> None:
    (mention,) = read_dates(text, WEDNESDAY)
    assert mention.vague
    assert mention.days == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("what did I take on Monday", "6-8"),
        ("I missed it on Friday", "6-5"),
        ("what did I have on the 15th", "5-15"),
        ("周一忘了吃药", "6-8"),
    ],
)
def test_a_question_that_looks_back_means_a_day_behind(text: str, expected: str) -> None:
    (mention,) = read_dates(text, WEDNESDAY, direction_of(text))
    assert mention.date == day(expected)


@pytest.mark.parametrize(
    ("text", "candidates"),
    [
        ("03/07", ("3-7", "7-3")),
        ("on 3.7.", ("3-7", "7-3")),
        ("04-05-2026", ("4-5", "5-4")),
        ("next Friday", ("6-12", "6-19")),
        ("last Monday", ("6-1", "6-8")),
    ],
)
def test_two_readings_are_both_kept(text: str, candidates: tuple[str, str]) -> None:
    (mention,) = read_dates(text, WEDNESDAY)
    assert mention.ambiguous
    assert mention.date is None
    assert mention.candidates == tuple(day(one) for one in candidates)


@pytest.mark.parametrize(
    "text", ["31 June", "30 February", "February 30", "31/6", "2026-06-31", "6月31日", "on the 31st"]
)
def test_a_day_on_no_calendar_is_said_to_be_none(text: str) -> None:
    (mention,) = read_dates(text, WEDNESDAY)
    assert mention.impossible
    assert mention.date is None


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("who is in this week", "6-8", "6-14"),
        ("next week", "6-15", "6-21"),
        ("at the weekend", "6-13", "6-14"),
        ("rest of the week", "6-10", "6-14"),
        ("next month", "7-1", "7-31"),
        ("the next 3 days", "6-10", "6-13"),
        ("between the 15th and the 20th", "6-15", "6-20"),
        ("15-18 June", "6-15", "6-18"),
        ("下周", "6-15", "6-21"),
        ("本周", "6-8", "6-14"),
        ("周末", "6-13", "6-14"),
    ],
)
def test_ranges(text: str, first: str, last: str) -> None:
    (mention,) = read_dates(text, WEDNESDAY)
    assert (mention.date, mention.last) == (day(first), day(last))
    assert mention.days[0] == day(first)
    assert mention.days[-1] == day(last)


@pytest.mark.parametrize(
    "text",
    [
        "my temperature is 38.4",
        "ECOG 0/1",
        "BP 120/80",
        "5x5 Gy",
        "third fraction",
        "the 2nd cycle",
        "cycle 2 day 1",
        "24/7",
        "half a tablet, 1/2 tablet",
        "out in the sun",
        "I sat down",
        "第2天",
        "7号病人",
        "第三周期",
        "月经",
        "May I come in",
        "take it for 3 days",
        "P-0007",
        "1800 mg",
    ],
)
def test_no_date(text: str) -> None:
    assert read_dates(text, WEDNESDAY) == ()


def test_a_move_from_one_day_to_another_is_no_range() -> None:
    found = read_dates("move it from Friday to Monday", WEDNESDAY)
    assert [mention.date for mention in found] == [day("6-12"), day("6-15")]


def test_one_unmistakable_date_settles_the_order_of_the_other() -> None:
    found = read_dates("reschedule from 11/6 and take 15/6", WEDNESDAY)
    assert [mention.date for mention in found] == [day("6-11"), day("6-15")]


@given(
    st.dates(date(2024, 1, 1), date(2030, 12, 31)), st.sampled_from(["%Y-%m-%d", "%d %B %Y", "%B %d, %Y", "%d/%m/%Y"])
)
def test_a_written_out_date_is_itself_or_asked_back(when: date, form: str) -> None:
    (mention,) = read_dates(f"on {when.strftime(form)}", WEDNESDAY)
    assert when in mention.days
    assert mention.ambiguous or mention.date == when


@given(st.dates(date(2024, 1, 1), date(2030, 12, 31)), st.integers(0, 6))
def test_a_bare_weekday_is_within_the_coming_seven_days(today: date, number: int) -> None:
    name = day_name[number]
    (mention,) = read_dates(f"on {name}", today)
    assert mention.date is not None
    assert mention.date.weekday() == number
    assert today <= mention.date < today + timedelta(7)


@given(st.dates(date(2024, 1, 1), date(2030, 12, 31)), st.integers(0, 6))
def test_next_weekday_always_holds_the_day_of_the_coming_week(today: date, number: int) -> None:
    name = day_name[number]
    (mention,) = read_dates(f"next {name}", today)
    assert today - timedelta(today.weekday()) + timedelta(7 + number) in mention.days


@given(st.text(max_size=80), st.dates(date(2024, 1, 1), date(2030, 12, 31)))
def test_any_text_is_survived_and_mentions_lie_in_it(text: str, today: date) -> None:
    found = read_dates(text, today)
    assert all(text[mention.start : mention.end] == mention.text for mention in found)
    assert all(left.end <= right.start for left, right in pairwise(found))


@pytest.mark.parametrize("text", ["9999-12-31", "0001-01-01", "31/12/9999", "3000年1月1日", "0000-00-00"])
def test_a_year_of_no_living_person_is_asked_back_and_not_passed_over(text: str) -> None:
    (found,) = read_dates(f"who comes on {text}?", date(2026, 6, 10))
    assert found.impossible
    assert found.date is None


def test_a_day_of_the_last_century_is_read() -> None:
    assert [one.date for one in read_dates("born 1962-04-25", date(2026, 6, 10))] == [date(1962, 4, 25)]
