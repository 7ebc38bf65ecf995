"""Two hundred malformed files, made by breaking good ones: each refused with a place, none imported in part."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bot.enrollment.admin import import_file
from bot.enrollment.audit import Actor
from bot.enrollment.csv_rows import COLUMNS
from bot.enrollment.database import Database
from bot.enrollment.errors import ImportRefused
from bot.enrollment.generate import write_file

CSV_FILES, FHIR_FILES = 150, 50
Break = Callable[[random.Random, list[list[str]]], bytes | None]


def _cell(column: str, *values: str) -> Break:
    def change(chance: random.Random, table: list[list[str]]) -> None:
        chance.choice(table[1:])[COLUMNS.index(column)] = chance.choice(values)

    return change


def _bytes(table: list[list[str]]) -> bytes:
    return "\n".join(",".join(row) for row in table).encode() + b"\n"


def _insert_bytes(*junk: bytes) -> Break:
    def change(chance: random.Random, table: list[list[str]]) -> bytes:
        raw = _bytes(table)
        at = raw.index(b"\n") + 1 + chance.randrange(len(raw) - raw.index(b"\n") - 2)
        return raw[:at] + chance.choice(junk) + raw[at:]

    return change


def _double(column: str) -> Break:
    def change(chance: random.Random, table: list[list[str]]) -> None:
        one, two = chance.sample(table[1:], 2)
        two[COLUMNS.index(column)] = one[COLUMNS.index(column)]

    return change


def _swap_dates(chance: random.Random, table: list[list[str]]) -> None:
    row = chance.choice(table[1:])
    one, two = COLUMNS.index("consented"), COLUMNS.index("rt1")
    row[one], row[two] = row[two], row[one]


def _swap_sizes(chance: random.Random, table: list[list[str]]) -> None:
    row = chance.choice(table[1:])
    one, two = COLUMNS.index("height_cm"), COLUMNS.index("weight_kg")
    row[one], row[two] = row[two], row[one]


def _shift(chance: random.Random, table: list[list[str]]) -> None:
    row = chance.choice(table[1:])
    row.insert(chance.randrange(1, 12), "")


def _drop(chance: random.Random, table: list[list[str]]) -> None:
    row = chance.choice(table)
    del row[chance.randrange(len(row) - 1)]


def _reorder(chance: random.Random, table: list[list[str]]) -> None:
    one, two = chance.sample(range(len(COLUMNS)), 2)
    table[0][one], table[0][two] = table[0][two], table[0][one]


BREAKS: list[Break] = [
    _cell("participant", "", "P 12", "0012", "P-", "Li Wei", "P-123456789", "p-0012"),
    _cell("account", "two words", "tab\there", "x" * 129),
    _cell("language", "", "EN", "de", "zh-CN"),
    _cell("sex", "", "m", "female", "1", "男"),
    _cell("status", "", "On_Treatment", "dead", "done", "on treatment"),
    _cell("birth_date", "1960", "01/02/1960", "1960-13-01", "1960-02-30", "2060-01-01", "60-01-02", "'1960-01-02"),
    _cell("height_cm", "1.75", "60", "300", "tall", "1,75", "175cm", "-175", "inf", "0x99", "１７５"),
    _cell("weight_kg", "20", "201", "75kg", "1e2", "NaN", "--", "七十"),
    _cell("rt1", "2026-6-8", "08.06.2026", "tomorrow", "2026-06-31", "1026-06-08", "2026-06-08 09:00", "46181"),
    _cell("pcr", "Yes", "1", "true", "pCR", "nein"),
    _double("participant"),
    _double("account"),
    _swap_dates,
    _swap_sizes,
    _shift,
    _drop,
    _reorder,
    _insert_bytes(b"\0", b"\xff", b"\xe4", b"\r", b'"', b"\xd2\xe0 "),
    lambda chance, table: _bytes(table).decode().encode(chance.choice(("utf-16", "utf-32", "utf-16-le"))),
    lambda chance, table: _bytes(table).replace(b",", chance.choice((b";", b"\t", b"|"))),
    lambda chance, table: _bytes(table)[: chance.randrange(10, 150)],
    lambda chance, table: _bytes(table[1:]),
]


def _broken_csv(path: Path) -> Iterator[tuple[str, bytes]]:
    from datetime import date

    write_file(path, 12, date(2026, 6, 10))
    good = [line.split(",") for line in path.read_text().splitlines()]
    for number in range(CSV_FILES):
        chance = random.Random(number)
        table = [list(row) for row in good]
        made = BREAKS[number % len(BREAKS)](chance, table)
        yield f"csv {number}", _bytes(table) if made is None else made


#: Values that are wrong wherever they stand in the elements that are read.
WRONG: list[Any] = [None, 17, "", "x y", [], {}, [None], {"reference": "Patient/none"}, "2026-02-30", True, 1e308]
#: Elements that are read and must be right: entry and name.
ELEMENTS = [
    (0, "identifier"), (0, "gender"), (0, "birthDate"), (1, "status"), (1, "individual"), (2, "code"), (2, "status"),
    (2, "subject"), (2, "valueQuantity"), (3, "status"), (3, "start"), (3, "participant"),
]  # fmt: skip
#: What may stand there all the same: nothing at all where the element is optional.
HARMLESS: dict[str, tuple[Any, ...]] = {"gender": (None,), "birthDate": (None,)}


def _bundle() -> dict[str, Any]:
    who = {"reference": "Patient/a"}
    resources: list[dict[str, Any]] = [
        {"resourceType": "Patient", "id": "a", "identifier": [{"value": "P-0301"}], "gender": "male",
         "birthDate": "1960-01-02"},
        {"resourceType": "ResearchSubject", "status": "on-study", "study": {}, "individual": who},
        {"resourceType": "Observation", "status": "final", "code": {"coding": [{"code": "8302-2"}]}, "subject": who,
         "valueQuantity": {"value": 170, "unit": "cm"}},
        {"resourceType": "Appointment", "status": "booked", "start": "2026-06-15T09:00:00+08:00",
         "serviceType": [{"coding": [{"code": "RT1"}]}], "participant": [{"actor": who, "status": "accepted"}]},
    ]  # fmt: skip
    return {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": each} for each in resources]}


def _broken_fhir() -> Iterator[tuple[str, bytes]]:
    number = 0
    while number < FHIR_FILES:
        chance = random.Random(number + 1000)
        bundle = _bundle()
        if number % 5 == 0:
            raw = json.dumps(bundle).encode()
            yield f"fhir {number}", raw[: chance.randrange(1, len(raw) - 1)]
        else:
            index, name = chance.choice(ELEMENTS)
            wrong = [each for each in WRONG if each not in HARMLESS.get(name, ())]
            bundle["entry"][index]["resource"][name] = chance.choice(wrong)
            yield f"fhir {number}", json.dumps(bundle).encode()
        number += 1


async def test_two_hundred_malformed_files_are_refused_with_a_place(
    database: Database, operator: Actor, tmp_path: Path
) -> None:
    files = [*_broken_csv(tmp_path / "good.csv"), *_broken_fhir()]
    assert len(files) == 200
    for name, raw in files:
        path = tmp_path / ("broken.csv" if name.startswith("csv") else "broken.json")
        path.write_bytes(raw)
        try:
            await import_file(database, path, operator)
        except ImportRefused as refusal:
            assert all(problem.place and problem.reason for problem in refusal.problems), name
        else:
            pytest.fail(f"{name} was imported: {raw[:2000]!r}")
    async with database.session() as session:
        for table in ("participants", "accounts", "visits", "planned_visits", "audit"):
            assert (await session.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one() == 0


async def test_the_files_they_were_made_from_are_good(database: Database, operator: Actor, tmp_path: Path) -> None:
    list(_broken_csv(tmp_path / "good.csv"))
    (tmp_path / "good.json").write_text(json.dumps(_bundle()))
    assert (await import_file(database, tmp_path / "good.csv", operator))["created"] == 12
    assert (await import_file(database, tmp_path / "good.json", operator))["created"] == 1
