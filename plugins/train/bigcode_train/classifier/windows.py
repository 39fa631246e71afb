"""Labelled texts as windows of tokens, and the order in which training sees them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bigcode.api import fail
from bigcode_train.classifier.config import TokenClassifierConfig
from bigcode_train.classifier.labelled import Labelled
from bigcode_train.classifier.spans import IGNORED, OUTSIDE, Window, byte_offsets, cut_windows, tag_tokens
from bigcode_train.order.permutation import Permutation, make_key
from bigcode_train.training.schedule import rate_at

Ints = NDArray[np.int64]
_MULTIPLE = 16
_MOST_WEIGHT = 20.0


class Encoder:
    """A tokenizer as the detector uses it: texts as ids with their places in bytes, and windows of a fixed room.

    Raises:
        Problem: E105 when the overlap leaves a window nothing of its own.
    """

    def __init__(self, tokenizer: Any, config: TokenClassifierConfig) -> None:
        self.tokenizer, self.overlap = tokenizer, config.overlap
        probe = tokenizer("a", return_special_tokens_mask=True)
        text = [place for place, special in enumerate(probe["special_tokens_mask"]) if not special]
        self.before: list[int] = probe["input_ids"][: text[0]]
        self.after: list[int] = probe["input_ids"][text[-1] + 1 :]
        self.room = config.window - len(self.before) - len(self.after)
        self.pad: int = tokenizer.pad_token_id or 0
        if config.overlap >= self.room:
            raise fail("E105", "`overlap` must be smaller than the window without its special tokens")

    def encode(self, content: bytes) -> tuple[Ints, Ints]:
        """Ids [tokens], and first byte and byte after the last of each token [tokens, 2]."""
        text = content.decode()
        got = self.tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=True, truncation=False, verbose=False
        )
        if not got["input_ids"]:
            return np.zeros(0, np.int64), np.zeros((0, 2), np.int64)
        return np.array(got["input_ids"], np.int64), byte_offsets(text)[
            np.array(got["offset_mapping"], np.int64)
        ]

    def cut(self, count: int) -> Iterator[Window]:
        return cut_windows(count, self.room, self.overlap)

    def frame(self, ids: Ints, window: Window) -> Ints:
        """The ids of a window between its special tokens."""
        return np.concatenate([self.before, ids[window.start : window.end], self.after]).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Row:
    """A window with a tag for each token, `IGNORED` for those that are another window's own."""

    ids: Ints
    tags: Ints
    place: str


def make_rows(
    items: Sequence[Labelled], encoder: Encoder, entities: Sequence[str], sure: Mapping[str, float]
) -> list[Row]:
    """The windows of labelled texts, in their order. Spans that a model gave with less than the score in `sure`, which
    holds one for each entity, are ignored."""
    rows = []
    for item in items:
        ids, places = encoder.encode(item.content)
        unsure = {entity: sure.get(entity, 0.0) for entity in entities} if item.source == "pseudo" else {}
        spans = [s if s.score >= unsure.get(s.entity, 0.0) else s._replace(entity="") for s in item.spans]
        tags = tag_tokens(places, spans, entities)
        for window in encoder.cut(len(ids)):
            own = np.full(window.end - window.start, IGNORED, np.int64)
            own[window.first - window.start : window.last - window.start] = tags[window.first : window.last]
            edges = [np.full(len(x), IGNORED, np.int64) for x in (encoder.before, encoder.after)]
            row = np.concatenate([edges[0], own, edges[1]])
            rows.append(Row(encoder.frame(ids, window), row, item.blob[:16]))
    return rows


def thin_out(rows: Sequence[Row], empty: float, key: bytes) -> list[Row]:
    """All windows with a label, and for each of them up to `empty` ones without, chosen by the key."""
    full = np.array([bool((row.tags > OUTSIDE).any()) for row in rows], np.bool_)
    spare = np.flatnonzero(~full)
    kept = min(len(spare), round(empty * full.sum()))
    if kept < len(spare):
        spare = spare[np.sort(Permutation(len(spare), key)(np.arange(kept)))]
    return [rows[index] for index in np.sort(np.concatenate([np.flatnonzero(full), spare]))]


