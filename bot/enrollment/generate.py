"""Invented participants in any number, for drills and measurements: a plain participants file, a line for each."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from bot.enrollment.csv_rows import COLUMNS, DOSE_COLUMN

#: How many of the participants are in treatment on the day; all others were through with it years before.
LIVE = 1000
_HEADER = ",".join((*COLUMNS, DOSE_COLUMN))
_CYCLES = (("c1d1", 14), ("c2d1", 35), ("c3d1", 56), ("c4d1", 77))
#: The last `LIVE` started within this many days before the day: as long as treatment takes.
_COURSE_DAYS = 90
#: The earliest day of consent; the file takes no earlier ones.
_EPOCH = date(2000, 2, 1)


def rows(number: int, today: date, seed: int = 1) -> Iterator[str]:
    """Lines of a participants file, without the header: `number` participants, the last `LIVE` of them in treatment.

    However many there are, as many are in treatment on the day: what grows is the past, as in a real database.
    """
    chance = random.Random(seed)
    past = max(0, number - LIVE)
    span = (today - timedelta(days=400) - _EPOCH).days
    for index in range(number):
        if index < past:
            first = _EPOCH + timedelta(days=40 + index * span // max(past, 1))
        else:
            first = today - timedelta(days=chance.randrange(_COURSE_DAYS))
        yield _row(index + 1, first, index >= past, chance)


def _row(number: int, first: date, live: bool, chance: random.Random) -> str:
    cells = dict.fromkeys((*COLUMNS, DOSE_COLUMN), "")
    cells.update(
        participant=f"P-{number:04d}",
        account=f"person.{number}",
        language=chance.choice(("en", "zh")),
        sex=chance.choice("FM"),
        birth_date=str(first - timedelta(days=chance.randrange(7000, 27000))),
        height_cm=str(chance.randrange(150, 190)),
        weight_kg=str(chance.randrange(45, 100)),
        consented=str(first - timedelta(days=18)),
        enrolled=str(first - timedelta(days=10)),
        status="on_treatment" if live else "completed",
        rt1=str(first),
        capecitabine_mg=str(chance.randrange(28, 44) * 50),
    )
    if not live:
        cells["io1"] = str(first + timedelta(days=5))
        for column, offset in _CYCLES:
            cells[column] = str(first + timedelta(days=offset))
        cells.update(
            last_capecitabine=str(first + timedelta(days=90)),
            restaged=str(first + timedelta(days=105)),
            surgery=str(first + timedelta(days=120)),
            pcr=chance.choice(("yes", "no", "")),
        )
    return ",".join(cells.values())


def write_file(path: Path, number: int, today: date, seed: int = 1) -> None:
    """Writes a participants file of `number` invented participants."""
    with path.open("w", encoding="utf-8") as file:
        file.write(_HEADER + "\n")
        file.writelines(line + "\n" for line in rows(number, today, seed))
