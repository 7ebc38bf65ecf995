"""The Rasa component that reads messages: trains the intent classifier, and at run time hands over the whole reading.

It is the intent classifier and the entity extractor of the pipeline in one, since a message with two questions is
classified part by part. What it reads goes to the actions as `tracker.latest_message["reading"]`.
"""

from __future__ import annotations

from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.nlu.constants import SPACY_DOCS
from rasa.shared.nlu.constants import (
    ENTITIES,
    ENTITY_ATTRIBUTE_END,
    ENTITY_ATTRIBUTE_START,
    ENTITY_ATTRIBUTE_TYPE,
    ENTITY_ATTRIBUTE_VALUE,
    EXTRACTOR,
    INTENT,
    INTENT_NAME_KEY,
    INTENT_RANKING_KEY,
    PREDICTED_CONFIDENCE_KEY,
    TEXT,
)
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

import bot.nlu.pipeline  # noqa: F401  registers the factories of the pipes before SpacyNLP loads the folder
from bot.clock import Clock
from bot.nlu.questions.classifier import FALLBACK, IntentClassifier
from bot.nlu.questions.pipe import QUESTION_MENTIONS
from bot.nlu.reading import MessageReader, Reading

#: Under which key of the message the reading travels.
READING = "reading"


@DefaultV1Recipe.register(
    [DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR],
    is_trainable=True,
)
class MessageReaderComponent(GraphComponent):
    """Reads each message with `MessageReader`; sets `intent`, `intent_ranking`, `entities` and `reading`."""

    def __init__(self, model_storage: ModelStorage, resource: Resource, reader: MessageReader | None = None) -> None:
        self._model_storage = model_storage
        self._resource = resource
        self._reader = reader

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> MessageReaderComponent:
        """An untrained component."""
        return cls(model_storage, resource)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> MessageReaderComponent:
        """The trained component; a damaged or missing classifier ends the loading, it is never served untrained."""
        with model_storage.read_from(resource) as folder:
            return cls(model_storage, resource, MessageReader.load(folder))

    def train(self, training_data: TrainingData) -> Resource:
        """Train the classifier on the examples of intents and store it."""
        from bot.nlu.questions.training import train_classifier

        examples = [(str(one.get(TEXT)), str(one.get(INTENT))) for one in training_data.intent_examples]
        classifier: IntentClassifier = train_classifier(examples)
        with self._model_storage.write_to(self._resource) as folder:
            classifier.save(folder)
        self._reader = MessageReader.load(classifier)
        return self._resource

    def process(self, messages: list[Message]) -> list[Message]:
        """Read each message on the day that the clock tells."""
        if self._reader is None:
            raise RuntimeError(
                "MessageReaderComponent: expected a trained classifier, found none; train the model first"
            )
        today = Clock.from_environment().today()
        for message in messages:
            reading = self._reader.read(message.get(TEXT) or "", today)
            _hand_over(message, reading)
        return messages

    @staticmethod
    def required_packages() -> list[str]:
        """What must be installed to run it."""
        return ["numpy", "rapidfuzz", "ruamel.yaml", "spacy"]


def _hand_over(message: Message, reading: Reading) -> None:
    lead = reading.lead
    ranking = [{INTENT_NAME_KEY: name, PREDICTED_CONFIDENCE_KEY: score} for name, score in lead.ranking]
    intent = {INTENT_NAME_KEY: lead.intent, PREDICTED_CONFIDENCE_KEY: lead.confidence}
    if lead.intent == FALLBACK:
        ranking = [intent, *ranking[:2]]
    message.set(INTENT, intent, add_to_output=True)
    message.set(INTENT_RANKING_KEY, ranking, add_to_output=True)
    message.set(ENTITIES, message.get(ENTITIES, []) + _entities(message), add_to_output=True)
    message.set(READING, reading.to_json(), add_to_output=True)


def _entities(message: Message) -> list[dict[str, Any]]:
    """The named things of the spaCy `Doc`, in Rasa's form."""
    doc = message.get(SPACY_DOCS[TEXT])
    if doc is None:
        return []
    return [
        {
            ENTITY_ATTRIBUTE_TYPE: span.label_,
            ENTITY_ATTRIBUTE_START: span.start_char,
            ENTITY_ATTRIBUTE_END: span.end_char,
            ENTITY_ATTRIBUTE_VALUE: span.kb_id_,
            EXTRACTOR: MessageReaderComponent.__name__,
        }
        for span in doc.spans.get(QUESTION_MENTIONS, [])
    ]
