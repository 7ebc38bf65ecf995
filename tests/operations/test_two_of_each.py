"""Two chat servers and two action servers on one PostgreSQL and one Redis: order, once, drills, an orderly end."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator

import aiohttp
import asyncpg
import pytest
from prometheus_client.parser import text_string_to_metric_families
from redis.asyncio import Redis

from benchmarks.kill_drill import VICTIMS, drill
from benchmarks.stack import Message, Stack
from bot import tracing

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(1500)]


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=70)) as opened:
        yield opened


async def _post(session: aiohttp.ClientSession, url: str, message: Message) -> tuple[int, bytes]:
    async with session.post(url, data=message.body, headers=message.headers) as reply:
        return reply.status, await reply.read()


async def _rows(stack: Stack, query: str, *values: object) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(f"postgresql://postgres@127.0.0.1:{stack.postgresql_port}/postgres")
    try:
        return list(await connection.fetch(query, *values))
    finally:
        await connection.close()


async def _said(stack: Stack, conversation: str) -> list[dict[str, object]]:
    rows = await _rows(stack, "SELECT sender_id, data FROM chat.conversation_events ORDER BY id")
    events = [(row["sender_id"], json.loads(row["data"])) for row in rows]
    (sender,) = {
        sender for sender, event in events if (event.get("metadata") or {}).get("conversation") == conversation
    }
    return [event for owner, event in events if owner == sender]


async def test_messages_of_a_conversation_through_both_servers_are_answered_in_the_order_of_arrival(
    installation: Stack, session: aiohttp.ClientSession
) -> None:
    first = installation.message("demo.wu", "order", "When is my next visit?")
    assert (await _post(session, installation.urls[0], first))[0] == 200
    rows = await _rows(installation, "SELECT sender_id FROM chat.conversations ORDER BY updated DESC LIMIT 1")
    queue, leases = (f"sparc:turn:{{{rows[0]['sender_id']}}}:{part}" for part in ("queue", "leases"))
    sending = []
    async with Redis.from_url(installation.settings.redis_url or "") as redis:
        # Somebody holds the turn until all have arrived: the ninth waits behind the eighth, whichever server has it.
        await redis.rpush(queue, "test.1")
        await redis.zadd(leases, {"test.1": time.time() * 1000 + 60_000})
        for number in range(8):
            message = installation.message("demo.wu", "order", f"When is visit C{number % 4 + 1}D1? {number}")
            sending.append(asyncio.create_task(_post(session, installation.urls[number % 2], message)))
            while await redis.llen(queue) < number + 2:
                assert not sending[-1].done(), sending[-1].result()
                await asyncio.sleep(0.01)
        await redis.lrem(queue, 1, "test.1")
    assert [status for status, _ in await asyncio.gather(*sending)] == [200] * 8
    said = await _said(installation, "order")
    texts = [str(event["text"]) for event in said if event["event"] == "user"]
    assert [text[-1] for text in texts[1:]] == [str(number) for number in range(8)]
    kinds = [event["event"] for event in said if event["event"] in ("user", "bot")]
    assert kinds == ["user", "bot"] * 9, "no turn begins before the one before it has ended"


async def test_a_message_that_comes_through_both_servers_is_answered_once(
    installation: Stack, session: aiohttp.ClientSession
) -> None:
    messages = [installation.message("demo.yang", f"twice-{n}", "I want to talk to a real person") for n in range(5)]
    replies: dict[str, set[bytes]] = {message.identifier: set() for message in messages}

    async def deliver(message: Message, url: str) -> None:
        while True:
            status, body = await _post(session, url, message)
            assert status in (200, 503), body
            if status == 200:
                replies[message.identifier].add(json.dumps(json.loads(body)).encode())
                return
            await asyncio.sleep(0.2)

    await asyncio.gather(*(deliver(message, url) for message in messages for url in installation.urls * 2))
    assert [len(bodies) for bodies in replies.values()] == [1] * 5
    tickets = await _rows(
        installation, "SELECT conversation, count(*) FROM tickets WHERE conversation LIKE 'twice-%' GROUP BY 1"
    )
    assert {row["conversation"]: row["count"] for row in tickets} == {f"twice-{n}": 1 for n in range(5)}


async def test_a_request_can_be_followed_from_the_channel_to_the_audit_trail(
    installation: Stack, session: aiohttp.ClientSession
) -> None:
    message = installation.message("demo.nurse", "followed", "When is the next visit of P-0003?")
    async with session.post(installation.urls[0], data=message.body, headers=message.headers) as reply:
        request = reply.headers[tracing.HEADER]
        assert reply.headers["X-Sparc-Model"]
    rows = await _rows(
        installation,
        "SELECT a.action, a.subject FROM audit a JOIN audit_requests r ON r.seq = a.seq WHERE r.request = $1",
        request,
    )
    assert [(row["action"], row["subject"]) for row in rows] == [("read", "P-0003")]
    logs = {path.name: path.read_text(encoding="utf-8") for path in installation.folder.glob("*-?.log")}
    assert request in logs["chat-0.log"]
    assert any(request in text for name, text in logs.items() if name.startswith("actions"))


async def test_every_stage_of_a_message_is_measured(installation: Stack, session: aiohttp.ClientSession) -> None:
    message = installation.message("demo.chen", "measured", "When is my next visit?")
    assert (await _post(session, installation.urls[0], message))[0] == 200
    bearer = {"Authorization": f"Bearer {installation.settings.metrics_token()}"}
    url = f"http://127.0.0.1:{installation.chat_ports[0]}/metrics"
    async with session.get(url, headers=bearer) as reply:
        families = {family.name: family for family in text_string_to_metric_families(await reply.text())}
    stages = {sample.labels["stage"] for sample in families["sparc_stage_seconds"].samples}
    assert stages >= {"claim", "load", "read", "action", "save", "reply", "dialogue"}
    ready = {sample.labels["check"]: sample.value for sample in families["sparc_ready"].samples}
    assert ready == dict.fromkeys(("model", "database", "conversations", "action server", "redis"), 1.0)


@pytest.mark.parametrize("victim", VICTIMS)
async def test_nothing_is_lost_when_something_is_killed_under_load(installation: Stack, victim: str) -> None:
    outcome = await drill(installation, victim, times=2, senders=3)
    assert outcome.messages > 3


async def test_a_server_that_is_told_to_stop_finishes_what_it_has_accepted(
    installation: Stack, session: aiohttp.ClientSession
) -> None:
    server, url = installation.chats[1], installation.urls[1]
    messages = [installation.message("demo.wu", f"stop-{n}", "I want to talk to a real person") for n in range(6)]
    hung_up = installation.message("demo.wu", "stop-hung-up", "I want to talk to a real person")
    tasks = [asyncio.create_task(_post(session, url, message)) for message in (*messages, hung_up)]
    identifiers = [message.identifier for message in (*messages, hung_up)]
    claimed = "SELECT webhook_id, reply FROM handled_messages WHERE webhook_id = ANY($1)"
    while len(await _rows(installation, claimed, identifiers)) < len(identifiers):
        await asyncio.sleep(0.005)
    tasks[-1].cancel()
    assert server.popen is not None
    server.popen.send_signal(signal.SIGTERM)
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert await asyncio.to_thread(server.popen.wait, 60) == 0
    assert [outcome[0] for outcome in outcomes[:-1] if isinstance(outcome, tuple)] == [200] * 6
    rows = await _rows(installation, claimed, identifiers)
    assert all(row["reply"] is not None for row in rows), "also of the sender who has hung up"
    await asyncio.to_thread(server.start)


async def test_a_conversation_goes_on_through_the_other_server(
    installation: Stack, session: aiohttp.ClientSession
) -> None:
    for number in range(4):
        room = f"memory-{number}"
        first = installation.message("demo.nurse", room, "When is the next visit of P-0003?")
        then = installation.message("demo.nurse", room, "Show me all visits")
        assert (await _post(session, installation.urls[number % 2], first))[0] == 200
        status, body = await _post(session, installation.urls[(number + 1) % 2], then)
        custom = json.loads(body)[0]["custom"]
        assert (status, custom["answer"], custom["about"]) == (200, "visit_list", "P-0003")
