"""`./sparc tickets`, `recruitment`, `audit`, `link-code`, `db`, and what `run` puts in order before it starts."""

from __future__ import annotations

import asyncio
import builtins
import json
import sqlite3
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session
from typer.testing import CliRunner, Result

from bot.cli import app
from bot.clock import Clock
from bot.commands.upkeep import put_in_order
from bot.config import ROOT, Settings
from bot.enrollment import messages, writes
from bot.enrollment.audit import Actor
from bot.enrollment.database import Database
from bot.enrollment.link_codes import redeem_link_code

PARTICIPANTS = ROOT / "tests" / "data" / "dialogues" / "participants.csv"
NOW = datetime.fromisoformat("2026-09-16T14:00:00+08:00")
TESTER = Actor("test", "administrator")
Sparc = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPARC_HOME", str(tmp_path))
    monkeypatch.setenv("SPARC_CLOCK", NOW.isoformat())
    return tmp_path


@pytest.fixture
def sparc(home: Path) -> Sparc:
    runner = CliRunner()
    return lambda *words: runner.invoke(app, [str(word) for word in words])


@pytest.fixture
def filled(sparc: Sparc) -> Sparc:
    assert sparc("participants", "import", PARTICIPANTS).exit_code == 0
    return sparc


def _write(deed: Callable[[Any], Any], now: datetime = NOW) -> Any:
    """One unit of work on the home's database, as another process would do it."""

    async def work() -> Any:
        url = Settings.from_environment().database_url
        async with Database(url, clock=Clock(now)) as database, database.writing(TESTER, "test") as session:
            done = await deed(session)
            await session.commit()
            return done

    return asyncio.run(work())


def _claimed(session: Session, key: messages.MessageKey, now: datetime) -> messages.Claim:
    return messages.claim(session.connection(), key, now)


def _tamper(home: Path, *statements: str) -> None:
    """Changes the audit trail as someone with the file and without the program would."""
    connection = sqlite3.connect(home / "enrolment.db")
    triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for (name,) in triggers:
        connection.execute(f'DROP TRIGGER "{name}"')
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


# --- tickets ----------------------------------------------------------------------------------------------------


def test_a_ticket_is_listed_taken_up_once_and_then_only_with_all(filled: Sparc) -> None:
    _write(lambda session: writes.create_ticket(session, "handoff", "P-0102", "room", "[ma].jun", "handoff"))
    assert [each["number"] for each in json.loads(filled("tickets", "--json").stdout)] == ["T-1"]
    assert "P-0102" in filled("tickets").stdout
    assert filled("tickets", "ack", "T-1").exit_code == 0
    assert json.loads(filled("tickets", "--json").stdout) == []
    assert "no tickets" in filled("tickets").stdout
    (taken,) = json.loads(filled("tickets", "--all", "--json").stdout)
    assert (
        taken["acknowledged_at"]
        == NOW.astimezone(tz=None).astimezone(datetime.fromisoformat(taken["made_at"]).tzinfo).isoformat()
    )


@pytest.mark.parametrize("number", ["T-2", "x", "T-", "", "T-" + "9" * 30, "T--1", "T-١"])
def test_no_ticket_is_taken_up_that_is_not_there(filled: Sparc, number: str) -> None:
    refused = filled("tickets", "ack", "--", number)
    assert (refused.exit_code, len(refused.stderr.splitlines())) == (1, 1)


def test_a_ticket_of_somebody_else_stays_theirs(filled: Sparc) -> None:
    _write(lambda session: writes.create_ticket(session, "handoff", None, "room", "a", "handoff"))
    _write(lambda session: writes.acknowledge_ticket(session, "T-1"))
    refused = filled("tickets", "ack", "T-1")
    assert (refused.exit_code, "somebody else" in refused.stderr) == (1, True)


# --- recruitment ------------------------------------------------------------------------------------------------


def test_recruitment_for_people_programs_and_eyes(filled: Sparc, home: Path) -> None:
    figures = json.loads(filled("recruitment", "--json", "--plot", home / "accrual.png").stdout)
    assert (figures["enrolled"], figures["target"], figures["decision"]) == (8, 55, "not reached")
    assert (home / "accrual.png").read_bytes().startswith(b"\x89PNG")
    assert "8 of 55" in filled("recruitment").stdout


