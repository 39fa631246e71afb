"""Dataset to nodes: what is observed, how it is judged, and what is written."""

from __future__ import annotations

from typing import Any

from bigcode.api.resource import Resource, plain
from bigcode.plan.check_dataset import check_rules, check_sibling
from bigcode.plan.dataset_plan import RECORDS, Plan, judged, observe, of_parent
from bigcode.plan.graph import Edge, Node
from bigcode.plan.resolve_consent import checked_shards, resolve_consent
from bigcode.plan.resolve_notices import resolve_notices
from bigcode.plan.resolve_observed import (
    GATHERING,
    observers_of,
    resolve_clusters,
    resolve_detection,
    resolve_gathering,
)
from bigcode.plan.resolve_snapshot import buckets_of, prefixes_of
from bigcode.plan.resolver import MEASURE, Resolver

WRITING = "bigcode.run.writing"


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
    check_sibling(p)
    observers = [observe(p, name, uses) for name, uses in observers_of(p).items()]
    check_rules(p, observers)
    return [
        *observers,
        *resolve_clusters(p),
        *resolve_gathering(p, observers),
        *resolve_detection(p),
        *_judgements(p),
        *_election(p),
        *resolve_consent(p),
        *_written(p),
        *resolve_notices(p, observers, of_parent(p, "parents", "export.attributions", "attributions")),
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
        repositories = of_parent(p, "repositories", "repositories", "repositories")
        return p.node(
            "decide.license",
            "inherit",
            GATHERING,
            behaviour=4,
            # Renames of the list count, as they do for opt-outs.
            literals={"list": p.resolver.lists.get(p.optout.address, "")},
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
        "pinned": reviews.pinned_licenses,
    }
    return p.node(
        "decide.license",
        "decide_license",
        behaviour=4,
        identity=said,
        partitions=p.buckets,
        inputs=(observations,),
    )


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
            behaviour=4,
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
            behaviour=4,
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
            behaviour=4,
            partitions=p.buckets,
            inputs=(p.edge("verdicts", "verdicts", "verdicts"),),
        ),
        p.node(
            "facts",
            "dataset_facts",
            MEASURE,
            behaviour=4,
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
