"""`./sparc precheck`: the eligibility pre-check without a server, one JSON object a note or a patient."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

from bot.channels.guard import clean_text
from bot.clock import Clock, ClockError
from bot.enrollment.fhir_bundle import read_bundle
from bot.enrollment.fhir_findings import findings_of
from bot.errors import SparcError
from bot.nlu.clinical import ClinicalReader
from bot.trial.eligibility import assess
from bot.trial.protocol import load_protocol


def precheck(notes: Iterable[str], today: date) -> Iterator[dict[str, Any]]:
    """The assessment of each note, in the contract's form.

    A line that is a JSON object with a `note` (and perhaps a `clock`, read like `SPARC_CLOCK`, and an `id`)
    is taken apart, so that letters with line breaks can be handed over too; any other line is the note itself. An object
    whose `note` is no text, or whose `clock` is no time, is not guessed at (windows are counted from that day): in the
    place of its assessment stand the `line`, counted from 1, and the `error`; the others are assessed all the same.
    """
    reader, protocol = ClinicalReader.load(), load_protocol()
    for number, line in enumerate(notes, 1):
        try:
            note, day, identifier = _parse(line, today)
        except BadNote as error:
            yield {"line": number, "error": str(error)}
            continue
        data = assess(protocol, reader.read(clean_text(note), day), day).as_data()
        yield data if identifier is None else {"id": identifier, **data}


def precheck_bundle(file: Path, today: date) -> Iterator[dict[str, Any]]:
    """The assessment of each patient of a FHIR R4 bundle, named by the place in the bundle alone.

    Only codes with one meaning are read; what is not coded leaves its criterion unknown.

    Raises:
        ImportRefused: the file is no bundle, or malformed; every place is named.
        OSError: the file cannot be read.
    """
    protocol = load_protocol()
    for person in read_bundle(file):
        yield {"id": person.place, **assess(protocol, findings_of(person), today).as_data()}


class BadNote(SparcError):
    """A line that is an object with a `note`, and is not as it should be."""


def _parse(line: str, today: date) -> tuple[str, date, object | None]:
    if line.lstrip().startswith("{"):
        try:
            data = json.loads(line)
        except (ValueError, RecursionError):
            data = None  # a note may begin with a brace
        if isinstance(data, dict) and "note" in data:
            if not isinstance(data["note"], str):
                raise BadNote("note: expected a text")
            return data["note"], _day(data.get("clock"), today), data.get("id")
    return line, today, None


def _day(clock: object, today: date) -> date:
    if clock is None or clock == "":
        return today
    try:
        return Clock.from_environment({"SPARC_CLOCK": str(clock)}).today()
    except ClockError:
        raise BadNote("clock: expected a day or a time such as 2026-06-10 or 2026-06-10T09:00:00+08:00") from None
