"""What this plugin offers. Nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Iterable

from bigcode.api import Component, hookimpl

_COMPONENTS = (
    Component(
        name="train.bpe",
        version=1,
        slot="tokenizer",
        factory="bigcode_train.tokens.bpe:ByteLevelBPE",
        config="bigcode_train.config:BPEConfig",
        summary="Byte-level BPE with single digits, trained on whole documents",
    ),
    Component(
        name="train.tokens",
        version=2,
        slot="tokens",
        factory="bigcode_train.tokens.writer:TokenWriter",
        config="bigcode_train.config:TokensConfig",
        summary="Documents as one file of token ids, each closed by the end-of-text token",
    ),
    Component(
        name="train.causal-lm",
        version=2,
        slot="trainer",
        factory="bigcode_train.training.causal_lm:CausalLM",
        config="bigcode_train.config:CausalLMConfig",
        summary="A causal language model with fill-in-the-middle, on any number of ranks, with exact resume",
        deterministic=False,
        launch="torchrun",
    ),
    Component(
        name="train.token-classifier",
        version=1,
        slot="trainer",
        factory="bigcode_train.classifier.classifier:TokenClassifier",
        config="bigcode_train.classifier.config:TokenClassifierConfig",
        summary="A token classifier for personal data from labelled files, with pseudo-labels, as a detector",
        deterministic=False,
        launch="torchrun",
    ),
)


@hookimpl
def bigcode_components() -> Iterable[Component]:
    return _COMPONENTS
