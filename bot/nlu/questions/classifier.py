"""The intent classifier at serving time: sparse features times a matrix, a temperature, and honest doubt.

Trained by `bot.nlu.questions.training` with scikit-learn; here NumPy alone is needed, so that a server starts quickly.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.nlu.questions.features import CONTRACTIONS, Featured, Featurizer
from bot.nlu.questions.lexicon import Lexicon
from bot.nlu.questions.mentions import Mentions
from bot.nlu.questions.shorthand import is_follow_up, is_noise
from bot.nlu.questions.spelling import Speller

FALLBACK = "nlu_fallback"
OUT_OF_SCOPE = "out_of_scope"
FOLLOW_UP = "follow_up"
#: Intents whose words are everybody's: they need no word of the trial.
ANYBODYS = frozenset({OUT_OF_SCOPE, "greet", "goodbye", "thank", "affirm", "deny"})
#: Questions that are answered alike: where a visit or a day is named, that one is told, whichever was read; who asks
#: for a check of themself is told the criteria.
ALIKE = (
    frozenset({"ask_next_visit", "ask_visit_detail"}),
    frozenset({"check_eligibility", "ask_eligibility_criteria"}),
)
_WEIGHTS_FILE, _TABLES_FILE = "intents.npz", "intents.json"
_FORMAT = 1

Vector = NDArray[np.float32]


class ModelError(ValueError):
    """A stored classifier that is missing, damaged or of another format; the message names the file."""


@dataclass(frozen=True)
class Thresholds:
    """When a reading is doubted; chosen from out-of-fold scores and stored with the model.

    Attributes:
        confidence: the least calibrated probability of the likeliest intent.
        margin: the least lead over the second likeliest.
        known: the least share of words that the training data or the lexicons know.
        topical: the least share of a question's content words that questions about the trial use.
        foreign: how much of the confidence is taken off where none of those words is of the trial.
    """

    confidence: float
    margin: float
    known: float
    topical: float
    foreign: float

    def doubt(self, confidence: float, second: float, known: float, topical: float) -> bool:
        """Whether a reading of these figures is not to be relied on; `topical` is 1 for what is out of scope."""
        certain = confidence * (1 - self.foreign * (1 - topical))
        return (
            certain < self.confidence
            or confidence - second < self.margin
            or known < self.known
            or topical < self.topical
        )


@dataclass(frozen=True)
class Prediction:
    """An intent with its calibrated confidence, the likeliest others, and how much of the text was known."""

    intent: str
    confidence: float
    ranking: tuple[tuple[str, float], ...]
    known: float
    topical: float

    @property
    def likeliest(self) -> str:
        """The likeliest intent, doubted or not."""
        return self.ranking[0][0] if self.ranking else FALLBACK


@dataclass(frozen=True)
class Tables:
    """What a classifier knows beside its matrix, as stored in JSON."""

    intents: tuple[str, ...]
    features: Mapping[str, Mapping[str, int]]
    block_weights: Mapping[str, float]
    temperature: float
    thresholds: Thresholds
    #: every word of the training data, with its place in the order of how common it is
    words: Mapping[str, int]
    #: how many of them, from the commonest on, are no misspellings themselves, and how many are worth setting right to
    settled: int
    frequent: int
    #: content words of questions that are in scope, without the words that any sentence may hold
    topical: frozenset[str]
    #: words that any sentence may hold, in scope or out of it
    common: frozenset[str]


class IntentClassifier:
    """Says which question a text asks, with a confidence that can be believed, or that it does not know."""

    def __init__(self, tables: Tables, idf: Vector, weights: Vector, bias: Vector, featurizer: Featurizer) -> None:
        self.tables = tables
        self.featurizer = featurizer
        self._idf, self._weights, self._bias = idf, weights, bias
        self._idf_of: list[float] = idf.tolist()
        frequent = {word: rank for word, rank in tables.words.items() if rank < tables.frequent}
        self._speller = Speller(frequent, self._is_settled)

    # -- reading -----------------------------------------------------------------------------------------------

    def predict(self, text: str) -> Prediction:
        """The intent of one text; `nlu_fallback` where it is doubted."""
        return self.predict_mentions(self.featurizer.mentions(self.respell(text)))

    def predict_mentions(self, mentions: Mentions) -> Prediction:
        """The same for a text that has been set right and read already."""
        if is_follow_up(mentions):
            return Prediction(FOLLOW_UP, 1.0, ((FOLLOW_UP, 1.0),), 1.0, 1.0)
        prediction = self._decide(self.featurizer.of(mentions))
        if prediction.intent == OUT_OF_SCOPE and is_noise(mentions.text):
            return replace(prediction, intent=FALLBACK)
        return prediction

    def respell(self, text: str) -> str:
        """The text with misspelt words set right, as `predict` and the readers want it."""
        return self._speller.text(text)

    def _decide(self, featured: Featured) -> Prediction:
        known, topical = self.known_share(featured.words), self.topical_share(featured.words)
        probabilities = self.probabilities(featured)
        order = np.argsort(-probabilities)[:3]
        ranking = tuple((self.tables.intents[i], round(float(probabilities[i]), 4)) for i in order)
        (first, confidence), second = ranking[0], ranking[1][1]
        if {first, ranking[1][0]} in ALIKE:  # between these two there is nothing to ask back
            confidence, second = round(confidence + second, 4), ranking[2][1]
        subject = 1.0 if first in ANYBODYS else topical
        doubtful = self.tables.thresholds.doubt(confidence, second, known, subject)
        return Prediction(FALLBACK if doubtful else first, confidence, ranking, known, topical)

    def _is_settled(self, word: str) -> bool:
        """Whether a word is known well enough not to be taken for a misspelling of another."""
        rank = self.tables.words.get(word)
        if word in CONTRACTIONS:
            return True
        return (rank is not None and rank < self.tables.settled) or self.featurizer.carries((word,))[0]

    def probabilities(self, featured: Featured) -> Vector:
        """Calibrated probabilities in the order of `tables.intents`."""
        columns, values = self.vector(featured)
        scores = values @ self._weights[columns] + self._bias if len(columns) else self._bias.copy()
        scores = scores / self.tables.temperature
        exponentials = np.exp(scores - scores.max())
        result: Vector = exponentials / exponentials.sum()
        return result

    def vector(self, featured: Featured) -> tuple[NDArray[np.int64], Vector]:
        """Columns and values of the sparse TF-IDF vector, each block scaled to its weight."""
        return vectorize(featured, self.tables.features, self.tables.block_weights, self._idf_of)

    def known_share(self, words: Sequence[str]) -> float:
        """The share of words that are known; 1 for a text without words."""
        return self._share(words, self.tables.words)

    def topical_share(self, words: Sequence[str]) -> float:
        """The share of the words that carry the question which are words of this trial; 1 where none does."""
        return self._share([word for word in words if word not in self.tables.common], self.tables.topical)

    def _share(self, words: Sequence[str], known: Collection[str]) -> float:
        """Chinese pairs of characters count by what they carry: one idea of the trial makes half a sentence known."""
        if not words:
            return 1.0
        carrying = self.featurizer.carries(words)
        hits = sum(1 for word, carries in zip(words, carrying, strict=True) if carries or _is_known(word, known))
        least = (
            0.5 if any(carries and not word.isascii() for word, carries in zip(words, carrying, strict=True)) else 0.0
        )
        return max(hits / len(words), least)

    # -- storing -----------------------------------------------------------------------------------------------

    def save(self, folder: Path) -> None:
        """Write the classifier as `.npz` and `.json` into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        np.savez(folder / _WEIGHTS_FILE, idf=self._idf, weights=self._weights.astype(np.float16), bias=self._bias)
        tables = self.tables
        document = {
            "format": _FORMAT,
            "intents": tables.intents,
            "features": tables.features,
            "block_weights": tables.block_weights,
            "temperature": tables.temperature,
            "thresholds": vars(tables.thresholds),
            "words": sorted(tables.words, key=tables.words.__getitem__),
            "settled": tables.settled,
            "frequent": tables.frequent,
            "topical": sorted(tables.topical),
            "common": sorted(tables.common),
        }
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        (folder / _TABLES_FILE).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, lexicon: Lexicon | None = None) -> IntentClassifier:
        """Read a stored classifier.

        Raises:
            ModelError: a file is missing, damaged or of another format.
        """
        try:
            document: dict[str, Any] = json.loads((folder / _TABLES_FILE).read_text(encoding="utf-8"))
            with np.load(folder / _WEIGHTS_FILE, allow_pickle=False) as arrays:
                idf, weights, bias = (arrays[name].astype(np.float32) for name in ("idf", "weights", "bias"))
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(
                f"{folder}: expected a stored intent classifier, found none that reads ({error})"
            ) from None
        if document.get("format") != _FORMAT:
            raise ModelError(f"{folder}: expected format {_FORMAT}, found {document.get('format')}; train again")
        tables = Tables(
            intents=tuple(document["intents"]),
            features=document["features"],
            block_weights=document["block_weights"],
            temperature=float(document["temperature"]),
            thresholds=Thresholds(**document["thresholds"]),
            words={word: rank for rank, word in enumerate(document["words"])},
            settled=int(document["settled"]),
            frequent=int(document["frequent"]),
            topical=frozenset(document["topical"]),
            common=frozenset(document["common"]),
        )
        return cls(tables, idf, weights, bias, Featurizer(lexicon or Lexicon.load()))


