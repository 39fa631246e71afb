"""What the parts of a Model must have in common, beside what its schema says."""

from __future__ import annotations

from typing import Any

from bigcode.api.diagnostics import fail
from bigcode.api.resource import Resource


def check_model(resource: Resource, w: Any) -> None:
    """Refuse a Model whose parts do not fit together.

    Raises:
        Problem: E105 for two bases, for stages that do not add up to the budget, for weights of a source that the
            model does not have, for ranks that cannot be shared out, and for a classifier without labels.
    """
    a, spec, run = resource.address, resource.spec, resource.spec.runtime

    def refuse(message: str, *path: str | int, hint: str) -> None:
        raise fail("E105", f"{a}: {message}", w.place(a, "spec", *path), hint)

    if spec.base and spec.checkpoint:
        refuse("a model goes on from one base", "checkpoint", hint="Name `base` or `checkpoint`.")
    if spec.stages and sum(stage.tokens for stage in spec.stages) != spec.budget.tokens:
        total = sum(stage.tokens for stage in spec.stages)
        refuse(
            f"the stages take {total} tokens and the budget is {spec.budget.tokens}",
            "stages",
            hint="Let the tokens of the stages add up to `budget.tokens`.",
        )
    known = {w.get(source.dataset).metadata.name for source in spec.data}
    for index, stage in enumerate(spec.stages):
        for name in sorted(set(stage.weights) - known):
            refuse(
                f"stage {index + 1} weighs `{name}`, which is no dataset of the mixture",
                *("stages", index, "weights", name),
                hint=f"Datasets of the mixture: {', '.join(sorted(known))}.",
            )
    ranks = run.processes * run.nodes
    if ranks % run.tensor or ranks // run.tensor % run.replicas:
        refuse(
            f"{ranks} ranks cannot be shared out to {run.replicas} replicas of {run.tensor} tensor ranks",
            *("runtime", "processes"),
            hint="Let `processes` times `nodes` be a multiple of `tensor` times `replicas`.",
        )
    if run.nodes > 1 and run.launcher != "slurm":
        refuse(
            "several nodes are started by Slurm",
            *("runtime", "launcher"),
            hint="Set `launcher: slurm`; `bigcode plan SPEC --slurm DIR` writes its script.",
        )
    if spec.task == "pii-token-classifier" and spec.labels is None:
        refuse("a token classifier is trained on labels", "labels", hint="Name a labelled set in `labels`.")
