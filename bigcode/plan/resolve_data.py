"""Snapshot and Dataset to nodes."""

from __future__ import annotations

from typing import Any

from bigcode.api.diagnostics import fail
from bigcode.api.resource import Resource, Uses, identity, plain
from bigcode.plan.graph import Edge, Node
from bigcode.plan.resolver import JUDGE, MEASURE, Resolver, core
from bigcode.spec.workspace import Workspace


def resolve_snapshot(resource: Resource, r: Resolver) -> list[Node]:
    a, spec = resource.address, resource.spec
    if spec.pin:
        hint = "Its sources are pinned one by one."
        raise fail("E307", "pin is not offered yet", r.workspace.place(a, "spec", "pin"), hint)
    component, config = r.component(spec.collector, "collector", a)
    units = r.units(component, config, a)
    buckets = tuple(str(i) for i in range(spec.buckets))
    prefixes = tuple(str(i) for i in range(spec.blob_partitions or spec.buckets))
    fetch = Node(
        f"{a}#collect.fetch",
        a,
        "collect",
        component.name,
        component.version,
        component.factory,
        identity={"buckets": spec.buckets, "prefixes": len(prefixes)},
        partitions=tuple(unit.name for unit in units),
        partition_identity={unit.name: dict(unit.identity) for unit in units},
        config_class=component.config,
        config=plain(config),
    )
    return [
        fetch,
        core(
            a,
            "collect.files",
            "files",
            identity={},
            partitions=buckets,
            inputs=(Edge("files", fetch.id, "files", "named"),),
        ),
        core(
            a,
            "collect.blobs",
            "blobs",
            identity={},
            partitions=prefixes,
            inputs=(Edge("blobs", fetch.id, "blobs", "named"), Edge("names", fetch.id, "names", "named")),
        ),
        core(
            a,
            "facts",
            "snapshot_facts",
            module=MEASURE,
            identity={},
            inputs=(Edge("files", f"{a}#collect.files", "files", "all"),),
        ),
    ]


def resolve_dataset(resource: Resource, r: Resolver) -> list[Node]:
    a, spec, w = resource.address, resource.spec, r.workspace
    snapshot, policy = w.get(spec.snapshot), w.get(spec.licenses).spec
    s = snapshot.address
    optout, pii = w.get(spec.opt_out), w.get(spec.pii).spec
    _refuse_unbuilt(resource, optout, w)
    buckets = tuple(str(i) for i in range(snapshot.spec.buckets))
    prefixes = tuple(str(i) for i in range(snapshot.spec.blob_partitions or snapshot.spec.buckets))
    observers = {
        "license": policy.classifier,
        "language": spec.languages.detector,
        "paths": spec.languages.paths,
        "pii": pii.detector,
        **{f"quality.{i}" if i else "quality": uses for i, uses in enumerate(spec.quality.observers)},
    }
    nodes = [_observer(a, s, name, uses, r, buckets, prefixes) for name, uses in observers.items()]
    _check_rules(resource, nodes, w)
    observed = tuple(
        Edge(node.step, node.id, "observed", "same" if node.grain == "path" else "all") for node in nodes
    )
    nodes.append(
        core(
            a,
            "gather",
            "gather",
            identity={},
            partitions=buckets,
            inputs=(Edge("files", f"{s}#collect.files", "files"), *observed),
        )
    )
    gathered = Edge("observations", f"{a}#gather", "observations")
    everything = Edge("observations", f"{a}#gather", "observations", "all")
    nodes += _clusters(a, s, spec, r, prefixes)
    threshold = nodes[-1].identity.get("threshold", 1.0) if spec.dedup else 1.0
    near = (Edge("clusters", f"{a}#cluster.near", "clusters", "all"),) if spec.dedup else ()
    nodes += [
        core(
            a,
            "decide.license",
            "decide_license",
            identity=_license_identity(policy),
            partitions=buckets,
            inputs=(gathered,),
        ),
        core(
            a,
            "decide.quality",
            "decide_quality",
            partitions=buckets,
            inputs=(gathered,),
            identity={"rules": plain(spec.quality.rules), "include": list(spec.languages.include)},
        ),
        core(
            a,
            "decide.privacy",
            "decide_privacy",
            identity={"entities": plain(pii.entities)},
            partitions=buckets,
            inputs=(gathered,),
        ),
        core(
            a,
            "decide.elect",
            "decide_elect",
            module=JUDGE,
            identity={"split": plain(spec.split), "threshold": threshold},
            inputs=(everything, *_all(a, "license", "quality", "privacy"), *near),
        ),
        core(
            a,
            "decide.optout",
            "decide_optout",
            module=JUDGE,
            identity={"scopes": list(optout.spec.scopes), "consent": optout.spec.consent},
            literals={"list": r.lists.get(optout.address, "")},
            inputs=(everything,),
        ),
        core(
            a,
            "decide.copies",
            "decide_copies",
            module=JUDGE,
            literals={"list": r.lists.get(optout.address, "")},
            identity={
                "copies": optout.spec.copies,
                "contested": optout.spec.contested,
                "common": plain(optout.spec.common_property),
            },
            inputs=(
                everything,
                Edge("hits", f"{a}#decide.optout", "hits", "all"),
                Edge("election", f"{a}#decide.elect", "election", "all"),
            ),
        ),
        core(
            a,
            "verdicts",
            "decide_verdicts",
            identity={},
            partitions=buckets,
            inputs=(
                gathered,
                *(Edge(n, f"{a}#decide.{n}", n) for n in ("license", "quality", "privacy")),
                Edge("election", f"{a}#decide.elect", "election", "named"),
                Edge("removals", f"{a}#decide.copies", "removals", "named"),
            ),
        ),
        core(
            a,
            "export.layout",
            "layout",
            identity={"shardBytes": spec.export.shard_bytes, "include": list(spec.languages.include)},
            inputs=(everything,),
        ),
        core(
            a,
            "export.shards",
            "materialize",
            identity={},
            dynamic=f"{a}#export.layout",
            partitions=(),
            inputs=(
                Edge("kept", f"{a}#verdicts", "kept", "range"),
                Edge("blobs", f"{s}#collect.blobs", "blobs", "all", keyed=False),
            ),
        ),
        core(
            a,
            "facts",
            "dataset_facts",
            module=MEASURE,
            identity={"smallCell": w.project.spec.small_cell, "asOf": optout.spec.as_of},
            inputs=(
                Edge("verdicts", f"{a}#verdicts", "verdicts", "all"),
                Edge("shards", f"{a}#export.shards", "shards", "all"),
                Edge("contested", f"{a}#decide.copies", "contested", "all"),
                Edge("optout", f"{a}#decide.optout", "counts", "all"),
                *near,
            ),
        ),
    ]
    return nodes


