"""What the language side read in a message, as the actions see it.

`bot.nlu` writes this as JSON into the message (`reading`); the action server has no NLU installed, so the form is
repeated here as plain values. A field that is missing is empty: an older model never makes an action fail.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from bot.trial.facts import Finding
from bot.trial.triage import SymptomFinding


@dataclass(frozen=True)
class DateMention:
    """A day as a person wrote it.

    Attributes:
        text: the words.
        days: the days it can mean, in order; more than one where it is ambiguous or a range.
        ambiguous: two readings ('03/07'); it must be asked back.
        is_range: `days` are the first and the last of several ('next week').
        impossible: no such day ('31 June').
        vague: a time that names no day ('in a few days').
        role: `requested` where a visit is wished to be moved to it, else "".
    """

    text: str
    days: tuple[date, ...]
    ambiguous: bool = False
    is_range: bool = False
    impossible: bool = False
    role: str = ""
    vague: bool = False

    @property
    def day(self) -> date | None:
        """The one day it means; None where it is ambiguous or impossible."""
        return self.days[0] if self.days and not self.ambiguous else None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> DateMention:
        """The mention that the reader wrote; its candidates where there are several."""
        raw = data.get("candidates") or [data.get("date")]
        days = tuple(date.fromisoformat(day) for day in raw if day)
        ambiguous = bool(data.get("ambiguous"))
        if data.get("last") and not ambiguous:
            days = (days[0], date.fromisoformat(data["last"]))
        return cls(
            text=str(data.get("text", "")),
            days=days,
            ambiguous=ambiguous,
            is_range=bool(data.get("last")),
            impossible=bool(data.get("impossible")) or (not days and not data.get("vague")),
            role=str(data.get("role") or ""),
            vague=bool(data.get("vague")),
        )


@dataclass(frozen=True)
class Part:
    """One question of a message."""

    text: str = ""
    intent: str = "nlu_fallback"
    ranking: tuple[str, ...] = ()
    participants: tuple[str, ...] = ()
    visits: tuple[str, ...] = ()
    visit_class: str = ""
    drugs: tuple[str, ...] = ()
    dates: tuple[DateMention, ...] = ()
    criteria: tuple[str, ...] = ()
    scope: str = ""
    refers_to_previous: bool = False
    prescribed_only: bool = False
    ticket: str = ""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Part:
        """The part that the reader wrote."""
        return cls(
            text=str(data.get("text", "")),
            intent=str(data.get("intent", "nlu_fallback")),
            ranking=tuple(str(entry[0]) for entry in data.get("ranking", ())),
            participants=tuple(data.get("participants", ())),
            visits=tuple(data.get("visits", ())),
            visit_class=str(data.get("visit_class") or ""),
            drugs=tuple(data.get("drugs", ())),
            dates=tuple(DateMention.from_json(mention) for mention in data.get("dates", ())),
            criteria=tuple(data.get("criteria", ())),
            scope=str(data.get("scope") or ""),
            refers_to_previous=bool(data.get("refers_to_previous")),
            prescribed_only=bool(data.get("prescribed_only")),
            ticket=f"T-{data['ticket']}" if data.get("ticket") else "",
        )

    def asking(self, intent: str) -> Part:
        """The same words taken as another question."""
        return replace(self, intent=intent)


@dataclass(frozen=True)
class Reading:
    """A whole message as read.

    Attributes:
        language: `en` or `zh`; None where the message shows none.
        parts: the questions in it, at least one; a present symptom is the first part's intent.
        symptoms: signs found in it, present or not.
        is_note: it is a clinical note, or part of one.
        findings: what the note says.
        of_body: it speaks of somebody's body or how they feel.
    """

    language: str | None
    parts: tuple[Part, ...]
    symptoms: tuple[SymptomFinding, ...] = ()
    is_note: bool = False
    findings: tuple[Finding, ...] = ()
    of_body: bool = False

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Reading:
        """The reading that `bot.nlu` wrote into the message."""
        note = data.get("note") or {}
        return cls(
            language=data.get("language"),
            parts=tuple(Part.from_json(part) for part in data.get("parts", ())) or (Part(),),
            symptoms=tuple(SymptomFinding.from_json(finding) for finding in data.get("symptoms", ())),
            is_note=bool(note.get("is_note")),
            findings=tuple(Finding.from_json(finding) for finding in note.get("findings", ())),
            of_body=bool(data.get("of_body")),
        )
