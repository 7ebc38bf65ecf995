"""The list of known weaknesses says what is locked, why, and what stands in place of the upgrade; so does the document.

There is no advisory service here to ask: a weakness that nobody has written down is not found by these tests.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
_LIST = yaml.safe_load((ROOT / "requirements" / "weaknesses.yml").read_text(encoding="utf-8"))
_PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
_PIN = re.compile(r"^([a-z0-9][a-z0-9.-]*)(?:\[[a-z0-9,-]+\])?==([^ ;]+)", re.MULTILINE)
_CVE = re.compile(r"CVE-\d{4}-\d+")


def _locked(name: str) -> dict[str, str]:
    return dict(_PIN.findall((ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8")))


LOCKED = _locked("dev")


@pytest.mark.parametrize("entry", _LIST["accepted"], ids=lambda entry: entry["package"])
def test_an_accepted_weakness_is_of_the_version_that_is_locked(entry: dict[str, Any]) -> None:
    assert LOCKED[entry["package"]] == entry["version"], "the lock has moved: look at the entry again"
    assert set(entry) == {"package", "version", "known", "why", "instead"}
    assert entry["known"]
    assert min(len(entry["why"]), len(entry["instead"])) > 30


@pytest.mark.parametrize("entry", _LIST["accepted"], ids=lambda entry: entry["package"])
def test_the_document_names_it(entry: dict[str, Any]) -> None:
    (row,) = re.findall(
        rf"^\| {re.escape(entry['package'])} {re.escape(str(entry['version']))} \|.*$", _PAGE, re.MULTILINE
    )
    assert set(_CVE.findall(" ".join(map(str, entry["known"])))) <= set(_CVE.findall(row))


def test_the_document_names_no_other() -> None:
    rows = re.findall(r"^\| ([a-z0-9-]+) (\d[\w.]*) \|", _PAGE, re.MULTILINE)
    assert sorted(rows) == sorted((entry["package"], str(entry["version"])) for entry in _LIST["accepted"])


@pytest.mark.parametrize("package", sorted(_LIST["floors"]))
@pytest.mark.parametrize("lock", ["dev", "serve"])
def test_no_package_falls_under_its_floor(package: str, lock: str) -> None:
    locked = _locked(lock).get(package)
    assert locked is None or _numbers(locked) >= _numbers(_LIST["floors"][package])
    assert package in LOCKED


def test_the_action_server_has_none_of_the_heavy_ones() -> None:
    assert not {"rasa", "tensorflow", "scikit-learn", "skops", "pymongo", "sentry-sdk"} & _locked("actions").keys()


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
