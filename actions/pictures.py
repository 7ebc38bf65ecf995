"""Pictures that go with an answer, as data addresses that any chat can show."""

from __future__ import annotations

import asyncio
import base64

import structlog

from actions.conversation import Ask
from bot.enrollment.recruitment import accrual, accrual_png

#: No message carries a larger picture, in characters of its data address.
MOST_CHARACTERS = 100_000
#: The first picture of a process waits for matplotlib to be imported; an answer does not wait longer than this.
_PATIENCE_SECONDS = 8.0
_log = structlog.get_logger(__name__)


async def accrual_image(ask: Ask) -> str | None:
    """The plot of accrual as `data:image/png;base64,...`, drawn beside the event loop; it names no participant.

    Returns None where it cannot be drawn (no matplotlib, too slow, too large): the answer stands without it.
    """
    async with ask.database.session() as session:
        curve = await accrual(session)
    try:
        drawing = asyncio.to_thread(accrual_png, ask.protocol, curve, ask.today)
        picture = await asyncio.wait_for(drawing, _PATIENCE_SECONDS)
    except Exception as error:  # whatever goes wrong in drawing, the figures are what was asked for
        _log.warning("no accrual plot", error=type(error).__name__)
        return None
    address = "data:image/png;base64," + base64.b64encode(picture).decode("ascii")
    return address if len(address) <= MOST_CHARACTERS else None
