"""The loss over a large vocabulary, in chunks: the same numbers and slopes as all at once."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import linear

from bigcode_train.network.losses import entropy_of, entropy_of_logits


@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("z", [0.0, 1e-2])
@pytest.mark.parametrize("tokens", [1, 100])
def test_chunks_give_what_all_logits_at_once_give(biased: bool, z: float, tokens: int) -> None:
    torch.manual_seed(0)
    hidden = torch.randn(tokens, 32, requires_grad=True)
    weight = torch.randn(500, 32, requires_grad=True)
    bias = torch.randn(500, requires_grad=True) if biased else None
    targets = torch.randint(0, 500, (tokens,))
    wanted = [x for x in (hidden, weight, bias) if x is not None]
    found, total = entropy_of(hidden, weight, bias, targets, z, elements=500 * 33)
    expected, whole = entropy_of_logits(linear(hidden, weight, bias), targets, z)
    assert found.item() == pytest.approx(expected.item(), rel=1e-6)
    assert total.item() == pytest.approx(whole.item(), rel=1e-6)
    assert (total.item() > found.item() + 1e-3) == bool(z)
    slopes = [torch.autograd.grad(x * 0.5, wanted) for x in (total, whole)]
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(*slopes, strict=True))


def test_it_is_the_entropy_of_a_uniform_guess_for_a_model_that_knows_nothing() -> None:
    hidden, weight = torch.zeros(64, 8), torch.randn(1000, 8)
    found, _ = entropy_of(hidden, weight, None, torch.arange(64))
    assert found.item() == pytest.approx(math.log(1000), rel=1e-6)


def test_half_precision_keeps_the_softmax_in_fp32() -> None:
    torch.manual_seed(0)
    hidden, weight, targets = torch.randn(256, 32), torch.randn(500, 32) / 6, torch.randint(0, 500, (256,))
    exact, _ = entropy_of(hidden, weight, None, targets)
    half, total = entropy_of(hidden.bfloat16().requires_grad_(), weight.bfloat16(), None, targets)
    assert half.item() == pytest.approx(exact.item(), rel=1e-3)
    assert total.dtype == torch.float32


def test_a_loss_beyond_what_exponentials_hold_is_still_a_number() -> None:
    hidden = torch.tensor([[1.0, 0.0]], requires_grad=True)
    weight = torch.tensor([[1000.0, 0.0], [-1000.0, 0.0]], requires_grad=True)
    found, total = entropy_of(hidden, weight, None, torch.tensor([1]))
    assert found.item() == pytest.approx(2000.0)
    total.backward()
    assert torch.isfinite(weight.grad).all()


def test_without_a_gradient_none_is_computed() -> None:
    with torch.no_grad():
        found, _ = entropy_of(torch.randn(4, 8), torch.randn(16, 8), None, torch.arange(4))
    assert not found.requires_grad
