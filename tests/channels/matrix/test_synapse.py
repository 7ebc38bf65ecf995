"""The Matrix channel before a real homeserver, with people who use a real client library."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from bot.channels.matrix.messages import CARD
from tests.helpers.synapse import SERVER_NAME, Person, Synapse, is_notice

from .conftest import PNG, Assistant, Bot

ME = f"@sparc:{SERVER_NAME}"
NURSE, OTHER = f"@zhang.min:{SERVER_NAME}", f"@he.tao:{SERVER_NAME}"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def people(synapse: Synapse) -> Iterator[dict[str, Person]]:
    with ExitStack() as stack:
        yield {name: stack.enter_context(synapse.person(name)) for name in ("li.wei", "zhang.min", "he.tao")}


@pytest.fixture
def patient(people: dict[str, Person]) -> Person:
    return people["li.wei"]


async def _in(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """A person's deed, beside the loop in which the assistant answers."""
    return await asyncio.to_thread(lambda: function(*arguments, **options))


async def test_a_patient_is_answered_in_a_direct_room(assistant: Assistant, patient: Person) -> None:
    room = await _in(patient.create, ME)
    await _in(patient.send, room, "When is my next visit?")
    (said,) = await _in(patient.notices, room)
    assert (said["msgtype"], said["body"]) == ("m.notice", "When is my next visit?: your visit is on 2026-06-15")
    assert said["format"] == "org.matrix.custom.html"
    assert json.loads(said[CARD])["about"] == "P-0001"
    history = await _in(patient.call, "GET", f"/_matrix/client/v3/rooms/{room}/state/m.room.history_visibility/")
    assert history["reply"] == {"history_visibility": "joined"}


async def test_in_a_room_with_others_nothing_personal_is_said(
    assistant: Assistant, bot: Bot, people: dict[str, Person], patient: Person
) -> None:
    room = await _in(patient.create, ME, OTHER, direct=True)  # who calls it direct does not make it so
    await _in(patient.send, room, "When is my next visit?")
    (said,) = await _in(patient.notices, room)
    assert said["body"] == "nothing personal here"
    assert said["m.relates_to"]["m.in_reply_to"]["event_id"]
    assert bot.heard[0].metadata["direct"] is False


async def test_somebody_who_is_only_invited_reads_along(assistant: Assistant, patient: Person) -> None:
    room = await _in(patient.create, ME)
    await _in(patient.send, room, "one")
    await _in(patient.notices, room)
    await _in(patient.call, "POST", f"/_matrix/client/v3/rooms/{room}/invite", {"user_id": OTHER})
    await _in(patient.send, room, "two")
    first, second = await _in(patient.notices, room, 2)
    assert ("2026-06-15" in first["body"], second["body"]) == (True, "nothing personal here")


async def test_an_account_is_the_whole_user_id(assistant: Assistant, bot: Bot, people: dict[str, Person]) -> None:
    stranger = people["he.tao"]
    await _in(stranger.call, "PUT", f"/_matrix/client/v3/profile/{OTHER}/displayname", {"displayname": "li.wei"})
    room = await _in(stranger.create, ME)
    await _in(stranger.send, room, "When is my next visit?")
    await _in(stranger.notices, room)
    assert bot.heard[0].metadata["account"] == OTHER
    assert bot.heard[0].metadata["identity"] is None


async def test_staff_are_known_by_their_link(assistant: Assistant, bot: Bot, people: dict[str, Person]) -> None:
    nurse = people["zhang.min"]
    room = await _in(nurse.create, ME)
    await _in(nurse.send, room, "open tickets")
    await _in(nurse.notices, room)
    assert bot.heard[0].metadata["identity"]["role"] == "nurse"


async def test_an_encrypted_room_is_declined_and_left(assistant: Assistant, bot: Bot, patient: Person) -> None:
    room = await _in(patient.create, ME, encrypted=True)
    (said,) = await _in(patient.notices, room)
    assert "cannot read encrypted messages" in said["body"]
    await _in(patient.wait_for, lambda event: _left(event, room))
    assert not bot.heard


async def test_a_room_that_becomes_encrypted_is_left(assistant: Assistant, bot: Bot, patient: Person) -> None:
    room = await _in(patient.create, ME)
    await _in(patient.send, room, "hello")
    await _in(patient.notices, room)
    state = f"/_matrix/client/v3/rooms/{room}/state/m.room.encryption"
    await _in(patient.call, "PUT", state, {"algorithm": "m.megolm.v1.aes-sha2"})
    await _in(patient.wait_for, lambda event: _left(event, room))
    assert len(bot.heard) == 1


async def test_a_room_that_everybody_left_is_left(assistant: Assistant, patient: Person) -> None:
    room = await _in(patient.create, ME)
    await _in(patient.send, room, "hello")
    await _in(patient.notices, room)
    await _in(patient.call, "POST", f"/_matrix/client/v3/rooms/{room}/leave", {})
    for _ in range(200):
        if await assistant.channel._client.room(room) is None:
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the assistant is still there")


async def test_old_messages_that_others_may_read_are_warned_of(assistant: Assistant, patient: Person) -> None:
    room = await _in(patient.create, ME, preset="private_chat")  # where the assistant has no power
    (said,) = await _in(patient.notices, room)
    assert "shows its earlier messages" in said["body"]
    await _in(patient.send, room, "When is my next visit?")
    assert "2026-06-15" in (await _in(patient.notices, room, 2))[1]["body"]


