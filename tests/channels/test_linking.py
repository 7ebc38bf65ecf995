"""Linking by a one-time code in the chat: in a direct room, once, and nobody else gets to see the code."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from bot.channels import linking
from bot.channels.exchange import Exchange, Turn
from bot.channels.guard import RateLimit
from bot.channels.hospital import HospitalInput
from bot.channels.identity import who_speaks
from bot.channels.linking import TRIES
from bot.clock import Clock
from bot.enrollment import migrations
from bot.enrollment.audit import Actor
from bot.enrollment.database import Database
from bot.enrollment.demo import load_demo
from bot.enrollment.link_codes import make_link_code
from bot.enrollment.writes import unlink

from .conftest import CLOCK, SECRET, FakeBot, Hospital, hospital_of

_TEAM = Actor("demo.coordinator", "coordinator")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite:///{tmp_path / 'linking.db'}"
    migrations.upgrade(url)
    async with Database(url, CLOCK) as opened:
        await load_demo(opened)
        yield opened


async def _code(database: Database, **whom: str) -> str:
    async with database.writing(_TEAM, "test") as session:
        code = await make_link_code(session, **whom)
        await session.commit()
    return code


async def _say(hospital: Hospital, text: str, account: str = "new.account", **changes: Any) -> dict[str, Any]:
    answered = await hospital.send(account=account, text=text, **changes)
    assert answered.status == 200
    message: dict[str, Any] = answered.body[0]
    return message


async def test_a_code_links_and_says_to_whom(hospital: Hospital, database: Database, bot: FakeBot) -> None:
    code = await _code(database, participant="P-0004")
    reply = await _say(hospital, f"my code is {code.lower()}")
    custom = reply["custom"]
    assert (custom["answer"], custom["about"], custom["language"]) == ("help", "P-0004", "en")
    assert custom["data"] == {"linked": "participant", "participant": "P-0004"}
    assert set(custom) == {"answer", "about", "data", "sources", "language", "as_of", "protocol"}
    assert "P-0004" in reply["text"]
    person = await who_speaks(database, "new.account")
    assert person is not None
    assert person.participant == "P-0004"
    assert not bot.heard  # neither Rasa nor its store has seen the code


async def test_staff_are_linked_with_their_role(hospital: Hospital, database: Database) -> None:
    reply = await _say(hospital, f"关联码 {await _code(database, role='nurse')}")
    assert reply["custom"]["data"] == {"linked": "staff", "role": "nurse"}
    assert (reply["custom"]["about"], reply["custom"]["language"]) == (None, "zh")


async def test_a_bare_code_is_confirmed_in_the_participants_language(hospital: Hospital, database: Database) -> None:
    reply = await _say(hospital, await _code(database, participant="P-0002"))
    person = await who_speaks(database, "new.account")
    assert person is not None
    assert reply["custom"]["language"] == person.language


@pytest.mark.parametrize("text", ["AB2DE-FGHJK", "link code AB2DE FGHJK"])
async def test_a_wrong_code_links_nobody(hospital: Hospital, database: Database, bot: FakeBot, text: str) -> None:
    reply = await _say(hospital, text)
    assert (reply["custom"]["answer"], reply["custom"]["data"]) == ("link_needed", {"reason": "code_not_valid"})
    assert await who_speaks(database, "new.account") is None
    assert not bot.heard


async def test_a_refused_bare_code_is_explained_in_both_languages(hospital: Hospital) -> None:
    assert {"This", "这个关联码无效"} <= set((await _say(hospital, "AB2DE-FGHJK"))["text"].replace(":", " ").split())


async def test_a_used_code_and_an_old_one_get_the_same_words(
    hospital: Hospital, database: Database, bot: FakeBot
) -> None:
    wrong = await _say(hospital, "AB2DE-FGHJK", "a")
    used = await _code(database, participant="P-0004")
    await _say(hospital, used, "b")
    assert (await _say(hospital, used, "c"))["text"] == wrong["text"]
    old = await _code(database, participant="P-0004")
    async with Database(database.url, Clock(CLOCK.now() + timedelta(hours=25))) as later:
        channel = HospitalInput(SECRET, later, RateLimit(0), lambda text: False)
        async with hospital_of(channel, bot) as tomorrow:
            assert (await _say(tomorrow, old, "d"))["text"] == wrong["text"]
    assert await who_speaks(database, "c") is None


async def test_guesses_are_counted(hospital: Hospital, database: Database) -> None:
    for _ in range(TRIES):
        assert (await _say(hospital, "AB2DE-FGHJK"))["custom"]["data"]["reason"] == "code_not_valid"
    right = await _code(database, participant="P-0004")
    assert (await _say(hospital, right))["custom"]["data"]["reason"] == "too_many_tries"
    assert await who_speaks(database, "new.account") is None
    assert (await _say(hospital, right, "another.account"))["custom"]["answer"] == "help"


async def test_a_code_in_a_room_with_others_is_void(hospital: Hospital, database: Database, bot: FakeBot) -> None:
    code = await _code(database, participant="P-0004")
    reply = await _say(hospital, f"my code is {code}", direct=False)
    assert (reply["custom"]["answer"], reply["custom"]["about"]) == ("not_direct", None)
    assert code not in reply["text"]
    assert (await _say(hospital, code))["custom"]["answer"] == "link_needed"
    assert not bot.heard


async def test_a_look_alike_is_a_wrong_code(hospital: Hospital, database: Database, bot: FakeBot) -> None:
    code = ""
    while "A" not in code[:4]:
        code = await _code(database, participant="P-0004")
    reply = await _say(hospital, "code " + code.replace("A", "А", 1))
    assert reply["custom"]["data"] == {"reason": "code_not_valid"}
    assert not bot.heard
    assert (await _say(hospital, code))["custom"]["answer"] == "help"


async def test_an_account_of_somebody_else_is_not_taken_over(hospital: Hospital, database: Database) -> None:
    code = await _code(database, participant="P-0004")
    reply = await _say(hospital, code, "demo.chen")
    assert (reply["custom"]["answer"], reply["custom"]["data"]) == ("not_allowed", {"reason": "account_linked"})
    person = await who_speaks(database, "demo.chen")
    assert person is not None
    assert person.participant == "P-0001"
    assert (await _say(hospital, code, "new.account"))["custom"]["about"] == "P-0004"  # the code is still good


async def test_ten_letters_are_a_code_only_if_there_is_one(
    hospital: Hospital, database: Database, bot: FakeBot
) -> None:
    await _say(hospital, "understand")
    assert [message.text for message in bot.heard] == ["understand"]
    code = "1"
    while any(sign.isdigit() for sign in code):
        code = await _code(database, participant="P-0004")
    assert (await _say(hospital, code.replace("-", "").lower()))["custom"]["about"] == "P-0004"
    assert len(bot.heard) == 1


async def test_a_sign_of_illness_beside_a_code_is_answered_first(
    hospital: Hospital, database: Database, bot: FakeBot
) -> None:
    reply = await _say(hospital, f"{await _code(database, participant='P-0004')} there is blood")
    assert reply["custom"]["answer"] == "greeting"  # what the stand-in for the bot answers
    assert [other["answer"] for other in reply["custom"]["also"]] == ["help"]
    assert [message.text for message in bot.heard] == ["there is blood"]
    assert bot.heard[0].metadata["identity"]["participant"] == "P-0004"


async def test_unlinking_and_what_was_said_before_is_not_remembered(
    hospital: Hospital, database: Database, bot: FakeBot
) -> None:
    await _say(hospital, await _code(database, participant="P-0004"))
    await _say(hospital, "hello")
    reply = await _say(hospital, "Unlink me")
    assert (reply["custom"]["answer"], reply["custom"]["about"]) == ("help", None)
    assert reply["custom"]["data"] == {"unlinked": True}
    assert await who_speaks(database, "new.account") is None
    await _say(hospital, "hello")
    assert bot.heard[0].sender_id != bot.heard[1].sender_id
    again = await _say(hospital, "Unlink me")
    assert (again["custom"]["answer"], again["custom"]["data"]["reason"]) == ("link_needed", "account_not_linked")


async def test_nobody_is_unlinked_in_a_room_with_others(hospital: Hospital, database: Database) -> None:
    reply = await _say(hospital, "unlink me", "demo.chen", direct=False)
    assert reply["custom"]["answer"] == "not_direct"
    assert await who_speaks(database, "demo.chen") is not None


async def test_what_an_unlinked_account_carried_is_gone_when_another_is_linked(database: Database) -> None:
    """A conversation belongs to an account in its standing: linked anew as somebody else, it begins anew."""
    bot = FakeBot()
    exchange = Exchange("test", SECRET, database, lambda text: False)
    turn = Turn("demo.chen", "room", True, "hello")
    await exchange.answer(turn, bot)
    async with database.writing(_TEAM, "test") as session:
        await unlink(session, "demo.chen")
        await session.commit()
    await exchange.answer(replace(turn, text=await _code(database, participant="P-0002")), bot)
    await exchange.answer(turn, bot)
    first, second = (message.sender_id for message in bot.heard)
    assert first != second


async def test_no_log_line_holds_a_code_or_an_account(
    hospital: Hospital, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = structlog.testing.CapturingLogger()
    monkeypatch.setattr(linking, "_log", structlog.wrap_logger(log))
    code = await _code(database, participant="P-0004")
    await _say(hospital, code)
    await _say(hospital, code, "somebody.else")
    said = str(log.calls)
    assert "account linked" in said
    assert not [
        word for word in (code, code.replace("-", ""), "new.account", "somebody.else", "P-0004") if word in said
    ]


async def test_the_stored_reply_and_the_audit_trail_hold_no_code(hospital: Hospital, database: Database) -> None:
    code = await _code(database, participant="P-0004")
    await _say(hospital, code)
    await database.dispose()
    raw = b"".join(file.read_bytes() for file in Path(database.url.partition("///")[2]).parent.iterdir())
    assert code.encode() not in raw
    assert code.replace("-", "").encode() not in raw
