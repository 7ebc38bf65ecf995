"""Units of work: one view to read, one commit for those who come together, to each its own result or error."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from bot.enrollment.audit import Actor, append_read
from bot.enrollment.audit_check import verify
from bot.enrollment.database import Database
from bot.enrollment.errors import AuditError

NURSE = Actor("yan.nurse", "nurse")


def _add(number: int) -> Callable[[Connection], int]:
    def unit(connection: Connection) -> int:
        connection.execute(
            text(
                "INSERT INTO handled_messages (webhook_id, account, body_hash, received_at) VALUES (:n, 'a', 'h', :at)"
            ),
            {"n": str(number), "at": "2026-06-10 09:00:00"},
        )
        return number

    return unit


def _broken(connection: Connection) -> None:
    _add(999)(connection)
    raise ValueError("broken")


def _numbers(connection: Connection) -> list[str]:
    return sorted(connection.execute(text("SELECT webhook_id FROM handled_messages")).scalars())


@pytest.fixture
async def file(tmp_path: Path, migrated_file: Path) -> AsyncIterator[Database]:
    """A database in a file, whose commits are counted."""
    (tmp_path / "sparc.db").write_bytes(migrated_file.read_bytes())
    async with Database(f"sqlite:///{tmp_path / 'sparc.db'}") as opened:
        yield opened


class Commits:
    """Counts a database's commits, and notes with which care for the disk each was made."""

    def __init__(self, database: Database) -> None:
        assert database._units is not None
        self.care: list[int] = []
        event.listen(database._units._writer._engine, "commit", self._note)

    def _note(self, connection: Any) -> None:
        self.care.append(connection.connection.cursor().execute("PRAGMA synchronous").fetchone()[0])


NORMAL, FULL = 1, 2


async def test_what_was_written_is_there_when_it_returns(file: Database) -> None:
    assert await file.note(_add(1)) == 1
    assert await file.read(_numbers) == ["1"]


async def test_those_who_come_together_share_a_commit(file: Database) -> None:
    commits = Commits(file)
    results = await asyncio.gather(*(file.note(_add(number)) for number in range(20)))
    assert results == list(range(20))
    assert len(await file.read(_numbers)) == 20
    assert len(commits.care) == 1


async def test_one_that_fails_takes_no_other_with_it(file: Database) -> None:
    results = await asyncio.gather(
        file.note(_add(1)), file.note(_broken), file.note(_add(2)), file.note(_add(2)), return_exceptions=True
    )
    assert results[0] == 1
    assert isinstance(results[1], ValueError)
    assert results[2] == 2
    assert isinstance(results[3], Exception)
    assert "UNIQUE" in str(results[3])
    assert await file.read(_numbers) == ["1", "2"]


async def test_the_next_works_after_one_that_failed(file: Database) -> None:
    with pytest.raises(ValueError, match="broken"):
        await file.note(_broken)
    assert await file.note(_add(1)) == 1
    assert await file.read(_numbers) == ["1"]


async def test_only_what_must_survive_a_loss_of_power_waits_for_the_disk(file: Database) -> None:
    commits = Commits(file)
    await file.note(_add(1), durable=False)
    await file.note(_add(2))
    await file.note(_add(3), durable=False)
    await asyncio.gather(file.note(_add(4), durable=False), file.note(_add(5)))
    assert commits.care == [NORMAL, FULL, NORMAL, FULL]


async def test_a_read_writes_nothing_and_leaves_the_writer_free(file: Database) -> None:
    def slow(connection: Connection) -> list[str]:
        before = _numbers(connection)
        with sqlite3.connect(file.url.partition("///")[2]) as other:
            other.execute("INSERT INTO handled_messages VALUES ('7', 'a', 'h', NULL, '2026-06-10 09:00:00')")
        other.close()
        return before + _numbers(connection)

    assert await file.read(slow) == [], "one view from begin to end"
    assert await file.read(_numbers) == ["7"]


async def test_whoever_hangs_up_undoes_nothing(file: Database) -> None:
    hurried = asyncio.create_task(file.note(_add(1)))
    patient = asyncio.create_task(file.note(_add(2)))
    await asyncio.sleep(0)
    hurried.cancel()
    assert await patient == 2
    assert await file.read(_numbers) == ["1", "2"]


async def test_writers_of_both_kinds_take_turns(file: Database) -> None:
    async def session(number: int) -> None:
        async with file.writing(NURSE, "test") as opened:
            await opened.run_sync(lambda sync: _add(number)(sync.connection()))
            await opened.commit()

    await asyncio.gather(*(session(n) if n % 2 else file.note(_add(n)) for n in range(20)))
    assert len(await file.read(_numbers)) == 20


async def test_a_database_that_is_gone_is_an_error(tmp_path: Path) -> None:
    async with Database(f"sqlite:///{tmp_path / 'none' / 'sparc.db'}") as database:
        with pytest.raises(OperationalError):
            await database.read(_numbers)
        with pytest.raises(OperationalError):
            await database.note(_add(1))


async def test_it_can_be_used_again_after_closing(file: Database) -> None:
    await file.note(_add(1))
    await file.dispose()
    assert await file.read(_numbers) == ["1"]


async def test_a_unit_that_writes_records_says_who_and_why(database: Database) -> None:
    def read(session: Session) -> str:
        append_read(session, ["P-0101"], "next_visit")
        return "done"

    assert await database.write(NURSE, "chat: next_visit", read) == "done"

    def trail(connection: Connection) -> list[tuple[str, ...]]:
        return [
            tuple(row) for row in connection.execute(text("SELECT actor, role, subject, why FROM audit ORDER BY seq"))
        ]

    assert (await database.read(trail))[-1] == ("yan.nurse", "nurse", "P-0101", "chat: next_visit")
    with pytest.raises(AuditError):
        await database.write(NURSE, " ", read)


async def test_reads_that_are_noted_together_make_one_chain(file: Database) -> None:
    def read(code: str) -> Callable[[Session], None]:
        return lambda session: append_read(session, [code], "next_visit")

    await asyncio.gather(*(file.write(NURSE, "chat: next_visit", read(f"P-{number:04d}")) for number in range(1, 12)))
    async with file.session() as session:
        found = await verify(session)
    assert (found.whole, found.entries) == (True, 11)
