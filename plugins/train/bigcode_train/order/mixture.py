"""Which source and language each row of a run comes from: by shares, without state.

Rows are dealt out by a tree of two-way splits: of the rows that reach a split, a keyed Bresenham line sends one side
its share, so that in any prefix each split is right to within a row. Each row of a stream knows how many rows of its
stream came before it, which makes any part of a run known at once. Large shares stand near the root (Huffman 1952, "A
method for the construction of minimum-redundancy codes"), where deviations add up least: any prefix of a run holds
each share to within two rows.
"""

from __future__ import annotations

import difflib
import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bigcode.api import fail
from bigcode_train.order.permutation import make_key
from bigcode_train.tokens.token_files import TokenFiles

SMALL = 1 << 18
"""Tokens of a language below which it shares its rows with other small ones of the same weight: a stream of its own
would show few documents many times in a row."""
_BITS = 32
LARGEST = 1 << 31
"""Rows of a stage that can be counted."""


@dataclass(frozen=True, slots=True)
class Stream:
    """Documents that are mixed evenly: a source, or one or more languages of it. `share` is of tokens, all sum to one;
    `tokens` holds the size of each language in it, `languages` their numbers in the source's list, None for all."""

    source: int
    name: str
    share: float
    tokens: Mapping[str, int]
    languages: tuple[int, ...] | None = None

    @property
    def size(self) -> int:
        return sum(self.tokens.values())


class Count(NamedTuple):
    """What is seen of a language of a source: tokens, and how often all of it."""

    source: str
    language: str
    tokens: int
    epochs: float


class _Split(NamedTuple):
    """Sends `share` (of 2**32) of what reaches it left; children are splits, or streams as -1 - number."""

    left: int
    right: int
    share: int
    phase: int


