"""What answers do so that the team is told, and what is said where nobody could be."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from actions.conversation import Services
from bot import tracing
from bot.alerts.desk import AlertDesk
from bot.alerts.dispatcher import Dispatcher
from bot.alerts.settings import AlertSettings
from bot.clock import Clock
from bot.enrollment import outbox, queries, writes
from bot.enrollment.audit import Actor
from bot.enrollment.errors import NotOnFile

from .conftest import Talk

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CHEST_PAIN = [{"concept": "chest_pain", "status": "present"}]
COUGH = [{"concept": "cough", "status": "present"}]
COLD = [{"concept": "cold_tingling", "status": "present"}]
SYMPTOM = {"intent": "report_symptom", "text": "my chest hurts"}


def settings_of(line: str, **variables: str) -> AlertSettings:
    environment = {"SPARC_ALERT_LINE": line, "SPARC_ALERT_SECRET": SECRET, **variables}
    return AlertSettings.from_environment(environment, demo=True)


class LaterClock(Clock):
    """The world's time, some minutes later."""

    def __init__(self, minutes: float) -> None:
        object.__setattr__(self, "later", timedelta(minutes=minutes))

    later: timedelta

    def now(self):  # type: ignore[no-untyped-def]
        return Clock().now() + self.later


@pytest.fixture
async def clean(services: Services) -> AsyncIterator[Services]:
    """The services with an empty outbox before and after; the database is shared with other tests."""

    async def empty() -> None:
        async with services.database.engine.begin() as connection:
            for table in ("notifications", "alerts", "outlets"):
                await connection.execute(text(f"DELETE FROM {table}"))

    await empty()
    yield services
    await empty()


@pytest.fixture
def with_line(clean: Services) -> Callable[..., Services]:
    """Services whose desk has a line; its dispatcher has no outlet here that would take anything, so nothing is sent."""

    def make(line: str = "https://oncall.example/hook", later: float = 0, **variables: str) -> Services:
        settings = settings_of(line, **variables)
        dispatcher = Dispatcher(clean.database, settings.names, {}, settings.policy, LaterClock(later))
        return replace(clean, alerts=AlertDesk(settings, dispatcher))

    return make


async def _waiting(services: Services) -> int:
    async with services.database.session() as session:
        return (await outbox.figures(session, Clock().now())).waiting


async def _row(services: Services, ticket: str) -> Any:
    async with services.database.engine.connect() as connection:
        found = await connection.execute(text("SELECT * FROM alerts WHERE ticket = :n"), {"n": int(ticket[2:])})
        return found.first()


@pytest.mark.parametrize(
    ("language", "said"), [("en", "could not tell anybody of the team"), ("zh", "无法通过本聊天通知试验团队的任何人")]
)
async def test_without_an_outlet_the_patient_is_told_at_once(clean: Services, language: str, said: str) -> None:
    reply = await Talk(clean, "ma.jun").say(SYMPTOM, language=language, symptoms=CHEST_PAIN)
    assert reply.custom["data"]["nobody_told"] is True
    assert said in reply.text
    assert reply.text.index("120") < reply.text.index(said)  # the safe step first
    row = await _row(clean, reply.custom["data"]["ticket"])
    assert (row.level, row.language, row.step) == ("emergency", language, -1)
    assert row.told_at is not None


async def test_with_an_outlet_the_notification_is_in_the_outbox_with_the_ticket(
    with_line: Callable[..., Services],
) -> None:
    services = with_line(
        "https://oncall.example/hook, a@hospital.example", SPARC_SMTP_URL="smtp://m", SPARC_SMTP_FROM="s@h.org"
    )
    reply = await Talk(services, "ma.jun").say(SYMPTOM, symptoms=COUGH)
    assert reply.custom["data"] == {"level": "urgent", "flags": ["cough"], "ticket": reply.custom["data"]["ticket"]}
    assert await _waiting(services) == 2
    row = await _row(services, reply.custom["data"]["ticket"])
    assert (row.level, row.flags, row.told_at) == ("urgent", "cough", None)


async def test_a_ticket_that_is_not_opened_notifies_nobody(with_line: Callable[..., Services]) -> None:
    services = with_line()
    alert = services.alerts.new_alert("symptom", "urgent", ("cough",), "en", "hospital-1")
    assert alert is not None
    writer = Actor("unlinked", "public")
    async with services.database.writing(writer, "test") as session:
        await writes.create_ticket(session, "symptom", None, "room", "a", "symptom:x", alert)  # and no commit
    with pytest.raises(NotOnFile):
        async with services.database.writing(writer, "test") as session:
            await writes.create_ticket(session, "symptom", "P-9999", "room", "a", "symptom:x", alert)
            await session.commit()
    assert await _waiting(services) == 0


@pytest.mark.parametrize(
    ("also", "kind", "level"),
    [
        ("", "routine", None), ("routine", "routine", "other"), ("", "handoff", None), ("handoff", "handoff", "other"),
        ("routine,handoff", "reschedule", None), ("reschedule", "reschedule", "other"),
    ],
)  # fmt: skip
async def test_other_tickets_are_notified_where_that_is_set(
    with_line: Callable[..., Services], also: str, kind: str, level: str | None
) -> None:
    services = with_line(SPARC_ALERT_ALSO=also)
    talk = Talk(services, "ma.jun")
    if kind == "routine":
        reply = await talk.say(SYMPTOM, symptoms=COLD)
        assert reply.custom["data"]["level"] == "routine"
    else:
        reply = await talk.say({"intent": f"request_{kind}", "text": "please"})
    row = await _row(services, reply.custom["data"]["ticket"])
    assert (None if row is None else row.level) == level
    assert "nobody_told" not in reply.custom["data"]


