"""Slack's connector before a Slack that is played: signed requests in, `chat.postMessage` out, each message once."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any
from urllib.parse import urlencode

import pytest

from bot.channels.connectors.guarded import Common
from bot.channels.connectors.slack import GuardedSlack
from bot.enrollment.audit import Actor
from bot.enrollment.link_codes import make_link_code
from tests.helpers.slack import SIGNING_SECRET, TOKEN, Slack

from ..conftest import FakeBot


async def test_a_signed_message_is_answered_where_it_was_written(slack: Slack, bot: FakeBot) -> None:
    assert await slack.say("When is my next visit?") == "Good day, 1."
    (message,) = bot.heard
    assert (message.text, message.input_channel) == ("When is my next visit?", "slack")
    assert message.metadata["identity"]["participant"] == "P-0001"
    assert (message.metadata["account"], message.metadata["direct"]) == ("slack:T0HOSPITAL/U0PATIENT", True)
    assert slack.api.posted[0]["channel"] == "D0DIRECT"
    assert slack.api.tokens == {f"Bearer {TOKEN}"}


async def test_the_address_is_verified_as_slack_asks(slack: Slack) -> None:
    status, said = await slack.send({"type": "url_verification", "challenge": "c-123"})
    assert (status, json.loads(said)) == (200, "c-123")
    assert (await slack.send({"type": "url_verification", "challenge": "c"}, **{"X-Slack-Signature": "v0=0"}))[0] == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Slack-Signature": ""}, {"X-Slack-Signature": "v0=" + "0" * 64}, {"X-Slack-Signature": "é"},
        {"X-Slack-Request-Timestamp": ""}, {"X-Slack-Request-Timestamp": "1"}, {"X-Slack-Request-Timestamp": "now"},
        {"at": str(int(time.time()) - 600)}, {"at": str(int(time.time()) + 600)},
    ],
    ids=str,
)  # fmt: skip
async def test_what_slack_did_not_sign_is_refused(slack: Slack, bot: FakeBot, headers: dict[str, str]) -> None:
    assert (await slack.send(slack.event("hello"), **headers))[0] == 400
    assert not bot.heard


async def test_slacks_repetitions_are_handled_once(slack: Slack, bot: FakeBot) -> None:
    event = slack.event("hello")
    retry = {"X-Slack-Retry-Num": "1", "X-Slack-Retry-Reason": "http_timeout"}
    for headers in ({}, retry, retry):
        assert (await slack.send(event, **headers))[0] == 200
    assert len(bot.heard) == len(slack.api.posted) == 1


async def test_a_repetition_whose_first_delivery_was_lost_is_answered(slack: Slack, bot: FakeBot) -> None:
    retry = {"X-Slack-Retry-Num": "1", "X-Slack-Retry-Reason": "http_timeout"}
    assert (await slack.send(slack.event("hello"), **retry))[0] == 200
    assert len(bot.heard) == len(slack.api.posted) == 1


async def test_a_mention_that_comes_as_two_events_is_answered_once(slack: Slack, bot: FakeBot) -> None:
    event = slack.event("hello", channel="C0WARD", channel_type="channel", type="app_mention")
    other = {**event, "event_id": "EvOther"}
    await slack.send(event)
    await slack.send(other)
    assert len(slack.api.posted) == 1
    assert bot.heard[0].metadata["direct"] is False


@pytest.mark.parametrize("kind", ["channel", "group", "mpim", None])
async def test_only_a_conversation_of_two_is_direct(slack: Slack, bot: FakeBot, kind: str | None) -> None:
    await slack.send(slack.event("hello", channel="G0", channel_type=kind, type="app_mention"))
    assert [message.metadata["direct"] for message in bot.heard] == [False]


async def test_the_user_id_is_the_account(slack: Slack, bot: FakeBot) -> None:
    await slack.say("hello", "U0STRANGER", username="U0PATIENT", user_profile={"name": "U0NURSE"}, role="nurse")
    assert bot.heard[0].metadata["identity"] is None
    event = slack.event("hello", "U0PATIENT") | {"team_id": "T0ELSEWHERE"}
    await slack.send(event)
    assert bot.heard[1].metadata["identity"] is None


@pytest.mark.parametrize("changes", [{"bot_id": "B1"}, {"text": None}, {"text": " / "}, {"type": "reaction_added"}])
async def test_what_is_no_message_of_a_person_is_passed_over(
    slack: Slack, bot: FakeBot, changes: dict[str, Any]
) -> None:
    assert (await slack.send(slack.event(**{"text": "hello", **changes})))[0] == 200
    assert not bot.heard


async def test_an_intent_payload_is_text(slack: Slack, bot: FakeBot) -> None:
    await slack.say('/ask_visits_on{"participant": "P-0002"}')
    assert bot.heard[0].text == 'ask_visits_on{"participant": "P-0002"}'


async def test_a_button_of_somebody_else_does_nothing(slack: Slack, bot: FakeBot) -> None:
    action = {"type": "button", "value": "/restart"}
    payload = {"user": {"id": "U0PATIENT"}, "channel": {"id": "D0"}, "actions": [action]}
    form = urlencode({"payload": json.dumps(payload)}).encode()
    assert (await slack.send(form, **{"Content-Type": "application/x-www-form-urlencoded"}))[0] == 200
    assert not bot.heard


async def test_markup_in_an_answer_rings_nobody(slack: Slack, bot: FakeBot) -> None:
    async def loud(message: Any) -> None:
        custom = {"answer": "help", "about": None, "data": {}}
        await message.output_channel.send_response("", {"text": "<!channel> & <@U1>", "custom": custom})

    bot.behave = loud
    assert await slack.say("hello") == "&lt;!channel&gt; &amp; &lt;@U1&gt;"


@pytest.mark.parametrize(
    "fault",
    [
        (429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "1"}), (500, {"ok": False, "error": "x"}, {}),
        (200, {"ok": False, "error": "internal_error"}, {}),
    ],
)  # fmt: skip
async def test_what_passes_is_waited_for(slack: Slack, bot: FakeBot, fault: Any) -> None:
    slack.api.faults = [fault]
    assert await slack.say("hello") == "Good day, 1."
    assert len(bot.heard) == 1


async def test_what_slack_refuses_for_good_does_not_hold_up_the_rest(slack: Slack) -> None:
    slack.api.faults = [(200, {"ok": False, "error": "channel_not_found"}, {})]
    assert await slack.say("one") == ""
    assert await slack.say("two") == "Good day, 2."


async def test_a_restart_works_off_what_was_stored(slack: Slack, bot: FakeBot, common: Common) -> None:
    waiting = asyncio.Event()

    async def for_ever(_seconds: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    slack.channel.queues._sleep = for_ever
    slack.api.faults = [(500, {"ok": False, "error": "x"}, {})]
    delivery = asyncio.create_task(slack.send(slack.event("hello")))
    await waiting.wait()
    await slack.channel.stop()
    delivery.cancel()
    credentials = {
        "slack_token": TOKEN,
        "slack_signing_secret": SIGNING_SECRET,
        "slack_api": slack.channel._client.base_url,
    }
    again = GuardedSlack(credentials, common)
    again.blueprint(bot)
    await again.start()
    await again.queues.idle()
    assert len(bot.heard) == len(slack.api.posted) == 1


async def test_a_link_code_is_redeemed_and_seen_by_nobody(slack: Slack, bot: FakeBot, common: Common) -> None:
    async with common.database.writing(Actor("demo.coordinator", "coordinator"), "test") as session:
        code = await make_link_code(session, participant="P-0004")
        await session.commit()
    assert "P-0004" in await slack.say(code, "U0NEW")
    assert not bot.heard
