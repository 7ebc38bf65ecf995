"""Answers about doses: what is due on a day, how much it is, what to do about a missed one."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Literal, get_args

from actions import visits
from actions.access import whose_record
from actions.conversation import ENROLMENT, Answer, Ask, Refused, record_section
from actions.small_talk import out_of_scope
from actions.support import asked_day, for_whom
from actions.trial_information import not_in_record
from actions.wording import lines, say_amount, say_date, say_list, sentences
from bot.trial import dosing, schedule
from bot.trial.dosing import Dose, DoseAmount, DoseDay
from bot.trial.protocol import DrugName
from bot.trial.record import ParticipantRecord

#: Medicines that are none of the trial's: what is asked of them is never answered with the trial's drugs.
_OTHER_MEDICINE = re.compile(
    r"\b(?:insulin|metformin|aspirin|ibuprofen|paracetamol|acetaminophen|tylenol|panadol|advil|nurofen|statins?|\w+statin|warfarin|heparin|"
    r"apixaban|rivaroxaban|clopidogrel|antibiotics?|amoxicillin|penicillin|prednis\w+|dexamethasone|cortisone|omeprazole|pantoprazole|"
    r"loperamide|imodium|ondansetron|vitamins?|iron|magnesium|thyroxine|levothyroxine|painkillers?|pain\s+killers?|antidepressants?|"
    r"sleeping\s+(?:pills?|tablets?)|blood\s+(?:pressure|thinn\w+)\s*(?:pills?|tablets?|medicine\w*|drugs?)?|cough\s+syrup|\w+pril|\w+sartan|"
    r"caffeine|coffee|tea|alcohol)\b|胰岛素|二甲双胍|阿司匹林|布洛芬|对乙酰氨基酚|华法林|抗生素|头孢|阿莫西林|降压药|降糖药|安眠药|止痛药|维生素|退烧药|感冒药|中药",
    re.IGNORECASE,
)


def _of_another_medicine(ask: Ask) -> bool:
    """Whether a medicine is named and none of the trial's ('tablets' alone is a word for any)."""
    words = " ".join((ask.part.text, *(part.text for part in ask.reading.parts)))
    if not _OTHER_MEDICINE.search(words):
        return False
    return not re.search(r"cape|xelo|oxali|penpu|卡培|希罗达|奥沙|派安", words, re.IGNORECASE)


async def dose_schedule(ask: Ask) -> Answer:
    """What is due on the day asked about (today where none is named), and the next dosing day."""
    if _of_another_medicine(ask):
        return await not_in_record(ask)
    record = await whose_record(ask, "dose_schedule")
    if ask.part.refers_to_previous and not ask.part.dates and not ask.memory.get("date"):
        raise _which_day(ask, record)
    day = (
        asked_day(ask) or _first_of_range(ask) or _day_of_cycle(ask, record) or _day_of_visit(ask, record) or ask.today
    )
    due = dosing.doses_on(ask.protocol, record, day, ask.today)
    drugs = [item.drug for item in due.items]
    return Answer(
        "dose_schedule",
        lines(
            call_first(ask, record),
            for_whom(ask, record.code, _schedule_text(ask, due, _last_taken(ask, record))),
            sentences(*_notes(ask, due)),
        ),
        due.as_data(),
        about=record.code,
        sources=_sources(),
        remember={
            "participant": record.code,
            "intent": "ask_dose_schedule",
            "date": day.isoformat(),
            "drug": drugs[0] if drugs else "capecitabine",
        },
    )


async def dose_amount(ask: Ask) -> Answer:
    """How much of a drug: the prescribed amount; for staff, without an order, the calculated one, said to be so."""
    if _of_another_medicine(ask):
        return await out_of_scope(ask)
    record = await whose_record(ask, "dose_amount")
    drug = _drug(ask)
    amount = dosing.dose_amount(
        ask.protocol, record, drug, for_staff=ask.staff, prescribed_only=ask.part.prescribed_only
    )
    return Answer(
        "dose_amount",
        lines(call_first(ask, record), for_whom(ask, record.code, _amount_text(ask, amount))),
        amount.as_data(),
        about=record.code,
        sources=(*_sources(), *(("site settings",) if amount.source == "calculated" else ())),
        remember={"participant": record.code, "intent": "ask_dose_amount", "drug": drug},
    )


