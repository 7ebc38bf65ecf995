"""The two-stage rule of the record, in the site notes' words, and its plot."""

from __future__ import annotations

from datetime import date

import pytest

from bot.enrollment.database import Database
from bot.enrollment.demo import load_demo
from bot.enrollment.queries import EnrolmentCounts, enrolment_counts
from bot.enrollment.recruitment import accrual, accrual_png, recruitment
from bot.enrollment.stages import STAGE_ONE
from bot.trial.protocol import Protocol

OPEN, PASSED, CANNOT = "not reached", "boundary passed (4 or more)", "cannot pass: refer to the investigators"


def _counts(yes: int, no: int, open_: int, later: tuple[int, int, int] = (0, 0, 0)) -> EnrolmentCounts:
    first = {"yes": yes, "no": no, "not_assessed": open_}
    second = dict(zip(first, later, strict=True))
    total = {answer: first[answer] + second[answer] for answer in first}
    return EnrolmentCounts({}, sum(total.values()), total["yes"] + total["no"], total, yes + no + open_, first)


CASES = [
    ("nobody yet", _counts(0, 0, 0), 1, OPEN),
    ("one response of eight", _counts(1, 0, 7), 1, OPEN),
    ("three responses, one pending", _counts(3, 19, 1), 1, OPEN),
    ("three responses, all assessed", _counts(3, 20, 0), 1, CANNOT),
    ("no response, three pending", _counts(0, 20, 3), 1, CANNOT),
    ("no response, four pending", _counts(0, 19, 4), 1, OPEN),
    ("no response of 20, three to enrol", _counts(0, 20, 0), 1, CANNOT),
    ("no response of 19, four to enrol", _counts(0, 19, 0), 1, OPEN),
    ("four responses, stage not full", _counts(4, 2, 6), 1, PASSED),
    ("four responses, stage full", _counts(4, 19, 0), 2, PASSED),
    ("stage two runs", _counts(5, 18, 0, (2, 3, 10)), 2, PASSED),
    ("responses of stage two do not count", _counts(3, 20, 0, (4, 0, 0)), 2, CANNOT),
]


@pytest.mark.parametrize(("counts", "stage", "decision"), [each[1:] for each in CASES], ids=[each[0] for each in CASES])
def test_the_stage_decision(protocol: Protocol, counts: EnrolmentCounts, stage: int, decision: str) -> None:
    found = recruitment(protocol, counts)
    assert (found.stage, found.decision) == (stage, decision)
    assert "terminat" not in found.decision and "stop" not in found.decision


async def test_the_contract_s_figures(database: Database, protocol: Protocol) -> None:
    await load_demo(database)
    async with database.session() as session:
        data = recruitment(protocol, await enrolment_counts(session)).as_data()
    assert data == {"enrolled": 9, "target": 55, "stage": 1, "evaluable": 1, "pcr": 1, "decision": OPEN}


def test_stage_one_is_as_large_as_the_record_says(protocol: Protocol) -> None:
    assert protocol.design.stage_one_enrolled == STAGE_ONE


async def test_accrual_adds_up_by_day(database: Database) -> None:
    await load_demo(database)
    async with database.session() as session:
        curve = await accrual(session)
    assert [day for day, _ in curve] == sorted({day for day, _ in curve})
    assert [total for _, total in curve] == sorted(total for _, total in curve)
    assert curve[-1][1] == 9


@pytest.mark.parametrize("curve", [[], [(date(2026, 5, 1), 4), (date(2026, 6, 1), 60)]])
def test_the_plot_is_a_picture(protocol: Protocol, curve: list[tuple[date, int]]) -> None:
    picture = accrual_png(protocol, curve, date(2026, 6, 10))
    assert picture.startswith(b"\x89PNG\r\n")
    width, height = int.from_bytes(picture[16:20], "big"), int.from_bytes(picture[20:24], "big")
    assert (width, height) == (960, 540)
