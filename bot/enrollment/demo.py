"""Demonstration participants, with dates relative to a given day: invented people at every point of the trial."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time, timedelta

from bot.enrollment.audit import Actor
from bot.enrollment.bulk import ALL_FIELDS, Incoming, save
from bot.enrollment.database import Database
from bot.enrollment.models import ROLES, Account
from bot.enrollment.queries import is_empty
from bot.enrollment.stages import renumber_stages
from bot.enrollment.writes import site_id
from bot.trial.record import Language, ParticipantRecord, ParticipantStatus, Sex, VisitCode, VisitEvent

#: Who loads the demonstration, for the audit trail.
DEMO_ACTOR = Actor("demo", "system")
#: One staff account for each role.
STAFF = {role: f"demo.{role}" for role in ROLES}
#: The visits recorded so far, in days from the first fraction.
_ON_TIME: dict[VisitCode, int] = {"RT1": 0, "IO1": 5, "C1D1": 14, "C2D1": 35, "C3D1": 56, "C4D1": 77}
_FRACTIONS: dict[VisitCode, int] = {"RT2": 1, "RT3": 2, "RT4": 3, "RT5": 4}
#: The time of day of what is booked.
_BOOKED_AT = time(9, 30)


@dataclass(frozen=True)
class _Person:
    """An invented participant; `day_one` is the first fraction, in weeks before the Monday of this week."""

    account: str
    language: Language
    sex: Sex
    born: tuple[int, int, int]
    size: tuple[float, float]
    status: ParticipantStatus
    day_one: int | None
    visits: tuple[VisitCode, ...] = ()
    capecitabine_mg: int | None = None
    oxaliplatin_mg: int | None = None
    later: tuple[tuple[VisitCode, int], ...] = ()
    last_capecitabine: int | None = None
    pcr: bool | None = None


_PEOPLE = (
    _Person("demo.chen", "en", "F", (1971, 4, 12), (161, 58), "on_treatment", 0, ("RT1",)),
    _Person("demo.liu", "zh", "M", (1962, 11, 3), (170, 68), "on_treatment", 1, ("RT1", "IO1")),
    _Person("demo.wu", "en", "M", (1958, 2, 27), (174, 76), "on_treatment", 3, ("RT1", "IO1", "C1D1"), 1900, 255),
    _Person(
        "demo.yang", "zh", "F", (1966, 8, 19), (158, 54), "on_treatment", 5, ("RT1", "IO1", "C1D1", "C2D1"), 1500, 205
    ),
    _Person(
        "demo.huang", "en", "F", (1975, 6, 30), (165, 62), "on_treatment", 7, ("RT1", "IO1", "C1D1", "C2D1"), 1650, 225
    ),
    _Person(
        "demo.lin", "zh", "M", (1953, 12, 8), (168, 64), "on_treatment", 12,
        ("RT1", "IO1", "C1D1", "C2D1", "C3D1", "C4D1"), 1750, 230,
    ),
    _Person(
        "demo.guo", "en", "M", (1960, 1, 15), (176, 82), "completed", 22,
        ("RT1", "IO1", "C1D1", "C2D1", "C3D1", "C4D1"), 2000, 270,
        (("RESTAGE", 105), ("SURGERY", 120)), 90, True,
    ),
    _Person(
        "demo.zheng", "en", "F", (1969, 9, 2), (157, 51), "withdrawn", 9, ("RT1", "IO1", "C1D1"), 1500, 205
    ),
    _Person("demo.xie", "zh", "F", (1979, 3, 21), (163, 57), "enrolled", -1, ("RT1",)),
    _Person("demo.tang", "en", "M", (1967, 10, 10), (172, 73), "screening", None),
)  # fmt: skip


def demo_participants(today: date) -> list[Incoming]:
    """The invented participants `P-0001` to `P-0010` as they would stand on file today."""
    monday = today - timedelta(days=today.weekday())
    return [_incoming(number, person, monday, today) for number, person in enumerate(_PEOPLE, 1)]


def _incoming(number: int, person: _Person, monday: date, today: date) -> Incoming:
    first = None if person.day_one is None else monday - timedelta(weeks=person.day_one)
    consented = (first or today + timedelta(days=12)) - timedelta(days=18)
    days = {} if first is None else {visit: first + timedelta(days=_ON_TIME[visit]) for visit in person.visits}
    if first is not None:
        days.update({visit: first + timedelta(days=offset) for visit, offset in person.later})
        fractions = {visit: first + timedelta(days=offset) for visit, offset in _FRACTIONS.items()}
        days.update({visit: day for visit, day in fractions.items() if day < today})
    events = {visit: _event(visit, day, today) for visit, day in days.items()}
    taken = None
    if first is not None and person.last_capecitabine is not None:
        taken = first + timedelta(days=person.last_capecitabine)
    record = ParticipantRecord(
        code=f"P-{number:04d}",
        status=person.status,
        language=person.language,
        sex=person.sex,
        birth_date=date(*person.born),
        height_cm=person.size[0],
        weight_kg=person.size[1],
        consented=consented,
        enrolled=None if first is None else first - timedelta(days=10),
        events=events,
        last_capecitabine=taken,
        pcr=person.pcr,
        capecitabine_mg=person.capecitabine_mg,
        oxaliplatin_mg=person.oxaliplatin_mg,
    )
    return Incoming(record, ALL_FIELDS, frozenset(events), person.account, has_account=True)


def _event(visit: VisitCode, day: date, today: date) -> VisitEvent:
    if day < today:
        return VisitEvent(visit, day, "done", None, today)
    return VisitEvent(visit, day, "booked", _BOOKED_AT, today)


async def load_demo(database: Database, today: date | None = None) -> dict[str, str]:
    """Loads the demonstration into an empty database.

    Returns:
        Who each demonstration account is (a participant's code or a staff role); empty where somebody was on file
        already and nothing was loaded.
    """
    day = today or database.clock.today()
    async with database.writing(DEMO_ACTOR, "demonstration data") as session:
        if not await is_empty(session):
            return {}
        people = demo_participants(day)
        await save(session, people, await site_id(session), origin="demo")
        await renumber_stages(session)
        at = database.clock.now()
        session.add_all(
            Account(account=account, role=role, language="en", origin="demo", linked_at=at)
            for role, account in STAFF.items()
        )
        await session.commit()
    who = {each.account: each.record.code for each in people if each.account is not None}
    return {**who, **{account: role for role, account in STAFF.items()}}
