"""The components that serve give what Rasa's own give."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from rasa.engine.graph import SchemaNode
from rasa.engine.storage.resource import Resource
from rasa.graph_components.providers.domain_provider import DomainProvider
from rasa.graph_components.providers.story_graph_provider import StoryGraphProvider
from rasa.nlu.utils.spacy_utils import SpacyNLP
from rasa.shared.core.domain import Domain

from bot.config import ROOT
from bot.nlu.pipeline import save_pipeline
from bot.server.components import SharedSpacy, StoredDomain, as_served


class Stored:
    """A model's storage of one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def read_from(self, _resource: Resource) -> Iterator[Path]:
        yield self.folder


def _node(component: type[Any]) -> SchemaNode:
    return SchemaNode(needs={}, uses=component, constructor_name="load", fn="provide", config={"a": 1}, eager=True)


def _loaded(component: type[Any], folder: Path) -> Domain:
    domain: Domain = component.load({}, Stored(folder), Resource("domain"), None)._domain
    return domain


def test_the_stored_domain_is_the_one_that_rasa_reads(tmp_path: Path) -> None:
    Domain.load(ROOT / "domain.yml").persist(tmp_path / "domain.yml")
    ours, theirs = _loaded(StoredDomain, tmp_path), _loaded(DomainProvider, tmp_path)
    assert ours.as_dict() == theirs.as_dict()
    assert ours.fingerprint() == theirs.fingerprint()
    assert ours.action_names_or_texts == theirs.action_names_or_texts
    assert [slot.name for slot in ours.slots] == [slot.name for slot in theirs.slots]


def test_a_domain_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not enough values"):
        _loaded(StoredDomain, tmp_path)


def test_the_pipeline_is_loaded_once_and_is_the_one_that_rasa_loads(tmp_path: Path) -> None:
    folder = str(save_pipeline(tmp_path / "spacy"))
    first = SharedSpacy.create({"model": folder}, None, None, None)
    second = SharedSpacy.create({"model": folder}, None, None, None)
    theirs = SpacyNLP.create({"model": folder}, None, None, None)
    assert first._model.model is second._model.model
    assert first._model.model is not theirs._model.model
    assert first._model.model.pipe_names == theirs._model.model.pipe_names
    text = "P-0007: when is C3D1?"
    assert [token.text for token in first._model.model(text)] == [token.text for token in theirs._model.model(text)]


@pytest.mark.parametrize(
    ("trains", "serves"),
    [(DomainProvider, StoredDomain), (SpacyNLP, SharedSpacy), (StoryGraphProvider, StoryGraphProvider)],
)
def test_the_component_alone_is_another_one(trains: type[Any], serves: type[Any]) -> None:
    node = _node(trains)
    served = as_served(node)
    assert served.uses is serves
    assert (served.needs, served.fn, served.constructor_name, served.config) == ({}, "provide", "load", {"a": 1})
