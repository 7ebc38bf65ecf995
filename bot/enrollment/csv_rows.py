"""The participants file, line by line: what a row says, or what is wrong with it and where. No database in here.

The form is the contract's: a header, then one participant a line, dates in ISO form. A problem names line and column;
it quotes a cell only where that looks like a date or a number, never text (which might be a name).
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, cast

from bot.enrollment.errors import Problem
from bot.enrollment.models import DOSE_MG, HEIGHT_CM, LANGUAGES, SEXES, STATUSES, WEIGHT_KG
from bot.trial.record import Language, ParticipantRecord, ParticipantStatus, Sex, VisitCode, VisitEvent

COLUMNS: tuple[str, ...] = (
    *("participant", "account", "language", "sex", "birth_date", "height_cm", "weight_kg", "consented", "enrolled"),
    *("status", "rt1", "io1", "c1d1", "c2d1", "c3d1", "c4d1", "last_capecitabine", "restaged", "surgery", "pcr"),
)
#: The optional last column: the prescribed amount of capecitabine per dose, in mg.
DOSE_COLUMN = "capecitabine_mg"
#: The columns that hold visits, with the visit's code.
VISIT_COLUMNS: dict[str, VisitCode] = {
    "rt1": "RT1",
    "io1": "IO1",
    "c1d1": "C1D1",
    "c2d1": "C2D1",
    "c3d1": "C3D1",
    "c4d1": "C4D1",
    "restaged": "RESTAGE",
    "surgery": "SURGERY",
}
#: Dates in the order in which they can happen.
DATE_COLUMNS = ("birth_date", "consented", "enrolled", *VISIT_COLUMNS)
#: Two of these on one day are two courses of treatment on one day: refused.
_ONE_A_DAY = frozenset({"c1d1", "c2d1", "c3d1", "c4d1"})
_LONGEST_LINE = 4096
_CODE = re.compile(r"[A-Z]{1,4}-[0-9]{1,8}")
_NUMBER = re.compile(r"[0-9]{1,4}(\.[0-9]{1,3})?")
_HARMLESS = re.compile(r"[0-9 .,:/+-]{1,20}")
_BYTE_ORDER_MARKS = ((codecs.BOM_UTF32_LE, "UTF-32"), (codecs.BOM_UTF16_LE, "UTF-16"), (codecs.BOM_UTF16_BE, "UTF-16"))


@dataclass(frozen=True)
class Row:
    """One line of the file: the record as the file tells it, and the participant's chat account."""

    line: int
    record: ParticipantRecord
    account: str | None


