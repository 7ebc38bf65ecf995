"""Answers from the enrolment database for staff, and where a participant stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date

from actions.access import require_staff, whose_record
from actions.conversation import ENROLMENT, Answer, Ask, record_section
from actions.support import asked_day, for_whom
from actions.visits import wanted_visits
from actions.wording import lines, say_date, say_list, say_time, sentences
from bot.clock import TRIAL_ZONE
from bot.enrollment import queries, writes
from bot.enrollment.errors import Conflict, NotOnFile
from bot.enrollment.recruitment import accrual, recruitment
from bot.trial import roster, schedule
from bot.trial.schedule import Visit

#: The stage decision's sentence, by the site notes' words for it (16).
_DECISIONS = {
    "not reached": "not_reached",
    "boundary passed (4 or more)": "boundary_passed",
    "cannot pass: refer to the investigators": "cannot_pass",
}


async def participant_status(ask: Ask) -> Answer:
    """Where a participant stands in the trial: status, trial day, cycle and its day."""
    record = await whose_record(ask, "participant_status")
    where = schedule.position(ask.protocol, record, ask.today)
    parts = [ask.say("utter_status", status=ask.say(f"utter_participant_{where.status}"))]
    if where.trial_day is not None:
        parts.append(ask.say("utter_trial_day", day=where.trial_day))
    if where.cycle is not None:
        parts.append(ask.say("utter_cycle_day", cycle=where.cycle, day=where.cycle_day))
    return Answer(
        "participant_status",
        for_whom(ask, record.code, sentences(*parts)),
        where.as_data(),
        about=record.code,
        sources=(ENROLMENT, record_section("Study Groups")),
        remember={"participant": record.code, "intent": "ask_participant_status"},
    )


async def enrolment_summary(ask: Ask) -> Answer:
    """Recruitment against the record's two-stage design; counts are for staff alone."""
    require_staff(ask)
    async with ask.database.session() as session:
        counts = await queries.enrolment_counts(session)
        curve = await accrual(session)
    figures = recruitment(ask.protocol, counts)
    data = figures.as_data()
    text = ask.say(
        "utter_enrolment_summary",
        enrolled=data["enrolled"],
        target=data["target"],
        stage=data["stage"],
        evaluable=data["evaluable"],
        pcr=data["pcr"],
        decision=ask.say(f"utter_decision_{_DECISIONS[figures.decision]}"),
    )
    statuses = [
        f"{ask.say(f'utter_participant_{status}')}: {number}" for status, number in counts.by_status.items() if number
    ]
    return Answer(
        "enrolment_summary",
        lines(text, say_list(statuses, ask.language)),
        {**data, "by_status": counts.by_status},
        sources=(ENROLMENT, record_section("Study Design")),
        image=await ask.services.accrual_plot.image(ask.protocol, curve, ask.today),
        remember={"participant": None, "intent": "ask_enrolment_summary"},
    )


async def visits_on(ask: Ask) -> Answer:
    """Who is in on a day or in a week."""
    require_staff(ask)
    if _OVERDUE.search(ask.part.text):
        return await _overdue(ask)
    day, last = _asked_days(ask)
    async with ask.database.session() as session:
        records = await queries.visits_near(session, day, last)
    visits = roster.visits_in(ask.protocol, records, day, last, ask.today)
    wanted = wanted_visits(ask)  # 'who has radiotherapy today'
    visits = tuple(visit for visit in visits if not wanted or visit.visit in wanted)
    await _log_reads(ask, visits)
    when = say_date(day, ask.language, ask.today)
    if last != day:
        when = ask.say("utter_from_to", first=when, last=say_date(last, ask.language))
    head = ask.say("utter_visits_on" if visits else "utter_visits_on_nobody", date=when, count=len(visits))
    data = {"date": day.isoformat(), "visits": [visit.as_data(ask.language) for visit in visits]}
    if last != day:
        data["until"] = last.isoformat()
    return Answer(
        "visits_on",
        lines(head, *(_visit_line(ask, visit, with_date=last != day) for visit in visits)),
        data,
        sources=(ENROLMENT, record_section("Study Groups")),
        remember={"participant": None, "intent": "ask_visits_on", "date": day.isoformat()},
    )


#: Words by which staff look for what did not take place, or not as the record says.
_OVERDUE = re.compile(
    r"\boverdue\b|\b(?:late|missed|not\s+turned\s+up|did\s+not|didn'?t|too\s+early|no\s+record|nothing\s+on\s+file)\b|"
    r"\b(?:outside|out\s+of)\s+(?:\w+\s+)?windows?\b|\bdeviations?\b|逾期|超窗|没来|偏离",
    re.IGNORECASE,
)