def vectorize(
    featured: Featured,
    features: Mapping[str, Mapping[str, int]],
    block_weights: Mapping[str, float],
    idf: Sequence[float],
) -> tuple[NDArray[np.int64], Vector]:
    """The sparse vector of one text: per block sublinear TF-IDF of length one, times the block's weight."""
    columns: list[int] = []
    values: list[float] = []
    # Plain Python: for the few dozen numbers of a text each call of NumPy takes longer than its work.
    for block, table in features.items():
        counts: dict[int, int] = {}
        for gram in featured.grams[block]:
            column = table.get(gram)
            if column is not None:
                counts[column] = counts.get(column, 0) + 1
        weights = [(1.0 + math.log(count)) * idf[column] for column, count in counts.items()]
        scale = block_weights[block] / math.sqrt(sum(weight * weight for weight in weights)) if weights else 0.0
        columns += counts
        values += [weight * scale for weight in weights]
    return np.array(columns, dtype=np.int64), np.array(values, dtype=np.float32)


def _is_known(word: str, known: Collection[str]) -> bool:
    """Misspellings are set right before; a Chinese pair is known by its characters."""
    if word in known or word.removesuffix("s") in known or word.removesuffix("'s") in known:
        return True
    return not word.isascii() and len(word) > 1 and all(char in known for char in word)
