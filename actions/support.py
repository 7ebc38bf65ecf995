"""What several topics need: the day that was asked about, a ticket for the team."""

from __future__ import annotations

from datetime import date

from actions.conversation import Answer, Ask, Refused
from actions.wording import say_date, say_list
from bot.enrollment import writes
from bot.enrollment.audit import Actor


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
            raise Refused(Answer("clarify", text, data, buttons=tuple(options), remember=keep))
        if mention.impossible:
            text = ask.say("utter_clarify_no_such_date", words=mention.text)
            raise Refused(
                Answer("clarify", text, {"missing": "date"}, remember={"intent": ask.part.intent, "waiting": True})
            )
    if mentions:
        return mentions[0].day
    if ask.part.refers_to_previous and ask.memory.get("date"):
        return date.fromisoformat(str(ask.memory["date"]))
    return None


def for_whom(ask: Ask, code: str, text: str) -> str:
    """For staff the participant's code in front: whose date or dose this is must never be in doubt."""
    return f"{code}: {text}" if ask.staff else text


async def open_ticket(ask: Ask, kind: str, participant: str | None, summary: str) -> str:
    """Opens a ticket for the team in the asker's name; `summary` is a code, never what somebody wrote.

    Returns:
        The ticket's number, such as `T-7`.
    """
    actor = ask.identity.actor if ask.identity else Actor("unlinked", "public")
    async with ask.database.writing(actor, f"chat: {kind}") as session:
        number = await writes.create_ticket(session, kind, participant, ask.conversation, ask.account, summary)
        await session.commit()
    return number
