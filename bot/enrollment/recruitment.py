"""Recruitment against the two-stage design, and its plot. Counts are for staff; investigators decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from io import BytesIO
from typing import Any, Literal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.enrollment.models import Enrolment
from bot.enrollment.queries import EnrolmentCounts
from bot.trial.protocol import Protocol

Decision = Literal["not reached", "boundary passed (4 or more)", "cannot pass: refer to the investigators"]


@dataclass(frozen=True)
class Recruitment:
    """Where recruitment stands.

    Attributes:
        enrolled, target: participants enrolled, and to be enrolled (55, with 15% loss).
        stage: 1 until stage one is full and its boundary passed, then 2.
        evaluable, evaluable_target: with the pathological response assessed, and how many the design needs (48).
        pcr: pathological complete responses among all enrolled.
        decision: the stage decision in the site notes' words (16); never that the trial stops.
        stage_one_enrolled, stage_one_size: of stage one, enrolled so far and to be enrolled (23).
        stage_one_pcr: `yes`, `no` and `not_assessed` among these.
        pending: answers of stage one that are still to come: not assessed, or not even enrolled.
        by_status: participants by status.
    """

    enrolled: int
    target: int
    stage: int
    evaluable: int
    evaluable_target: int
    pcr: int
    decision: Decision
    stage_one_enrolled: int
    stage_one_size: int
    stage_one_pcr: dict[str, int]
    pending: int
    by_status: dict[str, int]

    def as_data(self) -> dict[str, Any]:
        """The contract's `enrolment_summary`."""
        return {
            "enrolled": self.enrolled,
            "target": self.target,
            "stage": self.stage,
            "evaluable": self.evaluable,
            "pcr": self.pcr,
            "decision": self.decision,
        }


def recruitment(protocol: Protocol, counts: EnrolmentCounts) -> Recruitment:
    """What the counts mean under the record's design.

    'Twenty-three patients will be enrolled in the first phase and if the number of pathological complete remission is
    <= 3, the trial will be terminated; if > 3, the trial will proceed to the second phase' (study design). Passed as
    soon as there are 4, impossible as soon as all who are pending could not make it 4: between these, not reached.
    """
    design = protocol.design
    passing = design.stage_one_pcr_boundary + 1
    yes = counts.stage_one_pcr["yes"]
    to_enrol = max(0, design.stage_one_enrolled - counts.stage_one)
    pending = counts.stage_one_pcr["not_assessed"] + to_enrol
    decision: Decision = "not reached"
    if yes >= passing:
        decision = "boundary passed (4 or more)"
    elif yes + pending < passing:
        decision = "cannot pass: refer to the investigators"
    second = counts.enrolled > design.stage_one_enrolled or (to_enrol == 0 and yes >= passing)
    return Recruitment(
        enrolled=counts.enrolled,
        target=design.enrolled_target,
        stage=2 if second else 1,
        evaluable=counts.evaluable,
        evaluable_target=design.evaluable_target,
        pcr=counts.pcr["yes"],
        decision=decision,
        stage_one_enrolled=counts.stage_one,
        stage_one_size=design.stage_one_enrolled,
        stage_one_pcr=dict(counts.stage_one_pcr),
        pending=pending,
        by_status=dict(counts.by_status),
    )


async def accrual(session: AsyncSession) -> list[tuple[date, int]]:
    """Days on which somebody was enrolled, with how many had been by then."""
    days = await session.execute(
        select(Enrolment.enrolled_on, func.count()).group_by(Enrolment.enrolled_on).order_by(Enrolment.enrolled_on)
    )
    total, curve = 0, []
    for day, number in days:
        total += number
        curve.append((day, total))
    return curve


def accrual_png(protocol: Protocol, curve: Sequence[tuple[date, int]], today: date) -> bytes:
    """A picture (PNG) of accrual against the targets; it names no participant.

    The record gives no rate, so the targets are levels, not a slope.
    """
    # Imported here: it is heavy, and needed for a picture alone.
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # type: ignore[import-untyped]
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter  # type: ignore[import-untyped]
    from matplotlib.figure import Figure  # type: ignore[import-untyped]

    design = protocol.design
    figure = Figure(figsize=(8, 4.5), dpi=120)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    start = protocol.status.start
    reached = curve[-1][1] if curve else 0
    days = [start, *(day for day, _ in curve), max(today, curve[-1][0] if curve else today)]
    levels = [0, *(total for _, total in curve), reached]
    axes.step(days, levels, where="post", color="#1f5fa8", linewidth=2, label=f"enrolled: {reached}")
    for level, text in (
        (design.stage_one_enrolled, f"stage one: {design.stage_one_enrolled}"),
        (design.enrolled_target, f"target: {design.enrolled_target}"),
    ):
        axes.axhline(level, color="#777777", linestyle="--", linewidth=1)
        axes.annotate(text, (0.01, level), xycoords=("axes fraction", "data"), va="bottom", fontsize=8)
    axes.set_ylim(0, max(design.enrolled_target, reached) * 1.1)
    axes.set_ylabel("participants enrolled")
    axes.set_title(f"Accrual of {protocol.identifier}, {today.isoformat()}")
    locator = AutoDateLocator()
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    axes.legend(loc="center right", frameon=False)
    figure.tight_layout()
    picture = BytesIO()
    canvas.print_png(picture)
    return picture.getvalue()
