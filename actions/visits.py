"""Answers about visits: the next one, all of them, one in detail, a wish to move one."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from actions.access import refuse, whose_record
from actions.conversation import ENROLMENT, Answer, Ask, Refused, record_section
from actions.reading import DateMention
from actions.support import asked_day, for_whom, open_ticket
from actions.wording import lines, say_date, say_time, sentences
from bot.trial import calendar_export, schedule
from bot.trial.record import ParticipantRecord, VisitCode
from bot.trial.schedule import Visit

#: Which visits a person's word can mean, in protocol order.
CLASSES: dict[str, tuple[VisitCode, ...]] = {
    "radiotherapy": ("RT1", "RT2", "RT3", "RT4", "RT5"),
    "infusion": ("IO1", "C1D1", "C2D1", "C3D1", "C4D1"),
    "immunotherapy": ("IO1", "C1D1", "C2D1", "C3D1", "C4D1"),
    "chemotherapy": ("C1D1", "C2D1", "C3D1", "C4D1"),
    "restaging": ("RESTAGE",),
    "surgery": ("SURGERY",),
}
_TO_COME = ("planned", "booked")


async def next_visit(ask: Ask) -> Answer:
    """What comes next; with a day or a kind of visit in the question, what is on that day or of that kind."""
    record = await whose_record(ask, "next_visit")
    day = asked_day(ask)
    if day is not None and _after_that_day(ask):
        return _first_after(ask, record, day)
    if day is not None:
        return _on_day(ask, record, day)
    if (span := _asked_range(ask)) is not None and not wanted_visits(ask):
        return _between(ask, record, *span)
    if ask.part.scope == "after" or _AFTER_NEXT.search(ask.part.text):
        return _the_one_after(ask, record)
    wanted = wanted_visits(ask)
    if wanted and _none_to_come(ask, record, wanted):
        return _after_the_last(ask, record)
    if wanted:
        answer = _detail(ask, record, pick_visit(ask, record, wanted), wanted)
        following = schedule.next_visit(ask.protocol, record, ask.today).visit
        is_next = ask.part.scope == "next" and not ask.part.visits
        if (
            is_next and following is not None and answer.data["visit"]["visit"] == following.visit
        ):  # 'when do I come for my next drip'
            return replace(answer, name="next_visit", data={**answer.data, "reason": None})
        return answer
    return _next(ask, record)


async def visit_list(ask: Ask) -> Answer:
    """All visits, or those still to come where that was asked."""
    record = await whose_record(ask, "visit_list")
    wanted = wanted_visits(ask)
    if ask.part.scope == "all":
        visits = schedule.in_date_order(schedule.calendar(ask.protocol, record, ask.today))
    elif ask.part.scope == "previous":
        visits = tuple(v for v in schedule.calendar(ask.protocol, record, ask.today) if v.status not in _TO_COME)
    else:
        visits = schedule.visits_to_come(ask.protocol, record, ask.today)
    visits = tuple(v for v in visits if not wanted or v.visit in wanted)
    day_range = _asked_range(ask)
    if day_range is not None:
        visits = tuple(v for v in visits if v.falls_between(*day_range))
    data = {"visits": [visit.as_data(ask.language) for visit in visits]}
    if not visits:
        text = for_whom(ask, record.code, ask.say("utter_visit_list_empty"))
    else:
        head = for_whom(ask, record.code, ask.say("utter_visit_list", count=len(visits)))
        text = lines(head, *(_line(ask, visit) for visit in visits), *_shared_notes(ask, visits))
    return Answer(
        "visit_list",
        text,
        data,
        about=record.code,
        sources=_sources(),
        remember={"participant": record.code, "intent": "ask_visit_list"},
        attachment=_calendar_file(ask, record, visits),
    )


def _calendar_file(ask: Ask, record: ParticipantRecord, visits: Sequence[Visit]) -> str | None:
    """The listed visits as a calendar file in a data address; None where none of them has a date."""
    if not any(visit.date is not None for visit in visits):
        return None
    file = calendar_export.export_calendar(ask.protocol, record.code, visits, ask.now, ask.language)
    return "data:text/calendar;charset=utf-8;base64," + base64.b64encode(file).decode("ascii")


async def visit_detail(ask: Ask) -> Answer:
    """One visit: its date, what happens, how to prepare; dates only where somebody is named who may see them."""
    wanted = wanted_visits(ask) or _remembered_visit(ask)
    if _speaks_of_nobody(ask):
        if not wanted:
            raise Refused(refuse(ask, "link_needed", "account_not_linked"))
        return _public_detail(ask, wanted[0])
    record = await whose_record(ask, "visit_detail")
    day = asked_day(ask)
    if day is not None and not wanted:
        return _on_day(ask, record, day)
    return _detail(ask, record, pick_visit(ask, record, wanted), wanted)


async def request_reschedule(ask: Ask) -> Answer:
    """A wish to move a visit becomes a ticket for the coordinator; the schedule itself is never changed here."""
    record = await whose_record(ask, "reschedule_request")
    visit = _visit_to_move(ask, record)
    if visit is None:
        empty = ask.say("utter_reschedule_nothing")
        return Answer(
            "clarify", for_whom(ask, record.code, empty), {"missing": "visit"}, remember={"participant": record.code}
        )
    requested = _requested_day(ask, visit)
    summary = f"reschedule:{visit.visit}:{requested.isoformat() if requested else 'no_date'}"
    ticket = await open_ticket(ask, "reschedule", record.code, summary)
    words = {
        "title": visit.title[ask.language],
        "date": _when(ask, visit) or ask.say("utter_no_date_yet"),
        "ticket": ticket.number,
        "requested": say_date(requested, ask.language) if requested else "",
    }
    text = ask.say("utter_reschedule_to" if requested else "utter_reschedule", **words)
    return Answer(
        "reschedule_request",
        lines(for_whom(ask, record.code, text), ticket.warning),
        {
            "visit": visit.as_data(ask.language),
            "requested": requested.isoformat() if requested else None,
            **ticket.as_data(),
        },
        about=record.code,
        sources=_sources(),
        remember={
            "participant": record.code,
            "intent": "request_reschedule",
            "visit": visit.visit,
            "moving": None if requested else visit.visit,
        },
    )


def _none_to_come(ask: Ask, record: ParticipantRecord, wanted: Sequence[VisitCode]) -> bool:
    """Whether the next visit of a kind is asked for ('my next drip') and all of that kind are over."""
    if ask.part.visits or ask.part.scope != "next":
        return False
    return not any(visit.visit in wanted for visit in schedule.visits_to_come(ask.protocol, record, ask.today))


def _after_the_last(ask: Ask, record: ParticipantRecord) -> Answer:
    """That none of the kind is left, and what comes next instead."""
    following = _next(ask, record)
    text = sentences(ask.say("utter_none_of_kind"), _unnamed(ask, record, following.text))
    return replace(following, text=for_whom(ask, record.code, text))


# --- which visit is meant -------------------------------------------------------------------------------------


def wanted_visits(ask: Ask) -> tuple[VisitCode, ...]:
    """The visits the words can mean, in protocol order; empty where none is named."""
    named = tuple(code for code in _all_codes(ask) if code in ask.part.visits)
    by_drug = "infusion" if {"penpulimab", "oxaliplatin"} & set(ask.part.drugs) else ""
    return named or CLASSES.get(ask.part.visit_class or by_drug, ())


#: 'What happens there?': the visit last spoken of.
_POINTS_BACK = re.compile(r"\b(?:there|then|it|that|this\s+one)\b|那次|那里|那个|那天", re.IGNORECASE)
#: 'And after my next visit, what comes?'
_AFTER_NEXT = re.compile(r"\bafter\s+(?:my|the|that|this)?\s*next\b|下次之后|下一次之后", re.IGNORECASE)


def _remembered_visit(ask: Ask) -> tuple[VisitCode, ...]:
    if not ask.part.refers_to_previous and not _POINTS_BACK.search(ask.part.text):
        return ()
    spoken_of = ask.memory.get("visit")
    if ask.part.scope in ("first", "last"):  # 'the last day of it': of its kind
        return next((codes for codes in CLASSES.values() if spoken_of in codes), ())
    return tuple(code for code in _all_codes(ask) if code == spoken_of)


def _all_codes(ask: Ask) -> tuple[VisitCode, ...]:
    return tuple(plan.id for plan in ask.protocol.visits)


def pick_visit(ask: Ask, record: ParticipantRecord, wanted: Sequence[VisitCode]) -> Visit:
    """The one visit that is meant among those of a kind: the next to come, else the last of them."""
    visits = schedule.calendar(ask.protocol, record, ask.today)
    if not wanted:
        following = schedule.next_visit(ask.protocol, record, ask.today)
        if following.visit is None:
            raise Refused(_nothing(ask, record, following.reason))
        return following.visit
    candidates = [visit for visit in visits if visit.visit in wanted]
    if ask.part.scope == "first":
        return candidates[0]
    if ask.part.scope in ("last", "previous"):
        return candidates[-1] if ask.part.scope == "last" else _latest_past(candidates)
    return next((visit for visit in candidates if visit.status in _TO_COME), candidates[-1])


def _latest_past(visits: Sequence[Visit]) -> Visit:
    past = [visit for visit in visits if visit.status not in _TO_COME]
    return past[-1] if past else visits[0]


def _visit_to_move(ask: Ask, record: ParticipantRecord) -> Visit | None:
    """The visit somebody wishes to move: named, on the day named, last spoken of, or the next one with a date."""
    to_come = schedule.visits_to_come(ask.protocol, record, ask.today)
    wanted = wanted_visits(ask)
    days = [mention.day for mention in _days_given_up(ask) if mention.day]
    for visit in to_come:
        if (not wanted or visit.visit in wanted) and any(visit.falls_between(day, day) for day in days):
            return visit
    remembered = None if wanted or days else ask.memory.get("visit")
    for visit in to_come:
        if visit.visit in wanted or visit.visit == remembered:
            return visit
    if wanted:
        return None
    return next(iter(to_come), None)


def _days_given_up(ask: Ask) -> list[DateMention]:
    """The days named that may be the visit's own; 'a week later' is counted from it and never is."""
    return [
        mention for mention in ask.part.dates if mention.role != "requested" and not _FROM_VISIT.search(mention.text)
    ]


