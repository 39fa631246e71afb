"""What is written beside a dataset's shards: notices of its projects, and by what it was made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bigcode.api.canonical import key_of
from bigcode.api.resource import identity
from bigcode.plan.graph import Edge, Node

if TYPE_CHECKING:
    from bigcode.plan.dataset_plan import Plan

NOTICES = "bigcode.run.notices"
_BUCKETS_A_FILE = 64


def resolve_notices(p: Plan, observers: Sequence[Node], parents: tuple[Edge, ...]) -> list[Node]:
    """
    Args:
        parents: an edge to the notices of the dataset that records are of; none for datasets of files.
    """
    observations = p.edge("observations", "gather", "observations")
    hits = p.edge("hits", "decide.optout", "hits")
    labels = _ranges(len(p.buckets))
    return [
        p.node(
            "export.attributions",
            "attributions",
            NOTICES,
            partitions=p.buckets,
            inputs=(p.edge("kept", "verdicts", "kept"), observations, hits, *parents),
        ),
        p.node(
            "export.notices",
            "write_notices",
            NOTICES,
            partitions=tuple(labels),
            params={"names": labels},
            inputs=(p.edge("notices", "export.attributions", "attributions", "range"),),
        ),
        p.node("export.provenance", "write_provenance", NOTICES, identity=_provenance(p, observers)),
    ]


def _ranges(buckets: int) -> dict[str, str]:
    """Ranges of buckets as labels, each with the name of its file."""
    if buckets <= _BUCKETS_A_FILE:
        return {f"notices/0-{buckets - 1}": "NOTICES.jsonl"}
    out = {}
    for low in range(0, buckets, _BUCKETS_A_FILE):
        high = min(low + _BUCKETS_A_FILE, buckets) - 1
        out[f"notices/{low}-{high}"] = f"notices/{low:05d}-{high:05d}.jsonl"
    return out


def _provenance(p: Plan, observers: Sequence[Node]) -> dict[str, Any]:
    spec, resolver = p.spec, p.resolver
    used = {"collector": (p.snapshot.spec.collector, "collector")}
    if spec.dedup is not None:
        used["clusterer"] = (spec.dedup, "clusterer")
    if spec.export.render is not None:
        used["renderer"] = (spec.export.render, "renderer")
    others = {}
    for name, (uses, slot) in used.items():
        component, config = resolver.component(uses, slot, p.address)
        others[name] = _described(component.name, component.version, identity(config))
    return {
        "dataset": p.address,
        "snapshot": p.snapshot.address,
        "sibling": spec.sibling,
        "of": resolver.workspace.address_of(spec.of) if spec.of else "",
        "policies": {"licenses": p.licenses.address, "optout": p.optout.address, "pii": p.pii.address},
        "asOf": str(p.optout.spec.as_of),
        "observers": {
            node.step.removeprefix("observe."): {
                **_described(node.component, node.behaviour, node.identity),
                "writes": list(node.params["writes"]),
            }
            for node in observers
        },
        **others,
    }


def _described(name: str, version: int, settings: Any) -> dict[str, Any]:
    return {"component": name, "behaviour": version, "settings": f"sha256:{key_of(settings)}"}
