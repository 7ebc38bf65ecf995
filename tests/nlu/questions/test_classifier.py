from pathlib import Path

import pytest

from bot.nlu import report
from bot.nlu.questions.classifier import IntentClassifier, ModelError
from bot.nlu.questions.training import TrainingError, train_classifier


def test_a_stored_classifier_reads_as_the_trained_one(classifier: IntentClassifier, tmp_path: Path) -> None:
    classifier.save(tmp_path)
    loaded = IntentClassifier.load(tmp_path)
    for text in ("when is my next visit", "xeloda tonight?", "我忘了吃药", "qwrt zpf"):
        stored, trained = loaded.predict(text), classifier.predict(text)
        assert stored.intent == trained.intent
        assert stored.confidence == pytest.approx(trained.confidence, abs=0.01)


def test_confidences_are_probabilities(classifier: IntentClassifier) -> None:
    prediction = classifier.predict("do I come in on Friday")
    assert 0 <= prediction.confidence <= 1
    assert [score for _, score in prediction.ranking] == sorted(
        (score for _, score in prediction.ranking), reverse=True
    )
    assert len(prediction.ranking) == 3


def test_a_missing_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="intent classifier"):
        IntentClassifier.load(tmp_path)


def test_a_damaged_model_is_refused(classifier: IntentClassifier, tmp_path: Path) -> None:
    classifier.save(tmp_path)
    (tmp_path / "intents.npz").write_bytes(b"not a zip file")
    with pytest.raises(ModelError):
        IntentClassifier.load(tmp_path)


def test_another_format_is_refused(classifier: IntentClassifier, tmp_path: Path) -> None:
    classifier.save(tmp_path)
    tables = tmp_path / "intents.json"
    tables.write_text(tables.read_text(encoding="utf-8").replace('"format":1', '"format":99'), encoding="utf-8")
    with pytest.raises(ModelError, match="99"):
        IntentClassifier.load(tmp_path)


def test_one_intent_is_nothing_to_learn() -> None:
    with pytest.raises(TrainingError):
        train_classifier([("hello", "greet"), ("hi", "greet")])


def test_serving_needs_no_scikit_learn(classifier: IntentClassifier, tmp_path: Path) -> None:
    import subprocess
    import sys

    classifier.save(tmp_path)
    code = (
        "import sys; sys.modules['sklearn'] = None; sys.modules['tensorflow'] = None\n"
        "from pathlib import Path; from bot.nlu.questions.classifier import IntentClassifier\n"
        f"print(IntentClassifier.load(Path({str(tmp_path)!r})).predict('when do I come in next').intent)"
    )
    root = Path(__file__).parents[3]
    result = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert result.stdout.strip() == "ask_next_visit", result.stderr


def test_held_out_sentences_are_read(classifier: IntentClassifier) -> None:
    """A floor, not the aim: the figures of the day stand in the report."""
    figures = report.summarize(report.run(classifier))
    assert figures["in_scope_right"] >= 0.83
    assert figures["in_scope_wrong"] <= 0.04
    assert figures["out_of_scope_answered"] <= 0.05


def test_the_report_holds_figures_failures_and_plots(classifier: IntentClassifier, tmp_path: Path) -> None:
    figures = report.write_report(report.run(classifier), tmp_path)
    assert figures["sentences"] == len(report.HELD_OUT.read_text(encoding="utf-8").splitlines())
    assert (tmp_path / "failures.tsv").read_text(encoding="utf-8").startswith("intent\tread_as")
    assert {path.name for path in tmp_path.iterdir()} >= {
        "figures.json",
        "failures.tsv",
        "confusion.png",
        "calibration.png",
    }


def test_a_bad_held_out_line_is_refused_by_number(classifier: IntentClassifier, tmp_path: Path) -> None:
    path = tmp_path / "held_out.jsonl"
    path.write_text('{"text": "hi"}\n', encoding="utf-8")
    with pytest.raises(ValueError, match=":1:"):
        report.run(classifier, path)
