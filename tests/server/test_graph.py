"""Our runner of Rasa's graph gives what Dask's gives, on any graph."""

from __future__ import annotations

from typing import Any

import pytest
from rasa.engine.exceptions import GraphRunError
from rasa.engine.graph import ExecutionContext, GraphComponent, GraphSchema, SchemaNode
from rasa.engine.runner.dask import DaskGraphRunner

from bot.server.graph import SequentialGraphRunner


class Arithmetic(GraphComponent):  # type: ignore[misc]
    """Counts how often it is asked."""

    def __init__(self, add: int) -> None:
        self.add = add
        self.asked = 0

    @classmethod
    def create(cls, config: dict[str, Any], *_: Any, **__: Any) -> Arithmetic:
        return cls(config["add"])

    def plus(self, number: int) -> int:
        self.asked += 1
        return number + self.add

    def both(self, left: int, right: int) -> int:
        self.asked += 1
        return left * right

    def constant(self) -> int:
        self.asked += 1
        return self.add

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        return {"add": 1}


def _node(fn: str, add: int = 1, target: bool = False, **needs: str) -> SchemaNode:
    return SchemaNode(
        needs=needs,
        uses=Arithmetic,
        constructor_name="create",
        fn=fn,
        config={"add": add},
        eager=True,
        is_target=target,
    )


SCHEMA = GraphSchema(
    {
        "end": _node("both", target=True, left="twice", right="constant"),
        "twice": _node("both", left="one", right="one"),
        "one": _node("plus", number="__number__"),
        "constant": _node("constant", 7),
        "unused": _node("plus", number="__other__"),
    }
)


def _runner(kind: Any, schema: GraphSchema = SCHEMA) -> Any:
    return kind.create(schema, None, ExecutionContext(schema, model_id="m"))


@pytest.mark.parametrize("targets", [["end"], ["one"], ["twice", "constant"], ["end", "one"], None])
def test_it_gives_what_rasas_runner_gives(targets: list[str] | None) -> None:
    ours = _runner(SequentialGraphRunner).run({"__number__": 2}, targets)
    assert ours == _runner(DaskGraphRunner).run({"__number__": 2}, targets)


def test_each_node_runs_once_and_only_where_it_is_needed() -> None:
    runner = _runner(SequentialGraphRunner)
    for _ in range(2):
        runner.run({"__number__": 2}, ["end"])
    asked = {name: node._component.asked for name, node in runner._nodes.items()}
    assert asked == {"end": 2, "twice": 2, "one": 2, "constant": 2, "unused": 0}
    assert len(runner.components) == len(asked)


def test_an_input_that_is_missing_is_an_error() -> None:
    with pytest.raises(GraphRunError, match="__number__"):
        _runner(SequentialGraphRunner).run({}, ["end"])


def test_an_error_of_a_node_is_rasas() -> None:
    from rasa.engine.exceptions import GraphComponentException

    for kind in (SequentialGraphRunner, DaskGraphRunner):
        with pytest.raises(GraphComponentException):
            _runner(kind).run({"__number__": "no number"}, ["end"])