async def test_a_room_that_anybody_can_look_into_is_not_direct(assistant: Assistant, patient: Person) -> None:
    room = await _in(patient.create, ME, preset="public_chat")
    await _in(patient.send, room, "When is my next visit?")
    said = await _in(patient.notices, room)
    assert said[-1]["body"] == "nothing personal here"


async def test_pictures_and_files_are_put_into_the_store(assistant: Assistant, bot: Bot, patient: Person) -> None:
    calendar = "data:text/calendar;charset=utf-8;base64,QkVHSU46VkNBTEVOREFS"
    bot.more = {"image": PNG, "attachment": calendar, "buttons": [{"title": "My next visit", "payload": "x"}]}
    room = await _in(patient.create, ME)
    await _in(patient.send, room, "pictures")
    text, picture, file = await _in(patient.notices, room, 3)
    assert "My next visit" in text["body"]
    assert (picture["msgtype"], picture["info"]["mimetype"], picture["info"]["w"]) == ("m.image", "image/png", 1)
    assert (file["msgtype"], file["body"]) == ("m.file", "visits.ics")
    place = file["url"].removeprefix("mxc://")
    stored = await _in(patient.call, "GET", f"/_matrix/client/v1/media/download/{place}")
    assert stored["reply"] == "BEGIN:VCALENDAR"


async def test_messages_of_a_room_are_answered_in_order(assistant: Assistant, patient: Person) -> None:
    room = await _in(patient.create, ME)
    for number in range(12):
        await _in(patient.send, room, f"question {number}")
    said = await _in(patient.notices, room, 12)
    assert [content["body"].partition(":")[0] for content in said] == [f"question {number}" for number in range(12)]


async def test_what_is_no_text_gets_a_clear_sentence(assistant: Assistant, bot: Bot, patient: Person) -> None:
    room = await _in(patient.create, ME)
    picture = {"msgtype": "m.image", "body": "rash.jpg", "url": "mxc://hospital.test/abc"}
    await _in(patient.call, "PUT", f"/_matrix/client/v3/rooms/{room}/send/m.room.message/p1", picture)
    (said,) = await _in(patient.notices, room)
    assert "written text only" in said["body"]
    assert not bot.heard


async def test_a_flood_is_told_once_and_a_sign_of_illness_passes(
    assistant: Assistant, bot: Bot, patient: Person
) -> None:
    assistant.limit.set(4)
    room = await _in(patient.create, ME)
    for number in range(6):
        await _in(patient.send, room, f"question {number}")
    await _in(patient.send, room, "there is blood")
    said = await _in(patient.notices, room, 4)
    assert [message.text for message in bot.heard] == ["question 0", "question 1", "there is blood"]
    assert sum("faster than I may answer" in content["body"] for content in said) == 1


async def test_a_bot_that_keeps_failing_is_apologised_for(assistant: Assistant, bot: Bot, patient: Person) -> None:
    bot.fails = 4
    assistant.channel._queues._sleep = _no_sleep
    room = await _in(patient.create, ME)
    await _in(patient.send, room, "my words")
    await _in(patient.send, room, "more words")
    first, second = await _in(patient.notices, room, 2)
    assert "fault of mine" in first["body"]
    assert "my words" not in first["body"]
    assert second["body"].startswith("more words")


async def test_a_notice_is_never_answered(assistant: Assistant, bot: Bot, patient: Person) -> None:
    room = await _in(patient.create, ME)
    send = f"/_matrix/client/v3/rooms/{room}/send/m.room.message"
    await _in(patient.call, "PUT", f"{send}/n1", {"msgtype": "m.notice", "body": "I am a bot too"})
    await _in(patient.send, room, "and I am not")
    await _in(patient.notices, room)
    assert [message.text for message in bot.heard] == ["and I am not"]


async def test_killed_and_restarted_each_message_is_answered_once(
    assistant: Assistant, bot: Bot, patient: Person, synapse: Synapse
) -> None:
    """First the assistant goes away, then the homeserver, without warning, in the middle of work."""
    room = await _in(patient.create, ME)
    await _in(patient.send, room, "question 0")
    await _in(patient.notices, room)
    await assistant.stop()
    await _in(patient.send, room, "question 1")  # nobody listens: the homeserver keeps it
    await asyncio.sleep(0.2)
    await assistant.start()
    await _in(patient.send, room, "question 2")
    await _in(patient.notices, room, 3)
    for number in (3, 4, 5):
        await _in(patient.send, room, f"question {number}")
    await _in(synapse.kill)
    await _in(synapse.start)
    await _in(patient.send, room, "question 6")
    said = await _in(patient.notices, room, 7)
    await assistant.stop()  # a third life, in which nothing is left to do
    await assistant.start()
    await _in(patient.look, 500)
    again = [event for event in patient.seen if event["room"] == room and is_notice(event)]
    assert len(again) == len(said) == 7
    assert [content["body"].partition(":")[0] for content in said] == [f"question {number}" for number in range(7)]


async def _no_sleep(_seconds: float) -> None:
    await asyncio.sleep(0)


def _left(event: dict[str, Any], room: str) -> bool:
    member = event["room"] == room and event["type"] == "m.room.member" and event.get("state_key") == ME
    return member and event["content"]["membership"] == "leave"
