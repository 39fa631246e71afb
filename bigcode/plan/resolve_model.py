"""Tokenizer, Model, Evaluation, License, Release and Card to nodes."""

from __future__ import annotations

from typing import Any

from bigcode.api.components import Component
from bigcode.api.diagnostics import fail
from bigcode.api.resource import Resource, identity, plain
from bigcode.plan.graph import Edge, Node
from bigcode.plan.resolver import Resolver

TRAIN, HELD_OUT = "data/train/", "data/validation/"


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
    a, spec, w = resource.address, resource.spec, r.workspace
    for field in ("base", "checkpoint"):
        if getattr(spec, field) is not None:
            raise fail("E307", f"{a}: training from a {field} is not offered yet", w.place(a, "spec", field))
    weighted = len(spec.data) > 1 or spec.data[0].weight != 1
    spread = spec.runtime.launcher == "slurm" or spec.runtime.nodes > 1
    if spec.task != "causal-lm" or weighted or spread:
        raise fail(
            "E307",
            f"{a}: one dataset of weight 1, task causal-lm and a launcher on one machine are offered so far",
            w.place(a, "spec"),
        )
    pinned = spec.freshness == "pinned"
    tokenizer = Edge("tokenizer", f"{w.address_of(spec.tokenizer)}#train", "tokenizer", "all")
    dataset = w.address_of(spec.data[0].dataset)
    tokens, tokens_config = r.component(spec.tokens, "tokens", a)
    trainer, trainer_config = r.component(spec.trainer, "trainer", a)
    runtime = plain(spec.runtime)
    said = {
        "architecture": dict(spec.architecture),
        "objective": plain(spec.objective),
        "budget_tokens": spec.budget.tokens,
        "seed": spec.seed,
    }
    params = {
        **said,
        "device": spec.runtime.device,
        "threads": spec.runtime.threads,
        "checkpoint_every": spec.runtime.checkpoint_every,
    }
    return [
        process(
            a,
            "tokens",
            tokens,
            tokens_config,
            params={"seed": spec.seed},
            pinned=pinned,
            inputs=(Edge("data", f"{dataset}#export.shards", "shards", "all", TRAIN), tokenizer),
        ),
        process(
            a,
            "train",
            trainer,
            trainer_config,
            identity=said,
            params=params,
            runtime=runtime,
            pinned=pinned,
            inputs=(Edge("tokens", f"{a}#tokens", "tokens", "all"), tokenizer),
        ),
    ]


def resolve_evaluation(resource: Resource, r: Resolver) -> list[Node]:
    a, spec, w = resource.address, resource.spec, r.workspace
    model = w.get(spec.model)
    data = w.address_of(spec.held_out or model.spec.data[0].dataset)
    if spec.sandbox != "none":
        raise fail("E307", f"{a}: sandbox: {spec.sandbox} is not offered yet", w.place(a, "spec", "sandbox"))
    if spec.decontaminate_against:
        raise fail(
            "E307",
            f"{a}: decontaminateAgainst is not offered yet",
            w.place(a, "spec", "decontaminateAgainst"),
        )
    nodes = []
    for index, uses in enumerate(spec.suites):
        component, config = r.component(uses, "evaluator", a)
        nodes.append(
            process(
                a,
                f"suite.{index}.{uses.uses}",
                component,
                config,
                identity={"seed": spec.seed},
                params={"seed": spec.seed},
                pinned=model.spec.freshness == "pinned",
                inputs=(
                    Edge("model", f"{model.address}#train", "model", "all"),
                    Edge("held_out", f"{data}#export.shards", "shards", "all", HELD_OUT),
                    Edge("train", f"{data}#export.shards", "shards", "all", TRAIN),
                ),
            )
        )
    return nodes


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


def resolve_release(resource: Resource, r: Resolver) -> list[Node]:
    a, spec, w = resource.address, resource.spec, r.workspace
    if spec.targets:
        raise fail(
            "E307",
            f"{a}: targets are not offered yet",
            w.place(a, "spec", "targets"),
            "Leave them out: a release is written to the releases folder.",
        )
    if spec.emissions is None:
        return []
    policy = w.get(spec.emissions).spec
    component, config = r.component(policy.meter, "meter", a)
    stages = []
    if spec.artifacts.model:
        stages.append(("training", f"{w.address_of(spec.artifacts.model)}#train", "device.hours"))
    for reference in spec.evaluations:
        for node in resolve_evaluation(w.get(reference), r):
            stages.append(("evaluation", node.id, "device.hours"))
    said = {
        "policy": identity(policy),
        "stages": [
            {"stage": s, "node": n, "fact": f"{n.partition('#')[0]}/{_fact_name(n, f)}"} for s, n, f in stages
        ],
    }
    edges = tuple(Edge(f"stages.{i}", node, mode="facts") for i, (_, node, _) in enumerate(stages))
    return [process(a, "emissions", component, config, identity=said, params=said, inputs=edges)]


def _fact_name(node: str, name: str) -> str:
    """Facts that every suite of an evaluation has are told apart by the suite."""
    step = node.partition("#")[2]
    return f"{name}{{suite={step.split('.', 2)[2]}}}" if step.startswith("suite.") else name


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


RESOLVERS = {
    "Tokenizer": resolve_tokenizer,
    "Model": resolve_model,
    "Evaluation": resolve_evaluation,
    "License": resolve_license,
    "Release": resolve_release,
    "Card": resolve_card,
}
