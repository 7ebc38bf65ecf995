"""One-time link codes: for one person, once, for a day."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from bot.clock import Clock
from bot.enrollment.audit import Actor
from bot.enrollment.database import Database
from bot.enrollment.demo import load_demo
from bot.enrollment.errors import Conflict, EnrolmentError, InvalidValue, NotOnFile
from bot.enrollment.link_codes import make_link_code, redeem_link_code
from bot.enrollment.queries import Identity


async def _make(database: Database, actor: Actor, **whom: str) -> str:
    async with database.writing(actor, "test") as session:
        code = await make_link_code(session, **whom)
        await session.commit()
    return code


async def _redeem(database: Database, account: str, code: str) -> Identity:
    async with database.writing(Actor("channel", "system"), "test") as session:
        found = await redeem_link_code(session, account, code)
        await session.commit()
    return found


async def test_a_code_links_whom_it_was_made_for(database: Database, coordinator: Actor) -> None:
    await load_demo(database)
    code = await _make(database, coordinator, participant="P-0009")
    found = await _redeem(database, "new.account", code.lower().replace("-", " "))
    assert (found.participant, found.kind) == ("P-0009", "participant")
    staff = await _redeem(database, "new.nurse", await _make(database, coordinator, role="nurse"))
    assert (staff.role, staff.kind) == ("nurse", "staff")


async def test_a_code_works_once(database: Database, coordinator: Actor) -> None:
    await load_demo(database)
    code = await _make(database, coordinator, participant="P-0009")
    await _redeem(database, "new.account", code)
    with pytest.raises(NotOnFile):
        await _redeem(database, "another.account", code)


async def test_a_code_runs_out(url: str, database: Database, coordinator: Actor) -> None:
    await load_demo(database)
    code = await _make(database, coordinator, participant="P-0009")
    async with Database(url, Clock(database.clock.now() + timedelta(hours=24))) as later:
        with pytest.raises(NotOnFile):
            await _redeem(later, "new.account", code)


async def test_a_code_does_not_take_over_an_account(database: Database, coordinator: Actor) -> None:
    await load_demo(database)
    code = await _make(database, coordinator, participant="P-0009")
    with pytest.raises(Conflict):
        await _redeem(database, "demo.chen", code)
    assert (await _redeem(database, "new.account", code)).participant == "P-0009"


async def test_a_guess_opens_nothing(database: Database) -> None:
    with pytest.raises(NotOnFile):
        await _redeem(database, "new.account", "AAAAA-AAAAA")


@pytest.mark.parametrize(
    ("whom", "error"),
    [({}, InvalidValue), ({"participant": "P-0001", "role": "nurse"}, InvalidValue), ({"role": "cook"}, InvalidValue),
     ({"participant": "P-9999"}, NotOnFile)],
)  # fmt: skip
async def test_a_code_is_for_one_person(
    database: Database, coordinator: Actor, whom: dict[str, str], error: type[EnrolmentError]
) -> None:
    with pytest.raises(error):
        await _make(database, coordinator, **whom)


async def test_the_code_itself_is_not_kept(database: Database, coordinator: Actor) -> None:
    code = await _make(database, coordinator, role="nurse")
    plain = code.replace("-", "")
    async with database.session() as session:
        for table in ("link_codes", "audit", "audit_details"):
            rows = (await session.execute(text(f"SELECT * FROM {table}"))).all()
            assert rows and plain not in str(rows)
