"""Sizes of models are counted from their configuration alone, and are those of what transformers builds."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from bigcode.plan.shapes import KNOWN, activation_bytes, operations, shape_of

SMALL = {
    "hidden_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 160,
    "vocab_size": 320,
}
SANTACODER = {
    "model_type": "gpt_bigcode",
    "n_embd": 2048,
    "n_layer": 24,
    "n_head": 16,
    "n_inner": 8192,
    "n_positions": 2048,
    "vocab_size": 49280,
}
STARCODERBASE = {
    "model_type": "gpt_bigcode",
    "hidden_size": 6144,
    "num_hidden_layers": 40,
    "num_attention_heads": 48,
    "n_inner": 24576,
    "max_position_embeddings": 8192,
    "vocab_size": 49152,
}
ARCHITECTURES: dict[str, dict[str, Any]] = {
    **{f"{family}, defaults": {"model_type": family, "vocab_size": 640} for family in KNOWN},
    "santacoder": SANTACODER,
    "starcoderbase": STARCODERBASE,
    "llama, grouped, biased, tied": {
        "model_type": "llama",
        **SMALL,
        "num_key_value_heads": 2,
        "tie_word_embeddings": True,
        "attention_bias": True,
        "mlp_bias": True,
    },
    "llama, wide heads": {"model_type": "llama", **SMALL, "head_dim": 32},
    "starcoder2, no biases": {
        "model_type": "starcoder2",
        **SMALL,
        "num_key_value_heads": 2,
        "use_bias": False,
    },
    "starcoder2, untied": {
        "model_type": "starcoder2",
        **SMALL,
        "num_key_value_heads": 4,
        "tie_word_embeddings": False,
    },
    "qwen2": {"model_type": "qwen2", **SMALL, "num_key_value_heads": 2},
    "mistral": {"model_type": "mistral", **SMALL, "num_key_value_heads": 2},
    "gpt_bigcode, many keys": {
        "model_type": "gpt_bigcode",
        "n_embd": 64,
        "n_layer": 2,
        "n_head": 4,
        "multi_query": False,
        "n_inner": 100,
        "vocab_size": 300,
        "n_positions": 50,
    },
    "gpt2, untied": {
        "model_type": "gpt2",
        "n_embd": 64,
        "n_layer": 2,
        "n_head": 4,
        "vocab_size": 300,
        "tie_word_embeddings": False,
    },
}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_weights_are_counted_as_transformers_builds_them(name: str) -> None:
    architecture = ARCHITECTURES[name]
    fields = {"bos_token_id": 0, "eos_token_id": 0, **architecture}
    config = AutoConfig.for_model(fields.pop("model_type"), **fields)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    shape = shape_of(architecture, 0)
    assert shape is not None
    assert shape.parameters == sum(p.numel() for p in model.parameters())
    products = [m for m in model.modules() if isinstance(m, torch.nn.Linear) or type(m).__name__ == "Conv1D"]
    assert shape.products == sum(m.weight.numel() for m in products)


def test_a_vocabulary_that_is_not_named_is_the_tokenizers_rounded_up() -> None:
    shape = shape_of({"model_type": "gpt_bigcode"}, 4097)
    assert shape is not None
    assert shape.vocabulary == 4160


def test_an_architecture_that_is_not_known_has_no_shape() -> None:
    assert shape_of({"model_type": "mamba"}, 100) is None
    assert shape_of({}, 100) is None


def test_heads_must_share_the_width() -> None:
    with pytest.raises(ValueError, match="cannot be shared"):
        shape_of({"model_type": "gpt_bigcode", "n_embd": 100, "n_head": 3}, 100)


def test_operations_by_formula() -> None:
    shape = shape_of(SANTACODER, 0)
    assert shape is not None
    attention = 24 * 2048 * 2048
    assert operations(shape, 2048, "6ND") == 6 * shape.parameters
    assert operations(shape, 2048, "causal") == 6 * (shape.products + attention)
    assert operations(shape, 2048, "full") == 6 * (shape.products + 2 * attention)


def test_checkpointing_keeps_one_layer_and_the_inputs_of_all() -> None:
    shape = shape_of(STARCODERBASE, 0)
    assert shape is not None
    whole = activation_bytes(shape, 8192, checkpointed=False)
    thin = activation_bytes(shape, 8192, checkpointed=True)
    assert thin == pytest.approx(whole / 40 + 8192 * 40 * 6144 * 2)
    # Korthikanti et al. count 34 s b h a layer with many keys and masks of dropout, which take 2 of it.
    assert whole / (40 * 8192 * 6144) == pytest.approx(28, abs=0.2)


@pytest.mark.parametrize("family", ["gpt_bigcode", "starcoder2", "llama", "mistral", "qwen2"])
def test_activations_are_those_that_autograd_keeps(family: str) -> None:
    """Counted from what the layers save for the backward pass, weights left out, in bf16 with fused attention."""
    architecture: dict[str, Any] = {"model_type": family, **SMALL, "max_position_embeddings": 512}
    if family != "gpt_bigcode":
        architecture |= {"num_key_value_heads": 2}
    else:
        architecture |= {"n_inner": 160, "attn_pdrop": 0, "resid_pdrop": 0, "embd_pdrop": 0}
    fields = {"bos_token_id": 0, "eos_token_id": 0, "use_cache": False, **architecture}
    config = AutoConfig.for_model(fields.pop("model_type"), **fields)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa", dtype=torch.bfloat16)
    weights = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if (place := tensor.untyped_storage().data_ptr()) not in weights:
            kept[place] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        hidden = model.base_model(torch.zeros(2, 512, dtype=torch.long)).last_hidden_state
    assert hidden.shape == (2, 512, 64)
    shape = shape_of(architecture, 0)
    assert shape is not None
    measured = sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
    assert activation_bytes(shape, 1024, checkpointed=False) == pytest.approx(measured, rel=0.07)
