"""Findings of a token classifier in texts, as the detector `pii.ner` makes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bigcode_train.classifier.config import TokenClassifierConfig
from bigcode_train.classifier.labelled import Labelled
from bigcode_train.classifier.model import TagNetwork
from bigcode_train.classifier.spans import (
    PARTIAL,
    STRICT,
    Score,
    Span,
    add_scores,
    count_agreement,
    join_tags,
    trim,
)
from bigcode_train.classifier.windows import Encoder, Row, stack_rows
from bigcode_train.training.ranks import sum_over_ranks

MATCHES = {"partial": PARTIAL, "strict": STRICT}
Scores = Mapping[str, Mapping[str, Score]]
"""Counts by way of matching (`partial`, `strict`) and entity."""


class Finder:
    """Finds spans in texts with a network, on its device."""

    def __init__(
        self, network: TagNetwork, encoder: Encoder, config: TokenClassifierConfig, device: torch.device
    ) -> None:
        self.network, self.encoder, self.config, self.device = network, encoder, config, device

    def find(self, content: bytes) -> list[Span]:
        """Spans with their mean probabilities, in the order of the text, whatever their scores."""
        ids, places = self.encoder.encode(content)
        if not len(ids):
            return []
        probabilities = self._classify(ids)
        best = probabilities.argmax(axis=1)
        joined = join_tags(best, probabilities.max(axis=1), places, self.config.entities)
        return [inner for span in joined if (inner := trim(content, span)) is not None]

    def _classify(self, ids: NDArray[np.int64]) -> NDArray[np.float64]:
        """Probabilities, float64 [tokens, tags]."""
        windows = list(self.encoder.cut(len(ids)))
        lead = len(self.encoder.before)
        out = np.zeros((len(ids), 1 + 2 * len(self.config.entities)))
        for part in _batches(windows, self.config.batch):
            frames = [self.encoder.frame(ids, window) for window in part]
            rows = [Row(frame, np.zeros_like(frame), "") for frame in frames]
            stacked = torch.from_numpy(stack_rows(rows, self.encoder.pad, self.config.window)).to(self.device)
            with torch.inference_mode():
                judged = (
                    torch.softmax(self.network.logits(stacked[:, 0], stacked[:, 1]).double(), -1)
                    .cpu()
                    .numpy()
                )
            for window, row in zip(part, judged, strict=True):
                own = slice(lead + window.first - window.start, lead + window.last - window.start)
                out[window.first : window.last] = row[own]
        return out


def score_texts(
    finder: Finder, items: Sequence[Labelled], config: TokenClassifierConfig, rank: int, world: int
) -> dict[str, dict[str, Score]]:
    """Findings against labels over all texts, each judged by one of the ranks; the same counts on every rank."""
    counts: dict[str, list[Mapping[str, Score]]] = {match: [] for match in MATCHES}
    for item in items[rank::world]:
        found = [span for span in finder.find(item.content) if span.score >= config.threshold]
        for match, share in MATCHES.items():
            counts[match].append(count_agreement(item.spans, found, share))
    scores = {match: add_scores(parts) for match, parts in counts.items()}
    table = torch.tensor(
        [
            [[s.found, s.missed, s.wrong, s.wrong_on_labels] for s in _all(scores[match], config.entities)]
            for match in MATCHES
        ],
        dtype=torch.float64,
        device=finder.device,
    )
    summed = sum_over_ranks(table, world).long().tolist()
    return {
        match: {
            entity: Score(*numbers)
            for entity, numbers in zip(config.entities, rows, strict=True)
            if any(numbers)
        }
        for match, rows in zip(MATCHES, summed, strict=True)
    }


def mean_loss(
    network: TagNetwork, rows: Sequence[Row], pad: int, config: TokenClassifierConfig, device: torch.device,
    rank: int, world: int,
) -> float:  # fmt: skip
    """The mean loss of windows, over all ranks."""
    told = torch.zeros(2, dtype=torch.float64, device=device)
    with torch.inference_mode():
        for part in _batches(rows[rank::world], config.batch):
            ids, mask, tags = torch.from_numpy(stack_rows(part, pad, config.window)).to(device).unbind(1)
            told += torch.stack(network(ids, mask, tags)).double()
    loss, weight = sum_over_ranks(told, world).tolist()
    return loss / weight if weight else 0.0


def _all(scores: Mapping[str, Score], entities: Sequence[str]) -> Iterator[Score]:
    return (scores.get(entity, Score()) for entity in entities)


def _batches(values: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (values[at : at + size] for at in range(0, len(values), size))
