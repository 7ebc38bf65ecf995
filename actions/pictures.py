"""Pictures that go with an answer, as data addresses that any chat can show."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from datetime import date

import structlog

from bot.enrollment.recruitment import accrual_png
from bot.trial.protocol import Protocol

#: No message carries a larger picture, in characters of its data address.
MOST_CHARACTERS = 100_000
#: An answer does not wait longer than this for its picture: the first of a process has to import matplotlib.
_PATIENCE_SECONDS = 4.0
_log = structlog.get_logger(__name__)


class AccrualPlot:
    """The plot of accrual; drawn beside the event loop, and again only after a day or an enrolment has changed it."""

    def __init__(self) -> None:
        self._drawn: tuple[tuple[object, ...], str] | None = None

    async def image(self, protocol: Protocol, curve: Sequence[tuple[date, int]], today: date) -> str | None:
        """The plot as `data:image/png;base64,...`; it names no participant.

        Returns None where it cannot be drawn (no matplotlib, too slow, too large): the answer stands without it.
        """
        key = (protocol.identifier, tuple(curve), today)
        if self._drawn is not None and self._drawn[0] == key:
            return self._drawn[1]
        try:
            drawing = asyncio.to_thread(accrual_png, protocol, curve, today)
            picture = await asyncio.wait_for(drawing, _PATIENCE_SECONDS)
        except Exception as error:  # whatever goes wrong in drawing, the figures are what was asked for
            _log.warning("no accrual plot", error=type(error).__name__)
            return None
        address = "data:image/png;base64," + base64.b64encode(picture).decode("ascii")
        if len(address) > MOST_CHARACTERS:
            return None
        self._drawn = (key, address)
        return address
