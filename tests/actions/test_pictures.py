"""The plot of accrual goes with the recruitment figures, to staff in a direct conversation and to nobody else."""

from __future__ import annotations

import base64
import builtins
from collections.abc import Callable
from datetime import date
from typing import Any

import matplotlib.backends.backend_agg  # noqa: F401  # imported here, so that no test waits for it
import pytest

from actions import pictures
from actions.conversation import Services
from actions.pictures import AccrualPlot
from bot.channels.output import AnswerCollector
from bot.trial.protocol import Protocol

PREFIX = "data:image/png;base64,"
ASKED = {"intent": "ask_enrolment_summary"}
ONE = [(date(2026, 5, 4), 1)]
TWO = [*ONE, (date(2026, 5, 11), 2)]


@pytest.fixture
def protocol(services: Services) -> Protocol:
    return services.protocol


async def test_staff_get_the_plot_with_the_figures(talk: Callable[..., Any]) -> None:
    reply = await talk("nurse.qiu").say(ASKED)
    assert reply.custom["answer"] == "enrolment_summary"
    assert reply.image.startswith(PREFIX)
    assert len(reply.image) < 100_000
    assert base64.b64decode(reply.image.removeprefix(PREFIX)).startswith(b"\x89PNG")


@pytest.mark.parametrize(("account", "direct"), [("ma.jun", True), ("nobody", True), ("nurse.qiu", False)])
async def test_nobody_else_gets_it(talk: Callable[..., Any], account: str, direct: bool) -> None:
    assert (await talk(account, direct).say(ASKED)).image is None


async def test_other_answers_have_no_picture(talk: Callable[..., Any]) -> None:
    assert (await talk("nurse.qiu").say({"intent": "ask_tickets"})).image is None


async def test_it_is_drawn_again_only_after_a_change(protocol: Protocol, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr(pictures, "accrual_png", lambda *given: drawn.append(given) or b"picture")
    plot = AccrualPlot()
    for curve, day in ((ONE, 1), (ONE, 1), (TWO, 1), (TWO, 2), (TWO, 2)):
        await plot.image(protocol, curve, date(2026, 6, day))
    assert [(curve, today.day) for _, curve, today in drawn] == [(ONE, 1), (TWO, 1), (TWO, 2)]


async def test_the_figures_stand_without_matplotlib(
    talk: Callable[..., Any], services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **options: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.setattr(services.accrual_plot, "_drawn", None)
    reply = await talk("nurse.qiu").say(ASKED)
    assert (reply.custom["answer"], reply.image) == ("enrolment_summary", None)


@pytest.mark.parametrize(("size", "shown"), [(70_000, True), (80_000, False)])
async def test_a_picture_that_is_too_large_is_left_out(
    protocol: Protocol, monkeypatch: pytest.MonkeyPatch, size: int, shown: bool
) -> None:
    monkeypatch.setattr(pictures, "accrual_png", lambda *_: bytes(size))
    assert (await AccrualPlot().image(protocol, ONE, date(2026, 6, 1)) is not None) is shown


@pytest.mark.parametrize(
    ("attachment", "kept"), [("data:image/png;base64,x", False), ("report.pdf", True), (None, False)]
)
async def test_an_image_is_sent_once(attachment: str | None, kept: bool) -> None:
    collector = AnswerCollector("nurse.qiu")
    await collector.send_response("x", {"text": "a", "image": "data:image/png;base64,x", "attachment": attachment})
    assert collector.messages[0]["image"] == "data:image/png;base64,x"
    assert ("attachment" in collector.messages[0]) is kept
