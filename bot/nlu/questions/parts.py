"""The questions of one message, each with its intent and with what it names: plain values that survive JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bot.nlu.dates import DateMention, Day, Direction
from bot.nlu.questions.rescheduling import Role


@dataclass(frozen=True)
class DateRead:
    """A date of a part, resolved; see `bot.nlu.dates.DateMention` for the fields they share.

    Attributes:
        role: in a wish to reschedule, `visit` (the day given up) or `requested` (the day wanted); else None.
        direction: whether the question looks back or ahead.
    """

    text: str
    date: Day | None
    last: Day | None
    candidates: tuple[Day, ...]
    ambiguous: bool
    impossible: bool
    role: Role | None = None
    direction: Direction | None = None
    vague: bool = False

    @classmethod
    def of(cls, mention: DateMention, role: Role | None, direction: Direction | None) -> DateRead:
        return cls(
            mention.text, mention.date, mention.last, mention.candidates, mention.ambiguous, mention.impossible,
            role, direction, mention.vague,
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        return {
            "text": self.text,
            "date": self.date.isoformat() if self.date else None,
            "last": self.last.isoformat() if self.last else None,
            "candidates": [day.isoformat() for day in self.candidates],
            "ambiguous": self.ambiguous,
            "impossible": self.impossible,
            "role": self.role,
            "direction": self.direction,
            "vague": self.vague,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> DateRead:
        return cls(
            text=data["text"],
            date=Day.fromisoformat(data["date"]) if data["date"] else None,
            last=Day.fromisoformat(data["last"]) if data["last"] else None,
            candidates=tuple(Day.fromisoformat(day) for day in data["candidates"]),
            ambiguous=data["ambiguous"],
            impossible=data["impossible"],
            role=data["role"],
            direction=data["direction"],
            vague=bool(data.get("vague")),
        )


@dataclass(frozen=True)
class Part:
    """One question of a message.

    Attributes:
        text: its words.
        intent, confidence: what it asks, and how sure that is (calibrated, 0 to 1); `nlu_fallback` where it is doubted.
        ranking: the three likeliest intents with their confidence, doubted or not.
        participants: codes named, `P-0007`; those named elsewhere in the message where it names none itself.
        visits: visits named by code or number (`C2D1`), or fixed by words ('when does radiotherapy start': `RT1`).
        visit_class: `radiotherapy`, `infusion`, `chemotherapy`, `immunotherapy`, `restaging` or `surgery`, where only
            the kind is named.
        drugs: `capecitabine`, `oxaliplatin`, `penpulimab`.
        dates: see `DateRead`.
        criteria: ids of the criteria that a public question touches.
        scope: `next`, `all`, `to_come`, `last`, `after`, `previous`, `first` or None.
        refers_to_previous: it speaks of 'that day', named in what was said or answered before.
        prescribed_only: it asks for what was prescribed, not for a calculation.
        ticket: the number of a ticket.
    """

    text: str
    intent: str
    confidence: float
    ranking: tuple[tuple[str, float], ...] = ()
    participants: tuple[str, ...] = ()
    visits: tuple[str, ...] = ()
    visit_class: str | None = None
    drugs: tuple[str, ...] = ()
    dates: tuple[DateRead, ...] = ()
    criteria: tuple[str, ...] = ()
    scope: str | None = None
    refers_to_previous: bool = False
    prescribed_only: bool = False
    ticket: int | None = None

    @property
    def topic(self) -> str | None:
        """The topic of `trial_info` that an `ask_trial_<topic>` asks for, else None."""
        return self.intent.removeprefix("ask_trial_") if self.intent.startswith("ask_trial_") else None

    def date_for(self, role: Role) -> DateRead | None:
        """The first date of a role, or None."""
        return next((one for one in self.dates if one.role == role), None)

    def to_json(self) -> dict[str, Any]:
        """The part as plain JSON values, empty ones left out."""
        data: dict[str, Any] = {
            "text": self.text,
            "intent": self.intent,
            "confidence": self.confidence,
            "ranking": [list(pair) for pair in self.ranking],
            "participants": list(self.participants),
            "visits": list(self.visits),
            "visit_class": self.visit_class,
            "drugs": list(self.drugs),
            "dates": [one.to_json() for one in self.dates],
            "criteria": list(self.criteria),
            "scope": self.scope,
            "refers_to_previous": self.refers_to_previous,
            "prescribed_only": self.prescribed_only,
            "ticket": self.ticket,
        }
        return {name: value for name, value in data.items() if value or name in ("text", "intent", "confidence")}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Part:
        """The part that `to_json` wrote."""
        return cls(
            text=data["text"],
            intent=data["intent"],
            confidence=data["confidence"],
            ranking=tuple((name, score) for name, score in data.get("ranking", ())),
            participants=tuple(data.get("participants", ())),
            visits=tuple(data.get("visits", ())),
            visit_class=data.get("visit_class"),
            drugs=tuple(data.get("drugs", ())),
            dates=tuple(DateRead.from_json(one) for one in data.get("dates", ())),
            criteria=tuple(data.get("criteria", ())),
            scope=data.get("scope"),
            refers_to_previous=data.get("refers_to_previous", False),
            prescribed_only=data.get("prescribed_only", False),
            ticket=data.get("ticket"),
        )

    def with_intent(self, intent: str) -> Part:
        """The same part, read as another intent."""
        return replace(self, intent=intent)
