"""A homeserver that refuses, limits and fails, played by a small one of our own; and the routes towards it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.alerts.push import CanPush, Recipient
from bot.channels.matrix.client import ANSWERS
from bot.config import Settings
from bot.enrollment import migrations, writes
from bot.enrollment.audit import Actor
from bot.enrollment.database import Database
from bot.enrollment.demo import load_demo
from bot.errors import SettingsError
from tests.helpers.homeserver import ME, PATIENT, Homeserver
from tests.helpers.synapse import SERVER_NAME, free_port

from .conftest import CLOCK, Assistant, settings_for


@pytest.fixture
async def homeserver() -> AsyncIterator[tuple[Homeserver, str]]:
    server, app, port = Homeserver(), web.Application(), free_port()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield server, f"http://127.0.0.1:{port}"
    await runner.cleanup()


@pytest.fixture
async def played(homeserver: tuple[Homeserver, str], tmp_path: Path) -> AsyncIterator[Assistant]:
    url = f"sqlite:///{tmp_path / 'matrix.db'}"
    migrations.upgrade(url)
    async with Database(url, CLOCK) as database:
        await load_demo(database)
        async with database.writing(Actor("test", "administrator"), "test") as session:
            await writes.link_participant(session, PATIENT, "P-0001")
            await session.commit()
        assistant = Assistant(settings_for(tmp_path, homeserver[1], free_port()), database)
        await assistant.start()
        assistant.channel._queues._sleep = _slept(assistant)
        yield assistant
        await assistant.stop()


def _slept(assistant: Assistant) -> Any:
    assistant.pauses = []  # type: ignore[attr-defined]

    async def sleep(seconds: float) -> None:
        assistant.pauses.append(seconds)  # type: ignore[attr-defined]
        await asyncio.sleep(0)

    return sleep


async def _deliver(
    assistant: Assistant, *events: Any, number: str = "1", token: str | None = None, raw: Any = None
) -> int:
    """One transaction, as a homeserver sends it; its status."""
    url = f"http://127.0.0.1:{assistant.settings.port}/_matrix/app/v1/transactions/{number}"
    token = assistant.settings.matrix_tokens()[1] if token is None else token
    data = json.dumps({"events": list(events)}) if raw is None else raw
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with aiohttp.ClientSession() as session, session.put(url, data=data, headers=headers) as reply:
        status = reply.status
    await assistant.channel._queues.idle()
    return status


def _message(text: str, event_id: str = "$1", room: str = "!r", sender: str = PATIENT) -> dict[str, Any]:
    content = {"msgtype": "m.text", "body": text}
    return {"event_id": event_id, "room_id": room, "sender": sender, "type": "m.room.message", "content": content}


def _invitation(sender: str) -> dict[str, Any]:
    return {
        "event_id": "$i", "room_id": "!r", "sender": sender, "type": "m.room.member", "state_key": ME,
        "content": {"membership": "invite"},
    }  # fmt: skip


async def test_the_same_event_in_another_transaction_is_answered_once(
    played: Assistant, homeserver: tuple[Homeserver, str]
) -> None:
    for number in ("1", "1", "2"):
        assert await _deliver(played, _message("hello"), number=number) == 200
    assert len(played.bot.heard) == len(homeserver[0].sent) == 1


async def test_transactions_of_a_new_homeserver_begin_again_and_are_heard(
    played: Assistant, homeserver: tuple[Homeserver, str]
) -> None:
    await _deliver(played, _message("one", "$1"), number="1")
    await _deliver(played, _message("two", "$2"), number="1")
    assert [message.text for message in played.bot.heard] == ["one", "two"]


@pytest.mark.parametrize(
    ("fault", "pause"),
    [
        ((429, {"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 2500}), 2.5), ((500, {}), 1.0), ((502, {}), 1.0),
        ((429, {"errcode": "M_LIMIT_EXCEEDED"}), 1.0), ((401, {"errcode": "M_UNKNOWN_TOKEN"}), 1.0),
        ((429, {"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 10**12}), 300.0),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["send", "state"])
async def test_what_passes_is_waited_for(
    played: Assistant, homeserver: tuple[Homeserver, str], fault: tuple[int, dict[str, Any]], pause: float, kind: str
) -> None:
    homeserver[0].faults[kind] = [fault]
    await _deliver(played, _message("hello"))
    assert played.pauses == [pause]  # type: ignore[attr-defined]
    assert len(homeserver[0].sent) == len(played.bot.heard) == 1


async def test_a_reply_that_arrived_although_it_seemed_to_fail_is_not_sent_again(
    played: Assistant, homeserver: tuple[Homeserver, str]
) -> None:
    homeserver[0].keeps_before_failing = True
    homeserver[0].faults["send"] = [(500, {})]
    await _deliver(played, _message("hello"))
    assert homeserver[0].calls["send"] == 1
    assert [content[ANSWERS] for content in homeserver[0].sent.values()] == [{"event_id": "$1", "part": 0}]


async def test_what_is_refused_for_good_does_not_hold_up_the_rest(
    played: Assistant, homeserver: tuple[Homeserver, str]
) -> None:
    homeserver[0].faults["send"] = [(403, {"errcode": "M_FORBIDDEN"})]
    await _deliver(played, _message("one", "$1"), _message("two", "$2"))
    assert [content["body"].partition(":")[0] for content in homeserver[0].sent.values()] == ["two"]


async def test_what_a_killed_homeserver_never_delivered_is_found_and_answered_in_order(
    played: Assistant, homeserver: tuple[Homeserver, str]
) -> None:
    now = int(time.time() * 1000)
    joined = {
        "type": "m.room.member",
        "state_key": ME,
        "sender": ME,
        "event_id": "$j",
        "content": {"membership": "join"},
    }
    timeline = [_message("before we came", "$0"), joined, *[_message(f"m{n}", f"${n}") for n in range(1, 6)]]
    homeserver[0].timeline = [{**event, "origin_server_ts": now} for event in timeline]
    await _deliver(played, _message("m1", "$1"))
    await _deliver(played, _message("m4", "$4"))  # $2 and $3 were lost
    await _deliver(played, _message("m5", "$5"))
    assert [message.text for message in played.bot.heard] == ["m1", "m2", "m3", "m4", "m5"]
    homeserver[0].timeline = [{**event, "origin_server_ts": 0} for event in homeserver[0].timeline]
    homeserver[0].timeline.append(_message("m7", "$7"))
    homeserver[0].timeline.insert(-1, {**_message("m6", "$6"), "origin_server_ts": now - 25 * 3600 * 1000})
    await _deliver(played, _message("m7", "$7"))
    assert [message.text for message in played.bot.heard][5:] == ["m7"]


async def test_the_order_of_a_room_is_kept_over_failures(played: Assistant, homeserver: tuple[Homeserver, str]) -> None:
    homeserver[0].faults["send"] = [(500, {})] * 7
    await _deliver(played, *[_message(f"m{n}", f"${n}") for n in range(5)])
    said = [homeserver[0].sent[key]["body"].partition(":")[0] for key in homeserver[0].order]
    assert said == [f"m{n}" for n in range(5)]


async def test_an_answer_made_for_one_is_not_given_to_two(
    played: Assistant, homeserver: tuple[Homeserver, str]
) -> None:
    """Somebody comes into the room while the homeserver cannot take the reply."""
    server = homeserver[0]
    server.faults["send"] = [(500, {})]
    sleep = played.channel._queues._sleep

    async def somebody_comes(seconds: float) -> None:
        server.members[f"@he.tao:{SERVER_NAME}"] = "invite"
        await sleep(seconds)

    played.channel._queues._sleep = somebody_comes
    await _deliver(played, _message("When is my next visit?"))
    assert [content["body"] for content in server.sent.values()] == ["nothing personal here"]


async def test_a_restart_delivers_the_reply_that_was_made(
    played: Assistant, homeserver: tuple[Homeserver, str]
) -> None:
    """The reply is stored, then the process dies: the next one sends it and does not ask the bot again."""
    server = homeserver[0]
    server.faults["send"] = [(500, {})]
    waiting = asyncio.Event()

    async def for_ever(_seconds: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    played.channel._queues._sleep = for_ever
    delivery = asyncio.create_task(_deliver(played, _message("hello")))
    await waiting.wait()
    await played.stop()
    delivery.cancel()
    await played.start()
    await played.channel._queues.idle()
    assert len(server.sent) == len(played.bot.heard) == 1


@pytest.mark.parametrize("sender", ["@li.wei:evil.test", "@li.wei:hospital.test.evil.test"])
async def test_an_invitation_from_elsewhere_is_declined(
    played: Assistant, homeserver: tuple[Homeserver, str], sender: str
) -> None:
    await _deliver(played, _invitation(sender))
    assert (homeserver[0].left, homeserver[0].calls["join"]) == (["!r"], 0)


async def test_who_writes_from_elsewhere_is_nobody(played: Assistant) -> None:
    await _deliver(played, _message("my next visit?", sender="@li.wei:evil.test"))
    assert played.bot.heard[0].metadata["identity"] is None


@pytest.mark.parametrize("token", ["", "wrong", "x" * 4000])
async def test_who_has_not_the_homeservers_token_is_turned_away(played: Assistant, token: str) -> None:
    assert await _deliver(played, _message("hello"), token=token) == (401 if not token else 403)
    assert not played.bot.heard


async def test_the_own_token_is_not_the_homeservers(played: Assistant) -> None:
    assert await _deliver(played, _message("hello"), token=played.settings.matrix_tokens()[0]) == 403


@pytest.mark.parametrize("raw", ["", "{", "[]", '{"events": 7}'])
async def test_a_body_that_no_homeserver_sends_is_refused(played: Assistant, raw: str) -> None:
    assert await _deliver(played, raw=raw) == 400


async def test_a_transaction_of_the_largest_size_is_taken(played: Assistant) -> None:
    assert await _deliver(played, *[_message("x" * 60_000, f"${n}") for n in range(100)]) == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"/_matrix/app/v1/users/{ME}", 200), ("GET", "/_matrix/app/v1/users/%40sparc%3Ahospital.test", 200),
        ("GET", f"/_matrix/app/v1/users/{PATIENT}", 404), ("GET", "/_matrix/app/v1/rooms/%23ward%3Ahospital.test", 404),
        ("POST", "/_matrix/app/v1/ping", 200), ("GET", "/_matrix/app/v1/transactions/1", 405), ("PUT", "/transactions/1", 404),
    ],
)  # fmt: skip
async def test_the_other_routes(played: Assistant, method: str, path: str, status: int) -> None:
    from yarl import URL

    url = URL(f"http://127.0.0.1:{played.settings.port}{path}", encoded=True)
    headers = {"Authorization": f"Bearer {played.settings.matrix_tokens()[1]}"}
    async with aiohttp.ClientSession() as session:
        async with session.request(method, url, headers=headers, data=b"{}" if method != "GET" else None) as reply:
            assert reply.status == status
        if status < 404:
            async with session.request(method, url) as reply:
                assert reply.status == 401


async def test_only_messages_that_name_the_assistant_where_that_is_wished(
    homeserver: tuple[Homeserver, str], played: Assistant, tmp_path: Path
) -> None:
    await played.stop()
    played.settings = settings_for(tmp_path, homeserver[1], played.settings.port, SPARC_MATRIX_GROUPS="mentioned")
    await played.start()
    homeserver[0].members[f"@he.tao:{SERVER_NAME}"] = "join"
    texts = ["lunch?", "sparc: who can take part?", "SPARC Assistant, hello", "there is blood"]
    await _deliver(played, *[_message(text, f"${n}") for n, text in enumerate(texts)])
    assert [message.text for message in played.bot.heard] == ["who can take part?", "hello", "there is blood"]


async def test_who_wrote_alone_can_be_told_unasked(played: Assistant, homeserver: tuple[Homeserver, str]) -> None:
    recipient = Recipient(PATIENT, "!r", "matrix-1", "en")
    message = {"text": "Please call the ward.", "custom": {"answer": "symptom_triage", "data": {}, "language": "en"}}
    assert await played.channel.push(recipient, message) is True
    assert await played.channel.push(recipient, message) is True
    assert [content["body"] for content in homeserver[0].sent.values()] == ["Please call the ward."]
    homeserver[0].members[f"@he.tao:{SERVER_NAME}"] = "join"
    assert await played.channel.push(recipient, {**message, "text": "Another."}) is False
    assert isinstance(played.channel, CanPush)
    assert played.channel.name() == "matrix"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SPARC_MATRIX_HOMESERVER", "hospital.test"), ("SPARC_MATRIX_HOMESERVER", "ftp://x"), ("SPARC_MATRIX_HOMESERVER", "http://u:p@x"),
        ("SPARC_MATRIX_SERVER_NAME", ""), ("SPARC_MATRIX_SERVER_NAME", "a b"), ("SPARC_MATRIX_USER", "Sparc"), ("SPARC_MATRIX_USER", ".*:"),
        ("SPARC_MATRIX_SERVERS", "a b"), ("SPARC_MATRIX_GROUPS", "some"), ("SPARC_MATRIX_AS_TOKEN", "short"), ("SPARC_MATRIX_HS_TOKEN", "a b c d e f g h i j"),
        ("SPARC_MATRIX_ADDRESS", "nowhere"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        settings_for(tmp_path, "http://127.0.0.1:8008", 5005, **{name: value})


def test_it_is_off_unless_a_homeserver_is_named(tmp_path: Path) -> None:
    assert Settings.from_environment({"SPARC_HOME": str(tmp_path)}).matrix is None
