"""What an OptOutSnapshot adds to a dataset's graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bigcode.api.resource import identity, plain
from bigcode.plan.dataset_plan import observe
from bigcode.plan.graph import Edge, Node

if TYPE_CHECKING:
    from bigcode.plan.dataset_plan import Plan

CONSENT = "bigcode.run.consent"


def resolve_consent(p: Plan) -> list[Node]:
    """Hits by bucket, copies across buckets, and the seats that stay empty."""
    said = p.optout.spec
    sealed = {"list": p.resolver.lists.get(p.optout.address, "")}
    observations = p.edge("observations", "gather", "observations")
    policy = {"minLevels": dict(sorted(said.min_levels.items())), "purposes": sorted(said.purposes)}
    wishes = {**policy, "consent": said.consent, "scopes": list(said.scopes)}
    signals = "ignore" if said.signals.reader is None else "honour" if said.signals.honour else "record"
    common = plain(said.common_property)
    reviews = p.resolver.reviews(p.address)
    matches = _matches(p)
    found = (p.edge("matches", "decide.matches", "matches", "all"),) if matches else ()
    seeds = p.edge("seeds", "decide.seeds", "seeds", "all")
    hits = p.edge("hits", "decide.optout", "hits")
    all_hits = p.edge("hits", "decide.optout", "hits", "all")
    copies: dict[str, Any] = {
        "copies": said.copies,
        "contested": said.contested,
        "containment": plain(said.containment),
        "common": common,
        "decisions": reviews.copies,
        "pinned": reviews.pinned_copies,
    }
    return [
        *_signals(p),
        p.node("decide.wishes", "decide_wishes", CONSENT, identity=wishes, literals=sealed),
        p.node(
            "decide.optout",
            "decide_optout",
            CONSENT,
            identity={**wishes, "signals": signals},
            literals=sealed,
            partitions=p.buckets,
            inputs=(observations,),
        ),
        p.node("decide.seeds", "decide_seeds", CONSENT, inputs=(all_hits,)),
        *matches,
        p.node(
            "decide.holders",
            "decide_holders",
            CONSENT,
            behaviour=4,
            partitions=p.buckets,
            inputs=(observations, hits, seeds, *found),
        ),
        p.node(
            "decide.copies",
            "decide_copies",
            CONSENT,
            behaviour=4,
            identity=copies,
            literals=sealed,
            inputs=(all_hits, p.edge("holders", "decide.holders", "holders", "all")),
        ),
        p.node(
            "decide.seats",
            "decide_seats",
            CONSENT,
            literals=sealed,
            partitions=p.buckets,
            inputs=(
                observations,
                p.edge("election", "decide.elect", "election", "named"),
                p.edge("gone", "decide.copies", "gone", "all"),
            ),
        ),
    ]


def _signals(p: Plan) -> list[Node]:
    """What repositories declare, recorded and counted whether it is honoured or not."""
    if p.optout.spec.signals.reader is None:
        return []
    small = p.resolver.workspace.project.spec.small_cell
    return [
        p.node(
            "decide.signals",
            "read_signals",
            CONSENT,
            partitions=p.buckets,
            inputs=(p.edge("observations", "gather", "observations"),),
        ),
        p.node(
            "signals",
            "signal_facts",
            CONSENT,
            identity={"smallCell": small},
            inputs=(p.edge("signals", "decide.signals", "signals", "all"),),
        ),
    ]


def checked_shards(p: Plan) -> Node:
    """The opt-outs once more, on the written shards."""
    said = p.optout.spec
    scopes = [s for s in said.scopes if not s.endswith("-author")]
    return p.node(
        "export.checked",
        "check_shard",
        CONSENT,
        identity={
            "minLevels": dict(sorted(said.min_levels.items())),
            "purposes": sorted(said.purposes),
            # A grant by a writer cannot be told where writers are not written.
            "consent": said.consent if len(scopes) == len(said.scopes) else "opt_out",
            "scopes": scopes,
        },
        literals={"list": p.resolver.lists.get(p.optout.address, "")},
        dynamic=f"{p.address}#export.layout",
        partitions=(),
        inputs=(
            p.edge("shards", "export.shards", "shards"),
            p.edge("gone", "decide.copies", "gone", "all"),
        ),
    )


def _matches(p: Plan) -> list[Node]:
    """Other contents that hold an opted-out text; none where copies are compared byte by byte."""
    said = p.optout.spec
    if said.copies not in ("normalised", "contained"):
        return []
    component, config = p.resolver.component(said.fingerprints, "observer", p.optout.address)
    prints = p.edge("prints", "observe.prints", "observed")
    seeds = p.edge("seeds", "decide.seeds", "seeds", "all")
    of_seeds = p.edge("seedprints", "decide.seedprints", "prints", "all")
    limits = {
        "owners": said.common_property.owners,
        "review": said.containment.review,
        "copies": said.copies,
    }
    observed = observe(p, "prints", said.fingerprints, p.optout.address)
    # Texts that differ in white space alone need no prints, and so nobody to say which prints are common.
    owners = _owners(p, prints, of_seeds, limits) if said.copies == "contained" else []
    counted = (p.edge("owners", "decide.owners", "owners", "all"),) if owners else ()
    return [
        observed,
        p.node("decide.seedprints", "seed_prints", CONSENT, partitions=p.prefixes, inputs=(prints, seeds)),
        *owners,
        p.node(
            "decide.candidates",
            "find_candidates",
            CONSENT,
            identity=limits,
            partitions=p.prefixes,
            inputs=(prints, of_seeds, *counted),
        ),
        p.node(
            "decide.matches",
            "verify_matches",
            CONSENT,
            identity={**limits, "fingerprints": [component.name, component.version, identity(config)]},
            params={
                "factory": component.factory,
                "config_class": component.config,
                "config": plain(config),
                "prefixes": len(p.prefixes),
            },
            partitions=p.prefixes,
            inputs=(
                p.edge("candidates", "decide.candidates", "candidates"),
                Edge("texts", f"{p.snapshot.address}#collect.fetch", "blobs", "all", keyed=False),
            ),
        ),
    ]


def _owners(p: Plan, prints: Edge, of_seeds: Edge, limits: dict[str, Any]) -> list[Node]:
    """Who holds the prints of opted-out texts as their own. The first of the nodes knows nothing of opt-outs."""
    return [
        p.node(
            "decide.own",
            "unvendored",
            CONSENT,
            identity={"prefixes": len(p.prefixes)},
            partitions=p.buckets,
            inputs=(p.edge("observations", "gather", "observations"),),
        ),
        p.node(
            "decide.owners",
            "print_owners",
            CONSENT,
            identity=limits,
            partitions=p.prefixes,
            inputs=(prints, of_seeds, p.edge("own", "decide.own", "own", "named")),
        ),
    ]
