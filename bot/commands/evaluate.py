"""`./sparc eval`: runs dialogues against the running server and compares what they expect."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.errors import SparcError

#: One message: account, conversation, text, direct -> the reply.
Send = Callable[[str, str, str, bool], list[dict[str, Any]]]


@dataclass(frozen=True)
class Result:
    """How one dialogue went: its id, its turns, and what was wrong in them."""

    id: str
    turns: int
    failures: tuple[str, ...]


def load_dialogues(path: Path) -> list[dict[str, Any]]:
    """The dialogues of a file, one JSON object a line.

    Raises:
        SparcError: a line is not a dialogue; the message names it.
    """
    dialogues: list[dict[str, Any]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            dialogue = json.loads(line)
            _ = [turn["say"] for turn in dialogue["turns"]], dialogue["id"], dialogue["as"]
        except (ValueError, KeyError, TypeError) as error:
            raise SparcError(f"{path}, line {number}: expected a dialogue with id, as and turns ({error!r})") from None
        dialogues.append(dialogue)
    return dialogues


def evaluate(dialogues: Sequence[Mapping[str, Any]], send: Send) -> list[Result]:
    """Runs every dialogue in a conversation of its own; accounts run side by side, their dialogues one by one."""
    run = uuid.uuid4().hex[:8]
    by_account: dict[str, list[tuple[int, Mapping[str, Any]]]] = {}
    for index, dialogue in enumerate(dialogues):
        by_account.setdefault(dialogue["as"], []).append((index, dialogue))

    def talk(listed: Iterable[tuple[int, Mapping[str, Any]]]) -> list[tuple[int, Result]]:
        return [(index, _run(dialogue, f"eval-{run}-{index}", send)) for index, dialogue in listed]

    with ThreadPoolExecutor(max_workers=8) as pool:
        done = [pair for pairs in pool.map(talk, by_account.values()) for pair in pairs]
    return [result for _, result in sorted(done, key=lambda pair: pair[0])]


def _run(dialogue: Mapping[str, Any], conversation: str, send: Send) -> Result:
    failures: list[str] = []
    for number, turn in enumerate(dialogue["turns"], start=1):
        account = turn.get("as", dialogue["as"])
        direct = turn.get("direct", dialogue.get("direct", True))
        reply = send(account, conversation, turn["say"], direct)
        custom = reply[0].get("custom", {}) if reply else {}
        text = "\n".join(str(message.get("text", "")) for message in reply)
        failures += [f"turn {number}: {problem}" for problem in differences(turn.get("expect", {}), custom, text)]
    return Result(str(dialogue["id"]), len(dialogue["turns"]), tuple(failures))


def differences(expect: Mapping[str, Any], custom: Mapping[str, Any], text: str) -> list[str]:
    """What an answer lacks of what was expected; empty where all is there and equal."""
    problems: list[str] = []
    for key, wanted in expect.items():
        if key == "text_has":
            problems += [f"text lacks {words!r}" for words in wanted if words not in text]
        elif key == "text_lacks":
            problems += [f"text has {words!r}" for words in wanted if words in text]
        elif key == "answer" and isinstance(wanted, list):
            if custom.get("answer") not in wanted:
                problems.append(f"answer: expected one of {wanted}, found {custom.get('answer')!r}")
        else:
            problems += _compare(key, wanted, custom.get(key), exact=custom.get("answer") == "visits_on")
    return problems


def _compare(path: str, wanted: Any, found: Any, exact: bool) -> list[str]:
    if isinstance(wanted, dict) and set(wanted) == {"any"}:
        matched = any(not _compare(path, option, found, exact) for option in wanted["any"])
        return [] if matched else [f"{path}: expected one of {wanted['any']}, found {found!r}"]
    if isinstance(wanted, dict):
        if not isinstance(found, dict):
            return [f"{path}: expected an object, found {found!r}"]
        return [
            problem
            for key, value in wanted.items()
            for problem in _compare(f"{path}.{key}", value, found.get(key), exact)
        ]
    if isinstance(wanted, list) and isinstance(found, list):
        return _compare_lists(path, wanted, found, exact)
    return [] if wanted == found and type(wanted) is type(found) else [f"{path}: expected {wanted!r}, found {found!r}"]


def _compare_lists(path: str, wanted: list[Any], found: list[Any], exact: bool) -> list[str]:
    """Criteria, Visits and parallel answers are matched by their names, in any order; other lists item by item."""
    name = path.rsplit(".", 1)[-1]
    keys = {"criteria": ("id",), "visits": ("visit", "participant"), "also": ("answer",), "items": ("drug",)}.get(name)
    if keys is None or not all(isinstance(item, dict) for item in wanted):
        if name == "criteria" or not wanted:
            missing = [item for item in wanted if item not in found]
            return [f"{path}: lacks {missing}"] if missing else _no_more(path, wanted, found)
        return [] if wanted == found else [f"{path}: expected {wanted!r}, found {found!r}"]
    problems, left = [], list(found)
    for item in wanted:
        candidates = [other for other in left if all(other.get(key) == item[key] for key in keys if key in item)]
        best = next((other for other in candidates if not _compare(path, item, other, exact)), None)
        if best is not None:
            left.remove(best)
        elif candidates:
            problems += _compare(f"{path}[{item[keys[0]]}]", item, candidates[0], exact)
        else:
            problems.append(f"{path}: lacks {item!r}")
    if (exact and name == "visits") or name == "items":
        problems += [f"{path}: has {other!r} too" for other in left]
    return problems


def _no_more(path: str, wanted: list[Any], found: list[Any]) -> list[str]:
    return [] if wanted or not found else [f"{path}: expected nothing, found {found!r}"]
