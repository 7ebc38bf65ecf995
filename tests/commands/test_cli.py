"""The command line: what it prints, and one sentence and an exit code where something is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from bot.cli import app
from bot.config import ROOT, Settings

from .conftest import FakeServer, refusal

HEADER = (
    "participant,account,language,sex,birth_date,height_cm,weight_kg,consented,enrolled,status,rt1,io1,c1d1,c2d1,c3d1,"
    "c4d1,last_capecitabine,restaged,surgery,pcr"
)
ROW = (
    "P-0101,ding.yu,en,F,1967-05-04,164,61.5,2026-04-20,2026-04-27,on_treatment,2026-05-04,2026-05-09,2026-05-18,,,,,,,"
)

Sparc = Callable[..., Result]


@pytest.fixture
def sparc(environment: Callable[..., Settings]) -> Sparc:
    """Runs a command in a home of its own."""

    def run(*arguments: str, stdin: bytes | None = None, **variables: str) -> Result:
        environment(**variables) if not set(variables) & {"SPARC_PORT"} or variables["SPARC_PORT"].isdigit() else None
        return CliRunner(env=variables).invoke(app, list(arguments), input=stdin)

    return run


@pytest.fixture
def participants(sparc: Sparc, tmp_path: Path) -> Path:
    """A participants file, imported."""
    path = tmp_path / "participants.csv"
    path.write_text(f"{HEADER}\n{ROW}\n", encoding="utf-8")
    assert sparc("participants", "import", str(path)).exit_code == 0
    return path


def _says_one_sentence(result: Result, *words: str) -> None:
    assert result.exit_code == 1, (result.output, result.exception)
    assert isinstance(result.exception, SystemExit)
    assert result.stderr.startswith("sparc: ")
    assert "Traceback" not in result.stderr
    assert not [word for word in words if word not in result.stderr]


# --- wrong calls ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"], ["ask"], ["ask", "hello"], ["chat"], ["precheck"], ["eval"], ["eval", "no-such-file.jsonl"],
        ["schedule"], ["link"], ["link", "li.wei"], ["link", "li.wei", "--staff", "nurse", "--remove"],
        ["link", "li.wei", "--participant", "P-0001", "--staff", "nurse"], ["participants", "import"],
        ["participants", "import", "no-such-file.csv"], ["participants", "show"], ["participants", "nonsense"],
        ["db", "nonsense"], ["ask", "--as", "x"], ["ask", "--as", "x", "hello", "--nonsense"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_wrong_call_ends_with_2(sparc: Sparc, arguments: list[str]) -> None:
    assert sparc(*arguments).exit_code == 2


@pytest.mark.parametrize("arguments", [["--help"], ["ask", "--help"], ["participants", "--help"], ["link", "--help"]])
def test_help_is_there(sparc: Sparc, arguments: list[str]) -> None:
    assert sparc(*arguments).exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [["ask", "--as", "x", "hello"], ["precheck", "58M"], ["schedule", "P-0001"], ["participants", "list"],
     ["link", "x", "--remove"], ["db", "upgrade"], ["train"], ["run"]],
    ids=" ".join,
)  # fmt: skip
def test_a_malformed_setting_is_named(sparc: Sparc, arguments: list[str]) -> None:
    _says_one_sentence(sparc(*arguments, SPARC_PORT="many"), "SPARC_PORT: expected")


# --- the database -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments", [["schedule", "P-9999"], ["participants", "show", "P-9999"], ["link", "x", "--participant", "P-9999"]]
)
def test_a_code_that_is_not_on_file(sparc: Sparc, arguments: list[str]) -> None:
    _says_one_sentence(sparc(*arguments), "P-9999")


def test_a_home_that_is_a_file(sparc: Sparc, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    _says_one_sentence(sparc("participants", "list", SPARC_HOME=str(tmp_path / "file")))


def test_a_database_that_is_none(sparc: Sparc, tmp_path: Path) -> None:
    (tmp_path / "bad.db").write_text("this is a letter, no database, and long enough to be looked at" * 50)
    _says_one_sentence(sparc("participants", "list", SPARC_DATABASE_URL=f"sqlite:///{tmp_path / 'bad.db'}"), "database")


@pytest.mark.parametrize("role", ["king", "", "Nurse", "nurse "])
def test_a_role_that_is_none(sparc: Sparc, role: str) -> None:
    _says_one_sentence(sparc("link", "x", "--staff", role))


def test_linking_says_what_was_done(sparc: Sparc, participants: Path) -> None:
    assert sparc("link", "new.one", "--staff", "nurse").stdout == "new.one is staff: nurse\n"
    assert sparc("link", "new.one", "--remove").stdout == "new.one is linked to nobody\n"
    assert sparc("link", "new.two", "--participant", "P-0101").exit_code in (0, 1)


def test_a_bad_row_is_refused_with_its_place(sparc: Sparc, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(f"{HEADER}\n{ROW.replace('1967-05-04', '04/05/1967')}\n", encoding="utf-8")
    _says_one_sentence(sparc("participants", "import", str(path)), "line 2", "birth_date")
    assert json.loads(sparc("participants", "list", "--json").stdout) == []


def test_what_was_imported_is_listed_shown_and_scheduled(sparc: Sparc, participants: Path) -> None:
    listed = json.loads(sparc("participants", "list", "--json").stdout)
    assert [row["code"] for row in listed] == ["P-0101"]
    assert json.loads(sparc("participants", "show", "P-0101", "--json").stdout)["status"] == "on_treatment"
    calendar = json.loads(sparc("schedule", "P-0101", "--json").stdout)
    assert {visit["visit"] for visit in calendar["visits"]} >= {"RT1", "C1D1", "SURGERY"}
    assert sparc("schedule", "P-0101", "--ics").stdout_bytes.startswith(b"BEGIN:VCALENDAR")
    assert "P-0101" in sparc("schedule", "P-0101").stdout
    assert "P-0101" in sparc("participants", "list").stdout


@pytest.mark.parametrize("status", ["completed", "no-such-status"])
def test_a_list_of_one_status_holds_no_other(sparc: Sparc, participants: Path, status: str) -> None:
    result = sparc("participants", "list", "--status", status, "--json")
    assert (result.exit_code == 1 and result.stderr.startswith("sparc: ")) or json.loads(result.stdout) == []


# --- the pre-check ----------------------------------------------------------------------------------------------


def test_notes_from_standard_input_are_one_json_line_each(sparc: Sparc) -> None:
    stdin = '\ufeff{"id": "x1", "note": "58M, MSS"}\n\n72F, ECOG 3\r\n'.encode() + b"\xff\xfe 61M\n"
    result = sparc("precheck", "-", stdin=stdin)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line.get("id") for line in lines] == ["x1", None, None]
    assert {len(line["criteria"]) for line in lines} == {27}


def test_no_notes_are_no_lines(sparc: Sparc) -> None:
    result = sparc("precheck", "-", stdin=b"")
    assert (result.exit_code, result.stdout) == (0, "")


# --- the running server -----------------------------------------------------------------------------------------


def test_asking_prints_the_reply_as_json(sparc: Sparc, server: FakeServer) -> None:
    result = sparc("ask", "--as", "li.wei", "--conversation", "c", "--group", "你好", SPARC_PORT=str(server.port))
    assert json.loads(result.stdout)[0]["custom"]["answer"] == "greeting"
    assert server.heard[0][1] == {"account": "li.wei", "conversation": "c", "direct": False, "text": "你好"}


def test_asking_where_nobody_answers(sparc: Sparc) -> None:
    _says_one_sentence(sparc("ask", "--as", "x", "hello", SPARC_PORT="9"), "./sparc run")


def test_asking_and_being_refused(sparc: Sparc, server: FakeServer) -> None:
    server.replies = [refusal(400, "text: expected something written")]
    _says_one_sentence(sparc("ask", "--as", "x", " ", SPARC_PORT=str(server.port)), "text: expected")


def test_chatting_ends_with_an_empty_line(sparc: Sparc, server: FakeServer) -> None:
    result = sparc("chat", "--as", "li.wei", stdin=b"hello [bold]\nagain\n\nnever sent\n", SPARC_PORT=str(server.port))
    assert result.exit_code == 0
    assert [body["text"] for _, body in server.heard] == ["hello [bold]", "again"]
    assert len({body["conversation"] for _, body in server.heard}) == 1


def _dialogues(tmp_path: Path, *expected: str) -> str:
    path = tmp_path / "d.jsonl"
    turns = [[{"say": "hello", "expect": {"answer": name}}] for name in expected]
    lines = [json.dumps({"id": f"x{n}", "as": "li.wei", "turns": turn}) for n, turn in enumerate(turns)]
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


def test_an_evaluation_that_is_right_ends_with_0(sparc: Sparc, server: FakeServer, tmp_path: Path) -> None:
    result = sparc("eval", _dialogues(tmp_path, "greeting", "greeting"), SPARC_PORT=str(server.port))
    assert (result.exit_code, result.stdout) == (0, "2 of 2 dialogues right (2 turns)\n")


def test_an_evaluation_with_a_failure_names_it_and_ends_with_1(
    sparc: Sparc, server: FakeServer, tmp_path: Path
) -> None:
    result = sparc("eval", _dialogues(tmp_path, "greeting", "help"), SPARC_PORT=str(server.port))
    assert result.exit_code == 1
    first, last = result.stdout.splitlines()
    assert first.startswith("x1: turn 1: answer: expected 'help'")
    assert last == "1 of 2 dialogues right (2 turns)"


def test_an_evaluation_without_a_server_is_one_sentence(sparc: Sparc, tmp_path: Path) -> None:
    _says_one_sentence(sparc("eval", _dialogues(tmp_path, "greeting"), SPARC_PORT="9"), "./sparc run")


def test_an_evaluation_of_no_dialogues_file(sparc: Sparc, tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    path.write_text("{}\n")
    _says_one_sentence(sparc("eval", str(path)), "line 1")


# --- start-up ---------------------------------------------------------------------------------------------------


def test_the_command_line_itself_imports_nothing_heavy() -> None:
    code = "import sys, bot.cli; print([n for n in ('rasa', 'tensorflow', 'spacy', 'sqlalchemy', 'sanic') if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
