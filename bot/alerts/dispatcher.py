"""The dispatcher: sends what waits in the outbox, tells the next in line, finds out whom nobody could be told of.

    opened (with its ticket) -> waiting -> leased -> sent
                                   ^         │ not taken: later again
                                   └─────────┴─ the process died: the lease runs out, again under the same key

It runs inside each action server: there tickets are opened, so it wakes at once, without a further process that could be
down. Several may run on one database: a notification is leased to one of them, a step is planned under the writer's lock.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from bot.alerts.message import Notice
from bot.alerts.outlets import ATTEMPT_SECONDS, NotTaken, Outlet
from bot.alerts.rules import (
    ALERT_LEVELS,
    Move,
    OpenAlert,
    Policy,
    Sending,
    is_down,
    next_change,
    next_move,
    retry_pause,
)
from bot.clock import Clock
from bot.enrollment import outbox
from bot.enrollment.database import Database
from bot.enrollment.outbox import AlertOnFile, Claimed
from bot.logs import place_of

#: How long a notification is leased: longer than an attempt takes. A process that dies delays a repetition by so much.
LEASE = timedelta(seconds=ATTEMPT_SECONDS + 5)
#: What other processes wrote is found within this time.
POLL_SECONDS = 5.0
#: What was taken within this time is noted together. A process that dies in it sends again, under the same key.
_NOTE_SECONDS = 0.5
#: Notifications on their way at the same time.
_MOST_AT_ONCE = 20
_log = structlog.get_logger(__name__)


class Dispatcher:
    """Sends from one database over the outlets of one line.

    Args:
        line: the names of the outlets by step; `outlets` has each of them.
        clock: the world's time. The fixed clock of demonstrations does not move, so it cannot be waited by.
        chance: for jitter.
    """

    def __init__(
        self,
        database: Database,
        line: Sequence[Sequence[str]],
        outlets: Mapping[str, Outlet],
        policy: Policy,
        clock: Clock | None = None,
        lease: timedelta = LEASE,
        poll_seconds: float = POLL_SECONDS,
        chance: random.Random | None = None,
    ) -> None:
        self._database = database
        self._line = tuple(tuple(step) for step in line)
        self._outlets = outlets
        self._policy = policy
        self._clock = clock or Clock()
        self.lease = lease
        self._poll = poll_seconds
        self._chance = chance or random.Random()
        self._wake = asyncio.Event()
        self._look_at = 0.0
        self._running = False
        self._sending: set[asyncio.Task[None]] = set()
        self._taken: list[Claimed] = []
        self._noting: asyncio.Task[None] | None = None
        self._note_lock = asyncio.Lock()
        self._down = False
        self._untold: frozenset[str] = frozenset()

    @property
    def reachable(self) -> bool:
        """Whether, as far as is known, somebody of the team can be notified now."""
        return bool(self._line) and not self._down

    def may_be_untold(self, account: str) -> bool:
        """Whether this account may have to be told that nobody could be told; as of the last look at the database."""
        return account in self._untold

    def new_lease(self) -> str | None:
        """A lease to open notifications with, for :meth:`send`; None where this process has no room to send them now."""
        return secrets.token_hex(16) if self._running and len(self._sending) < _MOST_AT_ONCE else None

    def send(self, claimed: Sequence[Claimed]) -> None:
        """Sends notifications that this process has on lease, without waiting for it."""
        for one in claimed:
            task = asyncio.create_task(self._send(one))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        if not claimed:
            self.wake()

    def wake(self) -> None:
        """Something new is in the outbox: look at once."""
        self._look_at = 0.0
        self._wake.set()

    async def run(self) -> None:
        """Works until it is cancelled; an error is logged and tried again at the next look."""
        self._running = True
        try:
            while True:
                self._look_at = time.monotonic() + self._poll
                try:
                    self._look_at = min(self._look_at, time.monotonic() + await self.round())
                except Exception as error:
                    _log.error("outbox not worked on", where=place_of(error))
                await self._rest()
        finally:
            self._running = False

    async def _rest(self) -> None:
        """Until it is time for the next look, which a failure meanwhile may bring forward."""
        while (left := self._look_at - time.monotonic()) > 0:
            self._wake.clear()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._wake.wait(), left)

    async def round(self) -> float:
        """One look: sends what is due, plans what time has made due; returns the seconds until the next look."""
        await self._send_due()
        alerts = await self._open_alerts()
        if await self._move(alerts):
            await self._send_due()
            alerts = await self._open_alerts()
        return await self._look(alerts)

    async def settle(self) -> None:
        """Waits for what is on its way, and notes what was taken."""
        while self._sending:
            await asyncio.gather(*self._sending, return_exceptions=True)
        await self._note()

    async def close(self) -> None:
        """Lets what is on its way arrive, and gives the connections back."""
        await self.settle()
        for outlet in self._outlets.values():
            await outlet.close()

    # --- sending ------------------------------------------------------------------------------------------------

    async def _send_due(self) -> None:
        room = _MOST_AT_ONCE - len(self._sending)
        if room <= 0 or not self._outlets:
            return
        if claimed := await outbox.claim(self._database, room, self.lease, self._now()):
            self.send(claimed)

    async def _send(self, claimed: Claimed) -> None:
        try:
            await self._attempt(claimed)
        except Exception as error:  # the database: the lease runs out, and the same key is sent again
            _log.error("notification not marked", where=place_of(error))

    async def _attempt(self, claimed: Claimed) -> None:
        outlet = self._outlets.get(claimed.outlet)
        if outlet is None:  # an outlet that another process still knows: it is left to that one
            await outbox.mark_failed(self._database, claimed, "not here", self._now() + self.lease, self._now())
            return
        try:
            await asyncio.wait_for(outlet.send(self._notice(claimed)), ATTEMPT_SECONDS)
        except (NotTaken, asyncio.TimeoutError) as error:
            failure = error if isinstance(error, NotTaken) else NotTaken("timeout")
            again = self._now() + retry_pause(claimed.attempts, self._chance.random(), failure.asked)
            await outbox.mark_failed(self._database, claimed, failure.code, again, self._now())
            self._look_by(again)
            _log.warning("notification not taken", outlet=claimed.outlet, attempts=claimed.attempts, code=failure.code)
            return
        self._taken.append(claimed)
        if self._noting is None or self._noting.done():
            self._noting = asyncio.create_task(self._note_soon())
        _log.info("notification sent", outlet=claimed.outlet, alert_level=claimed.level, attempts=claimed.attempts)

    async def _note_soon(self) -> None:
        await asyncio.sleep(_NOTE_SECONDS)
        await self._note()

    async def _note(self) -> None:
        """Notes in one transaction all that was taken since; what is not noted is sent again under its key."""
        async with self._note_lock:  # who waits for this waits for the one before, too
            taken, self._taken = self._taken, []
            if not taken:
                return
            try:
                await outbox.mark_sent(self._database, taken, self._now())
            except Exception as error:
                _log.error("notifications not noted", where=place_of(error))

    def _look_by(self, moment: datetime) -> None:
        self._look_at = min(self._look_at, time.monotonic() + (moment - self._now()).total_seconds())
        self._wake.set()

    def _notice(self, claimed: Claimed) -> Notice:
        places = max(1, len(self._line))
        return Notice(
            key=claimed.key,
            ticket=f"T-{claimed.ticket}",
            level=claimed.level,
            kind=claimed.kind,
            flags=claimed.flags,
            participant=claimed.participant,
            opened_at=claimed.opened_at,
            made_at=claimed.made_at,
            place=claimed.step % places + 1,
            places=places,
            round=claimed.step // places + 1,
        )

    # --- what time makes due ------------------------------------------------------------------------------------

    async def _open_alerts(self) -> list[AlertOnFile]:
        if self._outlets:  # a process without a line of its own must not undo that of the others
            await outbox.withdraw_unknown(self._database, list(self._outlets))
        async with self._database.session() as session:
            return await outbox.open_alerts(session)

    async def _move(self, alerts: Sequence[AlertOnFile]) -> bool:
        """Plans the steps that are due; whether there were any."""
        due = [alert.ticket for alert in alerts if not self._next_move(alert).none]
        for ticket in due:
            await self._move_one(ticket)
        return bool(due)

    def _next_move(self, alert: AlertOnFile) -> Move:
        return next_move(as_open_alert(alert), self._line, self._policy, self._now())

    async def _move_one(self, ticket: int) -> None:
        async with self._database.writing(outbox.DISPATCHER, "not acknowledged in time") as session:
            # Read again under the writer's lock: another process may have done it, or somebody acknowledged.
            for alert in await outbox.open_alerts(session, ticket):
                move = self._next_move(alert)
                if move.tell_patient:
                    await outbox.mark_unreached(session, ticket, self._now())
                if move.step is not None:
                    await outbox.plan_step(session, alert, move.step, move.outlets, self._now())
                _log.warning("alert moved", step=move.step, alert_level=alert.level, nobody_told=move.tell_patient)
            await session.commit()

    async def _look(self, alerts: Sequence[AlertOnFile]) -> float:
        """Refreshes what answers need to know; the seconds until something is due."""
        now = self._now()
        async with self._database.session() as session:
            health = {outlet.name: outlet for outlet in await outbox.outlet_health(session)}
            self._untold = frozenset(person.account for person in await outbox.untold(session, now))
            due = [moment for moment in [await outbox.next_due(session)] if moment is not None]
        for alert in alerts:
            due += next_change(as_open_alert(alert), self._policy)
        known = [health.get(name) for step in self._line for name in step]
        self._down = bool(known) and all(
            outlet is not None and is_down(outlet.failures, outlet.failed_at, now) for outlet in known
        )
        pauses = [(moment - self._now()).total_seconds() for moment in due if moment > now]
        return min([self._poll, *pauses])

    def _now(self) -> datetime:
        return self._clock.now()


def as_open_alert(alert: AlertOnFile) -> OpenAlert:
    """The value that the rules take, of what is on file."""
    return OpenAlert(
        ticket=alert.ticket,
        level=next(level for level in ALERT_LEVELS if level == alert.level),
        opened_at=alert.opened_at,
        stepped_at=alert.stepped_at,
        step=alert.step,
        unreached=alert.unreached,
        sendings=tuple(Sending(*sending) for sending in alert.sendings),
    )
