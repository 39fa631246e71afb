"""A workspace to its graph."""

from __future__ import annotations

from bigcode.api.diagnostics import Diagnostic, Problem, raise_errors
from bigcode.host.registry import Registry
from bigcode.plan import resolve_evaluation, resolve_model
from bigcode.plan.graph import Graph, Node, order
from bigcode.plan.resolve_dataset import resolve_dataset
from bigcode.plan.resolve_snapshot import resolve_snapshot
from bigcode.plan.resolver import Resolver
from bigcode.spec.workspace import Workspace

_ALL = {
    "Snapshot": resolve_snapshot,
    "Dataset": resolve_dataset,
    **resolve_model.RESOLVERS,
    **resolve_evaluation.RESOLVERS,
}


def resolve(workspace: Workspace, registry: Registry, lists: dict[str, str]) -> Graph:
    """The graph of all resources that do work.

    Args:
        lists: digests of the sealed opt-out lists, by address of their snapshot.

    Raises:
        Problem: with all that specs ask for and that cannot be had.
    """
    resolver = Resolver(workspace, registry, lists)
    nodes: list[Node] = []
    problems: list[Diagnostic] = []
    for resource in workspace.resources.values():
        if resource.kind in _ALL:
            try:
                nodes += _ALL[resource.kind](resource, resolver)
            except Problem as problem:
                problems += problem.diagnostics
    raise_errors(problems)
    return order(nodes)
