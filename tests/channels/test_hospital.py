"""The hospital's webhook: each message once, a clear refusal for everything else."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa
import structlog

from bot.channels.guard import MAX_BODY_BYTES, RateLimit
from bot.channels.hospital import HospitalInput
from bot.enrollment.database import Database
from bot.enrollment.models import HandledMessage

from .conftest import SECRET, FakeBot, Hospital, StillTime, greet, hospital_of, now, signed

PATH = "/webhooks/hospital/webhook"


async def test_a_signed_message_is_answered_as_the_contract_says(hospital: Hospital, bot: FakeBot) -> None:
    answered = await hospital.send(text=" 下次访视\u200b是什么时候? ")
    assert answered.status == 200
    custom = {"answer": "greeting", "about": None, "data": {"number": 1}}
    assert answered.body == [{"recipient_id": "demo.chen", "text": "Good day, 1.", "custom": custom}]
    (message,) = bot.heard
    assert message.text == "下次访视是什么时候?"
    assert message.input_channel == "hospital"
    assert message.metadata["identity"]["participant"] == "P-0001"
    assert message.metadata["direct"] is True
    assert "demo.chen" not in message.sender_id


# --- each message once ------------------------------------------------------------------------------------------


async def test_the_same_id_again_gets_the_first_reply_and_changes_nothing(hospital: Hospital, bot: FakeBot) -> None:
    first = await hospital.send("msg_same")
    again = await hospital.send("msg_same")
    assert (again.status, again.raw) == (200, first.raw)
    assert len(bot.heard) == 1


async def test_a_retry_is_signed_anew_and_is_the_same_message(hospital: Hospital, bot: FakeBot) -> None:
    body = hospital.body()
    await hospital.deliver(body, "msg_retry", now() - timedelta(minutes=4))
    await hospital.deliver(body, "msg_retry", now())
    assert len(bot.heard) == 1


@pytest.mark.parametrize("changes", [{"account": "demo.wu"}, {"text": "another"}, {"conversation": "room-2"}])
async def test_the_same_id_with_another_body_is_another_message(
    hospital: Hospital, bot: FakeBot, changes: dict[str, str]
) -> None:
    identifier = f"msg_shared_{changes}".replace(" ", "")
    first = await hospital.send(identifier)
    other = await hospital.send(identifier, **changes)
    assert len(bot.heard) == 2
    assert other.body[0]["text"] != first.body[0]["text"]
    assert other.body[0]["recipient_id"] == changes.get("account", "demo.chen")


async def test_deliveries_that_arrive_together_have_one_effect_and_one_reply(hospital: Hospital, bot: FakeBot) -> None:
    async def slow(message: Any) -> None:
        await asyncio.sleep(0.05)
        await greet(message, len(bot.heard))

    bot.behave = slow
    answers = await asyncio.gather(*(hospital.send("msg_together") for _ in range(12)))
    assert len(bot.heard) == 1
    assert {(answered.status, answered.raw) for answered in answers} == {(200, answers[0].raw)}


async def test_two_channels_on_one_database_have_one_effect(database: Database, bot: FakeBot) -> None:
    async def slow(message: Any) -> None:
        await asyncio.sleep(0.1)
        await greet(message)

    bot.behave = slow
    one = HospitalInput(SECRET, database, RateLimit(0), lambda _: False)
    two = HospitalInput(SECRET, database, RateLimit(0), lambda _: False)
    async with hospital_of(one, bot) as first, hospital_of(two, bot) as second:
        answers = await asyncio.gather(first.send("msg_two_processes"), second.send("msg_two_processes"))
        busy = next(answered for answered in answers if answered.status != 200)
        assert (busy.status, busy.headers["retry-after"]) == (503, "2")
        later = await second.send("msg_two_processes")
    assert later.status == 200
    assert len(bot.heard) == 1


async def test_a_reply_outlives_the_process(database: Database, bot: FakeBot) -> None:
    for _ in range(2):
        channel = HospitalInput(SECRET, database, RateLimit(0), lambda _: False)
        async with hospital_of(channel, bot) as hospital:
            assert (await hospital.send("msg_restart")).body[0]["text"] == "Good day, 1."


async def test_a_caller_that_hangs_up_finds_the_reply_at_its_next_delivery(hospital: Hospital, bot: FakeBot) -> None:
    heard, go_on = asyncio.Event(), asyncio.Event()

    async def slow(message: Any) -> None:
        heard.set()
        await go_on.wait()
        await greet(message, len(bot.heard))

    bot.behave = slow
    caller = asyncio.create_task(hospital.send("msg_hung_up"))
    await heard.wait()
    caller.cancel()
    await asyncio.wait([caller])
    await asyncio.sleep(0.05)  # the server notices
    go_on.set()
    again = await hospital.send("msg_hung_up")
    assert (again.status, again.body[0]["text"]) == (200, "Good day, 1.")
    assert len(bot.heard) == 1


# --- failures ---------------------------------------------------------------------------------------------------


async def _nothing(_message: Any) -> None:
    """A bot that swallows its error, as Rasa does where an action fails."""


async def _fails(message: Any) -> None:
    raise RuntimeError(f"could not answer {message.text}")


async def _no_card(message: Any) -> None:
    await message.output_channel.send_response("x", {"text": "no card"})


@pytest.mark.parametrize("failing", [_nothing, _fails, _no_card])
async def test_a_failure_is_said_and_the_next_delivery_is_worked_on(
    hospital: Hospital, bot: FakeBot, failing: Any
) -> None:
    identifier = f"msg_fails_{failing.__name__}"
    bot.behave = failing
    failed = await hospital.send(identifier)
    assert (failed.status, failed.headers["retry-after"]) == (503, "2")
    assert failed.body == {"error": "the message could not be answered; send it again"}
    bot.behave = None
    assert (await hospital.send(identifier)).status == 200
    assert len(bot.heard) == 2


async def test_a_database_that_is_gone_is_said(tmp_path: Any, bot: FakeBot) -> None:
    async with Database(f"sqlite:///{tmp_path / 'no_tables.db'}") as broken:
        channel = HospitalInput(SECRET, broken, RateLimit(0), lambda _: False)
        async with hospital_of(channel, bot) as hospital:
            failed = await hospital.send()
    assert (failed.status, bot.heard) == (503, [])
    assert "sqlite" not in failed.raw


async def test_a_failure_is_logged_by_place_and_not_by_text(hospital: Hospital, bot: FakeBot) -> None:
    bot.behave = _fails
    with structlog.testing.capture_logs() as logs:
        await hospital.send(text="I bleed, says demo.chen", conversation="room-of-li")
    (entry,) = [entry for entry in logs if entry["event"] == "message failed"]
    assert any("RuntimeError" in place and "test_hospital.py" in place for place in entry["where"])
    assert not [word for word in ("bleed", "demo.chen", "room-of-li", "could not") if word in json.dumps(entry)]


# --- refusals ---------------------------------------------------------------------------------------------------


async def test_a_body_of_16_kib_passes_and_one_byte_more_does_not(hospital: Hospital, bot: FakeBot) -> None:
    short = len(hospital.body(text="a"))
    assert (await hospital.send(text="a" * (MAX_BODY_BYTES - short + 1))).status == 200
    refused = await hospital.send(text="a" * (MAX_BODY_BYTES - short + 2))
    assert (refused.status, refused.body) == (413, {"error": "body: expected at most 16384 bytes"})
    assert len(bot.heard) == 1


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (Hospital.body(direct="yes"), "direct"), (Hospital.body(account=...), "account"), (b"[]", "body"),
        (Hospital.body(conversation=None), "conversation"), (Hospital.body(text=""), "text"), (b"\xff", "body"),
        (b'{"text": ' + b"9" * 6_000 + b"}", "body"),
    ],
    ids=lambda value: str(value)[:60],
)  # fmt: skip
async def test_a_bad_body_names_the_field(hospital: Hospital, bot: FakeBot, body: bytes, names: str) -> None:
    refused = await hospital.deliver(body)
    assert refused.status == 400
    assert refused.body["error"].startswith(f"{names}: expected")
    assert bot.heard == []


async def test_a_refused_body_uses_its_id_up_for_nothing(hospital: Hospital, bot: FakeBot) -> None:
    await hospital.send("msg_refused_first", text="")
    assert (await hospital.send("msg_refused_first")).status == 200
    assert len(bot.heard) == 1


def _without(headers: dict[str, str], name: str) -> list[tuple[str, str]]:
    return [(key, value) for key, value in headers.items() if key != name]


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
@pytest.mark.parametrize("times", [0, 2])
async def test_a_header_that_is_missing_or_comes_twice_is_refused(
    hospital: Hospital, bot: FakeBot, name: str, times: int
) -> None:
    body = hospital.body()
    headers = signed(body)
    refused = await hospital.post(body, _without(headers, name) + [(name, headers[name])] * times)
    assert (refused.status, refused.body) == (401, {"error": "signature: missing, wrong or too old"})
    assert bot.heard == []


async def test_header_names_are_of_any_case(hospital: Hospital) -> None:
    body = hospital.body()
    headers = {name.upper(): value for name, value in signed(body).items()}
    assert (await hospital.post(body, headers)).status == 200


@pytest.mark.parametrize("minutes", [-6, 6])
async def test_a_time_stamp_too_far_off_is_refused(hospital: Hospital, minutes: int) -> None:
    assert (await hospital.deliver(hospital.body(), moment=now() + timedelta(minutes=minutes))).status == 401


async def test_an_unsigned_bad_body_is_a_bad_signature(hospital: Hospital) -> None:
    assert (await hospital.post(b"[]", {})).status == 401


async def test_only_post_is_taken(hospital: Hospital) -> None:
    async with aiohttp.ClientSession() as session, session.get(hospital.address + PATH) as reply:
        assert reply.status == 405


# --- rate -------------------------------------------------------------------------------------------------------


@pytest.fixture
def limit(request: pytest.FixtureRequest, time: StillTime) -> RateLimit:
    return RateLimit(getattr(request, "param", 0), time)


@pytest.mark.parametrize("limit", [6], indirect=True)
async def test_too_many_messages_wait_as_long_as_they_are_told(
    hospital: Hospital, bot: FakeBot, time: StillTime
) -> None:
    assert [(await hospital.send()).status for _ in range(4)] == [200, 200, 200, 429]
    refused = await hospital.send("msg_flood_last")
    assert (refused.headers["retry-after"], refused.body) == ("10", {"error": "too many messages"})
    time.now += 10
    assert (await hospital.send("msg_flood_last")).status == 200
    assert len(bot.heard) == 4


@pytest.mark.parametrize("limit", [6], indirect=True)
async def test_messages_that_arrive_together_do_not_slip_by(hospital: Hospital, bot: FakeBot) -> None:
    answers = await asyncio.gather(*(hospital.send() for _ in range(12)))
    assert sorted(answered.status for answered in answers) == [200] * 3 + [429] * 9
    assert len(bot.heard) == 3


@pytest.mark.parametrize("limit", [2], indirect=True)
async def test_an_alarming_message_is_answered_even_then(hospital: Hospital, bot: FakeBot) -> None:
    await hospital.send()
    alarming = [(await hospital.send(text="there is blood everywhere")).status for _ in range(3)]
    assert (alarming, (await hospital.send()).status) == ([200] * 3, 429)


@pytest.mark.parametrize("limit", [2], indirect=True)
async def test_a_repetition_is_never_too_many(hospital: Hospital, bot: FakeBot) -> None:
    first = await hospital.send("msg_rep")
    again = [await hospital.send("msg_rep") for _ in range(5)]
    assert {(answered.status, answered.raw) for answered in again} == {(200, first.raw)}


@pytest.mark.parametrize("limit", [4], indirect=True)
async def test_a_repetition_costs_nothing(hospital: Hospital) -> None:
    for _ in range(5):
        await hospital.send("msg_rep_free")
    assert [(await hospital.send()).status for _ in range(2)] == [200, 429]


@pytest.mark.parametrize("limit", [2], indirect=True)
async def test_one_account_does_not_use_up_anothers(hospital: Hospital) -> None:
    await hospital.send()
    assert ((await hospital.send()).status, (await hospital.send(account="demo.wu")).status) == (429, 200)


@pytest.mark.parametrize("limit", [2], indirect=True)
async def test_a_flood_writes_nothing(hospital: Hospital, database: Database) -> None:
    await hospital.send(account="flooder")
    for number in range(5):
        await hospital.send(f"msg_flood_{number}", account="flooder")
    query = sa.select(sa.func.count()).where(
        HandledMessage.webhook_id.like("msg_flood_%"), HandledMessage.account == "flooder"
    )
    async with database.session() as session:
        assert (await session.execute(query)).scalar_one() == 0


@pytest.mark.parametrize("limit", [0], indirect=True)
async def test_no_rate_is_no_limit(hospital: Hospital) -> None:
    answers = await asyncio.gather(*(hospital.send() for _ in range(40)))
    assert {answered.status for answered in answers} == {200}
