"""The rows of each stage, made from token shards by what the resource says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

from tokenizers import Tokenizer

from bigcode.api import ProcessContext, fail
from bigcode_train.config import CausalLMConfig
from bigcode_train.order.fim import Marks
from bigcode_train.order.mixture import plan_mixture
from bigcode_train.order.packing import Recipe, Sequences
from bigcode_train.order.seams import Seams
from bigcode_train.tokens.token_files import TokenFiles
from bigcode_train.training.stages import Stage

_FIM_TOKENS = ("<fim_prefix>", "<fim_middle>", "<fim_suffix>")
_FILLER = "<fim_pad>"


def row_opener(
    ctx: ProcessContext,
    config: CausalLMConfig,
    sources: Sequence[TokenFiles],
    tokenizer: Path,
    vocabulary: Tokenizer,
) -> Callable[[Stage], Sequences]:
    """What makes the rows of a stage from `sources`; `tokenizer` is the `tokenizer.json` that `vocabulary` was read
    from.

    Raises:
        Problem: E106 when the objective asks for tokens that the tokenizer lacks; when a stage is opened, E105 and
            E707 when its mixture is empty.
    """
    objective, seed = ctx.params["objective"], ctx.params["seed"]
    marks = [vocabulary.token_to_id(token) for token in (*_FIM_TOKENS, _FILLER)]
    if objective["fimRate"] and None in marks[:3]:
        raise fail(
            "E106", f"the tokenizer lacks a token of {', '.join(_FIM_TOKENS)}, which `fimRate` asks for"
        )
    level = objective.get("level", "token")
    seams = lru_cache(maxsize=1)(lambda: Seams(tokenizer))

    def open_rows(stage: Stage) -> Sequences:
        recipe = Recipe(
            width=stage.context,
            seed=seed,
            fim_rate=objective["fimRate"],
            spm_rate=objective["spmRate"],
            marks=Marks(*(-1 if mark is None else mark for mark in marks)),
            level=level,
            packing=config.packing,
            stage=stage.index,
            seams=seams() if level == "character" and objective["fimRate"] else None,
        )
        mixture = plan_mixture(sources, ctx.params.get("sources") or (), stage.weights, seed, stage.index)
        return Sequences(sources, recipe, mixture)

    return open_rows
