"""What is observed of a dataset's files: observers, groups of near-duplicates, and the exchange to the owners."""

from __future__ import annotations

from typing import Any

from bigcode.api.resource import Uses, identity, plain
from bigcode.plan.dataset_plan import RECORDS, Plan
from bigcode.plan.graph import Edge, Node

GATHERING, CLUSTERS, DETECTION = "bigcode.run.gathering", "bigcode.run.clusters", "bigcode.run.detection"
_PREFIXES_A_PART = 16
"""How many partitions of band hashes one part of the linking reads at once."""


def observers_of(p: Plan) -> dict[str, Uses]:
    """The observers that a dataset and its policies name."""
    spec, pii = p.spec, p.pii.spec
    out: dict[str, Uses] = {"pii": pii.detector}
    if spec.sibling not in RECORDS:
        out["license"] = p.licenses.spec.classifier
    if spec.languages is not None:
        out |= {"language": spec.languages.detector, "paths": spec.languages.paths}
    out |= {f"quality.{i}" if i else "quality": uses for i, uses in enumerate(spec.quality.observers)}
    if spec.decontamination is not None:
        out["contamination"] = spec.decontamination.detector
    if p.optout.spec.signals.reader is not None:
        out["signals"] = p.optout.spec.signals.reader
    return dict(sorted(out.items()))


def resolve_clusters(p: Plan) -> list[Node]:
    """Sketches by content, then groups by shared bands, then what comparing their members needs."""
    if p.spec.dedup is None:
        return []
    component, config = p.resolver.component(p.spec.dedup, "clusterer", p.address)

    def made(step: str, shape: Any, inputs: tuple[Edge, ...], parts: tuple[str, ...], **more: Any) -> Node:
        return Node(
            f"{p.address}#cluster.{step}",
            p.address,
            shape,
            component.name if shape == "map" else f"{component.name}.{shape}",
            component.version,
            component.factory,
            identity=identity(config),
            config_class=component.config,
            config=plain(config),
            grain="blob",
            inputs=inputs,
            partitions=parts,
            **more,
        )

    parts = tuple(str(i) for i in range(max(1, len(p.prefixes) // _PREFIXES_A_PART)))
    return [
        made("sketch", "map", p.texts, p.prefixes),
        made(
            "link",
            "link",
            (p.edge("bands", "cluster.sketch", "bands", "all"),),
            parts,
            params={"parts": len(parts)},
            partition_identity={part: {"parts": len(parts)} for part in parts},
        ),
        made("near", "reduce", (p.edge("links", "cluster.link", "links", "all"),), ("",)),
        made(
            "shingles",
            "shingle",
            (*p.texts, p.edge("clusters", "cluster.near", "clusters", "all")),
            p.prefixes,
        ),
        p.node(
            "cluster.members",
            "members",
            CLUSTERS,
            partitions=p.prefixes,
            identity={"elections": len(p.prefixes)},
            inputs=(
                p.edge("sketches", "cluster.sketch", "observed"),
                p.edge("shingles", "cluster.shingles", "observed"),
                p.edge("clusters", "cluster.near", "clusters", "all"),
            ),
        ),
    ]


def resolve_gathering(p: Plan, observers: list[Node]) -> list[Node]:
    """Observations to the buckets of owners."""
    by_content = [node for node in observers if node.grain != "path"]
    by_path = [node for node in observers if node.grain == "path"]
    near = (p.edge("clusters", "cluster.near", "clusters", "all"),) if p.spec.dedup else ()
    constants: dict[str, Any] = {"vendored": False, "license_role": ""}
    if p.spec.languages is None:
        constants["language"] = RECORDS.get(p.spec.sibling, "")
    return [
        p.node(
            "scatter",
            "scatter",
            GATHERING,
            partitions=p.prefixes,
            inputs=(
                p.edge("places", "collect.blobs", "places"),
                *(p.edge(node.step, node.step, "observed") for node in by_content),
                *near,
            ),
        ),
        p.node(
            "gather",
            "gather",
            GATHERING,
            identity={"constants": constants},
            partitions=p.buckets,
            inputs=(
                p.edge("files", "collect.files", "files"),
                p.edge("observed", "scatter", "observed", "named"),
                p.edge("columns", "scatter", "columns", "all"),
                *(p.edge(node.step, node.step, "observed") for node in by_path),
            ),
        ),
    ]


def resolve_detection(p: Plan) -> list[Node]:
    """The detector of personal data on its labelled sets; none where the policy names no set."""
    r, pii = p.resolver, p.pii
    if not pii.spec.evaluated_on:
        return []
    named = [r.component(pii.spec.detector, "observer", pii.address)]
    named += [r.component(uses, "labels", pii.address) for uses in pii.spec.evaluated_on]
    described = [
        {"factory": c.factory, "config_class": c.config, "config": plain(config)} for c, config in named
    ]
    return [
        p.node(
            "measure.pii",
            "measure_detector",
            DETECTION,
            identity={"components": [[c.name, c.version, identity(config)] for c, config in named]},
            params={"detector": described[0], "sets": described[1:]},
            partitions=("0",),
            inputs=p.texts,
        )
    ]