def _observer(
    a: str, s: str, name: str, uses: Uses, r: Resolver, buckets: tuple[str, ...], prefixes: tuple[str, ...]
) -> Node:
    component, config = r.component(uses, "observer", a)
    if component.grain == "path":
        inputs: tuple[Edge, ...] = (Edge("files", f"{s}#collect.files", "files"),)
    elif component.grain == "name":
        inputs = (Edge("blobs", f"{s}#collect.blobs", "blobs"), Edge("names", f"{s}#collect.blobs", "names"))
    else:
        inputs = (Edge("blobs", f"{s}#collect.blobs", "blobs"),)
    return Node(
        f"{a}#observe.{name}",
        a,
        "observe",
        component.name,
        component.version,
        component.factory,
        identity=identity(config),
        inputs=inputs,
        partitions=buckets if component.grain == "path" else prefixes,
        config_class=component.config,
        config=plain(config),
        grain=component.grain,
        params={"writes": [c.name for c in component.writes]},
    )


def _clusters(a: str, s: str, spec: Any, r: Resolver, prefixes: tuple[str, ...]) -> list[Node]:
    if spec.dedup is None:
        return []
    component, config = r.component(spec.dedup, "clusterer", a)
    common: dict[str, Any] = {
        "identity": identity(config),
        "config_class": component.config,
        "config": plain(config),
        "grain": "blob",
    }
    sketch = Node(
        f"{a}#cluster.sketch",
        a,
        "map",
        component.name,
        component.version,
        component.factory,
        inputs=(Edge("blobs", f"{s}#collect.blobs", "blobs"),),
        partitions=prefixes,
        **common,
    )
    reduce = Node(
        f"{a}#cluster.near",
        a,
        "reduce",
        f"{component.name}.reduce",
        component.version,
        component.factory,
        inputs=(Edge("sketches", sketch.id, "observed", "all"),),
        **common,
    )
    return [sketch, reduce]


def _all(a: str, *names: str) -> tuple[Edge, ...]:
    return tuple(Edge(n, f"{a}#decide.{n}", n, "all") for n in names)


def _license_identity(policy: Any) -> dict[str, Any]:
    return {
        "allow": sorted(policy.allow),
        "attribution": policy.attribution,
        "fileOverRepository": policy.file_over_repository,
        "minConfidence": policy.min_confidence,
    }


_OF_FILES = (
    "host",
    "owner",
    "repository",
    "revision",
    "path",
    "name",
    "released",
    "blob",
    "git_sha1",
    "bytes",
)


def _check_rules(resource: Resource, observers: list[Node], w: Workspace) -> None:
    """A quality rule reads a column that some observer writes, or one of the files themselves."""
    known = {*_OF_FILES, *(name for node in observers for name in node.params["writes"])}
    for index, rule in enumerate(resource.spec.quality.rules):
        if rule.column not in known:
            raise fail(
                "E302",
                f"quality rule `{rule.id}` reads the column `{rule.column}`, which no observer writes",
                w.place(resource.address, "spec", "quality", "rules", index, "column"),
                f"Columns: {', '.join(sorted(known - set(_OF_FILES)))}.",
            )


def _refuse_unbuilt(resource: Resource, optout: Resource, w: Workspace) -> None:
    """What a spec may say already but no node does yet is refused, never quietly ignored."""
    if optout.spec.copies in ("normalised", "contained"):
        raise fail(
            "E307",
            f"copies: {optout.spec.copies} is not offered yet",
            w.place(optout.address, "spec", "copies"),
            "Use `exact` or `keep`.",
        )
    if optout.spec.consent == "opt_in":
        raise fail("E307", "consent: opt_in is not offered yet", w.place(optout.address, "spec", "consent"))
    if w.get(resource.spec.pii).spec.gates:
        pii = w.get(resource.spec.pii).address
        raise fail("E307", "gates on precision and recall are not offered yet", w.place(pii, "spec", "gates"))
    if w.get(resource.spec.pii).spec.evaluated_on:
        pii = w.get(resource.spec.pii).address
        raise fail("E307", "evaluatedOn is not offered yet", w.place(pii, "spec", "evaluatedOn"))
    unknown = [s for s in optout.spec.scopes if s in ("commit-author", "issue-author")]
    if unknown:
        raise fail(
            "E307",
            f"scope {unknown[0]} needs a sibling dataset that is not offered yet",
            w.place(optout.address, "spec", "scopes"),
        )
    if resource.spec.sibling:
        raise fail(
            "E307",
            f"sibling: {resource.spec.sibling} is not offered yet",
            w.place(resource.address, "spec", "sibling"),
        )