def test_a_plot_that_cannot_be_written_or_drawn_is_one_sentence(
    filled: Sparc, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unwritable = filled("recruitment", "--plot", home / "nowhere" / "a.png")
    assert (unwritable.exit_code, len(unwritable.stderr.splitlines())) == (1, 1)
    real = builtins.__import__

    def without(name: str, *rest: Any, **options: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    undrawn = filled("recruitment", "--plot", home / "a.png")
    assert (undrawn.exit_code, "matplotlib" in undrawn.stderr) == (1, True)


# --- the audit trail --------------------------------------------------------------------------------------------


def test_a_whole_trail_is_said_to_be_whole_and_its_head_holds_later(filled: Sparc) -> None:
    found = json.loads(filled("audit", "verify", "--json").stdout)
    assert (found["whole"], found["faults"]) == (True, [])
    assert found["head"].startswith(f"{found['entries']}:")
    assert f"head {found['head']}" in filled("audit", "verify").stdout
    filled("participants", "set-status", "P-0102", "withdrawn", "--why", "x")
    assert filled("audit", "verify", "--head", found["head"]).exit_code == 0


BROKEN = {
    "changed": ("UPDATE audit SET why = 'other' WHERE seq = 5", 5),
    "gap": ("DELETE FROM audit WHERE seq = 7", 8),
    "value": ("UPDATE audit_details SET changes = '{}' WHERE seq = 6", 6),
    "lost value": ("DELETE FROM audit_details WHERE seq = 4", 4),
}


@pytest.mark.parametrize(("statement", "place"), BROKEN.values(), ids=BROKEN)
def test_a_broken_trail_is_exit_1_with_the_place(filled: Sparc, home: Path, statement: str, place: int) -> None:
    _tamper(home, statement)
    for words in (["audit", "verify"], ["audit", "verify", "--json"]):
        found = filled(*words)
        assert found.exit_code == 1
        assert f"broken at entry {place}" in found.stderr
    assert json.loads(found.stdout)["faults"][0]["seq"] == place


def test_an_end_that_was_cut_off_shows_by_the_head_noted_down(filled: Sparc, home: Path) -> None:
    head = json.loads(filled("audit", "verify", "--json").stdout)["head"]
    last = head.partition(":")[0]
    _tamper(home, f"DELETE FROM audit_details WHERE seq = {last}", f"DELETE FROM audit WHERE seq = {last}")
    assert filled("audit", "verify").exit_code == 0
    assert filled("audit", "verify", "--head", head).exit_code == 1


@pytest.mark.parametrize("head", ["", "5", "5:abc", "x:" + "a" * 64, "9" * 30 + ":" + "a" * 64])
def test_a_head_of_another_form_is_refused(filled: Sparc, head: str) -> None:
    assert "--head" in filled("audit", "verify", "--head", head).stderr


def test_the_trail_of_a_participant(filled: Sparc) -> None:
    filled("participants", "set-status", "P-0102", "withdrawn", "--why", "moved away")
    said = filled("audit", "show", "P-0102").stdout
    assert "moved away" in said
    assert "status: on_treatment -> withdrawn" in said
    assert filled("audit", "show", "P-9999").exit_code == 1


# --- link codes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "who"),
    [(["--participant", "P-0104"], ("participant", "P-0104")), (["--staff", "nurse"], ("staff", None))],
)
def test_a_link_code_links_once(filled: Sparc, words: list[str], who: tuple[str, str | None]) -> None:
    made = json.loads(filled("link-code", *words, "--json").stdout)
    assert made["valid_until"] == "2026-09-17T14:00+08:00"
    assert made["code"] in filled("link-code", *words).stdout or len(made["code"]) == 11
    person = _write(lambda session: redeem_link_code(session, "new.account", made["code"]))
    assert (person.kind, person.participant) == who
    with pytest.raises(Exception, match="not valid"):
        _write(lambda session: redeem_link_code(session, "other.account", made["code"]))


@pytest.mark.parametrize("words", [[], ["--participant", "P-9999"], ["--staff", "surgeon"],
                                   ["--participant", "P-0104", "--staff", "nurse"]])  # fmt: skip
def test_no_link_code_for_nobody_or_two(filled: Sparc, words: list[str]) -> None:
    refused = filled("link-code", *words)
    assert (refused.exit_code, len(refused.stderr.splitlines())) == (1, 1)


# --- the database -----------------------------------------------------------------------------------------------


def test_the_database_goes_back_and_forth(filled: Sparc) -> None:
    newest = filled("db", "upgrade").stdout
    assert filled("db", "downgrade", "base").exit_code == 1
    assert "base" in filled("db", "downgrade", "base", "--yes").stdout
    assert filled("db", "downgrade", "base", "--yes").exit_code == 1
    assert filled("db", "upgrade").stdout == newest
    refused = filled("db", "downgrade", "nonsense", "--yes")
    assert (refused.exit_code, len(refused.stderr.splitlines())) == (1, 1)


def test_a_database_of_a_newer_version_is_one_sentence(filled: Sparc, home: Path) -> None:
    connection = sqlite3.connect(home / "enrolment.db")
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.commit()
    connection.close()
    refused = filled("tickets")
    assert (refused.exit_code, len(refused.stderr.splitlines())) == (1, 1)


@pytest.mark.parametrize(
    "words", [["tickets"], ["audit", "verify"], ["recruitment"], ["participants", "export", "P-1"]]
)
def test_a_file_that_is_no_database_is_one_sentence(sparc: Sparc, home: Path, words: list[str]) -> None:
    (home / "enrolment.db").write_text("no database " * 100)
    refused = sparc(*words)
    assert (refused.exit_code, len(refused.stderr.splitlines())) == (1, 1)


# --- upkeep -----------------------------------------------------------------------------------------------------


def test_run_forgets_replies_after_a_week_and_keeps_younger_ones(filled: Sparc, home: Path) -> None:
    for days in (8, 6):
        key, then = messages.MessageKey(f"msg-{days}", "ma.jun", "0" * 64), NOW - timedelta(days=days)
        _write(lambda session, key=key, then=then: session.run_sync(_claimed, key, then), then)
    put_in_order(Settings.from_environment(), lambda _line: None)
    connection = sqlite3.connect(home / "enrolment.db")
    assert connection.execute("SELECT webhook_id FROM handled_messages").fetchall() == [("msg-6",)]
    connection.close()


def test_run_derives_planned_days_afresh_when_the_protocol_has_changed(filled: Sparc, home: Path) -> None:
    put_in_order(Settings.from_environment(), lambda _line: None)
    connection = sqlite3.connect(home / "enrolment.db")
    planned = connection.execute("SELECT * FROM planned_visits ORDER BY 1, 2").fetchall()
    connection.execute("DELETE FROM planned_visits")
    connection.commit()
    put_in_order(Settings.from_environment(), lambda _line: None)
    assert connection.execute("SELECT * FROM planned_visits").fetchall() == []
    connection.execute("UPDATE settings SET value = 'another protocol'")
    connection.commit()
    put_in_order(Settings.from_environment(), lambda _line: None)
    assert connection.execute("SELECT * FROM planned_visits ORDER BY 1, 2").fetchall() == planned
    connection.close()
