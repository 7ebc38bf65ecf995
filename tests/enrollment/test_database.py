"""The database as one object: its address, its units of work, its end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.enrollment import migrations, queries, writes
from bot.enrollment.audit import Actor
from bot.enrollment.database import Database, async_url, default_url
from bot.enrollment.demo import load_demo

ADDRESSES = [
    ("sqlite:///var/sparc.db", "sqlite+aiosqlite:///var/sparc.db"),
    ("sqlite+aiosqlite:////var/sparc.db", "sqlite+aiosqlite:////var/sparc.db"),
    ("postgresql://u:p%40ss@h:5432/d", "postgresql+asyncpg://u:p%40ss@h:5432/d"),
    ("postgresql+psycopg2://h/d", "postgresql+asyncpg://h/d"),
    ("postgres://h/d", "postgresql+asyncpg://h/d"),
]


@pytest.mark.parametrize(("given", "found"), ADDRESSES)
def test_an_address_gets_its_driver(given: str, found: str) -> None:
    assert async_url(given) == found


def test_another_kind_of_database_is_refused_without_its_password() -> None:
    with pytest.raises(ValueError, match="expected sqlite or postgresql, found mysql") as error:
        async_url("mysql://u:secret@h/d")
    assert "secret" not in str(error.value)


def test_an_installation_has_its_database_in_its_home(tmp_path: Path) -> None:
    assert default_url(tmp_path) == f"sqlite+aiosqlite:///{tmp_path}/sparc.db"


@pytest.mark.parametrize("dialect", ["sqlite"])
async def test_sqlite_is_opened_as_a_record_needs(database: Database) -> None:
    found = {}
    async with database.session() as session:
        for pragma in ("journal_mode", "foreign_keys", "busy_timeout", "synchronous", "secure_delete"):
            found[pragma] = (await session.execute(text(f"PRAGMA {pragma}"))).scalar_one()
    assert found == {
        "journal_mode": "wal",
        "foreign_keys": 1,
        "busy_timeout": 30000,
        "synchronous": 2,
        "secure_delete": 1,
    }


def test_a_new_database_is_for_its_owner_alone(tmp_path: Path) -> None:
    migrations.upgrade(f"sqlite:///{tmp_path}/home/sparc.db")
    assert (tmp_path / "home" / "sparc.db").stat().st_mode & 0o777 == 0o600


async def test_a_reader_is_not_held_up_by_a_writer_and_sees_what_is_committed(
    database: Database, operator: Actor
) -> None:
    await load_demo(database)
    async with database.writing(operator, "test") as writer:
        await writes.set_status(writer, "P-0001", "withdrawn")
        async with database.session() as reader:
            before = await queries.participant(reader, "P-0001")
        await writer.commit()
    async with database.session() as reader:
        after = await queries.participant(reader, "P-0001")
    assert before is not None and before.status == "on_treatment"
    assert after is not None and after.status == "withdrawn"


async def test_an_error_undoes_the_whole_unit_of_work(database: Database, operator: Actor) -> None:
    await load_demo(database)
    with pytest.raises(RuntimeError):
        async with database.writing(operator, "test") as session:
            await writes.set_status(session, "P-0001", "withdrawn")
            raise RuntimeError
    async with database.session() as session:
        record = await queries.participant(session, "P-0001")
    assert record is not None and record.status == "on_treatment"


CARELESS = """
import asyncio, sys
from sqlalchemy import text
from bot.enrollment.database import Database

async def main():
    async with Database(sys.argv[1]).session() as session:
        await session.execute(text("SELECT 1"))

asyncio.run(main())
"""


def test_a_process_that_forgets_to_close_ends_all_the_same(url: str) -> None:
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", CARELESS, url], cwd=root, timeout=60, check=False)
    assert done.returncode == 0
