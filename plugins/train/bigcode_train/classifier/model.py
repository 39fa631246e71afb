"""A model that gives each token a tag: built from a configuration or on a base, and saved as a detector."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import (
    CONFIG_MAPPING,
    MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING,
    AutoConfig,
    AutoModelForTokenClassification,
    PreTrainedModel,
)

from bigcode.api import fail
from bigcode_train.classifier.spans import IGNORED
from bigcode_train.network.model import export_model, read_base

_MULTIPLE = 64
_ALSO = ("is_causal", "classifier_dropout")
"""Fields that the library reads in any configuration. A decoder with `is_causal: false` sees both sides of a token."""
_NOT_OF_THE_MODEL = (
    "architectures", "dtype", "torch_dtype", "transformers_version", "id2label", "label2id", "num_labels",
)  # fmt: skip
_HEAD = ("classifier", "score")


def build_classifier(
    architecture: Mapping[str, Any],
    vocabulary: int,
    window: int,
    pad: int | None,
    tags: Sequence[str],
    seed: int,
    base: Path | None = None,
) -> PreTrainedModel:
    """A model with a tag for each token, fp32 and on the CPU: with the weights of `base`, whatever head that one has,
    or with random ones drawn from `seed`. Dropout is nought unless it is asked for.

    Raises:
        Problem: E106 or E104 when `model_type` is absent, or it or a field is unknown; E105 when the library has no
            token classifier of the kind, the model cannot hold the vocabulary or the window, or a base has other
            weights.
    """
    fields = dict(architecture)
    kind = _kind_of(fields.pop("model_type", None))
    defaults = CONFIG_MAPPING[kind]()
    known = {*vars(defaults), *type(defaults).attribute_map, *_ALSO}
    for name in sorted(set(fields) - known):
        near = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean `{near[0]}`?" if near else ""
        raise fail("E104", f"unknown field `{name}` of the architecture `{kind}`", hint=hint)
    given = _fields_of(base, kind)
    # Where a configuration does not know it, the library's heads of decoders take a tenth.
    still: dict[str, Any] = {} if "classifier_dropout" in given else {"classifier_dropout": 0.0}
    if base is None:
        dropouts = [name for name in known if "dropout" in name or name.endswith("_pdrop")]
        still |= {name: 0.0 for name in dropouts if isinstance(getattr(defaults, name, None), float)}
    # The library looks at these with every call to say that they are not there.
    absent = {f"{role}_token_id": None for role in ("bos", "eos", "cls", "sep")} if not base else {}
    config = AutoConfig.for_model(
        kind,
        **{
            **given,
            **still,
            **absent,
            **({} if base else {"vocab_size": math.ceil(vocabulary / _MULTIPLE) * _MULTIPLE}),
            **({} if pad is None else {"pad_token_id": pad}),
            **fields,
            "id2label": dict(enumerate(tags)),
            "label2id": {tag: number for number, tag in enumerate(tags)},
        },
    )
    if type(config) not in MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING:
        raise fail("E105", f"the library has no token classifier of the architecture `{kind}`")
    if config.vocab_size < vocabulary:
        raise fail(
            "E105",
            f"the architecture has room for {config.vocab_size} tokens, the tokenizer has {vocabulary}",
        )
    positions = getattr(config, "max_position_embeddings", None)
    if positions is not None and positions < window:
        raise fail("E105", f"the architecture reads {positions} tokens, the window is {window}")
    torch.manual_seed(seed)
    if base is not None:
        return _load(base, config)
    return AutoModelForTokenClassification.from_config(
        config, attn_implementation="sdpa", dtype=torch.float32
    )


class TagNetwork(nn.Module):
    """A token classifier together with its loss. `weights` holds one for each tag."""

    def __init__(self, model: PreTrainedModel, weights: Tensor, focal: float) -> None:
        super().__init__()
        self.model, self.focal = model, focal
        self.register_buffer("weights", weights, persistent=False)

    def forward(self, ids: Tensor, mask: Tensor, tags: Tensor) -> tuple[Tensor, Tensor]:
        """The sum of the weighted losses of all tokens that have a tag, in fp32, and the sum of their weights.

        All are int64 [rows, width]; `mask` is one where a token is no padding.
        """
        logits = self.logits(ids, mask).flatten(0, 1)
        flat = tags.flatten()
        entropy = functional.cross_entropy(logits, flat, ignore_index=IGNORED, reduction="none")
        weight = torch.where(flat == IGNORED, 0.0, self.weights.float()[flat.clamp(min=0)])
        if self.focal:
            entropy = entropy * (1 - torch.exp(-entropy)) ** self.focal
        return (entropy * weight).sum(), weight.sum()

    def logits(self, ids: Tensor, mask: Tensor) -> Tensor:
        """fp32 [rows, width, tags]."""
        return self.model(input_ids=ids, attention_mask=mask).logits.float()


def export_classifier(model: PreTrainedModel, tokenizer: Mapping[str, Path], folder: Path) -> None:
    """Write the folder that `pii.ner` and `AutoModelForTokenClassification.from_pretrained` read."""
    export_model(model, model.state_dict(), tokenizer, folder)


def _load(base: Path, config: Any) -> PreTrainedModel:
    # That the head is new is meant; what else is not is told below.
    model, told = read_base(AutoModelForTokenClassification, base, config)
    mismatched = {item[0] if isinstance(item, tuple) else str(item) for item in told["mismatched_keys"]}
    lacking = sorted(
        name for name in mismatched | set(told["missing_keys"]) if not name.split(".")[0].startswith(_HEAD)
    )
    if lacking:
        raise fail(
            "E105",
            f"the base has no weights, or such of another shape, for {', '.join(lacking[:3])}",
            hint="Let `architecture` name the base's own sizes, or leave them out.",
        )
    return model


def _kind_of(model_type: Any) -> str:
    if not model_type:
        raise fail("E106", "the architecture lacks `model_type`", hint="for example `model_type: modernbert`")
    if model_type not in CONFIG_MAPPING:
        near = difflib.get_close_matches(str(model_type), list(CONFIG_MAPPING.keys()), 1)
        hint = f"did you mean `{near[0]}`?" if near else ""
        raise fail("E104", f"unknown architecture `{model_type}`", hint=hint)
    return str(model_type)


def _fields_of(base: Path | None, kind: str) -> dict[str, Any]:
    if base is None:
        return {}
    said = json.loads((base / "config.json").read_text(encoding="utf-8"))
    theirs = said.pop("model_type", None)
    if theirs != kind:
        raise fail("E105", f"the base is of the architecture `{theirs}`, the model of `{kind}`")
    return {name: value for name, value in said.items() if name not in _NOT_OF_THE_MODEL}
