"""`./sparc eval`: runs dialogues against the running server and compares what they expect."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from bot.commands.client import Unreachable
from bot.errors import ClientError, SparcError

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
        SparcError: the file cannot be read, or a line is not a dialogue; the message names it.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SparcError(f"{path}: expected UTF-8, found another encoding at byte {error.start}") from None
    except OSError as error:
        raise SparcError(f"{path}: {error.strerror}") from None
    # Not splitlines(): inside a JSON string U+2028 and its like are ordinary characters.
    lines = ((number, line) for number, line in enumerate(text.split("\n"), start=1) if line.strip())
    return [_dialogue(line, f"{path}, line {number}") for number, line in lines]


def _dialogue(line: str, place: str) -> dict[str, Any]:
    try:
        dialogue = json.loads(line)
        said = [turn["say"] for turn in dialogue["turns"]]
        speakers = [dialogue["as"], *(turn.get("as", "") for turn in dialogue["turns"])]
        expected = [turn.get("expect", {}) for turn in dialogue["turns"]]
        _ = dialogue["id"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise SparcError(f"{place}: expected a dialogue with id, as and turns ({error!r})") from None
    if not all(isinstance(value, str) for value in (*said, *speakers)):
        raise SparcError(f"{place}: expected texts in say and as")
    if not all(isinstance(value, dict) for value in expected):
        raise SparcError(f"{place}: expected an object in expect")
    return cast("dict[str, Any]", dialogue)


def evaluate(dialogues: Sequence[Mapping[str, Any]], send: Send) -> list[Result]:
    """Runs every dialogue in a conversation of its own; accounts run side by side, their dialogues one by one.

    A message that the server refuses ends its dialogue, as a failure of it.

    Raises:
        Unreachable: nobody answers.
    """
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
        try:
            reply = send(account, conversation, turn["say"], direct)
        except Unreachable:
            raise
        except ClientError as error:
            failures.append(f"turn {number}: {error}")
            break
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
    return [] if _equal(wanted, found) else [f"{path}: expected {wanted!r}, found {found!r}"]


def _equal(wanted: Any, found: Any) -> bool:
    """Equality as JSON means it: 1650 is 1650.0, but true is not 1."""
    return wanted == found and isinstance(wanted, bool) == isinstance(found, bool)


def _compare_lists(path: str, wanted: list[Any], found: list[Any], exact: bool) -> list[str]:
    """Criteria, Visits and parallel answers are matched by their names, in any order; other lists item by item."""
    name = path.rsplit(".", 1)[-1]
    keys = {"criteria": ("id",), "visits": ("visit", "participant"), "also": ("answer",), "items": ("drug",)}.get(name)
    if not wanted:
        return [f"{path}: expected nothing, found {found!r}"] if found else []
    if keys is None or not all(isinstance(item, dict) for item in wanted):
        if name == "criteria":
            missing = [item for item in wanted if item not in found]
            return [f"{path}: lacks {missing}"] if missing else []
        return [] if wanted == found else [f"{path}: expected {wanted!r}, found {found!r}"]
    problems, left = [], list(found)
    for item in wanted:
        candidates = [other for other in left if _same_name(item, other, keys)]
        best = next((other for other in candidates if not _compare(path, item, other, exact)), None)
        if best is not None:
            left.remove(best)
        elif candidates:
            problems += _compare(f"{path}[{item.get(keys[0], '')}]", item, candidates[0], exact)
        else:
            problems.append(f"{path}: lacks {item!r}")
    if (exact and name == "visits") or name == "items":
        problems += [f"{path}: has {other!r} too" for other in left]
    return problems


def _same_name(wanted: Mapping[str, Any], found: Any, keys: Sequence[str]) -> bool:
    return isinstance(found, dict) and all(found.get(key) == wanted[key] for key in keys if key in wanted)
