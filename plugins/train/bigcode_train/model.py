"""Builds a model from a transformers configuration, and counts what it costs."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import CONFIG_MAPPING, AutoConfig, AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel
from transformers.utils import logging

from bigcode.api import fail

_MULTIPLE = 64
_NO_DROPOUT = (
    "resid_pdrop",
    "embd_pdrop",
    "attn_pdrop",
    "attention_dropout",
    "residual_dropout",
    "embedding_dropout",
)


def build_model(
    architecture: Mapping[str, Any], vocabulary: int, context: int, tokens: Mapping[str, int], seed: int
) -> PreTrainedModel:
    """A model with random weights drawn from `seed`, fp32, on the CPU.

    `architecture` holds `model_type` and fields of its configuration. Dropout is nought unless it is asked for. The
    vocabulary is rounded up to a multiple that matrix units like. `tokens` sets the ids of `bos`, `eos` and `pad`.

    Raises:
        Problem: E106 or E104 when `model_type` is absent or unknown, or a field is; E105 when the model cannot read
            `context` tokens.
    """
    fields = dict(architecture)
    config_class = _find_config(fields.pop("model_type", None))
    known = {*vars(config_class()), *config_class.attribute_map}
    for name in sorted(set(fields) - known):
        near = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean `{near[0]}`?" if near else ""
        raise fail(
            "E104", f"unknown field `{name}` of the architecture `{config_class.model_type}`", hint=hint
        )
    config = AutoConfig.for_model(
        config_class.model_type,
        **{name: 0.0 for name in _NO_DROPOUT if name in known},
        **{f"{role}_token_id": number for role, number in tokens.items()},
        **{"vocab_size": math.ceil(vocabulary / _MULTIPLE) * _MULTIPLE, **fields},
    )
    if config.vocab_size < vocabulary:
        raise fail(
            "E105",
            f"the architecture has room for {config.vocab_size} tokens, the tokenizer has {vocabulary}",
        )
    if config.max_position_embeddings < context:
        raise fail(
            "E105",
            f"the architecture reads {config.max_position_embeddings} tokens, the context is {context}",
        )
    torch.manual_seed(seed)
    return AutoModelForCausalLM.from_config(config, attn_implementation="sdpa", dtype=torch.float32)


def count_parameters(model: nn.Module) -> int:
    """Weights, each once also where layers share them."""
    return sum(parameter.numel() for parameter in model.parameters())


def estimate_flops(model: PreTrainedModel, context: int) -> float:
    """Operations for a token in training: two for each weight of a matrix product forward and four backward, and as
    many for the products of causal attention, where a token sees half of the context on average.

    Source: Kaplan et al. 2020, "Scaling laws for neural language models", section 2.1.
    """
    weights = sum(layer.weight.numel() for layer in model.modules() if isinstance(layer, nn.Linear))
    config: PreTrainedConfig = model.config
    attention = config.num_hidden_layers * config.hidden_size * context
    return 6.0 * (weights + attention)


def group_parameters(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Matrices decay; norms and biases do not."""
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    return [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]


def export_model(model: PreTrainedModel, tokenizer: Mapping[str, Path], folder: Path) -> None:
    """Write the folder that `from_pretrained` reads: configuration, weights, settings for generating, tokenizer."""
    # The library draws a progress bar for each file that it writes; the run has one of its own.
    logging.disable_progress_bar()
    model.eval()
    model.save_pretrained(folder)
    for name, path in sorted(tokenizer.items()):
        (folder / name).write_bytes(path.read_bytes())


def _find_config(model_type: Any) -> type[PreTrainedConfig]:
    if not model_type:
        raise fail(
            "E106", "the architecture lacks `model_type`", hint="for example `model_type: gpt_bigcode`"
        )
    if model_type not in CONFIG_MAPPING:
        near = difflib.get_close_matches(str(model_type), list(CONFIG_MAPPING.keys()), 1)
        raise fail(
            "E104", f"unknown architecture `{model_type}`", hint=f"did you mean `{near[0]}`?" if near else ""
        )
    return CONFIG_MAPPING[model_type]