async def missed_dose(ask: Ask) -> Answer:
    """A missed or vomited dose: never taken later, never doubled; the next one, and whom to tell."""
    if _of_another_medicine(ask):
        return await not_in_record(ask)
    record = await whose_record(ask, "missed_dose")
    drug: DrugName = _drug(ask) if ask.part.drugs else "capecitabine"
    vomited = _vomited(ask)
    answer = dosing.missed_dose(
        ask.protocol, record, drug, ask.today, vomited=vomited, missed_on=_missed_on(ask), slot=_slot(ask)
    )
    after = ""
    if answer.next is not None:
        after = ask.say("utter_missed_dose_next", date=say_date(answer.next, ask.language, ask.today))
    elif answer.reason is not None:
        after = ask.protocol.reasons[answer.reason][ask.language]
    return Answer(
        "missed_dose",
        lines(call_first(ask, record), for_whom(ask, record.code, sentences(answer.text[ask.language], after))),
        answer.as_data(),
        about=record.code,
        sources=(ENROLMENT, answer.source),
        remember={"participant": record.code, "intent": "report_missed_dose", "drug": drug},
    )


#: How many days an alarming sign told in a conversation stands before every dose told in it.
_ALARM_DAYS = 2


def call_first(ask: Ask, record: ParticipantRecord) -> str:
    """That the team comes first, where this conversation told of an alarming sign: a plan of doses must not undo it."""
    about, day = ask.memory.get("alarm") or (None, None)
    if day is None or about not in (None, record.code):
        return ""
    if (ask.today - date.fromisoformat(str(day))).days > _ALARM_DAYS:
        return ""
    return ask.say("utter_dose_call_first", phone=ask.team_phone)


def _vomited(ask: Ask) -> bool:
    return any("vomit" in finding.concept and finding.status == "present" for finding in ask.reading.symptoms)


def _day_of_visit(ask: Ask, record: ParticipantRecord) -> date | None:
    """The day of the visit that the question names instead of a date ('the day of my next drip').

    Raises:
        Refused: that visit has no date yet.
    """
    wanted = visits.wanted_visits(ask)
    if not wanted:
        return None
    visit = visits.pick_visit(ask, record, wanted)
    if visit.date is None:
        raise _which_day(ask, record)
    beside = _BESIDE.search(ask.part.text)
    if beside is None:
        return visit.date
    days = _days_beside(beside)
    if days is None:
        raise _which_day(ask, record)
    return visit.date + timedelta(days=days)


#: 'The day after my third chemo', '化疗前一天': a day told from a visit's.
_BESIDE = re.compile(
    r"\b(?:(?P<count>\d{1,2}|an?|one|two|three|four|five|six|seven)\s+)?(?P<unit>day|week)s?\s+(?P<side>after|following|before)\b|"
    r"(?P<zh>前|后)(?:的)?(?P<nth>第?[一二两三四五六七\d]+)(?P<zh_unit>天|周|个?星期)|(?P<next>第二天)",
    re.IGNORECASE,
)
_COUNTS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7}
_COUNTS_ZH = {char: n for n, char in enumerate("一二三四五六七", start=1)} | {"两": 2}


def _days_beside(match: re.Match[str]) -> int | None:
    """How many days from the visit; None where the words can be counted in two ways ('化疗后第三天')."""
    if match["next"]:
        return 1
    if match["zh"]:
        word = match["nth"]
        if word.startswith("第"):
            return 1 if word == "第二" and match["zh"] == "后" and match["zh_unit"] == "天" else None
        count = int(word) if word.isdigit() else _COUNTS_ZH.get(word)
        if count is None:
            return None
        return count * (1 if match["zh_unit"] == "天" else 7) * (-1 if match["zh"] == "前" else 1)
    word = (match["count"] or "a").lower()
    count = int(word) if word.isdigit() else _COUNTS[word]
    return count * (7 if match["unit"].lower() == "week" else 1) * (-1 if match["side"].lower() == "before" else 1)


