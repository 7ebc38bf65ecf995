"""How well messages are read: accuracy on held-out sentences by intent, voice and language, with two plots.

The sentences are never trained on. The figures go to a folder as text and JSON, the confusion matrix and the
calibration plot as PNG where matplotlib is installed.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.nlu.questions.classifier import FALLBACK, OUT_OF_SCOPE, IntentClassifier

_ROOT = Path(__file__).parents[2]
HELD_OUT = _ROOT / "tests" / "data" / "nlu_held_out.jsonl"
REPORT_FOLDER = _ROOT / "reports" / "nlu"
#: To refuse what is out of scope and to ask back are both right answers to what is neither.
_REFUSALS = frozenset({FALLBACK, OUT_OF_SCOPE})
#: Intents whose wrong answer is a wrong date or dose.
_VISITS_AND_DOSES = frozenset(
    {
        "ask_next_visit", "ask_visit_list", "ask_visit_detail", "ask_visits_on", "request_reschedule",
        "ask_dose_schedule", "ask_dose_amount", "report_missed_dose",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """One held-out sentence and what was read in it."""

    text: str
    intent: str
    voice: str
    language: str
    read_as: str
    likeliest: str
    confidence: float

    @property
    def in_scope(self) -> bool:
        return self.intent not in _REFUSALS

    @property
    def right(self) -> bool:
        return self.read_as == self.intent or (not self.in_scope and self.read_as in _REFUSALS)

    @property
    def asked_back(self) -> bool:
        return self.read_as == FALLBACK


def run(classifier: IntentClassifier, held_out: Path = HELD_OUT) -> tuple[Outcome, ...]:
    """Classify every held-out sentence.

    Raises:
        ValueError: a line is no JSON object with text, intent, voice and language.
    """
    outcomes = []
    for number, line in enumerate(held_out.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row = json.loads(line)
            text, intent, voice, language = (str(row[key]) for key in ("text", "intent", "voice", "language"))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{held_out}:{number}: expected text, intent, voice and language ({error!r})") from None
        prediction = classifier.predict(text)
        outcomes.append(
            Outcome(text, intent, voice, language, prediction.intent, prediction.likeliest, prediction.confidence)
        )
    return tuple(outcomes)


def summarize(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The figures: shares of right readings in all and by kind, and of what was answered though out of scope."""
    inside = [one for one in outcomes if one.in_scope]
    outside = [one for one in outcomes if not one.in_scope]
    return {
        "sentences": len(outcomes),
        "in_scope_right": _share(inside),
        "visits_and_doses_right": _share([one for one in inside if one.intent in _VISITS_AND_DOSES]),
        "in_scope_asked_back": sum(one.asked_back for one in inside) / max(len(inside), 1),
        "in_scope_wrong": sum(not one.right and not one.asked_back for one in inside) / max(len(inside), 1),
        "out_of_scope_answered": sum(not one.right for one in outside) / max(len(outside), 1),
        "by_intent": _by(outcomes, "intent"),
        "by_voice": _by(inside, "voice"),
        "by_language": _by(inside, "language"),
    }


def write_report(outcomes: Sequence[Outcome], folder: Path = REPORT_FOLDER) -> dict[str, Any]:
    """Write figures, failures and plots into a folder; returns the figures."""
    folder.mkdir(parents=True, exist_ok=True)
    figures = summarize(outcomes)
    (folder / "figures.json").write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    failures = [
        f"{one.intent}\t{one.read_as}\t{one.likeliest}\t{one.confidence:.2f}\t{one.text}"
        for one in outcomes
        if not one.right
    ]
    (folder / "failures.tsv").write_text(
        "\n".join(["intent\tread_as\tlikeliest\tconfidence\ttext", *failures]) + "\n", encoding="utf-8"
    )
    _plot(outcomes, folder)
    return figures


def _share(outcomes: Sequence[Outcome]) -> float:
    return sum(one.right for one in outcomes) / max(len(outcomes), 1)


def _by(outcomes: Sequence[Outcome], key: str) -> Mapping[str, dict[str, float]]:
    names = sorted({getattr(one, key) for one in outcomes})
    groups = {name: [one for one in outcomes if getattr(one, key) == name] for name in names}
    return {name: {"sentences": len(group), "right": round(_share(group), 4)} for name, group in groups.items()}


def _plot(outcomes: Sequence[Outcome], folder: Path) -> None:
    try:
        import matplotlib  # type: ignore[import-untyped]
    except ImportError:  # figures and failures are written without it
        return
    matplotlib.use("Agg")
    from matplotlib import pyplot

    labels = sorted({one.intent for one in outcomes} | {one.read_as for one in outcomes})
    counts = Counter((one.intent, one.read_as) for one in outcomes)
    figure, axes = pyplot.subplots(figsize=(14, 13))
    axes.imshow([[counts[true, read] for read in labels] for true in labels], cmap="Blues")
    axes.set_xticks(range(len(labels)), labels, rotation=90, fontsize=7)
    axes.set_yticks(range(len(labels)), labels, fontsize=7)
    axes.set_xlabel("read as")
    axes.set_ylabel("meant")
    figure.tight_layout()
    figure.savefig(folder / "confusion.png", dpi=110)
    pyplot.close(figure)

    bins = [(low / 10, (low + 1) / 10) for low in range(10)]
    figure, axes = pyplot.subplots(figsize=(5, 5))
    for low, high in bins:
        group = [one for one in outcomes if one.in_scope and low < one.confidence <= high]
        if group:
            hits = sum(one.likeliest == one.intent for one in group) / len(group)
            axes.scatter(
                sum(one.confidence for one in group) / len(group), hits, s=12 + 2 * len(group), color="tab:blue"
            )
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
    axes.set_xlabel("confidence")
    axes.set_ylabel("share right")
    figure.tight_layout()
    figure.savefig(folder / "calibration.png", dpi=110)
    pyplot.close(figure)


def main() -> int:
    """Train on `data/nlu`, measure on the held-out sentences, write the report and print its head."""
    from bot.nlu.questions.examples import load_examples
    from bot.nlu.questions.training import train_classifier

    figures = write_report(run(train_classifier(load_examples())))
    for name, value in figures.items():
        if not isinstance(value, dict):
            print(f"{name}: {value if isinstance(value, int) else format(value, '.3f')}")
    print(f"report: {REPORT_FOLDER}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