class ParticipantsFile:
    """Reads a participants file once from top to bottom; memory does not grow with its length.

    Attributes:
        has_dose_column: whether the optional last column is there (known after the header).
        notes: what was put up with, such as a byte order mark.
        sha256: of all that was read so far.
    """

    def __init__(self, path: Path, as_of: date) -> None:
        self._path = path
        self._as_of = as_of
        self._hash = hashlib.sha256()
        self.has_dose_column = False
        self.notes: list[str] = []
        self.bytes_read = 0

    @property
    def sha256(self) -> str:
        """Hex digest of the bytes read so far; of the file, once it was read to its end."""
        return self._hash.hexdigest()

    def __iter__(self) -> Iterator[Row | Problem]:
        """Rows and problems in the file's order; after a problem with the header nothing more."""
        lines = self._lines()
        header = next(lines, None)
        if header is None:
            yield Problem("file", None, "it is empty; expected a header and a line for each participant")
            return
        if isinstance(header, Problem):
            yield header
            return
        problems = list(self._read_header(header[1]))
        if problems:
            yield from problems
            return
        found = False
        for line in lines:
            found = True
            if isinstance(line, Problem):
                yield line
            elif line[1].strip():
                yield from self._read_row(*line)
        if not found:
            yield Problem("file", None, "there is a header but no participant")

    def _lines(self) -> Iterator[tuple[int, str] | Problem]:
        with self._path.open("rb") as file:
            number = 0
            while raw := file.readline(_LONGEST_LINE + 1):
                number += 1
                self._hash.update(raw)
                self.bytes_read += len(raw)
                if number == 1:
                    for mark, name in _BYTE_ORDER_MARKS:
                        if raw.startswith(mark):
                            yield Problem("file", None, f"it is written in {name}; save it as UTF-8")
                            return
                    if raw.startswith(codecs.BOM_UTF8):
                        self.notes.append("a byte order mark at the start was skipped")
                        raw = raw[len(codecs.BOM_UTF8) :]
                yield self._decoded(number, raw)
                if len(raw) > _LONGEST_LINE:
                    return

    def _decoded(self, number: int, raw: bytes) -> tuple[int, str] | Problem:
        place = f"line {number}"
        if len(raw) > _LONGEST_LINE:
            return Problem(place, None, f"more than {_LONGEST_LINE} bytes without an end of line")
        if raw.endswith(b"\r\n"):
            raw = raw[:-2]
            if number == 1:
                self.notes.append("lines end in CR LF")
        else:
            raw = raw.removesuffix(b"\n")
        if b"\r" in raw:
            return Problem(place, None, "a carriage return inside the line; end lines with LF or CR LF")
        if b"\0" in raw:
            return Problem(place, None, "a zero byte; save the file as UTF-8 text")
        try:
            return number, raw.decode("utf-8")
        except UnicodeDecodeError as error:
            found = f"byte 0x{raw[error.start]:02X} at position {error.start + 1}"
            return Problem(place, None, f"not UTF-8 ({found}); save the file as UTF-8")

    def _read_header(self, line: str) -> Iterator[Problem]:
        place = "line 1"
        for mark, name in ((";", "semicolons"), ("\t", "tabs")):
            if "," not in line and line.count(mark) >= 5:
                yield Problem(place, None, f"cells are separated by {name}; expected commas")
                return
        cells = [cell.strip() for cell in line.split(",")]
        if tuple(cells) in (COLUMNS, (*COLUMNS, DOSE_COLUMN)):
            self.has_dose_column = len(cells) > len(COLUMNS)
            return
        known = {*COLUMNS, DOSE_COLUMN}
        if not known & set(cells):
            yield Problem(place, None, "expected the header (" + ",".join(COLUMNS) + ")")
            return
        missing = [name for name in COLUMNS if name not in cells]
        for name in missing:
            yield Problem(place, name, "this column is missing")
        strange = [position for position, name in enumerate(cells, 1) if name not in known]
        for position in strange:
            yield Problem(place, f"column {position}", "no such column in the contract")
        doubled = sorted({name for name in cells if name in known and cells.count(name) > 1})
        for name in doubled:
            yield Problem(place, name, "this column is there twice")
        if not missing and not strange and not doubled:
            yield Problem(place, None, "the columns are in another order; expected " + ",".join(COLUMNS))

    def _read_row(self, number: int, text: str) -> Iterator[Row | Problem]:
        place = f"line {number}"
        try:
            cells = next(csv.reader([text], strict=True))
        except csv.Error:
            yield Problem(place, None, "quotation marks that do not match")
            return
        names = [*COLUMNS, DOSE_COLUMN] if self.has_dose_column else COLUMNS
        if len(cells) != len(names):
            yield Problem(place, None, f"expected {len(names)} cells, found {len(cells)}")
            return
        reader = _RowReader(place, {name: cell.strip() for name, cell in zip(names, cells, strict=True)}, self._as_of)
        record, account = reader.read()
        if reader.problems:
            yield from reader.problems
        else:
            yield Row(number, record, account)


