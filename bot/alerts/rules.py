"""When a notification is tried again, when the next in line is told, and when the patient is. Pure: no clock, no I/O.

    opened ─ step 1 ── wait ──> step 2 ── wait ──> ... last step ── wait ──> step 1 again, `rounds` times in all
                └ every outlet of the step failing: the next step at once (first round only)
    nothing sent within `limit`, or the whole line once without an answer: the patient is told
    acknowledged: nothing further, whatever still waits is withdrawn

Retries live in the database, so that another process can go on with them; libraries for retries wait inside one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, Literal, get_args

AlertLevel = Literal["emergency", "urgent", "other"]
#: The most pressing first: what waits is sent in this order.
ALERT_LEVELS: Final[tuple[AlertLevel, ...]] = get_args(AlertLevel)
#: From so many failures in a row on an outlet counts as down.
FAILURES_DOWN: Final = 3
#: An outlet is not taken to be down for longer than this after its last failure: nobody has tried it since.
DOWN_FOR: Final = timedelta(minutes=5)
#: Pauses between attempts, in seconds: the first, and the longest. The longest bounds how late a notification can be
#: once an outlet is back.
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 30.0
#: The longest pause that an outlet may ask for (`Retry-After`), in seconds.
_LONGEST_ASKED: Final = 120.0

_WAITS: Final[Mapping[AlertLevel, timedelta]] = MappingProxyType(
    {"emergency": timedelta(minutes=5), "urgent": timedelta(minutes=15), "other": timedelta(hours=4)}
)


@dataclass(frozen=True)
class Policy:
    """How long is waited.

    Attributes:
        waits: by level, how long an acknowledgement is waited for before the next in line is told.
        limit: how long nothing may have been accepted by any outlet before the patient is told.
        rounds: how often the whole line is gone through.
    """

    waits: Mapping[AlertLevel, timedelta] = field(default_factory=lambda: _WAITS)
    limit: timedelta = timedelta(minutes=3)
    rounds: int = 3


@dataclass(frozen=True)
class Sending:
    """One notification of the outbox, as the rules see it; withdrawn ones are left out.

    Attributes:
        step: where in the line, counted on from 0 over all rounds.
        attempts: how often it has been tried.
    """

    step: int
    outlet: str
    attempts: int
    sent: bool


@dataclass(frozen=True)
class OpenAlert:
    """An alert that nobody has acknowledged yet.

    Attributes:
        opened_at, stepped_at: when it was opened, and when its last step was planned.
        step: the last step that was planned; -1 where none was.
        unreached: the patient is known to have to be told (or has been).
    """

    ticket: int
    level: AlertLevel
    opened_at: datetime
    stepped_at: datetime
    step: int
    unreached: bool
    sendings: Sequence[Sending] = ()


@dataclass(frozen=True)
class Move:
    """What is to be done about an open alert.

    Attributes:
        step: the step to plan now, or None.
        outlets: the outlets to tell in it; one that still has the ticket waiting is not given it a second time.
        tell_patient: nobody could be told, so the patient is to be told.
    """

    step: int | None = None
    outlets: tuple[str, ...] = ()
    tell_patient: bool = False

    @property
    def none(self) -> bool:
        """Nothing to do."""
        return self.step is None and not self.tell_patient


def next_move(alert: OpenAlert, line: Sequence[Sequence[str]], policy: Policy, now: datetime) -> Move:
    """What is due for an open alert now; `line` holds the names of the outlets of each step."""
    tell = not alert.unreached and _nobody_told(alert, line, policy, now)
    if not line:
        return Move(tell_patient=tell)
    step = _due_step(alert, line, policy, now)
    if step is None:
        return Move(tell_patient=tell)
    waiting = {sending.outlet for sending in alert.sendings if not sending.sent}
    outlets = tuple(outlet for outlet in line[step % len(line)] if outlet not in waiting)
    return Move(step, outlets, tell)


def _due_step(alert: OpenAlert, line: Sequence[Sequence[str]], policy: Policy, now: datetime) -> int | None:
    if not alert.sendings:
        return max(alert.step, 0)  # opened without an outlet, or its outlets have left the line since
    following = alert.step + 1
    if following >= policy.rounds * len(line):
        return None
    if now >= alert.stepped_at + policy.waits[alert.level]:
        return following
    present = [sending for sending in alert.sendings if sending.step == alert.step]
    failing = all(not sending.sent and sending.attempts >= FAILURES_DOWN for sending in present)
    return following if failing and following < len(line) else None


def _nobody_told(alert: OpenAlert, line: Sequence[Sequence[str]], policy: Policy, now: datetime) -> bool:
    if not line:
        return True
    if not any(sending.sent for sending in alert.sendings):
        return now >= alert.opened_at + policy.limit
    return alert.step >= len(line) - 1 and now >= alert.stepped_at + policy.waits[alert.level]


def next_change(alert: OpenAlert, policy: Policy) -> tuple[datetime, ...]:
    """The instants at which time alone may make a move due."""
    return alert.stepped_at + policy.waits[alert.level], alert.opened_at + policy.limit


def retry_pause(attempts: int, chance: float, asked: float | None = None) -> timedelta:
    """The pause after the `attempts`-th failed attempt: doubling, with jitter so that many do not come back at once.

    Args:
        chance: a random number from 0 to 1.
        asked: seconds that the outlet asked to wait, where it did.
    """
    pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(max(attempts - 1, 0), 16))
    pause *= 0.5 + chance / 2
    if asked is not None:
        pause = max(pause, min(asked, _LONGEST_ASKED))
    return timedelta(seconds=pause)


def is_down(failures: int, failed_at: datetime | None, now: datetime) -> bool:
    """Whether an outlet is known to be down."""
    return failures >= FAILURES_DOWN and failed_at is not None and now < failed_at + DOWN_FOR
