"""The one clock of the assistant.

Everything that needs "now" or "today" asks a :class:`Clock`; `bot.trial` has none and takes `today` as an
argument. `SPARC_CLOCK` (ISO 8601) fixes the time for demonstrations and tests.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

#: The trial's time zone: all calendar dates of the trial are dates in Shanghai.
TRIAL_ZONE = ZoneInfo("Asia/Shanghai")


class ClockError(ValueError):
    """`SPARC_CLOCK` holds something that is no ISO 8601 time."""


@dataclass(frozen=True)
class Clock:
    """Tells the time in the trial's zone; `fixed` stops it at one instant."""

    fixed: datetime | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None) -> Clock:
        """The clock that `SPARC_CLOCK` asks for: fixed where it is set, else the running one.

        A time without an offset is read as Shanghai time, a bare date as its midnight.

        Raises:
            ClockError: the variable is set and is no ISO 8601 time.
        """
        text = (os.environ if environ is None else environ).get("SPARC_CLOCK", "").strip()
        if not text:
            return cls()
        try:
            moment = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
        except ValueError:
            raise ClockError(
                f"SPARC_CLOCK: expected an ISO 8601 time such as 2026-06-10T09:00:00+08:00, found {text!r}"
            ) from None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=TRIAL_ZONE)
        return cls(fixed=moment.astimezone(TRIAL_ZONE))

    def now(self) -> datetime:
        """The present time, aware, in the trial's zone."""
        return self.fixed if self.fixed is not None else datetime.now(TRIAL_ZONE)

    def today(self) -> date:
        """The present calendar day in the trial's zone."""
        return self.now().date()
