"""What the resolvers of a dataset's parts share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bigcode.api.resource import Resource, Uses, identity, plain
from bigcode.plan.graph import Edge, Node
from bigcode.plan.resolver import JUDGE, Resolver, core

RECORDS = {"issues": "Issue", "commits": "Commit", "metadata": "Repository"}
"""Siblings whose rows are records: what stands in for their language."""


@dataclass(frozen=True)
class Plan:
    """What the parts of a dataset's graph share."""

    address: str
    resource: Resource
    resolver: Resolver
    snapshot: Resource
    licenses: Resource
    optout: Resource
    pii: Resource
    buckets: tuple[str, ...]
    prefixes: tuple[str, ...]

    @property
    def spec(self) -> Any:
        return self.resource.spec

    @property
    def texts(self) -> tuple[Edge, ...]:
        """Edges to the blobs of a digest prefix, and to their texts where they were fetched to."""
        return (
            self.edge("blobs", "collect.blobs", "blobs"),
            self.edge("texts", "collect.fetch", "blobs", "named", keyed=False),
        )

    def edge(self, name: str, step: str, output: str, mode: Any = "same", keyed: bool = True) -> Edge:
        """An edge from a step of this dataset, or of its snapshot where the step collects."""
        owner = self.snapshot.address if step.startswith("collect.") else self.address
        return Edge(name, f"{owner}#{step}", output, mode, keyed=keyed)

    def node(self, step: str, function: str, module: str = JUDGE, **more: Any) -> Node:
        more.setdefault("identity", {})
        return core(self.address, step, function, module=module, **more)


def observe(p: Plan, name: str, uses: Uses, address: str = "") -> Node:
    """The node of an observer; `address` is the resource that names it, the dataset unless given."""
    component, config = p.resolver.component(uses, "observer", address or p.address)
    inputs = p.texts
    if component.grain == "path":
        inputs = (p.edge("files", "collect.files", "files"),)
    elif component.grain in ("name", "file"):
        inputs = (*inputs, p.edge("places", "collect.blobs", "places"))
    return Node(
        f"{p.address}#observe.{name}",
        p.address,
        "observe",
        component.name,
        component.version,
        component.factory,
        identity=identity(config),
        inputs=inputs,
        partitions=p.buckets if component.grain == "path" else p.prefixes,
        config_class=component.config,
        config=plain(config),
        grain=component.grain,
        params={"writes": [c.name for c in component.writes]},
    )


def of_parent(p: Plan, name: str, step: str, output: str) -> tuple[Edge, ...]:
    """For records, what a step says of the projects of their dataset; an owner has the same bucket in both where there
    are as many of them."""
    if p.spec.sibling not in RECORDS:
        return ()
    parent = p.resolver.workspace.get(p.spec.of)
    buckets = p.resolver.workspace.get(parent.spec.snapshot).spec.buckets
    mode: Any = "same" if buckets == len(p.buckets) else "all"
    return (Edge(name, f"{parent.address}#{step}", output, mode),)


def judged(p: Plan) -> tuple[Edge, ...]:
    """Edges from the judgements that a bucket's files pass before the election."""
    names = ["license", "quality", "privacy", *(["contamination"] if p.spec.decontamination else [])]
    return tuple(p.edge(name, f"decide.{name}", name) for name in names)
