"""The locks: every requirement with a version and hashes, no index and no host, one version of a package everywhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements"
NAMES = ("actions", "serve", "dev", "setup", "homeserver")
_PIN = re.compile(r"^([a-z0-9][a-z0-9.-]*)(?:\[[a-z0-9,-]+\])?==([^ ;]+)(?: ; [^\\]+)? \\$")
_HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")


def lines(name: str) -> list[str]:
    return (REQUIREMENTS / f"{name}.lock").read_text(encoding="utf-8").splitlines()


def pins(name: str) -> dict[str, str]:
    return {found[1]: found[2] for line in lines(name) if (found := _PIN.match(line))}


def wanted(name: str) -> set[str]:
    """The packages that an .in file names, with those of the files that it includes."""
    found = set()
    for line in (REQUIREMENTS / f"{name}.in").read_text(encoding="utf-8").splitlines():
        line = line.split("#")[0].strip()
        if line.startswith("-r "):
            found |= wanted(line[3:].removesuffix(".in"))
        elif line:
            found.add(re.split(r"[\[<>=!~ ]", line)[0].lower().replace("_", "-").replace(".", "-"))
    return found


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("word", ["://", "--index", "--extra-index", "--find-links", "--trusted-host", " @ "])
def test_a_lock_names_no_place(name: str, word: str) -> None:
    assert [line for line in lines(name) if word in line] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_requirement_has_a_version_and_hashes(name: str) -> None:
    content = [line for line in lines(name) if line.strip() and not line.lstrip().startswith("#")]
    assert [line for line in content if not _PIN.match(line) and not _HASH.match(line)] == []
    bare = [
        line
        for line, after in zip(content, [*content[1:], ""], strict=True)
        if _PIN.match(line) and not _HASH.match(after)
    ]
    assert bare == []


@pytest.mark.parametrize("name", NAMES)
def test_a_lock_holds_what_was_asked_for(name: str) -> None:
    assert wanted(name) - pins(name).keys() == set()


@pytest.mark.parametrize(("smaller", "larger"), [("actions", "serve"), ("serve", "dev")])
def test_one_version_of_a_package_everywhere(smaller: str, larger: str) -> None:
    assert pins(smaller).items() - pins(larger).items() == set()


@pytest.mark.parametrize("package", ["rasa", "tensorflow", "keras", "scikit-learn", "scipy", "pytest"])
def test_the_action_server_does_without(package: str) -> None:
    assert package not in pins("actions")
