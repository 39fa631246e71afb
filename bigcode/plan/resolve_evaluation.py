"""Evaluation and Release to nodes."""

from __future__ import annotations

from typing import Any

from bigcode.api.diagnostics import fail
from bigcode.api.resource import Resource, identity, plain
from bigcode.plan.flow_down import check_flow_down
from bigcode.plan.graph import Edge, Node
from bigcode.plan.resolve_model import TRAIN, process
from bigcode.plan.resolver import Resolver

HELD_OUT = "data/validation/"


def resolve_evaluation(resource: Resource, r: Resolver) -> list[Node]:
    """A node a suite.

    Raises:
        Problem: E806 for a suite that runs programs of the model without a sandbox.
    """
    a, spec, w = resource.address, resource.spec, r.workspace
    model = w.get(spec.model)
    mixture = [w.address_of(source.dataset) for source in model.spec.data]
    data = w.address_of(spec.held_out) if spec.held_out else mixture[0]
    said = {
        "seed": spec.seed,
        "decontamination": [_decontamination(address, r) for address in mixture],
        "detector": _detector(mixture[0], r),
    }
    params = {**said, "sandbox": spec.sandbox}
    nodes = []
    for index, uses in enumerate(spec.suites):
        component, config = r.component(uses, "evaluator", a)
        if component.runs_programs and spec.sandbox == "none":
            raise fail(
                "E806",
                f"{a}: `{component.name}` runs programs that the model wrote",
                w.place(a, "spec", "suites", index),
                "Set `sandbox: bubblewrap`.",
            )
        nodes.append(
            process(
                a,
                f"suite.{index}.{uses.uses}",
                component,
                config,
                identity=said,
                params=params,
                pinned=model.spec.freshness == "pinned",
                inputs=(
                    Edge("model", f"{model.address}#train", "model", "all"),
                    Edge("held_out", f"{data}#export.shards", "shards", "all", HELD_OUT),
                    Edge("train", f"{mixture[0]}#export.shards", "shards", "all", TRAIN),
                    *(Edge(f"verdicts.{i}", f"{d}#facts", mode="facts") for i, d in enumerate(mixture)),
                ),
            )
        )
    return nodes


def _decontamination(address: str, r: Resolver) -> dict[str, Any]:
    """The suites that a dataset's policy takes out, with the digests of their files; none for one that ships."""
    said = r.workspace.get(address).spec.decontamination
    if said is None:
        return {"dataset": address, "suites": []}
    _component, config = r.component(said.detector, "observer", address)
    known = [(suite["name"], suite.get("sha256", "")) for suite in plain(config).get("suites", ())]
    taken = [(name, digest) for name, digest in known if not said.suites or name in said.suites]
    return {"dataset": address, "suites": [{"name": name, "sha256": digest or ""} for name, digest in taken]}


def _detector(address: str, r: Resolver) -> dict[str, Any]:
    """The detector of personal data of a dataset's policy, as a suite may load it."""
    policy = r.workspace.get(r.workspace.get(address).spec.pii)
    component, config = r.component(policy.spec.detector, "observer", policy.address)
    return {"factory": component.factory, "config_class": component.config, "config": plain(config)}


def resolve_release(resource: Resource, r: Resolver) -> list[Node]:
    a, spec, w = resource.address, resource.spec, r.workspace
    if spec.targets:
        raise fail(
            "E307",
            f"{a}: targets are not offered yet",
            w.place(a, "spec", "targets"),
            "Leave them out: a release is written to the releases folder.",
        )
    check_flow_down(resource, w)
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


RESOLVERS: dict[str, Any] = {"Evaluation": resolve_evaluation, "Release": resolve_release}
