"""Single lines of the participants file: what is wrong with a cell, said by column, without quoting text."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from bot.enrollment.csv_rows import ParticipantsFile, Row
from bot.enrollment.errors import Problem

Write = Callable[..., Path]
AS_OF = date(2026, 6, 10)


def _read(path: Path) -> list[Row | Problem]:
    return list(ParticipantsFile(path, AS_OF))


ROW = [
    ("participant", "", "found nothing"),
    ("participant", "Anna Schmidt", "found other text"),
    ("participant", "p-0101", "expected a code"),
    ("account", "with blank", "printable"),
    ("language", "de", "en, zh"),
    ("language", "", "found nothing"),
    ("sex", "female", "F, M"),
    ("sex", "", "F, M"),
    ("birth_date", "04.05.1967", "found '04.05.1967'"),
    ("birth_date", "1967-02-30", "found '1967-02-30'"),
    ("birth_date", "2026-06-11", "lies ahead"),
    ("birth_date", "1867-05-04", "year"),
    ("height_cm", "1.64", "120 to 220"),
    ("height_cm", "119.9", "120 to 220"),
    ("height_cm", "221", "120 to 220"),
    ("height_cm", "164 cm", "found other text"),
    ("height_cm", "1e2", "expected a number"),
    ("height_cm", "nan", "expected a number"),
    ("weight_kg", "29", "30 to 200"),
    ("weight_kg", "250", "30 to 200"),
    ("weight_kg", "-61", "expected a number"),
    ("status", "active", "on_treatment"),
    ("status", "", "on_treatment"),
    ("enrolled", "2026-04-19", "not after consented"),
    ("rt1", "2026-04-26", "not after enrolled"),
    ("rt1", "2026-5-4", "expected a date"),
    ("rt1", "20260504", "expected a date"),
    ("rt1", "2026-05-04T00:00", "expected a date"),
    ("rt1", "0206-05-04", "year"),
    ("rt1", "２０２６-05-04", "expected a date"),
    ("c1d1", "2026-05-03", "not after io1"),
    ("c2d1", "2026-05-18", "not after c1d1"),
    ("c4d1", "2026-06-01", "not after c2d1"),
    ("last_capecitabine", "2026-05-30", "not after c2d1"),
    ("surgery", "2026-06-01", "not after c2d1"),
    ("pcr", "true", "yes, no or nothing"),
]


@pytest.mark.parametrize(("column", "cell", "reason"), ROW, ids=[f"{column}={cell}" for column, cell, _ in ROW])
def test_a_bad_cell_is_named_by_line_and_column(csv_file: Write, column: str, cell: str, reason: str) -> None:
    good, bad = _read(csv_file({"participant": "P-0100", "account": "a.b"}, {column: cell}))
    assert isinstance(good, Row)
    assert isinstance(bad, Problem)
    assert (bad.place, bad.column) == ("line 3", column)
    assert reason in bad.reason
    assert not cell.isalpha() or cell not in bad.reason


def test_swapped_height_and_weight_are_named_as_such(csv_file: Write) -> None:
    (found,) = _read(csv_file({"height_cm": "61", "weight_kg": "164"}))
    assert str(found) == "line 2, height_cm: height 61 cm and weight 164 kg look swapped"


@pytest.mark.parametrize("cell", ["0", "49", "5001", "1650.5", "1650 mg", "１６５０", "-1650"])
def test_a_dose_no_order_can_mean_is_refused(csv_file: Write, cell: str) -> None:
    (found,) = _read(csv_file({"capecitabine_mg": cell}, dose=True))
    assert isinstance(found, Problem) and found.column == "capecitabine_mg"


PLAUSIBLE = [
    {"consented": "2026-05-04", "enrolled": "2026-05-04"},
    {"c2d1": "", "c3d1": "2026-06-20"},
    {"last_capecitabine": "2026-06-10"},
    {"restaged": "2026-06-10", "last_capecitabine": "2026-06-12"},
    {"status": "withdrawn", "c2d1": "", "last_capecitabine": "2026-05-20", "surgery": "2026-06-09"},
    {"pcr": "no"},
    {"account": "", "birth_date": "", "height_cm": "", "weight_kg": "", "sex": "M"},
    {"account": "@ding.yu:hospital.test"},
    {"participant": " P-0101 "},
]


@pytest.mark.parametrize("cells", PLAUSIBLE, ids=[",".join(f"{k}={v}" for k, v in row.items()) for row in PLAUSIBLE])
def test_what_can_happen_is_read(csv_file: Write, cells: dict[str, str]) -> None:
    (found,) = _read(csv_file(cells))
    assert isinstance(found, Row)


def test_dates_before_the_day_are_done_and_from_it_on_booked(csv_file: Write) -> None:
    (found,) = _read(csv_file({"c1d1": "2026-06-09", "c2d1": "2026-06-10", "c3d1": "2026-07-01"}))
    assert isinstance(found, Row)
    assert {code: event.status for code, event in found.record.events.items()} == {
        "RT1": "done",
        "IO1": "done",
        "C1D1": "done",
        "C2D1": "booked",
        "C3D1": "booked",
    }
