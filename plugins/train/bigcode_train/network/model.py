"""Builds a model from a transformers configuration or from the weights of a base, and counts what it costs."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import CONFIG_MAPPING, AutoConfig, AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel
from transformers.utils import logging

from bigcode.api import fail

_MULTIPLE = 64
_SHOWN = 3
_NO_DROPOUT = (
    "resid_pdrop",
    "embd_pdrop",
    "attn_pdrop",
    "attention_dropout",
    "residual_dropout",
    "embedding_dropout",
)


def build_model(
    architecture: Mapping[str, Any],
    vocabulary: int,
    context: int,
    tokens: Mapping[str, int],
    seed: int,
    base: Path | None = None,
) -> PreTrainedModel:
    """A model with the weights of `base`, or with random ones drawn from `seed`; fp32, on the CPU.

    `architecture` holds `model_type` and fields of its configuration; those that it does not name are the base's, or
    the library's. Dropout is nought unless it is asked for. Without a base the vocabulary is rounded up to a multiple
    that matrix units like. `tokens` sets the ids of `bos`, `eos` and `pad`.

    Raises:
        Problem: E106 or E104 when `model_type` is absent or unknown, or a field is; E105 when the model cannot read
            `context` tokens or hold `vocabulary` tokens, or when a base has other weights.
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
        **{
            **_fields_of(base, config_class),
            **{name: 0.0 for name in _NO_DROPOUT if name in known},
            **{f"{role}_token_id": number for role, number in tokens.items()},
            **({} if base else {"vocab_size": math.ceil(vocabulary / _MULTIPLE) * _MULTIPLE}),
            **fields,
        },
    )
    if config.vocab_size < vocabulary:
        raise fail(
            "E105",
            f"the architecture has room for {config.vocab_size} tokens, the tokenizer has {vocabulary}",
        )
    positions = getattr(config, "max_position_embeddings", None)
    if positions is not None and positions < context:
        raise fail("E105", f"the architecture reads {positions} tokens, the context is {context}")
    torch.manual_seed(seed)
    if base is not None:
        return _load(base, config)
    return AutoModelForCausalLM.from_config(config, attn_implementation="sdpa", dtype=torch.float32)


def gather_base(files: Iterable[tuple[str, Path]], folder: Path) -> Path:
    """A folder in which the files of a model stand under their names, for the library to read.

    Raises:
        Problem: E105 when there are no safetensors or no configuration among them. Other kinds of weights can run
            code when they are loaded, and are left alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = set()
    for name, path in files:
        if name.endswith((".safetensors", ".json")):
            link = folder / Path(name).name
            link.unlink(missing_ok=True)
            link.symlink_to(path.resolve())
            names.add(link.name)
    if "config.json" not in names or not any(name.endswith(".safetensors") for name in names):
        raise fail("E105", "the base holds no `config.json` with weights in safetensors")
    return folder


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


def export_model(
    model: PreTrainedModel, weights: Mapping[str, Any], tokenizer: Mapping[str, Path], folder: Path
) -> None:
    """Write the folder that `from_pretrained` reads: configuration, weights, settings for generating, tokenizer.

    `weights` are those of the whole model by name.
    """
    # The library draws a progress bar for each file that it writes; the run has one of its own.
    logging.disable_progress_bar()
    model.eval()
    model.set_attn_implementation("sdpa")
    model.save_pretrained(folder, state_dict=dict(weights))
    for name, path in sorted(tokenizer.items()):
        (folder / name).write_bytes(path.read_bytes())


def read_base(kind: Any, base: Path, config: PreTrainedConfig) -> tuple[PreTrainedModel, dict[str, Any]]:
    """The model of an automatic class `kind` with the weights of a folder, fp32, and what the library says of them.

    Raises:
        Problem: E105 when they cannot be read.
    """
    logging.disable_progress_bar()
    level = logging.get_verbosity()
    # What does not fit is told by whoever asks, who knows what is meant.
    logging.set_verbosity_error()
    try:
        model, told = kind.from_pretrained(
            base,
            config=config,
            attn_implementation="sdpa",
            dtype=torch.float32,
            use_safetensors=True,
            local_files_only=True,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise fail("E105", f"the weights of the base cannot be read: {str(error).splitlines()[0]}") from error
    finally:
        logging.set_verbosity(level)
    return model, told


def _load(base: Path, config: PreTrainedConfig) -> PreTrainedModel:
    model, told = read_base(AutoModelForCausalLM, base, config)
    for names, says in (
        (sorted(_describe(item) for item in told["mismatched_keys"]), "weights of another shape"),
        (sorted(told["missing_keys"]), "no weights"),
        (sorted(told["unexpected_keys"]), "weights that the architecture lacks"),
    ):
        if names:
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            raise fail(
                "E105",
                f"the base has {says} for {', '.join(names[:_SHOWN])}{more}",
                hint="Let `architecture` name the base's own sizes, or leave them out.",
            )
    return model


def _describe(item: Any) -> str:
    if isinstance(item, tuple) and len(item) == 3:
        name, there, here = item
        return f"{name} ({'x'.join(map(str, there))}, not {'x'.join(map(str, here))})"
    return str(item)


def _fields_of(base: Path | None, config_class: type[PreTrainedConfig]) -> dict[str, Any]:
    """The configuration of a base, as far as it describes the model."""
    if base is None:
        return {}
    said = json.loads((base / "config.json").read_text(encoding="utf-8"))
    kind = said.pop("model_type", None)
    if kind != config_class.model_type:
        raise fail(
            "E105", f"the base is of the architecture `{kind}`, the model of `{config_class.model_type}`"
        )
    return {
        name: value
        for name, value in said.items()
        if name not in ("architectures", "dtype", "torch_dtype", "transformers_version")
    }


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
