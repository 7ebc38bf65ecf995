"""What several topics need: the day that was asked about, a ticket for the team."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from actions.conversation import Answer, Ask, Refused
from actions.wording import say_date, say_list
from bot.enrollment import queries, writes, writes_desk
from bot.enrollment.audit import Actor
from bot.trial.triage import Triage


def asked_day(ask: Ask) -> date | None:
    """The day a question names, or the one it refers back to ('that day'); None where it names none.

    Raises:
        Refused: the date can be read two ways or does not exist; it is asked back, never guessed.
    """
    mentions = [mention for mention in ask.part.dates if not mention.is_range]
    keep = {"intent": ask.part.intent, "waiting": True}
    for mention in mentions:
        if mention.ambiguous:
            options = [say_date(day, ask.language) for day in mention.days]
            text = ask.say("utter_clarify_date", words=mention.text, options=say_list(options, ask.language))
            data = {"missing": "date", "options": [day.isoformat() for day in mention.days]}
            raise Refused(
                Answer("clarify", text, data, buttons=tuple(options), remember={**keep, "offered": data["options"]})
            )
        if mention.impossible:
            text = ask.say("utter_clarify_no_such_date", words=mention.text)
            raise Refused(Answer("clarify", text, {"missing": "date"}, remember=keep))
        if mention.vague:
            text = ask.say("utter_clarify_vague_day", words=mention.text)
            raise Refused(Answer("clarify", text, {"missing": "date"}, remember=keep))
    if mentions:
        return mentions[0].day
    if ask.part.refers_to_previous and ask.memory.get("date"):
        return date.fromisoformat(str(ask.memory["date"]))
    return None


def for_whom(ask: Ask, code: str, text: str) -> str:
    """For staff the participant's code in front: whose date or dose this is must never be in doubt."""
    return f"{code}: {text}" if ask.staff else text


@dataclass(frozen=True)
class OpenedTicket:
    """A ticket that was opened for the team.

    Attributes:
        number: such as `T-7`.
        participant: whose it is; None for nobody in particular, and where the code that was named is not on file.
        warning: what the person has to be told where nobody can be notified of it; else empty.
    """

    number: str
    participant: str | None
    warning: str = ""

    def as_data(self) -> dict[str, Any]:
        """The ticket's part of an answer's data: its number, and `nobody_told` where that is so."""
        return {"ticket": self.number, **({"nobody_told": True} if self.warning else {})}


async def open_ticket(
    ask: Ask, kind: str, participant: str | None, summary: str, triage: Triage | None = None
) -> OpenedTicket:
    """Opens a ticket for the team in the asker's name; `summary` is a code, never what somebody wrote.

    Where the team is to be notified of it, that is written in the same transaction and sent at once, not waited for. A
    code that is not on file, mistyped or of another study, keeps no alarm back: the ticket is then nobody's in particular.
    """
    actor = ask.identity.actor if ask.identity else Actor("unlinked", "public")
    level, flags = (None, ()) if triage is None else (triage.level, triage.flags)
    desk = ask.services.alerts
    alert = desk.new_alert(kind, level, flags, ask.language, ask.tracker_id)

    def write(session: Session) -> tuple[writes_desk.OpenedTicket, str | None]:
        owner = participant if participant and queries.is_on_file(session.connection(), participant) else None
        return writes.open_ticket(session, kind, owner, ask.conversation, ask.account, summary, alert), owner

    opened, owner = await ask.database.write(actor, f"chat: {kind}", write)
    if alert is None:
        return OpenedTicket(opened.number, owner)
    if opened.new:  # one of an earlier delivery has its notifications in the outbox already
        desk.opened(opened.number, kind, owner, ask.now, alert)
    warning = ask.notice("now_other" if alert.level == "other" else "now") if alert.unreached else ""
    return OpenedTicket(opened.number, owner, warning)
