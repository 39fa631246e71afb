"""Spans of text: in bytes of UTF-8 and as tags of tokens, and how well found ones agree with given ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

OUTSIDE, IGNORED = 0, -1
"""Tags of tokens that are no finding, and of those that nothing is learnt from."""
PARTIAL, STRICT = 0.8, 1.0
"""Share of the label, and of the finding, that both must have in common. The first is that of the evaluation of
BigCode's own detectors; with the second, bounds must be the same."""
_SPACE = b" \t\r\n"


class Span(NamedTuple):
    """Bytes `start` to `end` (exclusive) of a text. `positive` is false for what only looks like the entity."""

    start: int
    end: int
    entity: str
    score: float = 1.0
    positive: bool = True


class Window(NamedTuple):
    """Tokens `start` to `end`, of which those from `first` to `last` (exclusive) are this window's own."""

    start: int
    end: int
    first: int
    last: int


def tag_names(entities: Sequence[str]) -> tuple[str, ...]:
    """The tags by number: O, then B- and I- of each entity."""
    return ("O", *(f"{place}-{entity}" for entity in entities for place in "BI"))


def byte_offsets(text: str) -> NDArray[np.int64]:
    """For each character, and for the end, the bytes of UTF-8 before it."""
    codes = np.frombuffer(text.encode("utf-32-le"), "<u4")
    sizes = 1 + (codes > 0x7F).astype(np.int64) + (codes > 0x7FF) + (codes > 0xFFFF)
    return np.concatenate(([0], np.cumsum(sizes)))


def cut_windows(count: int, room: int, overlap: int) -> Iterator[Window]:
    """Windows of up to `room` tokens over `count` ones; each token is one window's own, the one whose edges are
    farthest from it."""
    step = room - overlap
    starts = range(0, max(1, count - overlap), step)
    for start in starts:
        last = count if start == starts[-1] else start + step + overlap // 2
        yield Window(start, min(count, start + room), start + overlap // 2 if start else 0, last)


def tag_tokens(
    places: NDArray[np.int64], spans: Iterable[Span], entities: Sequence[str]
) -> NDArray[np.int64]:
    """A tag for each token, int64.

    A token that shares a byte with a positive span of one of the `entities` is its beginning or its inside; where
    spans overlap, the first one counts. Tokens of a span without an entity are ignored, those of other entities are
    outside.

    Args:
        places: first byte and byte after the last of each token, int64 [tokens, 2], ascending.
    """
    tags = np.full(len(places), OUTSIDE, np.int64)
    numbers = {entity: 1 + 2 * index for index, entity in enumerate(entities)}
    starts, ends = places[:, 0], places[:, 1]
    for span in sorted(spans):
        if not span.positive or (span.entity and span.entity not in numbers):
            continue
        # Tokens of nothing but a piece of a character have its bounds, so that both orders are ascending.
        first, stop = np.searchsorted(ends, span.start, "right"), np.searchsorted(starts, span.end, "left")
        free = first + np.flatnonzero(tags[first:stop] == OUTSIDE)
        if not len(free):
            continue
        tags[free] = numbers[span.entity] + 1 if span.entity else IGNORED
        if span.entity:
            tags[free[0]] -= 1
    return tags


def join_tags(
    tags: NDArray[np.int64], scores: NDArray[np.float64], places: NDArray[np.int64], entities: Sequence[str]
) -> Iterator[Span]:
    """Spans of neighbouring tokens of one entity, with the mean of their scores; a beginning ends what stands before
    it. An inside without a beginning opens a span."""
    kinds = (tags - 1) // 2
    opens = (kinds != np.roll(kinds, 1)) | (tags % 2 == 1)
    if len(opens):
        opens[0] = True
    firsts = np.flatnonzero(opens)
    for first, stop in zip(firsts, [*firsts[1:], len(tags)], strict=True):
        if tags[first] > OUTSIDE:
            start, end = int(places[first, 0]), int(places[stop - 1, 1])
            yield Span(start, end, entities[kinds[first]], float(scores[first:stop].mean()))


def trim(content: bytes, span: Span) -> Span | None:
    """The span without white space at its ends; None where nothing is left."""
    inner = content[span.start : span.end]
    start = span.start + len(inner) - len(inner.lstrip(_SPACE))
    end = span.end - (len(inner) - len(inner.rstrip(_SPACE)))
    return span._replace(start=start, end=end) if start < end else None


@dataclass(frozen=True, slots=True)
class Score:
    """Counts of one entity: labels found and missed, findings that are wrong, and how many of these stand on a label
    (one that only looks like the entity, or one whose bounds or entity differ)."""

    found: int = 0
    missed: int = 0
    wrong: int = 0
    wrong_on_labels: int = 0

    def __add__(self, other: Score) -> Score:
        return Score(
            self.found + other.found,
            self.missed + other.missed,
            self.wrong + other.wrong,
            self.wrong_on_labels + other.wrong_on_labels,
        )

    @property
    def union(self) -> int:
        return self.found + self.missed + self.wrong

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; nought where there is nothing."""
        return 2 * self.found / (2 * self.found + self.missed + self.wrong) if self.union else 0.0

    @property
    def f1_interval(self) -> tuple[float, float]:
        """From the interval of j = found / (found + missed + wrong), a share, by f1 = 2j / (1 + j)."""
        low, high = wilson(self.found, self.union)
        return 2 * low / (1 + low), 2 * high / (1 + high)


def count_agreement(labels: Sequence[Span], findings: Sequence[Span], share: float) -> Mapping[str, Score]:
    """Counts by entity for one text.

    A finding agrees with a label of its entity when their common bytes are at least `share` of either. Labels in the
    order of the text take the first agreeing finding that is left.
    """
    left = sorted(findings)
    counts: dict[str, Score] = {}

    def count(entity: str, score: Score) -> None:
        counts[entity] = counts.get(entity, Score()) + score

    for label in sorted(label for label in labels if label.positive):
        match = next((finding for finding in left if _agree(finding, label, share)), None)
        count(label.entity, Score(found=match is not None, missed=match is None))
        if match is not None:
            left.remove(match)
    for finding in left:
        touched = any(finding.start < label.end and label.start < finding.end for label in labels)
        count(finding.entity, Score(wrong=1, wrong_on_labels=touched))
    return counts


def add_scores(parts: Iterable[Mapping[str, Score]]) -> dict[str, Score]:
    total: dict[str, Score] = {}
    for part in parts:
        for entity, score in part.items():
            total[entity] = total.get(entity, Score()) + score
    return dict(sorted(total.items()))


def wilson(hits: int, total: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """The score interval of a share at 95 %; (0, 1) when nothing was counted. Source: E. B. Wilson, Probable
    inference, the law of succession, and statistical inference, JASA 22 (1927), 209-212."""
    if not total:
        return 0.0, 1.0
    share, square = hits / total, z * z / total
    middle, spread = share + square / 2, z * sqrt(share * (1 - share) / total + square / (4 * total))
    return max(0.0, (middle - spread) / (1 + square)), min(1.0, (middle + spread) / (1 + square))


def _agree(finding: Span, label: Span, share: float) -> bool:
    common = min(finding.end, label.end) - max(finding.start, label.start)
    longest = max(finding.end - finding.start, label.end - label.start)
    return finding.entity == label.entity and common > 0 and common >= share * longest
