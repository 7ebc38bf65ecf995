"""Reads a FHIR R4 bundle into people: each patient with what else the bundle says about them. No database in here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from pydantic import ValidationError

from bot.enrollment.errors import ImportRefused, Problem
from bot.enrollment.fhir_model import (
    MODELS,
    Appointment,
    Condition,
    Element,
    Observation,
    Patient,
    Reference,
    ResearchSubject,
)

#: A bundle is read whole; a larger one is refused, to be sent in parts.
LARGEST_BYTES = 64 * 1024 * 1024
_BUNDLE_TYPES = ("collection", "transaction", "batch", "searchset", "document", "history", "message")


@dataclass
class Person:
    """One patient of the bundle, with the place of each resource for problems found later."""

    place: str
    patient: Patient
    subjects: list[tuple[str, ResearchSubject]] = field(default_factory=list)
    observations: list[tuple[str, Observation]] = field(default_factory=list)
    conditions: list[tuple[str, Condition]] = field(default_factory=list)
    appointments: list[tuple[str, Appointment]] = field(default_factory=list)


def read_bundle(path: Path) -> list[Person]:
    """The patients of a bundle, in its order.

    Raises:
        ImportRefused: the file is no FHIR bundle, or a resource in it is malformed; every place is named.
        OSError: the file cannot be read.
    """
    return people_of(load_json(path))


def load_json(path: Path) -> Any:
    """The file as JSON, read strictly.

    Raises:
        ImportRefused: too large, not UTF-8, or no JSON.
    """
    with path.open("rb") as file:
        raw = file.read(LARGEST_BYTES + 1)
    if len(raw) > LARGEST_BYTES:
        _refuse(f"larger than {LARGEST_BYTES // 2**20} MiB; send it in parts")
    try:
        return json.loads(raw.decode("utf-8-sig"), parse_constant=_no_constant, object_pairs_hook=_no_doubles)
    except UnicodeDecodeError as error:
        _refuse(f"not UTF-8 (byte 0x{raw[error.start]:02X} at position {error.start + 1})")
    except json.JSONDecodeError as error:
        raise ImportRefused(
            [Problem(f"line {error.lineno}", f"column {error.colno}", f"no JSON: {error.msg}")]
        ) from None
    except RecursionError:
        _refuse("nested too deeply")
    except ValueError as error:
        _refuse(str(error))


def _refuse(reason: str) -> NoReturn:
    raise ImportRefused([Problem("file", None, reason)])


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"no JSON: {name} is no number")


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("no JSON: an object names an element twice")
    return found


def people_of(bundle: Any) -> list[Person]:
    """The patients of a parsed bundle.

    Raises:
        ImportRefused: as :func:`read_bundle`.
    """
    if not isinstance(bundle, dict) or bundle.get("resourceType") != "Bundle":
        raise ImportRefused([Problem("file", "resourceType", "expected a FHIR R4 Bundle")])
    if bundle.get("type") not in _BUNDLE_TYPES:
        raise ImportRefused([Problem("file", "type", f"expected one of {', '.join(_BUNDLE_TYPES)}")])
    entries = bundle.get("entry")
    if not isinstance(entries, list) or not entries:
        raise ImportRefused([Problem("file", "entry", "expected a list with at least one entry")])
    problems: list[Problem] = []
    resources: list[tuple[str, str | None, Element]] = []
    for index, entry in enumerate(entries):
        place = f"entry[{index}]"
        found = _resource(place, entry)
        if isinstance(found, list):
            problems += found
        elif found is not None:
            url = entry.get("fullUrl")
            resources.append((f"{place}.resource", url if isinstance(url, str) else None, found))
    people = list(_gather(resources, problems))
    if not people and not problems:
        problems.append(Problem("file", "entry", "there is no Patient in the bundle"))
    if problems:
        raise ImportRefused(problems)
    return people


def _resource(place: str, entry: Any) -> Element | list[Problem] | None:
    """The resource of an entry if it is of a kind that is read, its problems, or None for another kind."""
    resource = entry.get("resource") if isinstance(entry, dict) else None
    if not isinstance(resource, dict):
        return [Problem(place, "resource", "expected a resource")]
    kind = resource.get("resourceType")
    if not isinstance(kind, str):
        return [Problem(f"{place}.resource", "resourceType", "expected the name of a resource")]
    model = MODELS.get(kind)
    if model is None:
        return None
    try:
        return model.parse_obj(resource)
    except ValidationError as error:
        return [
            Problem(f"{place}.resource", ".".join(str(part) for part in each["loc"]), str(each["msg"]))
            for each in error.errors()
        ]


def _gather(resources: list[tuple[str, str | None, Element]], problems: list[Problem]) -> Iterator[Person]:
    people: dict[str, Person] = {}
    patients: list[Person] = []
    for place, url, resource in resources:
        if isinstance(resource, Patient):
            person = Person(place, resource)
            patients.append(person)
            for name in (url, None if resource.id is None else f"Patient/{resource.id}"):
                if name is not None and people.setdefault(name, person) is not person:
                    problems.append(Problem(place, "id", "another Patient of the bundle has the same"))
    for place, _, resource in resources:
        if isinstance(resource, Patient):
            continue
        found, reason = _person_of(resource, people)
        if found is None:
            problems.append(Problem(place, *reason))
        else:
            _attach(found, place, resource)
    yield from patients


def _person_of(resource: Element, people: dict[str, Person]) -> tuple[Person | None, tuple[str, str]]:
    name, references = _references(resource)
    for reference in references:
        text = (reference.reference or "").split("/_history/")[0]
        found = people.get(text) or people.get("/".join(text.split("/")[-2:]))
        if found is not None:
            return found, ("", "")
    return None, (name, "expected a reference to a Patient of the bundle")


def _references(resource: Element) -> tuple[str, list[Reference]]:
    if isinstance(resource, ResearchSubject):
        return "individual", [resource.individual]
    if isinstance(resource, Appointment):
        return "participant", [each.actor for each in resource.participant if each.actor is not None]
    if isinstance(resource, (Observation, Condition)):
        return "subject", [resource.subject]
    raise TypeError(type(resource).__name__)


def _attach(person: Person, place: str, resource: Element) -> None:
    if isinstance(resource, ResearchSubject):
        person.subjects.append((place, resource))
    elif isinstance(resource, Observation):
        person.observations.append((place, resource))
    elif isinstance(resource, Condition):
        person.conditions.append((place, resource))
    elif isinstance(resource, Appointment):
        person.appointments.append((place, resource))
