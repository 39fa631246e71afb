"""Tokenizer: trained on a dataset."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bigcode.api.resource import Bytes, Ref, RefTo, Spec, Uses
from bigcode.spec.slots import Slot

SPECIAL = (
    "<|endoftext|>", "<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<fim_pad>", "<filename>", "<gh_stars>",
    "<issue_start>", "<issue_comment>", "<issue_closed>", "<jupyter_start>", "<jupyter_text>", "<jupyter_code>",
    "<jupyter_output>", "<empty_output>", "<commit_before>", "<commit_msg>", "<commit_after>", "<reponame>",
)  # fmt: skip


class TokenizerSpec(Spec):
    dataset: Annotated[Ref, RefTo("Dataset")]
    algorithm: Annotated[Uses, Slot("tokenizer")]
    vocabulary: Annotated[int, Field(ge=300)]
    special_tokens: tuple[str, ...] = SPECIAL
    sample: Bytes | None = None
    """Text to train on, taken evenly over the files; all when absent."""
    seed: int = 0
    freshness: Literal["pinned", "follow"] = "pinned"