async def test_with_every_outlet_down_the_patient_is_told_at_once(with_line: Callable[..., Services]) -> None:
    services = with_line()
    desk, talk = services.alerts, Talk(services, "ma.jun")
    assert desk.dispatcher is not None
    await talk.say(SYMPTOM, symptoms=COUGH)
    (claimed,) = await outbox.claim(services.database, 5, timedelta(seconds=20), Clock().now())
    for attempt in range(3):
        assert desk.reachable, attempt
        await outbox.mark_failed(
            services.database, claimed, "status 503", Clock().now() + timedelta(hours=1), Clock().now()
        )
        await desk.dispatcher.round()
    assert not desk.reachable
    reply = await talk.say(SYMPTOM, symptoms=COUGH)
    assert reply.custom["data"]["nobody_told"] is True
    assert await _waiting(services) == 2  # it is sent all the same, once the outlet is back
    await outbox.mark_sent(services.database, [claimed], Clock().now())


async def test_who_could_not_be_told_of_learns_it_with_the_next_message_and_once(
    with_line: Callable[..., Services],
) -> None:
    services = with_line()
    first = await Talk(services, "ma.jun").say(SYMPTOM, symptoms=CHEST_PAIN)
    late = with_line(later=10)
    assert late.alerts.dispatcher is not None
    await late.alerts.dispatcher.round()
    assert (await Talk(late, "nurse.qiu").say({"intent": "greet"})).custom["answer"] == "greeting"
    reply = await Talk(late, "ma.jun").say({"intent": "ask_next_visit", "text": "my next visit"})
    assert reply.custom["answer"] == "next_visit"
    (told,) = reply.custom["also"]
    assert told == {
        "answer": "handoff", "about": "P-0102",
        "data": {"ticket": first.custom["data"]["ticket"], "nobody_told": True},
    }  # fmt: skip
    assert reply.text.startswith("About what you wrote earlier")
    assert "call 120 now" in reply.text
    again = await Talk(late, "ma.jun").say({"intent": "ask_next_visit", "text": "my next visit"})
    assert "also" not in again.custom
    async with services.database.session() as session:
        assert await outbox.untold(session, Clock().now()) == []


async def test_a_symptom_of_now_still_comes_first(with_line: Callable[..., Services]) -> None:
    await Talk(with_line(), "ma.jun").say(SYMPTOM, symptoms=COUGH)
    late = with_line(later=10)
    assert late.alerts.dispatcher is not None
    await late.alerts.dispatcher.round()
    reply = await Talk(late, "ma.jun").say(SYMPTOM, symptoms=CHEST_PAIN)
    assert reply.custom["answer"] == "symptom_triage"
    assert reply.text.startswith("What you describe can be an emergency.")
    assert reply.text.index("About what you wrote earlier") > 0


async def test_where_others_read_it_is_said_only_where_they_read_the_first(with_line: Callable[..., Services]) -> None:
    await Talk(with_line(), "ma.jun", direct=False).say(SYMPTOM, symptoms=COUGH)
    late = with_line(later=10)
    assert late.alerts.dispatcher is not None
    await late.alerts.dispatcher.round()
    elsewhere = await Talk(late, "ma.jun", direct=False, conversation="another room").say({"intent": "greet"})
    assert "also" not in elsewhere.custom
    here = await Talk(late, "ma.jun", direct=False).say({"intent": "greet"})
    assert here.custom["also"][0]["about"] is None
    assert "About what you wrote earlier" in here.text


async def test_staff_see_how_pressing_a_ticket_is_and_taking_it_up_ends_the_telling(
    with_line: Callable[..., Services],
) -> None:
    services = with_line()
    number = (await Talk(services, "ma.jun").say(SYMPTOM, symptoms=CHEST_PAIN)).custom["data"]["ticket"]
    nurse = Talk(services, "nurse.qiu")
    listed = (await nurse.say({"intent": "ask_tickets"})).text
    assert f"- {number}: EMERGENCY, symptom, P-0102, 2026-09-16 14:00" in listed
    done = await nurse.say({"intent": "acknowledge_ticket", "ticket": number[2:]})
    assert done.custom["data"] == {"ticket": number, "acknowledged": True}
    assert await _waiting(services) == 0
    async with services.database.session() as session:
        assert await outbox.open_alerts(session) == []
        (found,) = [one for one in await queries.tickets(session, waiting_only=False) if one.number == number]
    assert found.acknowledged_by == "nurse.qiu"


async def test_a_message_that_is_delivered_again_notifies_under_the_first_key(
    with_line: Callable[..., Services],
) -> None:
    services = with_line()
    desk = services.alerts
    sent: list[str] = []

    class Listening(AlertDesk):
        def opened(self, number: str, *details: Any) -> None:
            sent.append(number)

    again = replace(services, alerts=Listening(desk.settings, desk.dispatcher))
    tracing.begin()  # both deliveries are one request
    first = await Talk(again, "ma.jun").say(SYMPTOM, symptoms=COUGH)
    second = await Talk(again, "ma.jun").say(SYMPTOM, symptoms=COUGH)
    assert first.custom["data"]["ticket"] == second.custom["data"]["ticket"]
    assert sent == [first.custom["data"]["ticket"]]
    assert await _waiting(services) == 1
