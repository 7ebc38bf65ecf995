from datetime import date

import pytest

from bot.nlu.dates import read_dates
from bot.nlu.questions.rescheduling import roles

TODAY = date(2026, 6, 10)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("can we move tomorrow's drip to Friday please", ["visit", "requested"]),
        ("move my appointment from Friday to Monday", ["visit", "requested"]),
        ("can I come on Monday instead of Thursday", ["requested", "visit"]),
        ("I can't come on Thursday, could I come on Friday", ["visit", "requested"]),
        ("Friday instead of Thursday please", ["requested", "visit"]),
        ("please move my visit to the 24th", ["requested"]),
        ("could I come Thursday instead", ["requested"]),
        ("I can't make it tomorrow", ["visit"]),
        ("my appointment on Friday has to be moved", ["visit"]),
        ("cancel Friday", ["visit"]),
        ("reschedule P-0007 to 15 June", ["requested"]),
        ("make it Monday", ["requested"]),
        ("could we have it on the 30th", ["requested"]),
        ("明天的输液能改到周五吗", ["visit", "requested"]),
        ("改到下周一", ["requested"]),
        ("周四来不了", ["visit"]),
        ("从周五换到周一", ["visit", "requested"]),
    ],
)
def test_which_day_is_given_up_and_which_is_wanted(text: str, expected: list[str]) -> None:
    assert list(roles(text, read_dates(text, TODAY))) == expected
