"""Dataset to nodes: observations, groups of near-duplicates, judgements, and what is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bigcode.api.diagnostics import fail
from bigcode.api.resource import Resource, Uses, identity, plain
from bigcode.plan.graph import Edge, Node
from bigcode.plan.resolve_consent import checked_shards, resolve_consent
from bigcode.plan.resolve_notices import resolve_notices
from bigcode.plan.resolve_snapshot import buckets_of, prefixes_of
from bigcode.plan.resolver import JUDGE, MEASURE, Resolver, core

GATHERING, CLUSTERS, WRITING = "bigcode.run.gathering", "bigcode.run.clusters", "bigcode.run.writing"
RECORDS = {"issues": "Issue", "commits": "Commit", "metadata": "Repository"}
"""Siblings whose rows are records: what stands in for their language."""
_PREFIXES_A_PART = 16
"""How many partitions of band hashes one part of the linking reads at once."""


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

    def edge(self, name: str, step: str, output: str, mode: Any = "same", keyed: bool = True) -> Edge:
        """An edge from a step of this dataset, or of its snapshot where the step collects."""
        owner = self.snapshot.address if step.startswith("collect.") else self.address
        return Edge(name, f"{owner}#{step}", output, mode, keyed=keyed)

    def node(self, step: str, function: str, module: str = JUDGE, **more: Any) -> Node:
        more.setdefault("identity", {})
        return core(self.address, step, function, module=module, **more)


def resolve_dataset(resource: Resource, r: Resolver) -> list[Node]:
    spec, w = resource.spec, r.workspace
    snapshot = w.get(spec.snapshot)
    p = Plan(
        resource.address,
        resource,
        r,
        snapshot,
        w.get(spec.licenses),
        w.get(spec.opt_out),
        w.get(spec.pii),
        buckets_of(snapshot),
        prefixes_of(snapshot),
    )
    _check_sibling(p)
    observers = [_observer(p, name, uses) for name, uses in _observed(p).items()]
    _check_rules(p, observers)
    consent = resolve_consent(p)
    return [
        *observers,
        *_clusters(p),
        *_gathering(p, observers),
        *_detection(p),
        *_judgements(p),
        *_election(p),
        *consent,
        *_written(p),
        *resolve_notices(p, observers, _of_parent(p, "parents", "export.attributions", "attributions")),
    ]


def _observed(p: Plan) -> dict[str, Uses]:
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


def _observer(p: Plan, name: str, uses: Uses) -> Node:
    component, config = p.resolver.component(uses, "observer", p.address)
    inputs: tuple[Edge, ...] = (p.edge("blobs", "collect.blobs", "blobs"),)
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


def _clusters(p: Plan) -> list[Node]:
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

    blobs = p.edge("blobs", "collect.blobs", "blobs")
    parts = tuple(str(i) for i in range(max(1, len(p.prefixes) // _PREFIXES_A_PART)))
    return [
        made("sketch", "map", (blobs,), p.prefixes),
        made(
            "link",
            "link",
            (p.edge("bands", "cluster.sketch", "bands", "all"),),
            parts,
            params={"parts": len(parts)},
        ),
        made("near", "reduce", (p.edge("links", "cluster.link", "links", "all"),), ("",)),
        made(
            "shingles",
            "shingle",
            (blobs, p.edge("clusters", "cluster.near", "clusters", "all")),
            p.prefixes,
        ),
        p.node(
            "cluster.members",
            "members",
            CLUSTERS,
            partitions=p.prefixes,
            identity={"elections": len(p.prefixes)},
            params={"elections": len(p.prefixes)},
            inputs=(
                p.edge("sketches", "cluster.sketch", "observed"),
                p.edge("shingles", "cluster.shingles", "observed"),
                p.edge("clusters", "cluster.near", "clusters", "all"),
            ),
        ),
    ]


def _gathering(p: Plan, observers: list[Node]) -> list[Node]:
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
            params={"constants": constants},
            partitions=p.buckets,
            inputs=(
                p.edge("files", "collect.files", "files"),
                p.edge("observed", "scatter", "observed", "named"),
                p.edge("columns", "scatter", "columns", "all"),
                *(p.edge(node.step, node.step, "observed") for node in by_path),
            ),
        ),
    ]


def _detection(p: Plan) -> list[Node]:
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
            "bigcode.run.detection",
            identity={"components": [[c.name, c.version, identity(config)] for c, config in named]},
            params={"detector": described[0], "sets": described[1:]},
            partitions=("0",),
            inputs=(p.edge("blobs", "collect.blobs", "blobs"),),
        )
    ]


def _judgements(p: Plan) -> list[Node]:
    spec, observations = p.spec, p.edge("observations", "gather", "observations")
    include = list(spec.languages.include) if spec.languages else []
    reviews = p.resolver.reviews(p.address)
    nodes = [
        _license_node(p, observations, reviews),
        p.node(
            "decide.quality",
            "decide_quality",
            partitions=p.buckets,
            inputs=(observations,),
            identity={"rules": plain(spec.quality.rules), "include": include},
        ),
        p.node(
            "decide.privacy",
            "decide_privacy",
            identity={"entities": plain(p.pii.spec.entities), "withdrawn": reviews.withdrawn},
            partitions=p.buckets,
            inputs=(observations,),
        ),
    ]
    if spec.decontamination is not None:
        nodes.append(
            p.node(
                "decide.contamination",
                "decide_contamination",
                identity={"suites": list(spec.decontamination.suites)},
                partitions=p.buckets,
                inputs=(observations,),
            )
        )
    return nodes


def _license_node(p: Plan, observations: Edge, reviews: Any) -> Node:
    if p.spec.sibling in RECORDS:
        repositories = _of_parent(p, "repositories", "repositories", "repositories")
        return p.node(
            "decide.license",
            "inherit",
            GATHERING,
            partitions=p.buckets,
            inputs=(observations, *repositories),
        )
    policy = p.licenses.spec
    said = {
        "allow": sorted(policy.allow),
        "attribution": policy.attribution,
        "fileOverRepository": policy.file_over_repository,
        "minConfidence": policy.min_confidence,
        "decisions": reviews.licenses,
    }
    return p.node(
        "decide.license", "decide_license", identity=said, partitions=p.buckets, inputs=(observations,)
    )


def _of_parent(p: Plan, name: str, step: str, output: str) -> tuple[Edge, ...]:
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


def _election(p: Plan) -> list[Node]:
    split, observations = plain(p.spec.split), p.edge("observations", "gather", "observations")
    threshold = 1.0
    members: tuple[Edge, ...] = ()
    if p.spec.dedup is not None:
        _component, config = p.resolver.component(p.spec.dedup, "clusterer", p.address)
        threshold = float(config.threshold)
        members = (p.edge("members", "cluster.members", "members", "named"),)
    return [
        p.node(
            "decide.ballots",
            "decide_ballots",
            identity={"split": split, "elections": len(p.prefixes)},
            params={"elections": len(p.prefixes)},
            partitions=p.buckets,
            inputs=(observations, *judged(p)),
        ),
        p.node(
            "decide.elect",
            "decide_elect",
            behaviour=4,
            identity={"threshold": threshold, "representative": list(p.spec.representative)},
            partitions=p.prefixes,
            inputs=(p.edge("ballots", "decide.ballots", "ballots", "named"), *members),
        ),
    ]


def _written(p: Plan) -> list[Node]:
    spec, w = p.spec, p.resolver.workspace
    observations = p.edge("observations", "gather", "observations")
    include = list(spec.languages.include) if spec.languages else []
    render: dict[str, Any] = {}
    if spec.export.render is not None:
        component, config = p.resolver.component(spec.export.render, "renderer", p.address)
        render = {
            "factory": component.factory,
            "config_class": component.config,
            "config": plain(config),
        }
    shown = {"name": component.name, "version": component.version} if render else {}
    near = (p.edge("clusters", "cluster.near", "clusters", "all"),) if spec.dedup else ()
    return [
        p.node(
            "verdicts",
            "decide_verdicts",
            identity={"split": plain(spec.split)},
            partitions=p.buckets,
            inputs=(
                observations,
                *judged(p),
                p.edge("election", "decide.elect", "election", "named"),
                p.edge("hits", "decide.optout", "hits"),
                p.edge("removals", "decide.copies", "removals", "named"),
                p.edge("seats", "decide.seats", "seats"),
            ),
        ),
        p.node(
            "repositories",
            "repositories",
            partitions=p.buckets,
            inputs=(observations, p.edge("license", "decide.license", "license")),
        ),
        p.node(
            "export.layout",
            "layout",
            WRITING,
            identity={"shardBytes": spec.export.shard_bytes, "include": include},
            inputs=(p.edge("observations", "gather", "observations", "all"),),
        ),
        p.node(
            "export.rows",
            "rows",
            WRITING,
            identity={"render": {**shown, "config": render.get("config", {})}, "sibling": spec.sibling},
            params={"render": render},
            partitions=p.buckets,
            behaviour=4,
            inputs=(
                p.edge("kept", "verdicts", "kept"),
                p.edge("texts", "collect.fetch", "texts", "named", keyed=False),
                *((p.edge("messages", "collect.files", "files"),) if spec.sibling == "issues" else ()),
            ),
        ),
        p.node(
            "export.shards",
            "shards",
            WRITING,
            dynamic=f"{p.address}#export.layout",
            partitions=(),
            inputs=(p.edge("rows", "export.rows", "rows", "range"),),
        ),
        checked_shards(p),
        p.node(
            "tally",
            "tally",
            MEASURE,
            partitions=p.buckets,
            inputs=(p.edge("verdicts", "verdicts", "verdicts"),),
        ),
        p.node(
            "facts",
            "dataset_facts",
            MEASURE,
            identity={"smallCell": w.project.spec.small_cell, "asOf": p.optout.spec.as_of},
            inputs=(
                p.edge("tally", "tally", "tally", "all"),
                p.edge("verdicts", "verdicts", "verdicts", "all"),
                p.edge("shards", "export.shards", "shards", "all"),
                p.edge("checked", "export.checked", "checked", "all"),
                p.edge("disputed", "decide.copies", "disputed", "all"),
                p.edge("common", "decide.copies", "counts", "all"),
                p.edge("conflicts", "decide.elect", "conflicts", "all"),
                p.edge("optout", "decide.wishes", "counts", "all"),
                *near,
            ),
        ),
    ]


_OF_FILES = (
    "host", "owner", "repository", "revision", "path", "name", "released", "blob", "git_sha1", "bytes",
)  # fmt: skip


def _check_rules(p: Plan, observers: list[Node]) -> None:
    """A quality rule reads a column that some observer writes, or one of the files themselves."""
    known = {*_OF_FILES, *(name for node in observers for name in node.params["writes"])}
    for index, rule in enumerate(p.spec.quality.rules):
        if rule.column not in known:
            raise fail(
                "E302",
                f"quality rule `{rule.id}` reads the column `{rule.column}`, which no observer writes",
                p.resolver.workspace.place(p.address, "spec", "quality", "rules", index, "column"),
                f"Columns: {', '.join(sorted(known - set(_OF_FILES)))}.",
            )


def _check_sibling(p: Plan) -> None:
    """What a kind of sibling needs.

    Raises:
        Problem: E311 with the field that is missing or differs.
    """
    spec, w = p.spec, p.resolver.workspace

    def refuse(field: str, message: str, hint: str = "") -> None:
        raise fail("E311", f"{p.address}: {message}", w.place(p.address, "spec", field), hint)

    if spec.sibling and spec.of is None:
        refuse("sibling", f"a sibling of kind {spec.sibling} says which dataset it is of", "Add `of`.")
    if spec.languages is None and spec.sibling not in RECORDS:
        refuse("languages", "languages are needed where rows are files", "Name a detector.")
    if not spec.sibling:
        return
    parent = w.get(spec.of).spec
    if w.address_of(parent.opt_out) != p.optout.address:
        refuse("optOut", "a sibling heeds the same opt-outs as its dataset", f"Use {parent.opt_out}.")
    if spec.sibling == "near-dedup" and (spec.dedup is None or parent.dedup is not None):
        refuse("dedup", "near-dedup is a variant with dedup of a dataset without", "See `dedup` of both.")
    if spec.sibling == "redacted" and all(e.action == "keep" for e in p.pii.spec.entities.values()):
        refuse("pii", "a redacted variant has a policy that masks", "Name another PIIPolicy.")
    if spec.sibling == "notebooks" and spec.export.render is None:
        refuse("export", "notebooks are written through a renderer", "Add export.render.")
    if spec.sibling == "notebooks" and not (spec.languages and spec.languages.include):
        refuse("languages", "a renderer writes notebooks alone", "Name their languages in languages.include.")
    if spec.sibling not in RECORDS and w.address_of(parent.snapshot) != p.snapshot.address:
        refuse("snapshot", "a variant of a dataset is made from the same text", f"Use {parent.snapshot}.")