async def _overdue(ask: Ask) -> Answer:
    """Who is overdue, and which visits are in conflict with the record; of those on treatment."""
    async with ask.database.session() as session:
        records = [record async for record in queries.every_participant(session) if record.status == "on_treatment"]
    overdue = roster.overdue(ask.protocol, records, ask.today)
    deviating = tuple(v for v in roster.deviations(ask.protocol, records, ask.today) if v not in overdue)
    visits = (*overdue, *deviating)
    await _log_reads(ask, visits)
    head = ask.say("utter_overdue" if visits else "utter_overdue_none", overdue=len(overdue), deviating=len(deviating))
    return Answer(
        "visits_on",
        lines(head, *(_visit_line(ask, visit, with_date=True) for visit in visits)),
        {"date": ask.today.isoformat(), "visits": [visit.as_data(ask.language) for visit in visits]},
        sources=(ENROLMENT, record_section("Study Groups")),
        remember={"participant": None, "intent": "ask_visits_on", "date": ask.today.isoformat()},
    )


async def _log_reads(ask: Ask, visits: Sequence[Visit]) -> None:
    """Notes in the audit trail whose data staff were shown."""
    assert ask.identity is not None
    codes = list(dict.fromkeys(visit.participant for visit in visits if visit.participant))
    if codes:
        async with ask.database.writing(ask.identity.actor, "chat: visits_on") as session:
            await writes.log_read(session, codes, "visits_on")
            await session.commit()


async def tickets(ask: Ask) -> Answer:
    """The tickets that nobody has taken up yet."""
    require_staff(ask)
    async with ask.database.session() as session:
        waiting = await queries.tickets(session)
    rows = [f"- {ticket.number}: {', '.join(_ticket_words(ask, ticket))}" for ticket in waiting]
    head = ask.say("utter_tickets" if rows else "utter_tickets_none", count=len(rows))
    return Answer("help", lines(head, *rows), {"tickets": [ticket.number for ticket in waiting]}, sources=(ENROLMENT,))


def _ticket_words(ask: Ask, ticket: queries.TicketOnFile) -> Iterator[str]:
    """What staff read of a ticket: how pressing, of which kind, whose, since when, and whether nobody could be told."""
    if ticket.level in ("emergency", "urgent"):
        yield ask.say(f"utter_alert_{ticket.level}")
    yield ask.say(f"utter_ticket_{ticket.kind}")
    if ticket.participant:
        yield ticket.participant
    yield f"{ticket.made_at.astimezone(TRIAL_ZONE):%Y-%m-%d %H:%M}"
    if ticket.unreached and not ticket.notified:
        yield ask.say("utter_alert_unreached")


async def acknowledge_ticket(ask: Ask) -> Answer:
    """A member of staff takes a ticket up ('ack T-12')."""
    require_staff(ask)
    assert ask.identity is not None
    number = ask.part.ticket
    if not number:
        return Answer("clarify", ask.say("utter_clarify_ticket"), {"missing": "ticket"})
    try:
        async with ask.database.writing(ask.identity.actor, "chat: acknowledge ticket") as session:
            await writes.acknowledge_ticket(session, number)
            await session.commit()
    except NotOnFile:
        return Answer("clarify", ask.say("utter_ticket_unknown", ticket=number), {"missing": "ticket"})
    except Conflict:
        return Answer("handoff", ask.say("utter_ticket_taken", ticket=number), {"ticket": number})
    return Answer(
        "handoff", ask.say("utter_ticket_acknowledged", ticket=number), {"ticket": number, "acknowledged": True}
    )


def _asked_days(ask: Ask) -> tuple[date, date]:
    day = asked_day(ask)
    if day is not None:
        return day, day
    for mention in ask.part.dates:
        if mention.is_range:
            return mention.days[0], mention.days[-1]
    return ask.today, ask.today


def _visit_line(ask: Ask, visit: Visit, with_date: bool) -> str:
    date_text = f"{say_date(visit.date, ask.language)}, " if with_date and visit.date else ""
    status = "" if visit.status == "planned" else f" ({ask.say(f'utter_status_{visit.status}')})"
    notes = visit.notes_for(staff=True, language=ask.language)
    return sentences(
        f"- {date_text}{visit.participant}{say_time(visit.time, ask.language)}: {visit.title[ask.language]}{status}.",
        *notes,
    )
