"""Memory of a rank in training, by what it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bigcode.plan.estimates import Estimate
from bigcode.plan.shapes import Shape, activation_bytes

if TYPE_CHECKING:
    from bigcode.plan.training import Training

CHUNK = 1024
"""Tokens whose logits are held at once by a chunked loss."""
_LOGIT = 10
"""Bytes of a logit: itself in half precision, and in fp32 with its gradient."""


def memory(run: Training, shape: Shape) -> list[Estimate]:
    """What one rank holds, in bytes.

    Weights, gradients and the two moments of Adam are fp32, 16 bytes a parameter in all, and shared by as many ranks
    as `sharding` and `tensor` say. Under sharding, two layers and what stands outside of layers are gathered in the
    arithmetic of products, with the gradient of one layer; without it, all weights are there once more in it.
    Activations are taken as whole on each rank of a tensor group, of which norms and the residual stream are. The
    allocator's losses and what libraries take are not counted.
    """
    tokens = run.micro_batch * run.context
    width = 4 if run.wide else 2
    mine = shape.parameters / run.shards
    outside = shape.parameters - shape.layers * shape.block
    alone = run.shards == run.tensor
    working = (0 if run.wide else shape.parameters) if alone else 3 * shape.block + outside
    gathered = float(working * width) / run.tensor
    whole = activation_bytes(shape, tokens, checkpointed=False, width=width)
    thin = activation_bytes(shape, tokens, checkpointed=True, width=width)
    logits = float(min(tokens, CHUNK) * shape.vocabulary * _LOGIT)
    all_logits = float(tokens * shape.vocabulary * _LOGIT)
    shared = f"shared by {run.shards:,} ranks" if run.shards > 1 else "whole on each rank"
    batch = f"a micro-batch of {run.micro_batch:,} x {run.context:,} tokens"
    fixed = 16 * mine + gathered
    kept = thin if run.recompute else whole
    mode = "with" if run.recompute else "without"
    rows: list[tuple[str, float, str, float | None, float | None]] = [
        ("weights", 4 * mine, f"fp32, {shared}", None, None),
        ("gradients", 4 * mine, f"fp32, {shared}", None, None),
        ("optimizer", 8 * mine, f"two moments of Adam in fp32, {shared}", None, None),
        (
            "gathered",
            gathered,
            "the weights in the arithmetic of products"
            if alone
            else "two layers, the gradient of one, and all outside of layers, in the arithmetic of products",
            None,
            None,
        ),
        ("activations", whole, f"all layers, {batch}; attention keeps no scores", None, None),
        (
            "activations.checkpointed",
            thin,
            f"the input of each layer and one layer as a whole, {batch}",
            None,
            None,
        ),
        (
            "logits",
            logits,
            f"a loss over {CHUNK:,} tokens at a time; the upper bound is a loss over all",
            None,
            all_logits,
        ),
        (
            "total",
            fixed + kept + logits,
            f"the sum {mode} recomputed activations; the bounds are with them, and without them and with all logits",
            fixed + thin + logits,
            fixed + whole + all_logits,
        ),
    ]
    return [
        Estimate(run.address, f"memory.{name}", value, "B/device", method, low, high)
        for name, value, method, low, high in rows
    ]
