from datetime import date

import pytest

from bot.nlu.questions.classifier import IntentClassifier
from bot.nlu.questions.examples import load_examples
from bot.nlu.questions.lexicon import Lexicon
from bot.nlu.questions.reader import QuestionReader
from bot.nlu.questions.training import train_classifier


@pytest.fixture(scope="session")
def today() -> date:
    return date(2026, 6, 10)  # a Wednesday


@pytest.fixture(scope="session")
def lexicon() -> Lexicon:
    return Lexicon.load()


@pytest.fixture(scope="session")
def classifier(lexicon: Lexicon) -> IntentClassifier:
    """The classifier of the whole training data: trained once a run."""
    return train_classifier(load_examples(), lexicon)


@pytest.fixture(scope="session")
def reader(classifier: IntentClassifier, lexicon: Lexicon) -> QuestionReader:
    return QuestionReader(classifier, lexicon)
