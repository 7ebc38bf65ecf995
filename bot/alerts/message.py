"""What a notification says: what on-call needs, and nothing that a person wrote.

The words are the same at every attempt, so that a notification that arrives twice is one.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any, Final

from bot.clock import TRIAL_ZONE

#: The webhook's event: the first time a ticket is told, and each further step of the line.
OPENED: Final = "ticket.opened"
ESCALATED: Final = "ticket.escalated"
#: Somebody tries the outlets; there is no such ticket.
TEST: Final = "ticket.test"

_LEVELS: Final = {
    "emergency": ("EMERGENCY", "紧急"),
    "urgent": ("URGENT", "需尽快处理"),
    "other": ("For the team", "待处理"),
}
_ENGLISH: Final = (
    "{level}: ticket {ticket} of the SPARC Assistant waits for a person.\n"
    "Participant: {participant}\nKind: {kind}\nSigns: {flags}\nOpened: {opened} (Asia/Shanghai)\n"
    "You are number {place} of {places} in line, round {round}.\n\n"
    "Take it up: write 'ack {ticket}' to the assistant in the chat, or run ./sparc tickets ack {ticket}. "
    "Until somebody does, the next in line is told.\n"
    "What the person wrote is not in this message. They were told to call."
)
_CHINESE: Final = (
    "{level}:SPARC助手的工单{ticket}等待处理。\n"
    "受试者:{participant}\n类型:{kind}\n体征:{flags}\n时间:{opened}(上海时间)\n"
    "您是通知名单第{place}位(共{places}位),第{round}轮。\n\n"
    "接手:在聊天中对助手说'ack {ticket}',或运行 ./sparc tickets ack {ticket}。无人接手时将通知下一位。\n"
    "本通知不含患者的原话。已告知对方打电话。"
)


@dataclass(frozen=True)
class Notice:
    """One notification, as every outlet gets it.

    Attributes:
        key: the idempotency key.
        participant: the code; None where the account is linked to nobody, or staff named nobody.
        opened_at: when the ticket was opened; `made_at`: when this notification was made.
        place, places, round: where in the line, counted from 1, and for the how-manieth time.
    """

    key: str
    ticket: str
    level: str
    kind: str
    flags: tuple[str, ...]
    participant: str | None
    opened_at: datetime
    made_at: datetime
    place: int
    places: int
    round: int

    @property
    def event(self) -> str:
        """The webhook's type of event."""
        return TEST if self.kind == "test" else OPENED if self.first else ESCALATED

    @property
    def first(self) -> bool:
        """Whether the ticket is told for the first time."""
        return self.place == 1 and self.round == 1

    def payload(self) -> dict[str, Any]:
        """The webhook's body in the form of the Standard Webhooks specification: type, timestamp, data."""
        return {
            "type": self.event,
            "timestamp": self.made_at.astimezone(timezone.utc).isoformat(timespec="seconds"),
            "data": {
                "ticket": self.ticket,
                "level": self.level,
                "kind": self.kind,
                "flags": list(self.flags),
                "participant": self.participant,
                "opened_at": self.opened_at.astimezone(TRIAL_ZONE).isoformat(timespec="seconds"),
                "place": self.place,
                "places": self.places,
                "round": self.round,
            },
        }

    def body(self) -> bytes:
        """The payload as it is sent and signed."""
        return json.dumps(self.payload(), ensure_ascii=False, separators=(",", ":")).encode()

    def mail(self, sender: str, recipient: str) -> EmailMessage:
        """The notification as an e-mail, in English and Chinese; its Message-ID is made from the key."""
        english, chinese = _LEVELS[self.level]
        who = self.participant or "-"
        words: Mapping[str, object] = {
            "ticket": self.ticket,
            "participant": who,
            "kind": self.kind,
            "flags": ", ".join(self.flags) or "-",
            "opened": self.opened_at.astimezone(TRIAL_ZONE).strftime("%Y-%m-%d %H:%M"),
            "place": self.place,
            "places": self.places,
            "round": self.round,
        }
        message = EmailMessage(policy=SMTP)
        message["From"], message["To"] = sender, recipient
        message["Subject"] = f"[SPARC] {english} {self.ticket} {who}" + (
            "" if self.first else f" ({self.place}/{self.places})"
        )
        message["Date"] = format_datetime(self.made_at)
        message["Message-ID"] = f"<{self.key}@{sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        if self.level != "other":
            message["X-Priority"], message["Importance"] = "1", "high"
        message.set_content(f"{_ENGLISH.format(level=english, **words)}\n\n{_CHINESE.format(level=chinese, **words)}\n")
        return message


def notice_of_a_try(now: datetime) -> Notice:
    """A notification by which somebody tries the outlets; its ticket, T-0, is none."""
    key = f"alert_test_{secrets.token_hex(16)}"
    return Notice(key, "T-0", "other", "test", (), None, opened_at=now, made_at=now, place=1, places=1, round=1)
