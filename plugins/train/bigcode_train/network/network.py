"""A model together with its loss, as one module: what is sharded, compiled and called in a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from bigcode_train.network.attention import NAME, mask_of
from bigcode_train.network.losses import entropy_of, entropy_of_logits


@dataclass(frozen=True, slots=True)
class Traits:
    """What was found out about a model by trying it.

    `attention` says how its documents are kept apart: by the attention of this plugin, by a mask, or not at all.
    `plain_head` says that its logits are its last hidden states times the output matrix and nothing else.
    """

    attention: Literal["documents", "mask"]
    plain_head: bool


class Network(nn.Module):
    """Computes the loss of rows. `end` is the token that closes a document; with `whole`, rows are one document."""

    def __init__(self, model: PreTrainedModel, traits: Traits, z_loss: float) -> None:
        super().__init__()
        self.model, self.traits, self.z_loss = model, traits, z_loss
        model.set_attn_implementation(NAME if traits.attention == "documents" else "sdpa")

    def forward(
        self, inputs: Tensor, targets: Tensor, offsets: Tensor, positions: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Mean cross-entropy without a gradient, and what is to be minimised; see `losses.entropy_of`.

        `inputs` and `targets` are int64 [rows, width], `offsets` and `positions` as `attention.mark_documents` gives
        them.
        """
        view = view_of(offsets, positions, self.traits)
        if not self.traits.plain_head:
            logits = self.model(inputs, use_cache=False, **view).logits
            return entropy_of_logits(logits.flatten(0, 1), targets.flatten(), self.z_loss)
        hidden = self.model.base_model(inputs, use_cache=False, **view).last_hidden_state
        head = self.model.get_output_embeddings()
        return entropy_of(hidden.flatten(0, 1), head.weight, head.bias, targets.flatten(), self.z_loss)


def view_of(offsets: Tensor, positions: Tensor, traits: Traits) -> dict[str, Any]:
    """What a model is given beside its tokens, so that it keeps documents apart."""
    mask = offsets if traits.attention == "documents" else mask_of(offsets, *positions.shape)
    return {"attention_mask": mask, "position_ids": positions}


def find_blocks(model: PreTrainedModel) -> list[nn.Module]:
    """The layers of a model in their order: the longest list of modules in it."""
    lists = [module for module in model.modules() if isinstance(module, nn.ModuleList)]
    return list(max(lists, key=len)) if lists else []


def group_of(name: str) -> str:
    """The group that the norm of a weight's gradient counts to: its layer, or the module that holds it."""
    parts = name.split(".")
    depth = next((i for i, part in enumerate(parts) if part.isdigit()), None)
    return ".".join(parts[: depth + 1] if depth is not None else parts[:-1] or parts)


def compute_dtype(network: Network) -> torch.dtype:
    """The type of the weights that a network computes with."""
    return next(network.parameters()).dtype
