"""Signing in to the web chat: links and tokens work once, sessions end, and nothing that opens one is on file."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from sqlalchemy import text

from bot.enrollment import removal, web_access
from bot.enrollment.audit import Actor
from bot.enrollment.audit_check import verify
from bot.enrollment.database import Database
from bot.enrollment.demo import load_demo
from bot.enrollment.errors import NotOnFile
from bot.enrollment.web_access import SignedIn

NOW = datetime(2026, 6, 10, 1, 0, tzinfo=timezone.utc)
HOUR, IDLE = timedelta(hours=1), timedelta(minutes=15)
CHANNEL = Actor("web chat", "system")


async def _link(database: Database, account: str = "demo.chen", demo: bool = False) -> str:
    async with database.writing(CHANNEL, "test") as session:
        secret = await web_access.make_link(session, account, NOW, HOUR, demo)
        await session.commit()
    return secret


async def _use(database: Database, secret: str, now: datetime = NOW, demo: bool = False) -> str:
    async with database.writing(CHANNEL, "test") as session:
        account = await web_access.use_link(session, secret, now, demo)
        await session.commit()
    return account


async def _open(database: Database, account: str = "demo.chen", role: str | None = None) -> str:
    async with database.writing(CHANNEL, "sign in") as session:
        token = await web_access.open_session(session, account, role, NOW, 12 * HOUR)
        await session.commit()
    return token


async def _found(database: Database, token: str, now: datetime = NOW) -> SignedIn | None:
    async with database.session() as session:
        return await web_access.find_session(session, token, now, IDLE)


async def test_a_link_opens_its_account_once(database: Database) -> None:
    await load_demo(database)
    secret = await _link(database)
    assert await _use(database, secret) == "demo.chen"
    with pytest.raises(NotOnFile):
        await _use(database, secret)


async def test_a_link_runs_out(database: Database) -> None:
    await load_demo(database)
    secret = await _link(database)
    with pytest.raises(NotOnFile):
        await _use(database, secret, NOW + HOUR)


async def test_a_link_of_the_demonstration_works_again_but_in_demo_mode_alone(database: Database) -> None:
    await load_demo(database)
    secret = await _link(database, demo=True)
    with pytest.raises(NotOnFile):
        await _use(database, secret, demo=False)
    assert [await _use(database, secret, demo=True) for _ in range(3)] == ["demo.chen"] * 3


async def test_a_link_is_for_somebody(database: Database) -> None:
    with pytest.raises(NotOnFile, match="linked to nobody"):
        await _link(database, "stranger")


async def test_a_token_works_once_and_is_another_issuers_own(database: Database) -> None:
    async def use(issuer: str) -> None:
        async with database.writing(CHANNEL, "test") as session:
            await web_access.use_token(session, issuer, "jti-1", "demo.chen", NOW, NOW + HOUR)
            await session.commit()

    await use("https://portal.test")
    await use("https://other.test")
    with pytest.raises(NotOnFile):
        await use("https://portal.test")


async def test_a_session_ends_when_it_is_idle_and_when_its_time_is_over(database: Database) -> None:
    token = await _open(database, role="nurse")
    found = await _found(database, token)
    assert found == SignedIn("demo.chen", "nurse", NOW + 12 * HOUR, NOW + IDLE, stale=False)
    assert await _found(database, token, NOW + IDLE) is None
    for minutes in range(10, 12 * 60, 10):
        now = NOW + timedelta(minutes=minutes)
        used = await _found(database, token, now)
        assert used is not None and used.stale
        async with database.writing(CHANNEL, "test") as session:
            await web_access.keep_session(session, token, now)
            await session.commit()
    assert await _found(database, token, NOW + 12 * HOUR) is None


async def test_signing_out_ends_one_session_or_all(database: Database) -> None:
    await load_demo(database)
    first, second, other = await _open(database), await _open(database), await _open(database, "demo.liu")
    unused = await _link(database)
    async with database.writing(CHANNEL, "test") as session:
        await web_access.end_session(session, first)
        await web_access.end_session(session, "never was")
        await session.commit()
    assert await _found(database, first) is None
    assert await _found(database, second) is not None
    async with database.writing(CHANNEL, "test") as session:
        assert await web_access.end_sessions_of(session, "demo.chen") == 1
        await session.commit()
    assert await _found(database, second) is None
    assert await _found(database, other) is not None
    with pytest.raises(NotOnFile):
        await _use(database, unused)


async def test_what_has_run_out_is_forgotten(database: Database) -> None:
    await load_demo(database)
    await _open(database), await _link(database)
    async with database.writing(CHANNEL, "test") as session:
        await web_access.forget_ended(session, NOW + 2 * HOUR)
        left = [(await session.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one() for table in _TABLES]
        await session.commit()
    assert left == [1, 0]


_TABLES = ("web_sessions", "web_sign_ins")


async def test_an_erased_person_is_signed_out(database: Database, operator: Actor) -> None:
    await load_demo(database)
    token, secret = await _open(database, "demo.guo"), await _link(database, "demo.guo")
    async with database.writing(operator, "erasure") as session:
        await removal.erase(session, "P-0007")
        await session.commit()
    assert await _found(database, token) is None
    with pytest.raises(NotOnFile):
        await _use(database, secret)


async def test_what_opens_a_session_is_not_kept_and_signing_in_is_on_the_trail(database: Database) -> None:
    await load_demo(database)
    secret, token = await _link(database), await _open(database)
    async with database.session() as session:
        for table in (*_TABLES, "audit", "audit_details"):
            rows = str((await session.execute(text(f"SELECT * FROM {table}"))).all())
            assert secret not in rows and token not in rows
        trail = (await session.execute(text("SELECT action, subject FROM audit WHERE entity = 'web_sessions'"))).all()
        assert [tuple(row) for row in trail] == [("sign_in", "P-0001")]
        assert (await verify(session)).whole
