"""Who is speaking is what the database says of the account, to the letter; conversations belong to one account."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.identity import conversation_key, metadata_of, who_speaks
from bot.enrollment import writes
from bot.enrollment.audit import Actor
from bot.enrollment.database import Database

ROOM = ("secret", "hospital", "li.wei", "room-17")


@pytest.mark.parametrize(
    ("account", "kind", "role", "participant", "language"),
    [
        ("demo.chen", "participant", None, "P-0001", "en"),
        ("demo.liu", "participant", None, "P-0002", "zh"),
        ("demo.coordinator", "staff", "coordinator", None, "en"),
        ("demo.nurse", "staff", "nurse", None, "en"),
    ],
)
async def test_a_linked_account_is_its_person(
    database: Database, account: str, kind: str, role: str | None, participant: str | None, language: str
) -> None:
    person = await who_speaks(database, account)
    assert person is not None
    found = (person.account, person.kind, person.role, person.participant, person.language)
    assert found == (account, kind, role, participant, language)


@pytest.mark.parametrize(
    "account",
    [
        "nobody", "Demo.chen", "DEMO.CHEN", "demo.chen ", " demo.chen", "demo.chen\n", "demo.chen\x00", "demo_chen",
        "demo%", "dеmo.chen", "ｄemo.chen", "demo．chen", "demo.chen\u200b", "' OR '1'='1", "demo.chen' --", "P-0001",
        "p-0001", "@demo.chen:evil.test", "demo.chen/../demo.coordinator", "*", "%", "coordinator", "", "1",
    ],
    ids=ascii,
)  # fmt: skip
async def test_an_account_that_only_looks_like_it_is_nobody(database: Database, account: str) -> None:
    assert await who_speaks(database, account) is None


async def test_who_was_unlinked_is_nobody_at_the_next_message(database: Database) -> None:
    actor = Actor("root", "administrator")
    async with database.writing(actor, "test") as session:
        await writes.link_staff(session, "short.lived", "nurse")
        await session.commit()
    assert (await who_speaks(database, "short.lived")) is not None
    async with database.writing(actor, "test") as session:
        await writes.unlink(session, "short.lived")
        await session.commit()
    assert (await who_speaks(database, "short.lived")) is None


def test_a_conversations_key_is_the_same_again_and_names_nobody() -> None:
    key = conversation_key(*ROOM)
    assert key == conversation_key(*ROOM)
    assert re.fullmatch(r"hospital-[0-9a-f]{40}", key)


@pytest.mark.parametrize(
    "other",
    [
        ("another", "hospital", "li.wei", "room-17"), ("secret", "matrix", "li.wei", "room-17"),
        ("secret", "hospital", "he.tao", "room-17"), ("secret", "hospital", "li.wei", "room-18"),
        ("secret", "hospital", "li.weir", "oom-17"), ("secret", "hospital", "li.wei ", "room-17"),
        ("secret", "hospitall", "i.wei", "room-17"), ("secret", "hospital", "", "li.weiroom-17"),
        ("secret", "hospital", "LI.WEI", "room-17"),
    ],
)  # fmt: skip
def test_another_account_or_room_is_another_conversation(other: tuple[str, str, str, str]) -> None:
    assert conversation_key(*other) != conversation_key(*ROOM)


PRINTABLE = st.text(min_size=1, max_size=20).filter(str.isprintable)


@given(PRINTABLE, PRINTABLE, PRINTABLE, PRINTABLE)
def test_two_pairs_never_meet_in_one_key(one: str, two: str, three: str, four: str) -> None:
    same = conversation_key("s", "c", one, two) == conversation_key("s", "c", three, four)
    assert same == ((one, two) == (three, four))


async def test_what_the_actions_get_is_plain_json(database: Database) -> None:
    person = await who_speaks(database, "demo.chen")
    metadata = metadata_of(person, "demo.chen", "room-17", True)
    assert json.loads(json.dumps(metadata)) == metadata
    assert metadata["identity"]["participant"] == "P-0001"
    assert metadata["direct"] is True


def test_nobody_has_no_identity_but_an_account() -> None:
    assert metadata_of(None, "x", "room", False) == {
        "identity": None, "account": "x", "conversation": "room", "direct": False,
    }  # fmt: skip