#: 'a week later', '晚一周': counted from the visit that is to be moved, not from today.
_FROM_VISIT = re.compile(r"\blater\b|晚|推迟|往后", re.IGNORECASE)
_LATER = re.compile(
    r"\b(?P<count>\d{1,2}|an?|one|two|three|four|five|six|seven)\s+(?P<unit>days?|weeks?)\s+(?P<side>later|earlier)\b|"
    r"(?:晚|推迟|延后|往后推?|(?P<sooner>提前|早))(?P<zh>[一两二三四五六七\d])个?(?P<zh_unit>天|周|星期|礼拜)",
    re.IGNORECASE,
)
_COUNTS = {word: n for n, word in enumerate(["_", "one", "two", "three", "four", "five", "six", "seven"])} | {
    "a": 1, "an": 1, "一": 1, "两": 2, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7,
}  # fmt: skip


def _requested_day(ask: Ask, visit: Visit) -> date | None:
    """The day wanted instead: named as such, or the only day named that is not the visit's own."""
    wished = [
        mention for mention in ask.part.dates if mention.role == "requested" and not _FROM_VISIT.search(mention.text)
    ]
    for mention in wished:
        if mention.ambiguous or mention.impossible or mention.vague:
            asked_day(ask)  # asks back
        return None if mention.is_range else mention.day
    return _counted_from_visit(ask, visit)