class Mixture:
    """The schedule of one stage."""

    def __init__(self, streams: Sequence[Stream], key: bytes) -> None:
        self.streams = tuple(streams)
        self._splits, self._root = _build_tree([stream.share for stream in streams], key)

    def locate(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The stream of each row, and its number within the stream; int64 like `rows`."""
        streams, numbers = np.empty(len(rows), np.int64), np.empty(len(rows), np.int64)
        waiting = [(self._root, np.arange(len(rows)), np.asarray(rows, np.int64))]
        while waiting:
            node, places, there = waiting.pop()
            if node < 0:
                streams[places], numbers[places] = -1 - node, there
            elif len(places):
                split = self._splits[node]
                before, after = _sent_left(there, split), _sent_left(there + 1, split)
                left = after > before
                waiting.append((split.left, places[left], before[left]))
                waiting.append((split.right, places[~left], (there - before)[~left]))
        return streams, numbers

    def count(self, first: int, stop: int) -> list[int]:
        """Rows of each stream among rows `first` to `stop`; as quick for any part of a run."""
        found = [0] * len(self.streams)
        for total, sign in ((stop, 1), (first, -1)):
            waiting = [(self._root, total)]
            while waiting:
                node, rows = waiting.pop()
                if node < 0:
                    found[-1 - node] += sign * rows
                else:
                    split = self._splits[node]
                    left = (rows * split.share + split.phase) >> _BITS
                    waiting += [(split.left, left), (split.right, rows - left)]
        return found

    def counts(
        self, first: int, stop: int, width: int, rows_an_epoch: Sequence[int] | None = None
    ) -> list[Count]:
        """Tokens and epochs of each language of each source in rows `first` to `stop` of `width` tokens, sorted.

        Exact where a stream is one language. Languages that share a stream are counted by their shares of it, which is
        right for whole epochs. Control tokens that the objective adds are counted with the text that they stand in.
        `rows_an_epoch` of each stream make its epochs exact; else they are as many as its tokens go into the rows'.
        """
        found = []
        for number, (stream, rows) in enumerate(zip(self.streams, self.count(first, stop), strict=True)):
            epochs = rows / rows_an_epoch[number] if rows_an_epoch else rows * width / stream.size
            shares = _apportion(rows * width, list(stream.tokens.values()))
            for language, tokens in zip(stream.tokens, shares, strict=True):
                found.append(Count(stream.name, language, tokens, epochs))
        return sorted(found)

    @cached_property
    def shares(self) -> dict[tuple[str, str], float]:
        """The share of each language of each source."""
        return {
            (stream.name, language): stream.share * tokens / stream.size
            for stream in self.streams
            for language, tokens in stream.tokens.items()
        }


def plan_mixture(
    files: Sequence[TokenFiles],
    sources: Sequence[Mapping[str, Any]] = (),
    weights: Mapping[str, float] | None = None,
    seed: int = 0,
    stage: int = 0,
) -> Mixture:
    """The mixture of a stage. `sources` say name, weight and weights of languages of each of `files`, as the params of
    a trainer do; `weights` of a stage win over theirs, by name.

    A source has its weight over the sum of all, in tokens; a language has its tokens times its weight over the sum of
    these in its source, and weighs one where nothing is said.

    Raises:
        Problem: E105 when all weights are nought, or one is given to a language that the source does not hold; E707
            when a source that is asked for holds no document.
    """
    said = list(sources) or [{"name": one.source} for one in files]
    if len(said) != len(files):
        raise ValueError("a mixture needs one description for each source")
    given = [float((weights or {}).get(one["name"], one.get("weight", 1.0))) for one in said]
    total = sum(given)
    if not total > 0 or not math.isfinite(total):
        raise fail(
            "E105",
            f"the mixture of stage {stage + 1} is empty: all sources weigh nought",
            hint="Give at least one source a weight above nought.",
        )
    streams: list[Stream] = []
    for number, (one, source, weight) in enumerate(zip(files, said, given, strict=True)):
        if weight > 0:
            streams += _split_source(number, one, source, weight / total)
    return Mixture(streams, make_key(seed, stage, "mixture"))


def _split_source(number: int, files: TokenFiles, said: Mapping[str, Any], share: float) -> list[Stream]:
    name, wanted = said["name"], dict(said.get("languages") or {})
    if not files.documents or not len(files.ids):
        raise fail("E707", f"the source `{name}` of the mixture holds no document")
    known = list(files.header.get("languages_list", ())) if files.languages is not None else []
    for language in sorted(set(wanted) - set(known)):
        if wanted[language] > 0:
            near = difflib.get_close_matches(language, known, 1)
            raise fail(
                "E105",
                f"the source `{name}` holds no document in `{language}`, which the mixture gives a weight",
                hint=f"Did you mean `{near[0]}`?"
                if near
                else f"It holds {', '.join(sorted(known)) or 'none'}.",
            )
    sizes = _tokens_by_language(files, known)
    return _group(number, name, share, sizes, wanted, known)


def _group(
    number: int,
    name: str,
    share: float,
    sizes: Mapping[str, int],
    wanted: Mapping[str, float],
    known: Sequence[str],
) -> list[Stream]:
    """A stream for each language, and one for all small ones of the same weight."""
    mass = sum(sizes[language] * wanted.get(language, 1.0) for language in sizes)
    if not mass > 0:
        raise fail(
            "E105",
            f"the source `{name}` of the mixture is empty: all of its languages weigh nought",
            hint="Leave the source out, or give one of its languages a weight above nought.",
        )
    groups: dict[tuple[float, str], list[str]] = {}
    for language in sorted(sizes):
        if wanted.get(language, 1.0) > 0:
            own = language if sizes[language] >= SMALL else ""
            groups.setdefault((wanted.get(language, 1.0), own), []).append(language)
    streams = []
    for (weight, _), languages in sorted(groups.items()):
        tokens = {language: sizes[language] for language in languages}
        everything = len(languages) == len(sizes)
        numbers = None if everything else tuple(known.index(language) for language in languages)
        part = share * sum(tokens.values()) * weight / mass
        streams.append(Stream(number, name, part, tokens, numbers))
    return streams


def _tokens_by_language(files: TokenFiles, known: Sequence[str]) -> dict[str, int]:
    """Tokens of each language that has a document, the end-of-text tokens included."""
    if files.languages is None or not known:
        return {"": len(files.ids)}
    # Sums in float64 are exact up to 2**53 tokens.
    sums = np.bincount(files.languages, np.diff(files.offsets), len(known))
    return {language: int(tokens) for language, tokens in zip(known, sums, strict=True) if tokens}


def _build_tree(shares: Sequence[float], key: bytes) -> tuple[list[_Split], int]:
    heap = [(share, number, -1 - number) for number, share in enumerate(shares)]
    heapq.heapify(heap)
    splits: list[_Split] = []
    while len(heap) > 1:
        (small, _, left), (large, _, right) = heapq.heappop(heap), heapq.heappop(heap)
        share = min(max(round(small / (small + large) * 2**_BITS), 1), 2**_BITS - 1)
        phase = int.from_bytes(make_key(key.hex(), len(splits))[: _BITS // 8], "little")
        splits.append(_Split(left, right, share, phase))
        heapq.heappush(heap, (small + large, len(shares) + len(splits), len(splits) - 1))
    return splits, heap[0][2]


def _sent_left(rows: NDArray[np.int64], split: _Split) -> NDArray[np.int64]:
    """How many of the first `rows` that reach a split go left."""
    return (rows * np.int64(split.share) + np.int64(split.phase)) >> np.int64(_BITS)


def _apportion(total: int, sizes: Sequence[int]) -> list[int]:
    """Whole parts of `total` in proportion to `sizes`, by largest remainder."""
    whole = sum(sizes)
    parts = [total * size // whole for size in sizes]
    rest = sorted(range(len(sizes)), key=lambda i: (-(total * sizes[i] % whole), i))
    for place in rest[: total - sum(parts)]:
        parts[place] += 1
    return parts
