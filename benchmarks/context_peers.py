"""How well the context of a finding is told on the published cases of other systems.

The sentences are read from `../shared/peers/context.jsonl` (negspacy, medspaCy, openmed, pyConTextNLP; licences in
the README beside it) and nothing of them is kept here. The target is handed over as a given entity, as it was to the
peers; cases marked disputed are left out. Run: `python benchmarks/context_peers.py [--misses]`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from bot.nlu.clinical import ClinicalReader
from bot.nlu.clinical.note import Mention

CASES = Path(__file__).resolve().parents[2] / "shared" / "peers" / "context.jsonl"
TODAY = date(2026, 6, 10)

#: Best figure of each peer on the same cases with its default rules, measured in ELIGIBILITY-NOTES.md, part 3.
PEERS = {
    "negated": "negspacy 0.878, medspaCy 0.870, pyConTextNLP 0.916",
    "uncertain": "medspaCy 0.725, pyConTextNLP 0.850",
    "historical": "medspaCy 0.800, pyConTextNLP 0.740",
    "family": "medspaCy 0.972",
    "hypothetical": "medspaCy 0.848, pyConTextNLP 0.891",
}

CLASSES: dict[str, Callable[[Mention], bool]] = {
    "negated": lambda m: m.assertion == "negated",
    "uncertain": lambda m: m.assertion == "uncertain",
    "historical": lambda m: m.historical,
    "family": lambda m: m.experiencer != "patient",
    "hypothetical": lambda m: m.assertion in {"hypothetical", "planned"},
}


def read_case(reader: ClinicalReader, case: dict[str, Any]) -> Mention | None:
    """The target of a case as a mention with its context."""
    start = case["start"]
    note = reader.note(case["text"], TODAY, [(start, start + len(case["target"]))])
    return next((m for m in note.mentions if m.concept == "given"), None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--misses", action="store_true", help="list the ids of the cases that are wrong")
    arguments = parser.parse_args()
    if not CASES.exists():
        raise SystemExit(f"no cases at {CASES}")
    cases = [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]
    reader = ClinicalReader.load()
    found = {case["id"]: read_case(reader, case) for case in cases}
    print(f"{'class':14}{'right / asked':>16}{'share':>8}{'F1':>8}   peers")
    for name, holds in CLASSES.items():
        rows = [(case, found[case["id"]]) for case in cases if case[name] is not None and not case["disputed"]]
        says = [(case[name], mention is not None and holds(mention)) for case, mention in rows]
        right = sum(gold == ours for gold, ours in says)
        both = sum(gold and ours for gold, ours in says)
        claimed, true = sum(ours for _, ours in says), sum(gold for gold, _ in says)
        f1 = 2 * both / (claimed + true) if claimed + true else 1.0
        print(f"{name:14}{right:>10} /{len(says):>4}{right / len(says):>8.3f}{f1:>8.3f}   {PEERS[name]}")
        if arguments.misses:
            print(
                "   ", " ".join(case["id"] for (case, _), (gold, ours) in zip(rows, says, strict=True) if gold != ours)
            )


if __name__ == "__main__":
    main()
