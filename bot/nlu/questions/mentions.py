"""Everything that one text names: participants, tickets, visits, drugs, dates, criteria, each with its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from bot.nlu.dates import DateMention, direction_of, read_dates
from bot.nlu.language import fold
from bot.nlu.questions.lexicon import Lexicon, Mention
from bot.nlu.questions.participants import CodeMention, TicketMention, read_participants, read_tickets


@dataclass(frozen=True)
class Mentions:
    """What a text names; all places are offsets into that text, which is folded (`bot.nlu.language.fold`)."""

    text: str
    participants: tuple[CodeMention, ...]
    tickets: tuple[TicketMention, ...]
    visits: tuple[Mention, ...]
    classes: tuple[Mention, ...]
    drugs: tuple[Mention, ...]
    criteria: tuple[Mention, ...]
    dates: tuple[DateMention, ...]

    def tagged(self) -> Iterator[tuple[str, str, int, int]]:
        """(kind, value, start, end) of each, for entities and for the classifier's features."""
        yield from (("participant", one.code, one.start, one.end) for one in self.participants)
        yield from (("ticket", str(one.number), one.start, one.end) for one in self.tickets)
        yield from (("date", one.text, one.start, one.end) for one in self.dates)
        for group in (self.visits, self.classes, self.drugs):
            yield from ((one.kind, one.value, one.start, one.end) for one in group)


def read_mentions(lexicon: Lexicon, text: str, today: date) -> Mentions:
    """Read a whole message once; its parts take what lies inside them."""
    folded = fold(text)
    participants, tickets = read_participants(folded), read_tickets(folded)
    codes = [(one.start, one.end) for one in participants] + [(one.start, one.end) for one in tickets]
    dates = read_dates(folded, today, direction_of(folded))
    return Mentions(
        text=folded,
        participants=participants,
        tickets=tickets,
        visits=lexicon.read_visits(folded),
        classes=lexicon.read_classes(folded),
        drugs=lexicon.read_drugs(folded),
        criteria=lexicon.read_criteria(folded),
        dates=tuple(one for one in dates if not any(one.start < end and start < one.end for start, end in codes)),
    )
