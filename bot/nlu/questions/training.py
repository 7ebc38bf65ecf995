"""Training of the intent classifier: scikit-learn is needed here and only here."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.nlu.questions.classifier import (
    ANYBODYS,
    OUT_OF_SCOPE,
    IntentClassifier,
    Tables,
    Thresholds,
    Vector,
    vectorize,
)
from bot.nlu.questions.features import Featured, Featurizer
from bot.nlu.questions.lexicon import Lexicon

#: Blocks of features: how often a gram must occur to count, and the length its block is scaled to.
_MIN_COUNT = {"word": 2, "char": 3, "tag": 1, "concept": 2}
_BLOCK_WEIGHTS = {"word": 1.0, "char": 1.0, "tag": 0.45, "concept": 0.8}
_STRENGTH = 24.0
_FOLDS = 3
_SEED = 17
#: What a wrong answer, and an answer to what is out of scope, cost against one needless question.
_WRONG, _OUTSIDE = 1.5, 8.0
_AFFORDABLE = 1.015
#: The least share of known words, and of words of the trial among those that carry a question.
_KNOWN, _TOPICAL = 0.6, 0.2
#: A word is set right only to one that occurs this often.
_FREQUENT = 12
#: Words of this many intents, out-of-scope among them, say nothing about the subject of a question.
_COMMON_INTENTS = 10


class TrainingError(ValueError):
    """Training data that no classifier can be made of."""


@dataclass(frozen=True)
class _Prepared:
    features: dict[str, dict[str, int]]
    idf: Vector
    matrix: object
    labels: NDArray[np.int64]


def train_classifier(
    examples: Sequence[tuple[str, str]], lexicon: Lexicon | None = None, thresholds: Thresholds | None = None
) -> IntentClassifier:
    """A classifier of (text, intent) examples, calibrated on scores that its own training did not see.

    Args:
        thresholds: fixes them; else confidence and margin are chosen from the out-of-fold scores.

    Raises:
        TrainingError: fewer than two intents, or none with enough examples.
    """
    counts = Counter(intent for _, intent in examples)
    if len(counts) < 2 or max(counts.values()) < 2:
        raise TrainingError(f"expected examples of at least two intents, found {dict(counts)}")
    featurizer = Featurizer(lexicon or Lexicon.load())
    featured = [featurizer.read(text) for text, _ in examples]
    intents = tuple(sorted(counts))
    prepared = _prepare(featured, [intents.index(intent) for _, intent in examples])
    folds = _folds(prepared.labels)
    scores = _out_of_fold(prepared, len(intents), folds)
    temperature = _temperature(scores, prepared.labels)
    weights, bias = _fit(prepared.matrix, prepared.labels)
    words, topical, common = _vocabularies(featured, [intent for _, intent in examples])
    word_counts = Counter(word for one in featured for word in one.words)
    tables = Tables(
        intents=intents,
        features=prepared.features,
        block_weights=_BLOCK_WEIGHTS,
        temperature=temperature,
        thresholds=thresholds
        or _choose(
            scores / temperature, prepared.labels, intents, _foreign_shares(featured, examples, folds, featurizer)
        ),
        words=words,
        settled=sum(1 for count in word_counts.values() if count > 1),
        frequent=sum(1 for count in word_counts.values() if count >= _FREQUENT),
        topical=topical,
        common=common,
    )
    return IntentClassifier(tables, prepared.idf, weights, bias, featurizer)


def _prepare(featured: Sequence[Featured], labels: Sequence[int]) -> _Prepared:
    from scipy.sparse import csr_matrix

    features: dict[str, dict[str, int]] = {}
    document_counts: list[int] = []
    for block in Featurizer.blocks:
        seen = Counter(gram for one in featured for gram in set(one.grams[block]))
        kept = sorted(gram for gram, count in seen.items() if count >= _MIN_COUNT[block])
        features[block] = {gram: len(document_counts) + place for place, gram in enumerate(kept)}
        document_counts.extend(seen[gram] for gram in kept)
    idf = (np.log((1 + len(featured)) / (1 + np.array(document_counts))) + 1).astype(np.float32)
    rows = [vectorize(one, features, _BLOCK_WEIGHTS, idf) for one in featured]
    offsets = np.cumsum([0, *(len(columns) for columns, _ in rows)])
    matrix = csr_matrix(
        (np.concatenate([values for _, values in rows]), np.concatenate([columns for columns, _ in rows]), offsets),
        shape=(len(rows), len(idf)),
    )
    return _Prepared(features, idf, matrix, np.array(labels, dtype=np.int64))


def _fit(matrix: object, labels: NDArray[np.int64]) -> tuple[Vector, Vector]:
    from sklearn.linear_model import LogisticRegression

    counts = np.bincount(labels)
    # half-way between counting examples and counting intents: rare questions are asked rarely, but are asked
    weight = {label: float((len(labels) / len(counts) / count) ** 0.5) for label, count in enumerate(counts) if count}
    model = LogisticRegression(C=_STRENGTH, class_weight=weight, max_iter=40, tol=1e-3, random_state=_SEED)
    model.fit(matrix, labels)
    if len(model.classes_) == 2:  # scikit-learn stores one row for two intents
        return np.vstack([-model.coef_, model.coef_]).T.astype(np.float32), np.append(
            -model.intercept_, model.intercept_
        )
    return model.coef_.T.astype(np.float32), model.intercept_.astype(np.float32)


def _folds(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """The fold of each example, every intent spread evenly."""
    generator = np.random.default_rng(_SEED)
    folds = np.empty(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        places = generator.permutation(np.flatnonzero(labels == label))
        folds[places] = np.arange(len(places)) % _FOLDS
    return folds


def _out_of_fold(prepared: _Prepared, intents: int, folds: NDArray[np.int64]) -> Vector:
    """Scores of each example by a model that has not seen it."""
    scores = np.full((len(prepared.labels), intents), -12.0, dtype=np.float32)
    matrix = prepared.matrix
    for fold in range(_FOLDS):
        inside, outside = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        present, labels = np.unique(prepared.labels[inside], return_inverse=True)
        weights, bias = _fit(matrix[inside], labels)  # type: ignore[index]
        scores[np.ix_(outside, present)] = matrix[outside] @ weights + bias  # type: ignore[index]
    return scores


def _foreign_shares(
    featured: Sequence[Featured], examples: Sequence[tuple[str, str]], folds: NDArray[np.int64], featurizer: Featurizer
) -> Vector:
    """For each example the share of its content words that are no words of the trial, by words of other folds."""
    shares = np.zeros(len(featured), dtype=np.float32)
    for fold in range(_FOLDS):
        inside = np.flatnonzero(folds != fold)
        _, topical, common = _vocabularies([featured[i] for i in inside], [examples[i][1] for i in inside])
        for place in np.flatnonzero(folds == fold):
            words = [word for word in featured[place].words if word not in common]
            carried = featurizer.carries(words)
            if words:
                hits = sum(1 for word, carries in zip(words, carried, strict=True) if carries or word in topical)
                least = 0.5 if any(c and not w.isascii() for w, c in zip(words, carried, strict=True)) else 0.0
                shares[place] = 1 - max(hits / len(words), least)
    return shares


def _temperature(scores: Vector, labels: NDArray[np.int64]) -> float:
    """The divisor of the scores under which the out-of-fold log likelihood is best."""
    grid = np.geomspace(0.3, 4.0, 60)
    losses = [-np.log(_softmax(scores / t)[np.arange(len(labels)), labels] + 1e-9).mean() for t in grid]
    return float(grid[int(np.argmin(losses))])


def _softmax(scores: Vector) -> Vector:
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    result: Vector = exponentials / exponentials.sum(axis=1, keepdims=True)
    return result


def _choose(scores: Vector, labels: NDArray[np.int64], intents: Sequence[str], foreign: Vector) -> Thresholds:
    """The thresholds that cost least on the out-of-fold scores.

    What is weighed: a needless question 1, a wrong answer `_WRONG`, an answer to what is out of scope `_OUTSIDE`.
    """
    ordered = np.sort(_softmax(scores), axis=1)
    top, second = ordered[:, -1], ordered[:, -2]
    predicted = scores.argmax(axis=1)
    outside = intents.index(OUT_OF_SCOPE) if OUT_OF_SCOPE in intents else -1
    foreign = np.where(np.isin(predicted, [i for i, name in enumerate(intents) if name in ANYBODYS]), 0.0, foreign)
    cost = np.where(predicted == labels, 0.0, np.where(labels == outside, _OUTSIDE, _WRONG))
    # to ask back is no harm where the question is out of scope anyway
    needless = (labels != outside).astype(np.float64)
    options: list[tuple[float, float, float, float]] = []
    for penalty in np.arange(0.0, 0.71, 0.1):
        certain = top * (1 - penalty * foreign)
        for confidence in np.arange(0.2, 0.71, 0.02):
            for margin in np.arange(0.0, 0.31, 0.02):
                asked = (certain < confidence) | (top - second < margin)
                total = float(cost[~asked].sum() + needless[asked].sum())
                options.append((total, float(confidence), float(margin), float(penalty)))
    # the optimum is flat, and out-of-fold scores are those of a model of fewer examples: the least doubt that costs
    # hardly more is the one to take
    affordable = min(options)[0] * _AFFORDABLE
    confidence, margin, penalty = min(
        (option[1:] for option in options if option[0] <= affordable),
        key=lambda one: (one[0] + one[1] + one[2] / 2, one),
    )
    return Thresholds(
        confidence=round(confidence, 2),
        margin=round(margin, 2),
        known=_KNOWN,
        topical=_TOPICAL,
        foreign=round(penalty, 2),
    )


def _vocabularies(
    featured: Sequence[Featured], intents: Sequence[str]
) -> tuple[dict[str, int], frozenset[str], frozenset[str]]:
    """All words by how common they are; the words of questions in scope; the words that are everybody's."""
    places: dict[str, set[str]] = defaultdict(set)
    counts: Counter[str] = Counter()
    for one, intent in zip(featured, intents, strict=True):
        counts.update(one.words)
        for word in one.words:
            places[word].add(intent)
    common = {word for word, seen in places.items() if len(seen) >= _COMMON_INTENTS and OUT_OF_SCOPE in seen}
    topical = {word for word, seen in places.items() if seen - {OUT_OF_SCOPE}} - common
    counts.update({char: 0 for word in places if not word.isascii() for char in word})
    ordered = sorted(counts, key=lambda word: (-counts[word], word))
    return {word: rank for rank, word in enumerate(ordered)}, frozenset(topical), frozenset(common)
