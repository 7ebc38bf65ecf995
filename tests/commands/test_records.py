"""`./sparc participants ...`: every change of a record says why, is refused in one sentence, and is in the trail."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from bot.cli import app
from bot.config import ROOT

PARTICIPANTS = ROOT / "tests" / "data" / "dialogues" / "participants.csv"
Sparc = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPARC_HOME", str(tmp_path))
    monkeypatch.setenv("SPARC_CLOCK", "2026-09-16T14:00:00+08:00")
    return tmp_path


@pytest.fixture
def sparc(home: Path) -> Sparc:
    runner = CliRunner()
    return lambda *words: runner.invoke(app, [str(word) for word in words])


@pytest.fixture
def filled(sparc: Sparc) -> Sparc:
    assert sparc("participants", "import", PARTICIPANTS).exit_code == 0
    return sparc


def _changes(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.stderr
    return {each["field"]: each["is"] for each in json.loads(result.stdout)["changes"]}


CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("set-status P-0102 withdrawn", {"status": "withdrawn"}),
    ("record-visit P-0102 C3D1 missed 2026-09-10", {"status": "missed"}),
    ("record-visit P-0102 C4D1 booked 2026-10-01 --at 09:30",
     {"visit": "C4D1", "day": "2026-10-01", "at_time": "09:30:00", "status": "booked"}),
    ("record-visit P-0102 C4D1 cancelled", {"visit": "C4D1", "status": "cancelled"}),
    ("record-visit P-0102 C3D1 nothing", {"visit": None, "day": None, "status": None}),
    ("dose P-0102 capecitabine 1650", {"mg": 1650}),
    ("dose P-0101 oxaliplatin 200", {"drug": "oxaliplatin", "mg": 200}),
    ("dose P-0102 capecitabine --remove", {"drug": None, "mg": None}),
    ("give-dose P-0102 oxaliplatin 2026-09-10 reduced --mg 180 --minutes 125",
     {"drug": "oxaliplatin", "day": "2026-09-10", "status": "reduced", "mg": 180, "minutes": 125}),
    ("hold-dose P-0102 capecitabine 2026-09-12 toxicity --last 2026-09-15",
     {"drug": "capecitabine", "first_day": "2026-09-12", "last_day": "2026-09-15", "reason": "toxicity"}),
    ("adverse-event P-0102 neutropenia 3 2026-09-11 --serious --ended 2026-09-14",
     {"term": "neutropenia", "grade": 3, "onset": "2026-09-11", "serious": True, "ended": "2026-09-14"}),
    ("last-capecitabine P-0102 2026-09-15", {"last_capecitabine": "2026-09-15"}),
    ("consent P-0102 2026-06-20", {"given_on": "2026-06-20"}),
    ("consent P-0102 2026-09-16 --withdrawn", {"withdrawn_on": "2026-09-16"}),
    ("consent P-0102 2026-09-01 --form 2.0", {"form": "2.0", "given_on": "2026-09-01"}),
    ("enrol P-0102 2026-07-04", {"enrolled_on": "2026-07-04"}),
    ("outcome P-0102 --pcr yes --assessed 2026-09-16 --response complete --strategy watch_and_wait",
     {"pcr": True, "assessed_on": "2026-09-16", "response": "complete", "strategy": "watch_and_wait"}),
]  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), CHANGES, ids=[line for line, _ in CHANGES])
def test_a_change_is_made_and_told(filled: Sparc, line: str, expected: dict[str, Any]) -> None:
    changes = _changes(filled("participants", *line.split(), "--why", "as the letter says", "--json"))
    assert {field: changes.get(field, "untouched") for field in expected} == expected
    trail = json.loads(filled("audit", "show", line.split()[1], "--json").stdout)
    assert trail[-1]["why"] == "as the letter says"
    assert trail[-1]["role"] == "administrator"
    for form in (["show"], ["show", "--json"], ["export"]):
        shown = filled("participants", form[0], line.split()[1], *form[1:])
        assert shown.exit_code == 0, (form, shown.output)


REFUSED = [
    ("set-status P-9999 withdrawn", "no participant P-9999"),
    ("set-status P-0102 gone", "status: expected one of"),
    ("record-visit P-0102 C9D1 booked 2026-10-01", "visit: expected one of"),
    ("record-visit P-0102 C4D1 done 2026-10-01", "lies ahead"),
    ("record-visit P-0102 C4D1 booked", "needs its day"),
    ("record-visit P-0102 C4D1 booked 2026-13-01", "expected a date such as"),
    ("record-visit P-0102 C4D1 booked 0026-10-01", "expected a date such as"),
    ("record-visit P-0102 C4D1 booked 2026-10-01 --at 25:00", "expected a time such as"),
    ("record-visit P-0102 C4D1 cancelled --at 09:00", "needs its DAY"),
    ("record-visit P-0102 C4D1 booked 2026-09-10", "C4D1: 2026-09-10 is not after C3D1"),
    ("record-visit P-0102 SURGERY booked 2026-07-01", "SURGERY: 2026-07-01 is not after"),
    ("record-visit P-0102 SURGERY nothing", "nothing is recorded"),
    ("dose P-0102 capecitabine 16500", "expected 50 to 5000 mg"),
    ("dose P-0102 penpulimab 200", "drug: expected one of"),
    ("dose P-0102 capecitabine", "either the amount in MG or --remove"),
    ("give-dose P-0102 oxaliplatin 2026-09-17 given", "lies ahead"),
    ("hold-dose P-0102 capecitabine 2026-09-12 boredom", "expected a drug of the trial and a reason"),
    ("adverse-event P-0102 nausea 6 2026-09-11", "grade from 1 to 5"),
    ("last-capecitabine P-0102 2026-09-17", "last capecitabine: 2026-09-17 lies ahead"),
    ("last-capecitabine P-0102 2026-08-01", "last capecitabine: 2026-08-01 is not after C3D1"),
    ("last-capecitabine P-0102", "either the DAY or --remove"),
    ("consent P-0102 2026-09-17", "lies ahead"),
    ("consent P-0102 2026-08-01", "enrolment: 2026-07-03 is not after consent"),
    ("enrol P-0102 2026-09-17", "lies ahead"),
    ("outcome P-0102", "give at least one of"),
    ("outcome P-0102 --pcr maybe", "expected yes, no or not-assessed"),
    ("outcome P-0102 --response partial", "cannot be set"),
]


@pytest.mark.parametrize(("line", "reason"), REFUSED, ids=[line for line, _ in REFUSED])
def test_a_refusal_is_one_sentence_and_changes_nothing(filled: Sparc, line: str, reason: str) -> None:
    before = json.loads(filled("participants", "list", "--json").stdout)
    result = filled("participants", *line.split(), "--why", "x")
    assert result.exit_code == 1
    assert result.stderr.startswith("sparc: ")
    assert len(result.stderr.splitlines()) == 1
    assert reason in result.stderr
    assert json.loads(filled("participants", "list", "--json").stdout) == before


@pytest.mark.parametrize("why", ["", " ", "x" * 201])
def test_a_change_without_a_usable_reason_is_refused(filled: Sparc, why: str) -> None:
    result = filled("participants", "set-status", "P-0102", "withdrawn", "--why", why)
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)


def test_what_was_wrong_before_does_not_stand_in_the_way(filled: Sparc, home: Path) -> None:
    with sqlite3.connect(home / "enrolment.db") as connection:
        connection.execute("UPDATE visits SET day = '2026-07-01' WHERE visit = 'C3D1' AND participant_id = 2")
    connection.close()
    assert filled("participants", "set-status", "P-0102", "withdrawn", "--why", "x").exit_code == 0


def test_people_get_a_table_and_a_word_where_nothing_changed(filled: Sparc) -> None:
    said = filled("participants", "set-status", "P-0102", "withdrawn", "--why", "x").stdout
    assert "on_treatment" in said
    assert "withdrawn" in said
    assert "nothing changed" in filled("participants", "set-status", "P-0102", "withdrawn", "--why", "x").stdout


def test_looking_and_exporting_are_in_the_trail(filled: Sparc) -> None:
    assert filled("participants", "show", "P-0102").exit_code == 0
    data = json.loads(filled("participants", "export", "P-0102").stdout)
    assert data["participant"]["code"] == "P-0102"
    trail = json.loads(filled("audit", "show", "P-0102", "--json").stdout)
    assert [(line["action"], line["key"]) for line in trail[-2:]] == [("read", "record"), ("read", "export")]
    assert filled("participants", "export", "P-9999").exit_code == 1


# --- erasure ----------------------------------------------------------------------------------------------------


def _conversations(home: Path, *rows: tuple[str, str]) -> None:
    connection = sqlite3.connect(home / "conversations.db")
    connection.execute("CREATE TABLE conversations (sender_id TEXT, slots TEXT, recent TEXT, updated REAL)")
    connection.execute("CREATE TABLE conversation_events (id INTEGER PRIMARY KEY, sender_id TEXT, data TEXT)")
    for sender, account in rows:
        data = json.dumps({"event": "user", "metadata": {"account": account}}, ensure_ascii=False)
        connection.execute("INSERT INTO conversations VALUES (?, '', '', 0)", (sender,))
        connection.execute("INSERT INTO conversation_events (sender_id, data) VALUES (?, ?)", (sender, data))
    connection.commit()
    connection.close()


def test_an_erasure_takes_the_persons_conversations_and_nobody_elses(filled: Sparc, home: Path) -> None:
    _conversations(home, ("a", "ma.jun"), ("b", "MA.JUN"), ("c", "luo.xin"), ("d", "ma.jun"), ("e", "ma_jun"))
    done = filled("participants", "erase", "P-0102", "--yes", "--why", "asked by letter", "--json")
    assert json.loads(done.stdout) == {"participant": "P-0102", "erased": True, "conversations": 2}
    connection = sqlite3.connect(home / "conversations.db")
    for table in ("conversations", "conversation_events"):
        kept = [row[0] for row in connection.execute(f"SELECT sender_id FROM {table} ORDER BY sender_id")]
        assert kept == ["b", "c", "e"]
    connection.close()
    assert json.loads(filled("audit", "verify", "--json").stdout)["whole"] is True
    assert json.loads(filled("participants", "show", "P-0102", "--json").stdout)["birth_date"] is None


def test_an_erasure_is_confirmed_explained_and_final(filled: Sparc) -> None:
    unconfirmed = filled("participants", "erase", "P-0102", "--why", "x")
    assert (unconfirmed.exit_code, "--yes" in unconfirmed.stderr) == (1, True)
    assert filled("participants", "erase", "P-0102", "--yes", "--why", "").exit_code == 1
    assert filled("participants", "erase", "P-0102", "--yes", "--why", "x").exit_code == 0
    for line in ("erase P-0102 --yes", "set-status P-0102 completed"):
        again = filled("participants", *line.split(), "--why", "x")
        assert (again.exit_code, "was erased" in again.stderr) == (1, True)


# --- FHIR -------------------------------------------------------------------------------------------------------


def _bundle(folder: Path, gender: str = "female") -> Path:
    patient = {
        "resourceType": "Patient",
        "id": "a",
        "identifier": [{"value": "P-0301"}],
        "gender": gender,
        "birthDate": "1964-03-02",
    }
    subject = {
        "resourceType": "ResearchSubject",
        "status": "screening",
        "study": {"reference": "ResearchStudy/NCT05576480"},
        "individual": {"reference": "Patient/a"},
    }
    path = folder / "bundle.json"
    entries = [{"resource": patient}, {"resource": subject}]
    path.write_text(json.dumps({"resourceType": "Bundle", "type": "collection", "entry": entries}), encoding="utf-8")
    return path


def test_a_bundle_is_imported_by_its_name(sparc: Sparc, home: Path) -> None:
    done = sparc("participants", "import", _bundle(home), "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["created"] == 1
    assert json.loads(sparc("participants", "show", "P-0301", "--json").stdout)["birth_date"] == "1964-03-02"


def test_a_malformed_bundle_is_refused_with_its_place(sparc: Sparc, home: Path) -> None:
    refused = sparc("participants", "import", _bundle(home, gender="many"))
    assert refused.exit_code == 1
    assert "entry[0]" in refused.stderr
    assert json.loads(sparc("participants", "list", "--json").stdout) == []


def test_a_bundle_is_prechecked_without_a_server(sparc: Sparc, home: Path) -> None:
    done = sparc("precheck", "--fhir", _bundle(home))
    assert done.exit_code == 0, done.stderr
    result = json.loads(done.stdout)
    assert {each["id"]: each["result"] for each in result["criteria"]}["I02"] == "pass"
    assert "P-0301" not in done.stdout


@pytest.mark.parametrize(
    ("words", "code"), [([], 2), (["a note", "--fhir", "x.json"], 2), (["--fhir", "missing.json"], 1)]
)
def test_a_precheck_needs_one_thing_that_is_there(sparc: Sparc, words: list[str], code: int) -> None:
    refused = sparc("precheck", *words)
    assert (refused.exit_code, len(refused.stderr.splitlines())) == (code, 1)
