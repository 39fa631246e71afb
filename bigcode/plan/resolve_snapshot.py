"""Snapshot to nodes."""

from __future__ import annotations

from bigcode.api.resource import Resource, plain
from bigcode.plan.graph import Edge, Node
from bigcode.plan.resolver import MEASURE, Resolver, core

COLLECTING = "bigcode.run.collecting"
FORM = 3
"""Behaviour version of what is made of a fetched table, beside that of the collector."""


def buckets_of(snapshot: Resource) -> tuple[str, ...]:
    return tuple(str(i) for i in range(snapshot.spec.buckets))


def prefixes_of(snapshot: Resource) -> tuple[str, ...]:
    return tuple(str(i) for i in range(snapshot.spec.blob_partitions or snapshot.spec.buckets))


def resolve_snapshot(resource: Resource, r: Resolver) -> list[Node]:
    a, spec = resource.address, resource.spec
    component, config = r.component(spec.collector, "collector", a)
    units = r.units(component, config, a)
    buckets, prefixes = buckets_of(resource), prefixes_of(resource)
    fetch = Node(
        f"{a}#collect.fetch",
        a,
        "collect",
        component.name,
        component.version,
        component.factory,
        identity={"buckets": spec.buckets, "prefixes": len(prefixes), "form": FORM},
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
            module=COLLECTING,
            identity={},
            partitions=buckets,
            inputs=(Edge("files", fetch.id, "files", "named"),),
        ),
        core(
            a,
            "collect.blobs",
            "blobs",
            module=COLLECTING,
            identity={},
            partitions=prefixes,
            behaviour=4,
            inputs=(Edge("places", fetch.id, "places", "named"),),
        ),
        core(
            a,
            "facts",
            "snapshot_facts",
            module=MEASURE,
            identity={"tolerate": spec.tolerate, "pin": spec.pin},
            inputs=(
                Edge("files", f"{a}#collect.files", "files", "all"),
                Edge("blobs", f"{a}#collect.blobs", "blobs", "all"),
                Edge("records", fetch.id, "record", "all"),
            ),
        ),
    ]
