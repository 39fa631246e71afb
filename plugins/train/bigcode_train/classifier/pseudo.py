"""Pseudo-labels: what a model is sure of in text without labels, for the next model to be trained on.

Source of the idea for this task: the training of StarPII (Li et al. 2023, "StarCoder: may the source be with you!",
section 4.2), where labels of an ensemble were kept from a minimum probability on.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch.distributed as dist

from bigcode.api import ProcessContext
from bigcode_train.classifier.config import TokenClassifierConfig
from bigcode_train.classifier.labelled import Labelled, LabelledSet, choose_blobs, read_texts
from bigcode_train.classifier.predict import Finder
from bigcode_train.classifier.spans import Span
from bigcode_train.training.checkpoint import replace_text
from bigcode_train.training.ranks import share_from_first


def find_unlabelled(
    ctx: ProcessContext, labelled: LabelledSet, config: TokenClassifierConfig
) -> list[tuple[str, bytes]]:
    """Digests and texts of files of the datasets that are in no part of the labelled set."""
    blobs = choose_blobs(ctx, ctx.params["seed"], config.pseudo.files, labelled.blobs)
    return list(read_texts(ctx, blobs))


def label_texts(
    texts: Sequence[tuple[str, bytes]], finder: Finder, config: TokenClassifierConfig, rank: int, world: int
) -> tuple[Labelled, ...]:
    """The texts that hold a span of which the model is sure, with all spans it found and their scores, in their
    order; ranks share the work, and each gets the whole."""
    mine = []
    for blob, content in texts[rank::world]:
        spans = tuple(finder.find(content))
        if any(is_sure(span, config) for span in spans):
            mine.append(Labelled(blob, content, spans, "pseudo"))
    return tuple(sorted(_gather(mine, world), key=lambda item: item.blob))


def is_sure(span: Span, config: TokenClassifierConfig) -> bool:
    """Whether a span that a model found counts as a label."""
    return span.score >= config.pseudo.thresholds.get(span.entity, config.pseudo.threshold)


def keep(path: Path, recipe: str, items: Sequence[Labelled]) -> None:
    """Write the labels, not the texts, for an attempt that goes on from here."""
    labels = {item.blob: [list(span) for span in item.spans] for item in items}
    replace_text(path, json.dumps({"recipe": recipe, "labels": labels}) + "\n")


def recall(
    path: Path, recipe: str, texts: Sequence[tuple[str, bytes]], rank: int, world: int
) -> tuple[Labelled, ...] | None:
    """What `keep` wrote for the same recipe, on every rank; None when there is nothing."""
    said: Any = share_from_first(_read(path, recipe) if rank == 0 else None, world)
    if said is None:
        return None
    return tuple(
        Labelled(blob, content, tuple(Span(*span) for span in said[blob]), "pseudo")
        for blob, content in texts
        if blob in said
    )


def _read(path: Path, recipe: str) -> Any:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return found["labels"] if found["recipe"] == recipe else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _gather(mine: list[Labelled], world: int) -> list[Labelled]:
    if world == 1:
        return mine
    parts: list[list[Labelled]] = [[] for _ in range(world)]
    dist.all_gather_object(parts, mine)
    return [item for part in parts for item in part]
