"""Two of Rasa's components as they are served: loaded once, and without checks that training has made already."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Any

import rasa.shared.utils.io
import spacy
from rasa.engine.graph import ExecutionContext, GraphComponent, SchemaNode
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.graph_components.providers.domain_provider import DomainProvider
from rasa.nlu.utils.spacy_utils import SpacyModel, SpacyNLP
from rasa.shared.core.domain import Domain


class StoredDomain(DomainProvider):  # type: ignore[misc]
    """The domain of a trained model, not held against Rasa's schema again: that takes most of reading it."""

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> StoredDomain:
        """The domain that training has checked and stored."""
        with model_storage.read_from(resource) as folder:
            (file,) = Path(folder).glob("*.yml")
            stored = rasa.shared.utils.io.read_yaml(file.read_text(encoding="utf-8"))
        return cls(model_storage, resource, Domain.from_dict(stored))


class SharedSpacy(SpacyNLP):  # type: ignore[misc]
    """The spaCy pipeline, loaded once for both of its nodes."""

    @staticmethod
    def load_model(spacy_model_name: str) -> SpacyModel:
        """The pipeline in a folder. It was written with the model, by the same spaCy: its version needs no check."""
        return _pipeline(spacy_model_name)


@functools.cache
def _pipeline(folder: str) -> SpacyModel:
    return SpacyModel(model=spacy.load(folder, disable=["parser"]), model_name=folder)


_SERVED: dict[type[GraphComponent], type[GraphComponent]] = {DomainProvider: StoredDomain, SpacyNLP: SharedSpacy}


def as_served(node: SchemaNode) -> SchemaNode:
    """The node with the component that serves in place of the one that trains."""
    served = _SERVED.get(node.uses)
    return node if served is None else dataclasses.replace(node, uses=served)
