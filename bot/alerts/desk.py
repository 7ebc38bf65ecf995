"""What the actions need of notification: which tickets are told, whether anybody can be, and a push to look at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bot.alerts.dispatcher import Dispatcher
from bot.alerts.outlets import build_outlets
from bot.alerts.settings import AlertSettings
from bot.clock import Clock
from bot.enrollment.database import Database
from bot.enrollment.outbox import NewAlert, new_sendings


@dataclass(frozen=True)
class AlertDesk:
    """Notification as the answers see it.

    Attributes:
        dispatcher: the one of this process; None where nothing is sent from here, as in tests of the answers.
    """

    settings: AlertSettings = field(default_factory=AlertSettings)
    dispatcher: Dispatcher | None = None

    @property
    def reachable(self) -> bool:
        """Whether, as far as is known, somebody of the team can be notified now."""
        return bool(self.settings.line) if self.dispatcher is None else self.dispatcher.reachable

    def new_alert(
        self, kind: str, triage_level: str | None, flags: Sequence[str], language: str, tracker_id: str
    ) -> NewAlert | None:
        """The alert that a ticket of this kind is opened with; None where the team is not notified of such tickets.

        Args:
            triage_level: of a symptom: `emergency`, `urgent` or `routine`.
            tracker_id: the conversation's id, which begins with the channel's name.
        """
        level = self.settings.level_of(kind, triage_level)
        if level is None:
            return None
        names, now = self.settings.names, Clock().now()
        lease = self.dispatcher.new_lease() if self.dispatcher is not None and names else None
        return NewAlert(
            level=level,
            flags=tuple(flags),
            language=language,
            channel=tracker_id.rpartition("-")[0][:64],
            tracker_id=tracker_id[:256],
            sendings=new_sendings(names[0] if names else ()),
            unreached=not self.reachable,
            at=now,
            lease=lease,
            leased_until=None if lease is None or self.dispatcher is None else now + self.dispatcher.lease,
        )

    def opened(self, number: str, kind: str, participant: str | None, opened_at: datetime, alert: NewAlert) -> None:
        """A ticket with its alert is in the database: the dispatcher of this process sends at once.

        Args:
            opened_at: the ticket's time, by the assistant's clock.
        """
        if self.dispatcher is not None:
            self.dispatcher.send(alert.claimed(int(number.removeprefix("T-")), kind, participant, opened_at))

    def may_be_untold(self, account: str) -> bool:
        """Whether this account may have to be told that nobody could be told. Costs nothing: it is asked every time."""
        return self.dispatcher is not None and self.dispatcher.may_be_untold(account)


def build_desk(settings: AlertSettings, database: Database) -> AlertDesk:
    """The desk with a dispatcher over the outlets of the settings; who builds it runs and closes the dispatcher."""
    dispatcher = Dispatcher(database, settings.names, build_outlets(settings), settings.policy)
    return AlertDesk(settings, dispatcher)