def _counted_from_visit(ask: Ask, visit: Visit) -> date | None:
    match = _LATER.search(ask.part.text)
    if match is None or visit.date is None:
        return None
    word = (match["count"] or match["zh"]).lower()
    count = int(word) if word.isdigit() else _COUNTS[word]
    days = count * (7 if (match["unit"] or match["zh_unit"]).lower().startswith(("week", "周", "星", "礼")) else 1)
    sooner = match["sooner"] or (match["side"] or "").lower() == "earlier"
    return visit.date + timedelta(days=-days if sooner else days)


def _asked_range(ask: Ask) -> tuple[date, date] | None:
    for mention in ask.part.dates:
        if mention.is_range:
            return mention.days[0], mention.days[-1]
    return None


#: Words by which somebody asks for their own visits, not for the plan.
_OWN = re.compile(r"\b(?:my|mine|me|i|i'm|im|we|our)\b|[我俺咱]", re.IGNORECASE)


def _speaks_of_self(ask: Ask) -> bool:
    return bool(_OWN.search(ask.part.text))


def _speaks_of_nobody(ask: Ask) -> bool:
    """Whether nobody's record is meant: no link, or staff who named nobody; then the plan alone is public."""
    if ask.identity is None:
        return not _speaks_of_self(ask)
    if ask.staff:
        return not ask.part.participants and not ask.memory.get("participant")
    return False


# --- answers --------------------------------------------------------------------------------------------------


def _next(ask: Ask, record: ParticipantRecord) -> Answer:
    following = schedule.next_visit(ask.protocol, record, ask.today)
    if following.visit is None:
        return _nothing(ask, record, following.reason)
    visit = following.visit
    name = "utter_next_visit" if visit.date else "utter_next_visit_undated"
    text = ask.say(
        name, title=visit.title[ask.language], date=_when(ask, visit), time=say_time(visit.time, ask.language)
    )
    return _visit_answer(ask, record, "next_visit", visit, text)