#: 'Tablets on day 15?', 'c2d8', '第8天': a day of a cycle.
_CYCLE_DAY = re.compile(
    r"\bc(?:ycle)?\s*(?P<cycle>[1-4])\W*d(?:ay)?\s*(?P<day>\d{1,2})\b|\b(?:on|at|for)?\s*day\s*(?P<alone>\d{1,2})\b"
    r"|第(?P<zh>\d{1,2})天",
    re.IGNORECASE,
)


def _day_of_cycle(ask: Ask, record: ParticipantRecord) -> date | None:
    """The date of a day of a cycle: of the cycle named, else of the one under way, else of the next one."""
    match = _CYCLE_DAY.search(ask.part.text)
    if match is None or (ask.part.visits and not match["cycle"]):
        return None
    number = int(match["day"] or match["alone"] or match["zh"])
    position = schedule.position(ask.protocol, record, ask.today)
    cycle = int(match["cycle"]) if match["cycle"] else position.cycle
    cycles = [visit for visit in schedule.calendar(ask.protocol, record, ask.today) if _CYCLE.fullmatch(visit.visit)]
    start = next(
        (
            visit
            for visit in cycles
            if (cycle is not None and visit.visit == f"C{cycle}D1")
            or (cycle is None and visit.date is not None and visit.date >= ask.today)
        ),
        None,
    )
    if start is None or start.date is None or not 1 <= number <= ask.protocol.schedule.cycles.length_days:
        raise _which_day(ask, record)
    return start.date + timedelta(days=number - 1)


_CYCLE = re.compile(r"C\dD1")


def _which_day(ask: Ask, record: ParticipantRecord) -> Refused:
    """Asks for the day, where the one that was pointed to has no date yet."""
    text = for_whom(ask, record.code, ask.say("utter_clarify_which_day"))
    keep = {"intent": "ask_dose_schedule", "waiting": True, "participant": record.code}
    return Refused(Answer("clarify", text, {"missing": "date"}, remember=keep))


def _missed_on(ask: Ask) -> date | None:
    """The past day that was named, where it is certain; an ambiguous one changes nothing in the rule."""
    return next((mention.day for mention in ask.part.dates if mention.day and mention.day <= ask.today), None)


def _slot(ask: Ask) -> Literal["morning", "evening"] | None:
    """The time of day of the missed dose, as far as the words name just one."""
    words = ask.reading.parts[0].text.lower()
    morning = any(word in words for word in ("morning", "breakfast", "早上", "早晨", "上午"))
    evening = any(word in words for word in ("last night", "evening dose", "yesterday evening", "昨晚"))
    return None if morning == evening else "morning" if morning else "evening"


def _drug(ask: Ask) -> DrugName:
    """The drug in question: named, last spoken of, else the tablets."""
    for name in (*ask.part.drugs, ask.memory.get("drug"), "capecitabine"):
        for drug in get_args(DrugName):
            if drug == name:
                return drug  # type: ignore[no-any-return]
    raise AssertionError("capecitabine is a drug of the protocol")


def _first_of_range(ask: Ask) -> date | None:
    return next((mention.days[0] for mention in ask.part.dates if mention.is_range), None)


#: 'Until when do I take them', 'when was my last tablet', '吃到哪天'.
_ASKS_END = re.compile(
    r"\b(?:last|finish\w*|end(?:s|ed)?|until|till|stop|over|how\s+long|how\s+many\s+(?:more\s+)?days)\b|到哪|到几|到什么|多久|最后|结束|几天",
    re.IGNORECASE,
)


def _until(ask: Ask, due: DoseDay) -> str:
    """The last day of the tablets of this cycle, where the end was asked for."""
    oral = next((dose for dose in due.items if dose.route == "oral" and dose.cycle_day), None)
    if oral is None or oral.cycle is None or oral.cycle_day is None or not _ASKS_END.search(ask.part.text):
        return ""
    days = dosing.dosing_days(ask.protocol, due.date - timedelta(days=oral.cycle_day - 1))
    return ask.say("utter_dose_until", cycle=oral.cycle, date=say_date(days[-1], ask.language, ask.today))


def _last_taken(ask: Ask, record: ParticipantRecord) -> str:
    """The last dose on file, where it was asked for and the tablets are over."""
    last = record.last_capecitabine
    if last is None or not _ASKS_END.search(ask.part.text):
        return ""
    return ask.say("utter_dose_last_taken", date=say_date(last, ask.language))


