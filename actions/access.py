"""Who may ask what: the one place where identity and role decide.

Identity comes from the channel alone. A participant reads their own record, staff read any by code, everybody else
gets public information; in a room with others present nothing personal is said.
"""

from __future__ import annotations

from sqlalchemy.orm import Session

from actions.conversation import Answer, Ask, Refused
from bot.enrollment import queries
from bot.enrollment.audit import append_read
from bot.trial.record import ParticipantRecord


async def whose_record(ask: Ask, what: str) -> ParticipantRecord:
    """The record a personal question is about: the participant's own, or the one that staff named.

    Reads by staff go into the audit trail, `what` says which answer they were for.

    Raises:
        Refused: the asker is linked to nobody, asks for another's record, others are present, or staff named nobody.
    """
    identity = ask.identity
    if identity is None:
        raise Refused(refuse(ask, "link_needed", "account_not_linked"))
    if identity.participant is not None:
        if any(code != identity.participant for code in ask.part.participants):
            raise Refused(refuse(ask, "not_allowed", "own_record_only"))
        require_direct(ask)
        return await _record(ask, identity.participant)
    require_direct(ask)
    return await _record_for_staff(ask, named_participant(ask), what)


def require_staff(ask: Ask) -> None:
    """Lets staff pass, in a direct conversation.

    Raises:
        Refused: the asker is linked to nobody or a participant, or others are present.
    """
    if ask.identity is None:
        raise Refused(refuse(ask, "link_needed", "account_not_linked"))
    if not ask.staff:
        raise Refused(refuse(ask, "not_allowed", "staff_only"))
    require_direct(ask)


def require_direct(ask: Ask) -> None:
    """Lets nothing personal pass where others are present.

    Raises:
        Refused: the message came from a room with others.
    """
    if not ask.direct:
        raise Refused(refuse(ask, "not_direct", "others_present"))


def refuse(ask: Ask, name: str, reason: str) -> Answer:
    """A refusal; its words are the same whether what was asked for exists or not."""
    return Answer(name, ask.say(f"utter_{name}"), {"reason": reason})


def named_participant(ask: Ask) -> str | None:
    """The code that staff named, now or last in this conversation; None where nobody is named, or more than one.

    Raises:
        Refused: several were named at once, which one is meant is asked back.
    """
    if len(ask.part.participants) > 1:
        raise Refused(which_participant(ask, ask.say("utter_clarify_one_participant")))
    if ask.part.participants:
        return ask.part.participants[0]
    remembered = ask.memory.get("participant")
    return str(remembered) if remembered else None


def which_participant(ask: Ask, text: str) -> Answer:
    """Asks staff for the participant's code; their question is kept, so that the code alone answers it."""
    return Answer("clarify", text, {"missing": "participant"}, remember={"intent": ask.part.intent, "waiting": True})


async def _record(ask: Ask, code: str) -> ParticipantRecord:
    record = await ask.database.read(lambda connection: queries.participant_in(connection, code))
    if record is None:  # linked to a record that has been erased since
        raise Refused(refuse(ask, "link_needed", "account_not_linked"))
    return record


async def _record_for_staff(ask: Ask, code: str | None, what: str) -> ParticipantRecord:
    assert ask.identity is not None
    if code is None:
        raise Refused(which_participant(ask, ask.say("utter_clarify_participant")))

    def read(session: Session) -> ParticipantRecord | None:
        record = queries.participant_in(session.connection(), code)
        if record is not None:
            append_read(session, [record.code], what)
        return record

    record = await ask.database.write(ask.identity.actor, f"chat: {what}", read)
    if record is None:
        raise Refused(which_participant(ask, ask.say("utter_clarify_unknown_participant", code=code)))
    return record