class _RowReader:
    """Reads the cells of one line and gathers everything that is wrong with them."""

    def __init__(self, place: str, cells: dict[str, str], as_of: date) -> None:
        self.problems: list[Problem] = []
        self._place = place
        self._cells = cells
        self._as_of = as_of

    def read(self) -> tuple[ParticipantRecord, str | None]:
        code = self._code()
        account = self._account()
        dates = {name: self._date(name) for name in (*DATE_COLUMNS, "last_capecitabine")}
        self._check_order(dates)
        height, weight = self._size()
        record = ParticipantRecord(
            code=code,
            status=cast(ParticipantStatus, self._choice("status", STATUSES)),
            language=cast(Language, self._choice("language", LANGUAGES)),
            sex=cast(Sex, self._choice("sex", SEXES)),
            birth_date=dates["birth_date"],
            height_cm=height,
            weight_kg=weight,
            consented=dates["consented"],
            enrolled=dates["enrolled"],
            events=self._events(dates),
            last_capecitabine=dates["last_capecitabine"],
            pcr={"yes": True, "no": False}.get(self._choice("pcr", ("yes", "no"), optional=True)),
            capecitabine_mg=self._dose(),
        )
        return record, account

    def _events(self, dates: dict[str, date | None]) -> dict[VisitCode, VisitEvent]:
        events: dict[VisitCode, VisitEvent] = {}
        for name, code in VISIT_COLUMNS.items():
            day = dates[name]
            if day is not None:
                # The contract: dates say what happened or, from today on, what is booked.
                events[code] = VisitEvent(code, day, "done" if day < self._as_of else "booked", None, self._as_of)
        return events

    def _problem(self, column: str, reason: str) -> None:
        self.problems.append(Problem(self._place, column, reason))

    def _found(self, name: str) -> str:
        cell = self._cells[name]
        if not cell:
            return "found nothing"
        return f"found {cell!r}" if _HARMLESS.fullmatch(cell) else "found other text"

    def _code(self) -> str:
        code = self._cells["participant"]
        if not _CODE.fullmatch(code):
            self._problem("participant", f"expected a code such as P-0003, {self._found('participant')}")
        return code

    def _account(self) -> str | None:
        account = self._cells["account"]
        if account and (len(account) > 128 or not account.isprintable() or " " in account):
            self._problem("account", "expected up to 128 printable characters without blanks")
        return account or None

    def _choice(self, name: str, allowed: tuple[str, ...], optional: bool = False) -> Any:
        cell = self._cells[name]
        if cell not in allowed and not (optional and not cell):
            choices = ", ".join(allowed) + (" or nothing" if optional else "")
            self._problem(name, f"expected {choices}, {self._found(name)}")
        return cell

    def _date(self, name: str) -> date | None:
        cell = self._cells[name]
        if not cell:
            return None
        try:
            day = date.fromisoformat(cell) if cell.isascii() else None
        except ValueError:
            day = None
        if day is None:
            self._problem(name, f"expected a date such as 2026-06-08, {self._found(name)}")
            return None
        first = 1900 if name == "birth_date" else 2000
        if not first <= day.year <= 2100:
            self._problem(name, f"expected a year from {first} to 2100, found {day}")
            return None
        if name == "birth_date" and day > self._as_of:
            self._problem(name, f"{day} lies ahead")
            return None
        return day

    def _check_order(self, dates: dict[str, date | None]) -> None:
        """Each date against the latest before it in the course of the trial.

        The last capecitabine dose follows the cycles and precedes surgery; re-staging has no fixed place beside it
        (site notes, 9), so these two are not compared.
        """
        latest: tuple[str, date] | None = None
        for name in DATE_COLUMNS:
            if name == "restaged":
                self._after(latest, "last_capecitabine", dates["last_capecitabine"])
            if name == "surgery":
                taken = dates["last_capecitabine"]
                self._after(None if taken is None else ("last_capecitabine", taken), name, dates[name])
            self._after(latest, name, dates[name])
            day = dates[name]
            if day is not None and (latest is None or day > latest[1]):
                latest = (name, day)

    def _after(self, earlier: tuple[str, date] | None, name: str, day: date | None) -> None:
        if earlier is None or day is None:
            return
        strict = (name in _ONE_A_DAY and earlier[0] in _ONE_A_DAY | {"rt1", "io1"}) or earlier[0] == "birth_date"
        if day < earlier[1] or (strict and day == earlier[1]):
            self._problem(name, f"{day} is not after {earlier[0]} ({earlier[1]}): dates out of order")

    def _number(self, name: str) -> float | None:
        cell = self._cells[name]
        if not cell:
            return None
        if not _NUMBER.fullmatch(cell):
            self._problem(name, f"expected a number such as 165 or 165.5, {self._found(name)}")
            return None
        return float(cell)

    def _size(self) -> tuple[float | None, float | None]:
        """Height and weight; implausible ones are refused (site notes, dosing: 120-220 cm, 30-200 kg, or swapped)."""
        height, weight = self._number("height_cm"), self._number("weight_kg")
        if (
            height is not None
            and weight is not None
            and weight > height
            and WEIGHT_KG[0] <= height <= WEIGHT_KG[1]
            and HEIGHT_CM[0] <= weight <= HEIGHT_CM[1]
        ):
            self._problem("height_cm", f"height {height:g} cm and weight {weight:g} kg look swapped")
            return None, None
        for name, value, (low, high) in (("height_cm", height, HEIGHT_CM), ("weight_kg", weight, WEIGHT_KG)):
            if value is not None and not low <= value <= high:
                self._problem(name, f"expected {low} to {high}, found {value:g}")
        return height, weight

    def _dose(self) -> int | None:
        cell = self._cells.get(DOSE_COLUMN, "")
        if not cell:
            return None
        if not (cell.isascii() and cell.isdigit() and DOSE_MG[0] <= int(cell[:9]) <= DOSE_MG[1]):
            expected = f"expected a whole number of mg from {DOSE_MG[0]} to {DOSE_MG[1]}"
            self._problem(DOSE_COLUMN, f"{expected}, {self._found(DOSE_COLUMN)}")
            return None
        return int(cell)
