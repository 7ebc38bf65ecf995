"""The values of one turn: who asks what, what is remembered, what is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from actions.pictures import AccrualPlot
from actions.reading import Part, Reading
from bot.alerts.desk import AlertDesk
from bot.enrollment.database import Database
from bot.enrollment.queries import Identity
from bot.phrases import Phrases
from bot.trial.protocol import Protocol
from bot.trial.record import Language
from bot.trial.triage import TriageRules


@dataclass(frozen=True)
class Services:
    """What actions work with; made once, in `actions.server` or in a test.

    Attributes:
        emergency_number, ward_line: the site's numbers; the ward's line is empty where none is set.
        alerts: how the team is told of tickets.
    """

    protocol: Protocol
    triage: TriageRules
    phrases: Phrases
    database: Database
    emergency_number: str
    ward_line: str
    accrual_plot: AccrualPlot = field(default_factory=AccrualPlot)
    alerts: AlertDesk = field(default_factory=AlertDesk)


@dataclass(frozen=True)
class Answer:
    """One answer of the contract and its text.

    Attributes:
        name: the answer's name in the contract.
        about: the participant whose record or request it rests on.
        sources: what it rests on: sections of the record, the enrolment database, the site's settings.
        buttons: suggestions a person may tap: plain words that they could have typed.
        image: a picture as a data address, where the answer has one.
        attachment: a file as a data address, where the answer has one.
        remember: what the conversation keeps of it; a value of None forgets.
    """

    name: str
    text: str
    data: Mapping[str, Any] = field(default_factory=dict)
    about: str | None = None
    sources: tuple[str, ...] = ()
    buttons: tuple[str, ...] = ()
    image: str | None = None
    attachment: str | None = None
    remember: Mapping[str, Any] = field(default_factory=dict)


class Refused(Exception):
    """An answer that ends a question early: a refusal, or a question back."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.name)
        self.answer = answer


@dataclass(frozen=True)
class Ask:
    """One question with everything that answering it needs.

    Attributes:
        tracker_id: the conversation's id in the server: the channel's name, a hyphen, a hash.
    """

    services: Services
    identity: Identity | None
    account: str
    conversation: str
    direct: bool
    now: datetime
    language: Language
    reading: Reading
    part: Part
    memory: Mapping[str, Any]
    tracker_id: str = ""

    @property
    def today(self) -> date:
        """The trial's calendar day."""
        return self.now.date()

    @property
    def staff(self) -> bool:
        """Whether a member of staff asks."""
        return self.identity is not None and self.identity.kind == "staff"

    @property
    def protocol(self) -> Protocol:
        """The trial's protocol."""
        return self.services.protocol

    @property
    def database(self) -> Database:
        """The enrolment database."""
        return self.services.database

    @property
    def team_phone(self) -> str:
        """The number to call the team: the ward's own line where the site has set one, else the public record's."""
        return self.services.ward_line or self.protocol.contacts[0].phone

    def say(self, name: str, **words: object) -> str:
        """A response of the domain in the asker's language."""
        return self.services.phrases.say(name, self.language, **words)

    def notice(self, key: str) -> str:
        """What is said where nobody of the team could be told, in the asker's language."""
        return self.services.triage.notice(key, self.language, self.services.emergency_number, self.team_phone)

    def asking(self, part: Part) -> Ask:
        """The same turn with another question."""
        return replace(self, part=part)

    def remembering(self, memory: Mapping[str, Any]) -> Ask:
        """The same turn with what the question before it has left."""
        return replace(self, memory=memory)


#: The answer rests on the participant's own record.
ENROLMENT = "enrolment database"


def record_section(section: str) -> str:
    """How an answer names a section of the public record."""
    return f"NCT05576480: {section}"
