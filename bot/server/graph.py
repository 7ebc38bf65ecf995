"""Runs the graph of a Rasa model as a prepared sequence of calls.

Rasa hands its graph to Dask, which orders it anew for each of the three runs that a message takes. Nodes, components and what
passes between them are Rasa's own; only the order is worked out once.
"""

from __future__ import annotations

from typing import Any

from rasa.engine.exceptions import GraphRunError
from rasa.engine.graph import ExecutionContext, GraphNode, GraphNodeHook, GraphSchema
from rasa.engine.runner.interface import GraphRunner
from rasa.engine.storage.storage import ModelStorage

from bot.server.components import as_served


class SequentialGraphRunner(GraphRunner):  # type: ignore[misc]
    """A `GraphRunner` whose targets are each prepared once."""

    def __init__(
        self,
        graph_schema: GraphSchema,
        model_storage: ModelStorage,
        execution_context: ExecutionContext,
        hooks: list[GraphNodeHook] | None = None,
    ) -> None:
        self._schema = graph_schema
        self._nodes: dict[str, GraphNode] = {
            name: GraphNode.from_schema_node(name, as_served(node), model_storage, execution_context, hooks)
            for name, node in graph_schema.nodes.items()
        }
        self._plans: dict[tuple[str, ...], list[tuple[str, tuple[str, ...]]]] = {}

    @classmethod
    def create(
        cls,
        graph_schema: GraphSchema,
        model_storage: ModelStorage,
        execution_context: ExecutionContext,
        hooks: list[GraphNodeHook] | None = None,
    ) -> SequentialGraphRunner:
        """The runner of a model's graph."""
        return cls(graph_schema, model_storage, execution_context, hooks)

    @property
    def components(self) -> list[Any]:
        """The loaded components of all nodes."""
        return [node._component for node in self._nodes.values()]

    def run(self, inputs: dict[str, Any] | None = None, targets: list[str] | None = None) -> dict[str, Any]:
        """What the targets come to.

        Raises:
            GraphRunError: a node needs an input that was not given.
        """
        wanted = tuple(targets or self._schema.target_names)
        plan = self._plans.get(wanted)
        if plan is None:
            plan = self._plans[wanted] = self._plan(wanted)
        results: dict[str, Any] = dict(inputs or {})
        for name, needs in plan:
            missing = [need for need in needs if need not in results]
            if missing:
                raise GraphRunError(f"{name}: expected the input {missing[0]}, found none")
            _, results[name] = self._nodes[name](*((need, results[need]) for need in needs))
        return {name: results[name] for name in wanted}

    def _plan(self, targets: tuple[str, ...]) -> list[tuple[str, tuple[str, ...]]]:
        """The nodes that these targets need, each after those it needs itself."""
        nodes = self._schema.minimal_graph_schema(list(targets)).nodes
        plan: list[tuple[str, tuple[str, ...]]] = []
        done: set[str] = set()

        def visit(name: str) -> None:
            if name in done or name not in nodes:  # what is no node is an input
                return
            done.add(name)
            needs = tuple(nodes[name].needs.values())
            for need in needs:
                visit(need)
            plan.append((name, needs))

        for target in targets:
            visit(target)
        return plan