def _nothing(ask: Ask, record: ParticipantRecord, reason: str | None) -> Answer:
    assert reason is not None
    text = ask.protocol.reasons[reason][ask.language]
    return Answer(
        "next_visit",
        for_whom(ask, record.code, text),
        {"visit": None, "reason": reason},
        about=record.code,
        sources=_sources(),
        remember={"participant": record.code, "intent": "ask_next_visit", "visit": None, "date": None},
    )


def _on_day(ask: Ask, record: ParticipantRecord, day: date) -> Answer:
    """What is on a day; on a day without a visit that is said, and the next one after it is given."""
    visits = [
        visit
        for visit in schedule.visits_between(ask.protocol, record, day, day, ask.today)
        if visit.status != "cancelled"
    ]
    if visits:
        visit = visits[0]
        answer = "next_visit" if visit == schedule.next_visit(ask.protocol, record, ask.today).visit else "visit_detail"
        name = "utter_visit_on_day" if visit.status in _TO_COME else "utter_visit_on_past_day"
        text = ask.say(
            name,
            title=visit.title[ask.language],
            date=say_date(day, ask.language, ask.today),
            time=say_time(visit.time, ask.language),
            status=ask.say(f"utter_status_{visit.status}"),
        )
        return _visit_answer(ask, record, answer, visit, text)
    nothing = ask.say("utter_no_visit_on_day", date=say_date(day, ask.language, ask.today))
    following = _next(ask, record)
    return Answer(
        following.name,
        sentences(for_whom(ask, record.code, nothing), _unnamed(ask, record, following.text)),
        following.data,
        about=record.code,
        sources=following.sources,
        remember=following.remember,
    )


def _between(ask: Ask, record: ParticipantRecord, first: date, last: date) -> Answer:
    """What is first among several days ('at the weekend?'); where nothing is, that is said, and what comes next."""
    visits = [
        visit
        for visit in schedule.visits_between(ask.protocol, record, first, last, ask.today)
        if visit.status in _TO_COME and visit.date is not None
    ]
    if visits and visits[0].date is not None:
        return _on_day(ask, record, max(visits[0].date, first))
    days = ask.say("utter_from_to", first=say_date(first, ask.language), last=say_date(last, ask.language))
    following = _next(ask, record)
    nothing = for_whom(ask, record.code, ask.say("utter_no_visit_on_day", date=days))
    return replace(following, text=sentences(nothing, _unnamed(ask, record, following.text)))


def _after_that_day(ask: Ask) -> bool:
    """Whether the day named is the one to count from: 'when do I come again after today?'."""
    words = (re.escape(mention.text) for mention in ask.part.dates)
    return any(re.search(rf"\bafter\s+{word}|{word}(?:之后|以后)", ask.part.text, re.IGNORECASE) for word in words)


def _first_after(ask: Ask, record: ParticipantRecord, day: date) -> Answer:
    for visit in schedule.visits_to_come(ask.protocol, record, ask.today):
        if visit.date is None or visit.date > day:
            name = "utter_visit_after" if visit.date else "utter_visit_after_undated"
            return _visit_answer(ask, record, "next_visit", visit, ask.say(name, **_words(ask, visit)))
    return _nothing_more(ask, record)


def _the_one_after(ask: Ask, record: ParticipantRecord) -> Answer:
    """The visit after the one last spoken of, or after the next one."""
    to_come = schedule.visits_to_come(ask.protocol, record, ask.today)
    codes = [visit.visit for visit in to_come]
    spoken_of = None if _AFTER_NEXT.search(ask.part.text) else ask.memory.get("visit")
    position = codes.index(spoken_of) + 1 if spoken_of in codes else 1
    if position >= len(to_come):
        return _nothing_more(ask, record)
    visit = to_come[position]
    name = "utter_visit_after" if visit.date else "utter_visit_after_undated"
    text = ask.say(
        name, title=visit.title[ask.language], date=_when(ask, visit), time=say_time(visit.time, ask.language)
    )
    return _visit_answer(ask, record, "next_visit", visit, text)


def _nothing_more(ask: Ask, record: ParticipantRecord) -> Answer:
    return Answer(
        "next_visit",
        for_whom(ask, record.code, ask.say("utter_nothing_after")),
        {"visit": None, "reason": "nothing_to_come"},
        about=record.code,
        sources=_sources(),
        remember={"participant": record.code, "intent": "ask_next_visit"},
    )


