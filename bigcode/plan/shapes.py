"""Sizes of a model from its transformers configuration, without transformers: weights, products, activations.

The counts are those of what `AutoModelForCausalLM.from_config` builds; the suite holds them against it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_MULTIPLE = 64
"""The trainer rounds the vocabulary of the tokenizer up to a multiple of this."""

_GPT: Mapping[str, Any] = {
    "width": ("n_embd", 768),
    "layers": ("n_layer", 12),
    "heads": ("n_head", 12),
    "positions": ("n_positions", 1024),
    "inner": ("n_inner", None),
    "tied": ("tie_word_embeddings", True),
}
_ALIASES = {
    "n_embd": "hidden_size",
    "n_layer": "num_hidden_layers",
    "n_head": "num_attention_heads",
    "n_positions": "max_position_embeddings",
}


def _rotary(
    width: int, inner: int, layers: int, heads: int, keys: int | None, positions: int
) -> dict[str, Any]:
    """Names and defaults that the younger families share."""
    return {
        "width": ("hidden_size", width),
        "inner": ("intermediate_size", inner),
        "layers": ("num_hidden_layers", layers),
        "heads": ("num_attention_heads", heads),
        "keys": ("num_key_value_heads", keys),
        "positions": ("max_position_embeddings", positions),
        "head": ("head_dim", None),
        "tied": ("tie_word_embeddings", False),
    }


_FAMILIES: Mapping[str, Mapping[str, Any]] = {
    "gpt_bigcode": {**_GPT, "multi_query": ("multi_query", True)},
    "gpt2": _GPT,
    "starcoder2": {
        **_rotary(3072, 12288, 30, 24, 2, 4096),
        "tied": ("tie_word_embeddings", True),
        "bias": ("use_bias", True),
    },
    "llama": {
        **_rotary(4096, 11008, 32, 32, None, 2048),
        "attention_bias": ("attention_bias", False),
        "mlp_bias": ("mlp_bias", False),
    },
    "mistral": _rotary(4096, 14336, 32, 32, 8, 4096 * 32),
    "qwen2": _rotary(4096, 22016, 32, 32, 32, 32768),
}
KNOWN = tuple(_FAMILIES)


@dataclass(frozen=True, slots=True)
class Shape:
    """Widths of a causal language model and its weights.

    `parameters` counts each weight once, also where layers share it; `products` counts the weights of matrix
    products, the output layer among them; `block` those of one layer.
    """

    family: str
    layers: int
    width: int
    heads: int
    keys: int
    head: int
    inner: int
    gated: bool
    positions: int
    vocabulary: int
    parameters: int
    products: int
    block: int

    @property
    def attention(self) -> int:
        """Width of the queries of all heads, summed over layers."""
        return self.layers * self.heads * self.head


def shape_of(architecture: Mapping[str, Any], vocabulary: int) -> Shape | None:
    """The shape of an architecture, None for a family that is not known here.

    Args:
        vocabulary: size of the tokenizer, for an architecture that names none.

    Raises:
        ValueError: when the fields cannot be those of a model.
    """
    family = str(architecture.get("model_type", ""))
    if family not in _FAMILIES:
        return None
    said = {name: _read(architecture, *pair) for name, pair in _FAMILIES[family].items()}
    if architecture.get("add_cross_attention"):
        raise ValueError("cross-attention is no part of a causal language model")
    rounded = math.ceil(vocabulary / _MULTIPLE) * _MULTIPLE
    return _measure(family, said, int(architecture.get("vocab_size") or rounded))


def _read(architecture: Mapping[str, Any], name: str, default: Any) -> Any:
    alias = _ALIASES.get(name, name)
    found = architecture.get(name, architecture.get(alias))
    return default if found is None else found


def _measure(family: str, said: Mapping[str, Any], vocabulary: int) -> Shape:
    width, layers, heads = said["width"], said["layers"], said["heads"]
    if min(width, layers, heads) < 1 or width % heads:
        raise ValueError(f"a width of {width} cannot be shared by {heads} heads")
    gpt = family in ("gpt_bigcode", "gpt2")
    keys = (1 if said.get("multi_query") else heads) if gpt else (said["keys"] or heads)
    head = said.get("head") or width // heads
    inner = said["inner"] or 4 * width
    gated = family in ("llama", "mistral", "qwen2")
    queries, pair = heads * head, 2 * keys * head
    matrices = width * (queries + pair) + queries * width + (3 if gated else 2) * width * inner
    inward, outward = _biases(family, said)
    biases = inward * (queries + pair) + outward * width
    biases += (inner * (2 if gated else 1) + width) * _mlp_bias(family, said)
    norm = width if gated else 2 * width
    block = matrices + biases + 2 * norm
    embeddings = vocabulary * width * (1 if said["tied"] else 2)
    learned = said["positions"] * width if gpt else 0
    return Shape(
        family,
        layers,
        width,
        heads,
        keys,
        head,
        inner,
        gated,
        said["positions"],
        vocabulary,
        embeddings + learned + layers * block + norm,
        layers * matrices + vocabulary * width,
        block,
    )


def _biases(family: str, said: Mapping[str, Any]) -> tuple[int, int]:
    """Whether queries, keys and values have biases, and whether the product after attention has."""
    if family in ("gpt_bigcode", "gpt2"):
        return 1, 1
    if family == "qwen2":
        return 1, 0
    flag = int(bool(said.get("bias", said.get("attention_bias", False))))
    return flag, flag


def _mlp_bias(family: str, said: Mapping[str, Any]) -> int:
    return (
        1 if family in ("gpt_bigcode", "gpt2") else int(bool(said.get("bias", said.get("mlp_bias", False))))
    )


def operations(shape: Shape, context: int, formula: str) -> float:
    """FLOP of training for a token: forward once, backward twice, two for each multiplication.

    `6ND` takes six for every parameter. The others take six for each weight of a matrix product and add the two
    products of attention: over half of the context (`causal`, 6 LTd) or the whole of it (`full`, 12 LTd), for L
    layers, T tokens of context and queries of width d. Padding, recomputation and what is cut off by the limits of
    documents are not counted.

    Source: Kaplan et al. 2020, Scaling laws for neural language models, section 2.1; Chowdhery et al. 2022, PaLM,
    appendix B (full).
    """
    if formula == "6ND":
        return 6.0 * shape.parameters
    return 6.0 * shape.products + (12.0 if formula == "full" else 6.0) * shape.attention * context


def activation_bytes(shape: Shape, tokens: int, *, checkpointed: bool, width: int = 2) -> float:
    """Bytes of activations that a rank keeps for the backward pass of `tokens` tokens.

    Each layer keeps the inputs of its norms and products, queries, keys, values and the output of attention (whose
    scores are computed again in the backward pass), and the inner activations; with checkpointing, its input alone,
    and one layer at a time as a whole. `width` is the bytes of an activation.

    Source: after Korthikanti et al. 2022, Reducing activation recomputation in large transformer models, section 4,
    with attention that keeps no scores.
    """
    queries, pair = shape.heads * shape.head, 2 * shape.keys * shape.head
    inner = (4 if shape.gated else 2) * shape.inner
    layer = (4 * shape.width + 2 * queries + pair + inner) * width + 4 * shape.heads
    if shape.gated and width < 4:
        # Norms without a mean compute in fp32 and keep their inputs so.
        layer += 2 * shape.width * 4
    if checkpointed:
        return float(tokens) * (shape.layers * shape.width * width + layer)
    return float(tokens) * shape.layers * layer
