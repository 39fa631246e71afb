"""Activations and logits from inside a model: how large they are, by layer.

Forward hooks are there in the steps that are looked at and in no other. They see the rows of the rank that has them,
and keep their sums on its device; one transfer at the end of the step brings them over.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle
from transformers import PreTrainedModel

from bigcode_train.network.network import find_blocks

LOGITS = "logits"
_TOKENS = 64
"""Tokens of each row, spread over it evenly, whose logits are looked at."""


class Ranges:
    """Root mean square and greatest magnitude of what each layer puts out, and of the logits.

    Layers that are compiled show nothing: their code was made without hooks.
    """

    def __init__(self) -> None:
        self._handles: list[RemovableHandle] = []
        self._seen: dict[str, list[Tensor]] = {}

    def attach(self, model: PreTrainedModel) -> None:
        """Look at the forward passes from here on."""
        self.detach()
        names = {module: name for name, module in model.named_modules()}
        for block in find_blocks(model):
            self._hook(block, names[block])
        head = model.get_output_embeddings()
        self._handles.append(
            model.base_model.register_forward_hook(lambda _, __, out: self._logits(head, out))
        )

    def detach(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def take(self) -> Mapping[str, float]:
        """What was seen since `attach`: `NAME.rms` and `NAME.max`."""
        self.detach()
        seen, self._seen = self._seen, {}
        if not seen:
            return {}
        table = torch.stack([torch.stack(sums) for sums in seen.values()]).double().tolist()
        found = {}
        for name, (squares, count, greatest) in zip(seen, table, strict=True):
            found[f"{name}.rms"] = (squares / count) ** 0.5
            found[f"{name}.max"] = greatest
        return found

    def _hook(self, module: nn.Module, name: str) -> None:
        self._handles.append(
            module.register_forward_hook(lambda _, __, out: self._look(name, _tensor_of(out)))
        )

    def _logits(self, head: Any, out: Any) -> None:
        hidden = _tensor_of(out)
        if hidden is None or head is None:
            return
        with torch.no_grad():
            stride = max(1, hidden.shape[1] // _TOKENS)
            self._look(LOGITS, nn.functional.linear(hidden[:, ::stride], head.weight, head.bias))

    @torch.no_grad()
    def _look(self, name: str, values: Tensor | None) -> None:
        if values is None:
            return
        flat = values.detach().float()
        found = (flat.square().sum(), flat.new_tensor(float(flat.numel())), flat.abs().max())
        before = self._seen.get(name)
        if before is None:
            self._seen[name] = list(found)
        else:
            self._seen[name] = [
                before[0] + found[0],
                before[1] + found[1],
                torch.maximum(before[2], found[2]),
            ]


def _tensor_of(out: Any) -> Tensor | None:
    """The first tensor of what a module returned."""
    if isinstance(out, Tensor):
        return out
    first = out[0] if isinstance(out, tuple | list) and out else getattr(out, "last_hidden_state", None)
    return first if isinstance(first, Tensor) else None
