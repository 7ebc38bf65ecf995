"""`./sparc precheck`: the eligibility pre-check without a server, one JSON object a note or a patient."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

from bot.channels.guard import clean_text
from bot.clock import Clock
from bot.enrollment.fhir_bundle import read_bundle
from bot.enrollment.fhir_findings import findings_of
from bot.nlu.clinical import ClinicalReader
from bot.trial.eligibility import assess
from bot.trial.protocol import load_protocol


def precheck(notes: Iterable[str], today: date) -> Iterator[dict[str, Any]]:
    """The assessment of each note, in the contract's form.

    A line that is a JSON object with a `note` (and perhaps a `clock`, read like `SPARC_CLOCK`, and an `id`)
    is taken apart, so that letters with line breaks can be handed over too; any other line is the note itself.
    """
    reader, protocol = ClinicalReader.load(), load_protocol()
    for line in notes:
        note, day, identifier = _parse(line, today)
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


def _parse(line: str, today: date) -> tuple[str, date, object | None]:
    if line.lstrip().startswith("{"):
        try:
            data = json.loads(line)
            if isinstance(data, dict) and isinstance(data.get("note"), str):
                clock = data.get("clock")
                day = Clock.from_environment({"SPARC_CLOCK": clock}).today() if clock else today
                return data["note"], day, data.get("id")
        except (ValueError, TypeError, AttributeError, RecursionError):
            pass  # a note may begin with a brace
    return line, today, None
