"""Migrations: forwards and backwards, with data in place, and exactly the tables that the models describe."""

from __future__ import annotations

from datetime import date

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from bot.enrollment import migrations, queries, writes
from bot.enrollment.audit import Actor
from bot.enrollment.audit_check import verify
from bot.enrollment.base import Base
from bot.enrollment.database import Database
from bot.enrollment.demo import load_demo


async def test_the_migrated_database_is_what_the_models_describe(database: Database) -> None:
    def differences(connection: object) -> list[object]:
        return list(
            compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), Base.metadata)
        )

    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_every_check_of_the_models_is_in_the_database(database: Database, dialect: str) -> None:
    catalogue = {
        "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'table'",
        "postgresql": "SELECT conrelid::regclass::text, conname::text FROM pg_constraint",
    }
    there: dict[str, str] = {}
    async with database.engine.connect() as connection:
        for table, words in await connection.execute(text(catalogue[dialect])):
            there[table] = f"{there.get(table, '')} {words}"
    for name, table in Base.metadata.tables.items():
        named = {str(each.name) for each in table.constraints if str(each.name).startswith("ck_")}
        if dialect == "postgresql":  # a boolean there needs no CHECK
            named -= {f"ck_{name}_{column.name}" for column in table.columns if str(column.type) == "BOOLEAN"}
        assert [each for each in named if each not in there[name]] == []


async def test_back_and_forth_with_data_in_place(bare_url: str, plan: object, operator: Actor) -> None:
    migrations.upgrade(bare_url)
    async with Database(bare_url) as database:
        await load_demo(database, date(2026, 6, 10))
        async with database.writing(operator, "test") as session:
            await writes.record_adverse_event(session, "P-0003", "diarrhoea", 2, date(2026, 6, 3))
            await session.commit()
        async with database.session() as session:
            before = await queries.participants(session)
            head = (await verify(session)).head
    migrations.downgrade(bare_url, "0001")
    assert migrations.current(bare_url) == "0001"
    migrations.upgrade(bare_url)
    assert migrations.current(bare_url) == migrations.newest()
    async with Database(bare_url) as database, database.session() as session:
        assert await queries.participants(session) == before
        found = await verify(session, head)
        assert found.whole and found.head == head
        lost = (await session.execute(text("SELECT count(*) FROM adverse_events"))).scalar_one()
        assert lost == 0


ENTRY = """INSERT INTO audit
    SELECT COALESCE(MAX(seq), 0) + 1, 'now', 'a', 'r', 'x', 'e', 'k', NULL, 'w', NULL,
           COALESCE((SELECT hash FROM audit ORDER BY seq DESC LIMIT 1), :zero), :hash
    FROM audit"""


@pytest.mark.parametrize("steps", [["0001"], ["0001", "0002"], ["0002", "0001"], ["0003", "0002", "0003"]])
async def test_the_audit_trail_is_closed_at_every_revision(bare_url: str, steps: list[str]) -> None:
    for revision in steps:
        back = (migrations.current(bare_url) or "") > revision
        (migrations.downgrade if back else migrations.upgrade)(bare_url, revision)
    async with Database(bare_url) as database:
        async with database.engine.begin() as connection:
            await connection.execute(text(ENTRY), {"zero": "0" * 64, "hash": "1" * 64})
        with pytest.raises(DBAPIError, match="append-only"):
            async with database.engine.begin() as connection:
                await connection.execute(text("DELETE FROM audit"))


async def test_base_leaves_nothing(bare_url: str) -> None:
    migrations.upgrade(bare_url)
    migrations.downgrade(bare_url, "base")
    async with Database(bare_url) as database, database.engine.connect() as connection:
        tables = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    assert tables == ["alembic_version"]


async def test_a_migration_that_fails_leaves_the_old_schema(bare_url: str) -> None:
    migrations.upgrade(bare_url, "0001")
    async with Database(bare_url) as database, database.engine.begin() as connection:
        await connection.execute(text("CREATE TABLE link_codes (x INTEGER)"))  # in the way of revision 2
    with pytest.raises(DBAPIError):
        migrations.upgrade(bare_url)
    assert migrations.current(bare_url) == "0001"
    async with Database(bare_url) as database, database.engine.connect() as connection:
        tables = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    assert "screenings" not in tables


async def test_upgrading_twice_changes_nothing(bare_url: str) -> None:
    migrations.upgrade(bare_url)
    migrations.upgrade(bare_url)
    assert migrations.current(bare_url) == migrations.newest()