def _schedule_text(ask: Ask, due: DoseDay, last_taken: str) -> str:
    day = say_date(due.date, ask.language, ask.today)
    if due.reason is not None and not due.items:
        return sentences(
            ask.say("utter_dose_unknown", date=day), ask.protocol.reasons[due.reason][ask.language], last_taken
        )
    following = due.next.get("capecitabine")
    until = _until(ask, due)
    after = ask.say("utter_dose_next", date=say_date(following, ask.language, ask.today)) if following else ""
    if not due.items:
        return sentences(ask.say("utter_dose_none", date=day), after)
    items = [_dose_text(ask, dose) for dose in due.items]
    no_order = any(dose.route == "oral" and dose.per_dose_mg is None for dose in due.items)
    return sentences(
        ask.say("utter_dose_due", date=day, items=say_list(items, ask.language)),
        ask.say("utter_dose_no_order") if no_order else "",
        until,
        ask.protocol.reasons[due.reason][ask.language] if due.reason is not None else "",
    )


def _dose_text(ask: Ask, dose: Dose) -> str:
    name = "utter_dose_item_oral" if dose.route == "oral" else "utter_dose_item_infusion"
    amount = f" {say_amount(dose.per_dose_mg, ask.language)}" if dose.per_dose_mg is not None else ""
    day = ""
    if dose.cycle is not None and dose.route == "oral":
        blank = "" if ask.language == "zh" else " "
        day = blank + ask.say("utter_dose_item_day", cycle=dose.cycle, cycle_day=dose.cycle_day).strip()
    times = {1: "once", 2: "twice"}[dose.times_per_day]
    return ask.say(name, drug=dose.name[ask.language], amount=amount, times=ask.say(f"utter_{times}_a_day"), day=day)


def _amount_text(ask: Ask, amount: DoseAmount) -> str:
    plan = ask.protocol.dose(amount.drug)
    words = {"drug": plan.name[ask.language], "basis": amount.basis}
    if amount.per_dose_mg is None:
        text = ask.say("utter_dose_amount_none_staff" if ask.staff else "utter_dose_amount_none", **words)
    else:
        words["amount"] = say_amount(amount.per_dose_mg, ask.language)
        words["times"] = ask.say({1: "utter_once_a_day", 2: "utter_twice_a_day"}[plan.times_per_day])
        name = "utter_dose_amount_oral" if plan.route == "oral" else "utter_dose_amount_infusion"
        text = ask.say("utter_dose_amount_calculated" if amount.source == "calculated" else name, **words)
    return lines(text, _cross_check(ask, amount)) if ask.staff else text


def _cross_check(ask: Ask, amount: DoseAmount) -> str:
    """The staff's arithmetic beside an order: inputs, formula, exact amount, roundings, deviation; or why none."""
    calculation = amount.calculation
    parts = []
    if calculation is not None:
        parts.append(
            ask.say(
                "utter_dose_calculation",
                height=f"{calculation.height_cm:g}",
                weight=f"{calculation.weight_kg:g}",
                formula=calculation.formula,
                bsa=f"{calculation.bsa_m2:.2f}",
                exact=say_amount(round(calculation.exact_mg, 1), ask.language),
            )
        )
        for rounding in calculation.roundings:
            amounts = " / ".join(say_amount(candidate.mg, ask.language) for candidate in rounding.candidates)
            parts.append(
                ask.say("utter_dose_rounding", policy=ask.say(f"utter_rounding_{rounding.policy}"), amounts=amounts)
            )
        if calculation.order_deviation_percent is not None:
            deviation = f"{calculation.order_deviation_percent:+.1f}"
            parts.append(ask.say("utter_dose_deviation", percent=deviation))
    elif amount.flags:
        flags = say_list([ask.say(f"utter_flag_{flag}") for flag in amount.flags], ask.language)
        parts.append(ask.say("utter_dose_not_calculated", flags=flags))
    if amount.staff_note is not None:
        parts.append(amount.staff_note[ask.language])
    return sentences(*parts)


def _notes(ask: Ask, due: DoseDay) -> tuple[str, ...]:
    return tuple(note.text[ask.language] for note in due.notes if ask.staff or note.audience == "all")


def _sources() -> tuple[str, ...]:
    return (ENROLMENT, record_section("Study Groups"))