def weigh_tags(rows: Sequence[Row], count: int, balance: float) -> NDArray[np.float32]:
    """A weight for each tag, with a mean of one over all tokens: its frequency to the power of minus `balance`, at
    most twenty times that of the commonest one."""
    seen = np.zeros(count)
    for row in rows:
        seen += np.bincount(row.tags[row.tags != IGNORED], minlength=count)
    relative = np.where(seen > 0, seen, 1) / max(1.0, seen.max())
    weights = np.minimum(relative**-balance, _MOST_WEIGHT)
    return (weights * seen.sum() / max(1.0, (weights * seen).sum())).astype(np.float32)


class WindowCourse:
    """The windows of each step, as the training loop asks for them: equal batches in an order that a key gives."""

    def __init__(
        self, rows: Sequence[Row], steps: int, config: TokenClassifierConfig, weights: NDArray[np.float32],
        pad: int, key: bytes,
    ) -> None:  # fmt: skip
        self.windows, self.steps, self.config, self.weights = list(rows), steps, config, weights
        self.pad, self.key = pad, key

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from one."""
        return rate_at(step, self.steps, self.config)

    def rows(self, step: int, part: int, parts: int) -> Ints:
        """The windows of one of `parts` equal parts of a step: int64 [rows, 3, width] of ids, of one where a token
        is no padding, and of tags."""
        share = self.config.batch // parts
        chosen = self._chosen(step)[part * share : (part + 1) * share]
        return stack_rows([self.windows[index] for index in chosen], self.pad, self.config.window)

    def weight(self, step: int) -> float:
        """The sum of the weights of all tokens of a step that are trained on."""
        tags = np.concatenate([self.windows[index].tags for index in self._chosen(step)])
        return float(self.weights[tags[tags != IGNORED]].sum(dtype=np.float64))

    def places(self, step: int) -> list[str]:
        """The files that a step holds windows of, by the beginnings of their digests."""
        return list(dict.fromkeys(self.windows[index].place for index in self._chosen(step)))

    def digest(self, step: int) -> str:
        """A digest of the windows that a step is made of."""
        data = b"".join(
            self.windows[i].place.encode() + self.windows[i].ids.tobytes() for i in self._chosen(step)
        )
        return blake2b(data, digest_size=16).hexdigest()

    def tokens(self, step: int) -> int:
        """Tokens of windows, special ones among them, that were trained on after `step` steps."""
        sizes = np.array([len(row.ids) for row in self.windows], np.int64)
        epochs, rest = divmod(step * self.config.batch, len(sizes))
        last = sizes[self._permute(epochs, np.arange(rest))]
        return int(epochs * sizes.sum() + last.sum())

    def _chosen(self, step: int) -> Ints:
        batch, size = self.config.batch, len(self.windows)
        numbers = np.arange((step - 1) * batch, step * batch, dtype=np.int64)
        chosen = np.empty(batch, np.int64)
        for epoch in np.unique(numbers // size):
            here = numbers // size == epoch
            chosen[here] = self._permute(int(epoch), numbers[here] % size)
        return chosen

    def _permute(self, epoch: int, places: Ints) -> Ints:
        return Permutation(len(self.windows), make_key(self.key.hex(), epoch))(places)


def stack_rows(rows: Sequence[Row], pad: int, limit: int) -> Ints:
    """Windows in one array of at most `limit` tokens, filled up at their ends: int64 [rows, 3, width]; see
    `WindowCourse.rows`."""
    longest = max(len(row.ids) for row in rows)
    width = max(longest, min(limit, -(-longest // _MULTIPLE) * _MULTIPLE))
    out = np.zeros((len(rows), 3, width), np.int64)
    out[:, 0], out[:, 2] = pad, IGNORED
    for index, row in enumerate(rows):
        out[index, :, : len(row.ids)] = row.ids, np.ones_like(row.ids), row.tags
    return out
