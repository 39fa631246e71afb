"""Tokenizer, Model, License and Card to nodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bigcode.api.components import Component
from bigcode.api.resource import Resource, identity, plain
from bigcode.plan.check_model import check_model
from bigcode.plan.graph import Edge, Node
from bigcode.plan.resolver import Resolver

TRAIN = "data/train/"


def process(address: str, step: str, component: Component, config: Any, **more: Any) -> Node:
    """A node that is a program of its own."""
    own = more.pop("identity", {})
    return Node(
        f"{address}#{step}",
        address,
        "process",
        component.name,
        component.version,
        component.factory,
        identity={"config": identity(config), **own},
        config_class=component.config,
        config=plain(config),
        launch=component.launch,
        recorded=not component.deterministic,
        **more,
    )


def resolve_tokenizer(resource: Resource, r: Resolver) -> list[Node]:
    a, spec = resource.address, resource.spec
    component, config = r.component(spec.algorithm, "tokenizer", a)
    said = {
        "vocabulary": spec.vocabulary,
        "special_tokens": list(spec.special_tokens),
        "sample": spec.sample,
        "seed": spec.seed,
    }
    dataset = r.workspace.address_of(spec.dataset)
    return [
        process(
            a,
            "train",
            component,
            config,
            identity=said,
            params=said,
            pinned=spec.freshness == "pinned",
            inputs=(Edge("data", f"{dataset}#export.shards", "shards", "all", TRAIN),),
        )
    ]


def resolve_model(resource: Resource, r: Resolver) -> list[Node]:
    spec, w = resource.spec, r.workspace
    check_model(resource, w)
    tokenizer = Edge("tokenizer", f"{w.address_of(spec.tokenizer)}#train", "tokenizer", "all")
    base = _base(resource, w)
    trainer, config = r.component(spec.trainer, "trainer", resource.address)
    inputs: list[Edge] = [tokenizer]
    if spec.base or spec.checkpoint:
        owner = f"{w.address_of(spec.base)}#train" if spec.base else base[0].id
        inputs.append(Edge("base", owner, "model", "all"))
    said: dict[str, Any] = {
        "architecture": dict(spec.architecture),
        "objective": plain(spec.objective),
        "budget_tokens": spec.budget.tokens,
        "seed": spec.seed,
        "stages": plain(spec.stages),
        "sources": [
            {"name": name, "weight": source.weight, "languages": dict(source.languages)}
            for name, source in zip(sources_of(resource, w), spec.data, strict=True)
        ],
    }
    params = {**said, **plain(spec.runtime)}
    tokens: list[Node] = []
    if spec.task == "causal-lm":
        tokens = _tokens(resource, r, tokenizer)
        inputs += [Edge(f"tokens.{i}", node.id, "tokens", "all") for i, node in enumerate(tokens)]
    else:
        labels, labels_config = r.component(spec.labels, "labels", resource.address)
        said["labels"] = [labels.name, labels.version, identity(labels_config)]
        params["labels"] = {
            "factory": labels.factory,
            "config_class": labels.config,
            "config": plain(labels_config),
        }
        for i, source in enumerate(spec.data):
            dataset = w.address_of(source.dataset)
            snapshot = w.address_of(w.get(dataset).spec.snapshot)
            inputs += [
                Edge(f"data.{i}", f"{dataset}#export.shards", "shards", "all", TRAIN),
                # What was collected and does not show in the verdicts was opted out: no label may rest on it.
                Edge(f"snapshot.{i}", f"{snapshot}#collect.blobs", "blobs", "all"),
                Edge(f"verdicts.{i}", f"{dataset}#verdicts", "verdicts", "all"),
            ]
    return [
        *base,
        *tokens,
        process(
            resource.address,
            "train",
            trainer,
            config,
            identity=said,
            params=params,
            runtime=plain(spec.runtime),
            pinned=spec.freshness == "pinned",
            inputs=tuple(inputs),
        ),
    ]


def sources_of(resource: Resource, w: Any) -> list[str]:
    """A short name for each source of a model: that of its dataset, with the version where two have one name."""
    names = [w.get(source.dataset).metadata.name for source in resource.spec.data]
    return [
        name if names.count(name) == 1 else w.address_of(source.dataset).partition("/")[2]
        for name, source in zip(names, resource.spec.data, strict=True)
    ]


def _tokens(resource: Resource, r: Resolver, tokenizer: Edge) -> list[Node]:
    """A node of token shards for each source of a model."""
    a, spec, w = resource.address, resource.spec, r.workspace
    names = sources_of(resource, w)
    nodes = []
    for name, source in zip(names, spec.data, strict=True):
        component, config = r.component(source.tokens or spec.tokens, "tokens", a)
        shards = Edge("data", f"{w.address_of(source.dataset)}#export.shards", "shards", "all", TRAIN)
        nodes.append(
            process(
                a,
                "tokens" if len(names) == 1 else f"tokens.{name}",
                component,
                config,
                # Facts of several sources are told apart by their names.
                params={"seed": spec.seed, "source": name if len(names) > 1 else ""},
                pinned=spec.freshness == "pinned",
                inputs=(shards, tokenizer),
            )
        )
    return nodes


def _base(resource: Resource, w: Any) -> list[Node]:
    """The node that takes in a checkpoint from outside, where a model goes on from one."""
    a, checkpoint = resource.address, resource.spec.checkpoint
    if checkpoint is None:
        return []
    said = {"sha256": checkpoint.sha256, "license": checkpoint.license}
    return [
        Node(
            f"{a}#base",
            a,
            "process",
            "core.checkpoint",
            1,
            "bigcode.run.adopting:Adopt",
            identity=said,
            config_class="bigcode.api.resource:Config",
            params={**said, "path": str(Path(w.root, checkpoint.path)), "source": checkpoint.source},
        )
    ]


def resolve_license(resource: Resource, r: Resolver) -> list[Node]:
    a, spec, w = resource.address, resource.spec, r.workspace
    component, config = r.component(spec.generator, "license", a)
    parents, above = [], spec.parent
    while above:
        parent = w.get(above)
        parents.append(identity(parent.spec))
        above = parent.spec.parent
    said = {"license": identity(spec), "parents": parents}
    return [process(a, "text", component, config, identity=said, params=said)]


def resolve_card(resource: Resource, r: Resolver) -> list[Node]:
    """The facts that a card reads are known after all other nodes; the engine renders it then."""
    a, spec = resource.address, resource.spec
    return [
        Node(
            f"{a}#render",
            a,
            "card",
            "core.card",
            2,
            "",
            identity={"subject": spec.subject, "template": spec.template},
        )
    ]


RESOLVERS: dict[str, Any] = {
    "Tokenizer": resolve_tokenizer,
    "Model": resolve_model,
    "License": resolve_license,
    "Card": resolve_card,
}
