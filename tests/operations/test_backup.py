"""Backup, loss of everything, restore: on SQLite and on PostgreSQL, with the programs that a real one uses."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from bot.cli import app
from bot.commands.backup import backup, restore
from bot.config import Settings
from bot.enrollment import migrations, queries
from bot.enrollment.audit_check import verify
from bot.enrollment.database import Database
from bot.enrollment.demo import load_demo
from bot.errors import SparcError
from bot.server.conversations import conversations, events, open_conversations

SERVER = os.environ.get("TEST_POSTGRESQL_URL", "postgresql://postgres@127.0.0.1:5432/postgres")


async def _on_server(statement: str) -> None:
    connection = await asyncpg.connect(SERVER, timeout=3)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture
def environment(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    yield {"SPARC_HOME": str(tmp_path / "home"), "SPARC_CLOCK": "2026-06-10T09:00:00+08:00"}


@pytest.fixture(params=["sqlite", "postgresql"])
async def settings(request: pytest.FixtureRequest, environment: dict[str, str]) -> object:
    if request.param == "sqlite":
        yield Settings.from_environment(environment)
        return
    if shutil.which("pg_dump") is None:
        pytest.skip("PostgreSQL's client programs are not installed here")
    name = f"sparc_test_{uuid.uuid4().hex[:12]}"
    try:
        await _on_server(f"CREATE DATABASE {name}")
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        pytest.skip(f"no PostgreSQL server to test on: {type(error).__name__}")
    url = urlsplit(SERVER)._replace(path=f"/{name}").geturl()
    yield Settings.from_environment({**environment, "SPARC_DATABASE_URL": url})
    await _on_server(f"DROP DATABASE {name} WITH (FORCE)")


async def _fill(settings: Settings) -> None:
    settings.home.mkdir(parents=True, exist_ok=True)
    migrations.upgrade(settings.database_url)
    async with Database(settings.database_url, settings.clock) as database:
        await load_demo(database)
    engine = await open_conversations(settings.tracker_url)
    async with engine.begin() as connection:
        await connection.execute(sa.insert(conversations).values(sender_id="a", slots="{}", recent="[]", updated=1.0))
        await connection.execute(sa.insert(events).values(sender_id="a", data='{"text": "您好"}'))
    await engine.dispose()


async def _state(settings: Settings) -> object:
    async with Database(settings.database_url, settings.clock) as database, database.session() as session:
        found = await verify(session)
        assert found.faults == ()
        people = [row.code for row in await queries.participants(session)]
    engine = await open_conversations(settings.tracker_url)
    async with engine.connect() as connection:
        said = (await connection.execute(sa.select(events.c.data))).scalars().all()
    await engine.dispose()
    return found.head, people, said


async def _destroy(settings: Settings) -> None:
    if settings.database_url.startswith("sqlite"):
        shutil.rmtree(settings.home)
        return
    async with Database(settings.database_url, settings.clock) as database, database.engine.begin() as connection:
        for schema in ("public", "chat"):
            await connection.execute(sa.text(f"DROP SCHEMA {schema} CASCADE"))
        await connection.execute(sa.text("CREATE SCHEMA public"))


async def test_what_was_destroyed_comes_back_whole(settings: Settings, tmp_path: Path) -> None:
    await _fill(settings)
    before = await _state(settings)
    said = await backup(settings, tmp_path / "backups")
    (made,) = (tmp_path / "backups").iterdir()
    assert str(made) in said
    await _destroy(settings)
    assert "the audit trail is whole" in await restore(settings, made)
    assert await _state(settings) == before


async def test_a_restore_takes_the_place_of_what_is_there(settings: Settings, tmp_path: Path) -> None:
    await _fill(settings)
    before = await _state(settings)
    await backup(settings, tmp_path / "backups")
    (made,) = (tmp_path / "backups").iterdir()
    engine = await open_conversations(settings.tracker_url)
    async with engine.begin() as connection:
        await connection.execute(sa.delete(events))
    await engine.dispose()
    await restore(settings, made)
    assert await _state(settings) == before


async def test_a_backup_that_was_changed_touches_nothing(settings: Settings, tmp_path: Path) -> None:
    await _fill(settings)
    before = await _state(settings)
    await backup(settings, tmp_path / "backups")
    (made,) = (tmp_path / "backups").iterdir()
    file = next(path for path in made.iterdir() if path.name != "backup.json")
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(SparcError, match="changed after the backup"):
        await restore(settings, made)
    assert await _state(settings) == before


async def test_what_is_no_backup_is_said(tmp_path: Path, environment: dict[str, str]) -> None:
    settings = Settings.from_environment(environment)
    with pytest.raises(SparcError, match="expected a folder"):
        await restore(settings, tmp_path)
    (tmp_path / "backup.json").write_text(json.dumps({"files": {"enrolment.dump": "0"}}))
    with pytest.raises(SparcError, match="other kinds"):
        await restore(settings, tmp_path)
    with pytest.raises(SparcError, match="no database to copy"):
        await backup(settings, tmp_path / "backups")
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_restore_has_to_be_meant(environment: dict[str, str], tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["restore", str(tmp_path)], env=environment)
    assert done.exit_code == 1
    assert "--yes" in done.output


def test_only_the_owner_can_read_a_backup(environment: dict[str, str], tmp_path: Path) -> None:
    settings = Settings.from_environment(environment)
    settings.home.mkdir(parents=True)
    migrations.upgrade(settings.database_url)
    done = CliRunner().invoke(app, ["backup", str(tmp_path / "b")], env=environment)
    assert done.exit_code == 0, done.output
    (made,) = (tmp_path / "b").iterdir()
    assert made.stat().st_mode & 0o077 == 0
    assert (made / "enrolment.db").stat().st_mode & 0o077 == 0