def _detail(ask: Ask, record: ParticipantRecord, visit: Visit, wanted: Sequence[VisitCode]) -> Answer:
    name = {
        "planned": "utter_visit_detail",
        "booked": "utter_visit_detail",
        "no_record": "utter_visit_detail_no_record",
    }.get(visit.status, "utter_visit_detail_past")
    if visit.date is None:
        name = "utter_visit_detail_undated"
    text = ask.say(name, **_words(ask, visit))
    about_visit = ask.protocol.schedule
    details = sentences(
        visit.what_happens[ask.language], about_visit.where[ask.language], about_visit.prepare[ask.language]
    )
    answer = _visit_answer(ask, record, "visit_detail", visit, text)
    return Answer(
        answer.name,
        lines(answer.text, details),
        answer.data,
        about=answer.about,
        sources=(*answer.sources, record_section(about_visit.source)),
        remember={**answer.remember, "intent": "ask_visit_detail", "named_visits": list(wanted) or None},
    )


def _public_detail(ask: Ask, code: VisitCode) -> Answer:
    visit = schedule.undated_visit(ask.protocol, code)
    about_visit = ask.protocol.schedule
    text = ask.say("utter_visit_detail_public", title=visit.title[ask.language])
    return Answer(
        "visit_detail",
        lines(text, sentences(visit.what_happens[ask.language], about_visit.prepare[ask.language])),
        {"visit": visit.as_data(ask.language)},
        sources=(record_section(about_visit.source),),
        remember={"visit": code, "intent": "ask_visit_detail"},
    )


def _visit_answer(ask: Ask, record: ParticipantRecord, name: str, visit: Visit, text: str) -> Answer:
    window = _window(ask, visit)
    return Answer(
        name,
        lines(
            for_whom(ask, record.code, sentences(text, window)), sentences(*visit.notes_for(ask.staff, ask.language))
        ),
        {"visit": visit.as_data(ask.language), "reason": None}
        if name == "next_visit"
        else {"visit": visit.as_data(ask.language)},
        about=record.code,
        sources=_sources(),
        remember={
            "participant": record.code,
            "intent": "ask_next_visit",
            "named_visits": None,
            "visit": visit.visit,
            "date": visit.date.isoformat() if visit.date else None,
        },
    )


# --- words ----------------------------------------------------------------------------------------------------


def _words(ask: Ask, visit: Visit) -> dict[str, str]:
    """What the sentences about a visit are filled with."""
    return {
        "title": visit.title[ask.language],
        "date": _when(ask, visit),
        "time": say_time(visit.time, ask.language),
        "status": ask.say(f"utter_status_{visit.status}"),
    }


def _sources() -> tuple[str, ...]:
    return (ENROLMENT, record_section("Study Groups"))


def _unnamed(ask: Ask, record: ParticipantRecord, text: str) -> str:
    return text.removeprefix(f"{record.code}: ")


def _when(ask: Ask, visit: Visit) -> str:
    """The visit's day, or both days while the choice is open; empty where there is none."""
    if visit.date is None:
        return ""
    if visit.is_open_choice and visit.window and visit.window[1]:
        first, last = (say_date(day, ask.language) for day in (visit.window[0], visit.window[1]))
        return ask.say("utter_either_day", first=first, last=last)
    return say_date(visit.date, ask.language, ask.today)


def _window(ask: Ask, visit: Visit) -> str:
    """The lower bound of surgery; other windows are said by the notes."""
    if visit.window is None or visit.window[1] is not None:
        return ""
    return ask.say("utter_not_before", date=say_date(visit.window[0], ask.language))


def _line(ask: Ask, visit: Visit) -> str:
    when = _when(ask, visit) or ask.say("utter_no_date_yet")
    status = "" if visit.status == "planned" else f" ({ask.say(f'utter_status_{visit.status}')})"
    mark = "*" if any(note.code == "unconfirmed" for note in visit.notes) else ""
    line = f"- {when}{say_time(visit.time, ask.language)}: {visit.title[ask.language]}{status}{mark}"
    stop = "。" if ask.language == "zh" else "."
    return sentences(line + (stop if _window(ask, visit) else ""), _window(ask, visit))


def _shared_notes(ask: Ask, visits: Sequence[Visit]) -> tuple[str, ...]:
    """What must be said beside the list: the doubt behind a date, deviations for staff; each once."""
    weighty = {"unconfirmed", "radiotherapy_day_confirmed_by_team", "closure", "capecitabine_ended"}
    notes = (
        note.text[ask.language]
        for visit in visits
        for note in visit.notes
        if note.code in weighty or (ask.staff and note.audience == "staff")
    )
    return tuple(dict.fromkeys(f"* {note}" for note in notes))
