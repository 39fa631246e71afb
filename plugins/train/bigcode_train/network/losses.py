"""Cross-entropy over a large vocabulary, a few hundred tokens at a time.

The logits of a chunk are turned into their gradient while they are at hand, so that no more than one chunk of them
exists, and the backward pass has nothing left to compute but a product with the gradient from above. The softmax is
computed in fp32. Sources: Hsu et al. 2024, "Liger Kernel: Efficient Triton Kernels for LLM Training" (gradient in
the forward pass); Chowdhery et al. 2022, "PaLM", section 5 (the z-loss).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_ELEMENTS = 1 << 22
"""Logits of a chunk: 8 MiB in bf16."""
_ROWS = 32
"""Tokens whose softmax is computed at once."""


def entropy_of(
    hidden: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    targets: Tensor,
    z: float = 0.0,
    elements: int = _ELEMENTS,
) -> tuple[Tensor, Tensor]:
    """The mean cross-entropy of `targets`, and what is to be minimised: that, and `z` times the mean square of the
    logarithm of the softmax's denominator.

    `hidden` is [tokens, size], `weight` [vocabulary, size], `bias` [vocabulary] or None, `targets` int64 [tokens].
    Both results are scalars in nats a token: the first is fp64 and has no gradient, the second is fp32 and has one. A
    chunk holds about `elements` logits.
    """
    entropy, total = _Entropy.apply(hidden, weight, bias, targets, z, max(1, elements // len(weight)))
    return entropy, total


def entropy_of_logits(logits: Tensor, targets: Tensor, z: float = 0.0) -> tuple[Tensor, Tensor]:
    """The same for a model that computes its logits in a way of its own: logits [tokens, vocabulary]."""
    logits = logits.float()
    denominators = logits.logsumexp(-1)
    entropy = (denominators - logits.gather(1, targets[:, None]).squeeze(1)).mean()
    return entropy.detach(), entropy + z * denominators.square().mean() if z else entropy


class _Entropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor, z: float, rows: int
    ) -> tuple[Tensor, Tensor]:
        count = len(targets)
        wanted = any(ctx.needs_input_grad[:3])
        entropy = torch.zeros((), dtype=torch.float64, device=hidden.device)
        squares = torch.zeros((), dtype=torch.float64, device=hidden.device)
        grad_hidden = torch.empty_like(hidden) if wanted else None
        # Sums over chunks are kept in fp32.
        grad_weight = torch.zeros(weight.shape, dtype=torch.float32, device=weight.device) if wanted else None
        grad_bias = torch.zeros_like(bias, dtype=torch.float32) if wanted and bias is not None else None
        for first in range(0, count, rows):
            part, picked = hidden[first : first + rows], targets[first : first + rows, None]
            logits = part @ weight.t() if bias is None else torch.addmm(bias, part, weight.t())
            for block, chosen in zip(logits.split(_ROWS), picked.split(_ROWS), strict=True):
                # In fp32, and few enough rows at once to stay in a cache.
                picked_logits = block.gather(1, chosen).float()
                chances = torch.log_softmax(block.float(), 1)
                losses = -chances.gather(1, chosen)
                entropy += losses.sum(dtype=torch.float64)
                if z:
                    squares += (denominators := picked_logits + losses).square().sum(dtype=torch.float64)
                if not wanted:
                    continue
                # The slope of the loss, but for the number of tokens: softmax less the target.
                chances.exp_()
                if z:
                    chances.mul_(1 + 2 * z * denominators)
                chances.scatter_add_(1, chosen, torch.full_like(losses, -1))
                block.copy_(chances)
            if grad_hidden is None or grad_weight is None:
                continue
            torch.mm(logits, weight, out=grad_hidden[first : first + rows])
            if logits.dtype == torch.float32:
                grad_weight.addmm_(logits.t(), part)
            else:
                grad_weight += logits.t() @ part
            if grad_bias is not None:
                grad_bias += logits.sum(0, dtype=torch.float32)
        ctx.save_for_backward(grad_hidden, grad_weight, grad_bias)
        ctx.types = weight.dtype, None if bias is None else bias.dtype
        ctx.count = count
        entropy, squares = entropy / count, squares / count
        ctx.mark_non_differentiable(entropy)
        return entropy, (entropy + z * squares).float()

    @staticmethod
    def backward(ctx: Any, _: Tensor, grad: Tensor) -> tuple[Tensor | None, ...]:
        hidden, weight, bias = ctx.saved_tensors
        weight_type, bias_type = ctx.types
        grad = grad / ctx.count
        bias = None if bias is None else (bias * grad).to(bias_type)
        return hidden * grad.to(hidden.dtype), (weight * grad).to(weight_type), bias, None, None, None
