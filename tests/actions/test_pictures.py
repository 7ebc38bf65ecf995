"""The plot of accrual goes with the recruitment figures, to staff in a direct conversation and to nobody else."""

from __future__ import annotations

import base64
import builtins
from collections.abc import Callable
from typing import Any

import pytest

from actions import pictures
from bot.channels.output import AnswerCollector

PREFIX = "data:image/png;base64,"
ASKED = {"intent": "ask_enrolment_summary"}


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


async def test_the_figures_stand_without_matplotlib(talk: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any, **options: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    reply = await talk("nurse.qiu").say(ASKED)
    assert (reply.custom["answer"], reply.image) == ("enrolment_summary", None)


async def test_a_picture_that_is_too_large_is_left_out(
    talk: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "accrual_png", lambda *_: bytes(80_000))
    assert (await talk("nurse.qiu").say(ASKED)).image is None


@pytest.mark.parametrize(
    ("attachment", "kept"), [("data:image/png;base64,x", False), ("report.pdf", True), (None, False)]
)
async def test_an_image_is_sent_once(attachment: str | None, kept: bool) -> None:
    collector = AnswerCollector("nurse.qiu")
    await collector.send_response("x", {"text": "a", "image": "data:image/png;base64,x", "attachment": attachment})
    assert collector.messages[0]["image"] == "data:image/png;base64,x"
    assert ("attachment" in collector.messages[0]) is kept
