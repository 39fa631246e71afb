"""Tries a model before it is trained: whether it keeps documents apart, and how its logits come about.

A model that is given a mask or positions which it does not read says nothing; it only learns from text that it
should not see. So two short documents are computed each by itself, in the plainest way the library has, and once
more as a row of two.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from transformers import PreTrainedModel

from bigcode.api import fail
from bigcode_train.network.attention import NAME
from bigcode_train.network.network import Traits, view_of

_LENGTHS = (7, 9)
_NEAR = 1e-4
"""Part of the size of the logits up to which two ways to compute them may differ; documents that see one another
differ by hundreds of times as much."""


def probe_model(model: PreTrainedModel, apart: bool) -> Traits:
    """Find how to train `model`, which is whole, in fp32 and on one device; with `apart`, documents in a row must not
    see one another. The attention that it was built with is set again afterwards.

    Raises:
        Problem: E105 when documents cannot be kept apart, or when it does not compute one after the other.
    """
    generator = torch.Generator().manual_seed(0)
    high = model.config.get_text_config().vocab_size
    ids = torch.randint(high, (1, sum(_LENGTHS)), generator=generator).to(model.device)
    lengths = _LENGTHS if apart else (sum(_LENGTHS),)
    offsets = (
        torch.tensor([0, *lengths], dtype=torch.int32, device=ids.device).cumsum(0).int()[None, None, None]
    )
    positions = torch.cat([torch.arange(n) for n in lengths])[None].to(ids.device)
    with torch.no_grad(), _at_rest(model):
        alone = _alone(model, ids, lengths)
        for attention in ("documents", "mask"):
            traits = Traits(attention, True)
            # A mask of this plugin knows no window, and the documents tried here are too short to tell.
            if attention == "mask" and getattr(model.config, "sliding_window", None):
                continue
            if not _set(model, NAME if attention == "documents" else "sdpa"):
                continue
            try:
                together = model(ids, use_cache=False, **view_of(offsets, positions, traits)).logits
            except (TypeError, ValueError, RuntimeError, IndexError, AttributeError):
                continue
            if _are_near(together, alone):
                return Traits(attention, _has_plain_head(model, ids, offsets, positions, traits))
    kind = model.config.model_type
    raise fail(
        "E105",
        f"the architecture `{kind}` does not keep the documents of a row apart: packed, it answers otherwise than "
        "for each alone",
        hint="Set `masking: none` in the trainer's settings, or take another architecture.",
    )


def _alone(model: PreTrainedModel, ids: Tensor, lengths: tuple[int, ...]) -> Tensor:
    _set(model, "eager")
    parts = ids.split(lengths, dim=1)
    return torch.cat([model(part, use_cache=False).logits for part in parts], dim=1)


def _has_plain_head(
    model: PreTrainedModel, ids: Tensor, offsets: Tensor, positions: Tensor, traits: Traits
) -> bool:
    view, head = view_of(offsets, positions, traits), model.get_output_embeddings()
    if not isinstance(head, torch.nn.Linear) or model.base_model is model:
        return False
    try:
        hidden = model.base_model(ids, use_cache=False, **view).last_hidden_state
        logits = model(ids, use_cache=False, **view).logits
    except (TypeError, ValueError, RuntimeError, AttributeError):
        return False
    return hidden.shape[-1] == head.in_features and _are_near(head(hidden), logits)


def _are_near(one: Tensor, other: Tensor) -> bool:
    scale = other.abs().amax().clamp(min=1e-30)
    return bool((one - other).abs().amax() <= _NEAR * scale)


def _set(model: PreTrainedModel, name: str) -> bool:
    try:
        model.set_attn_implementation(name)
    except (ValueError, ImportError):
        return False
    return bool(model.config._attn_implementation == name)


@contextmanager
def _at_rest(model: PreTrainedModel) -> Iterator[None]:
    """The model without dropout; afterwards as it was."""
    training, before = model.training, model.config._attn_implementation
    model.eval()
    try:
        yield
    finally:
        model.train(training)
        _set(model, before)
