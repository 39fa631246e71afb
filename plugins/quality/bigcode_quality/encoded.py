"""Data written as text: long runs of base64, hexadecimal numbers and `\\u` escapes.

The patterns are those of The Stack v2 (Lozhkov et al. 2024, section 2.1), over bytes: a match holds ASCII alone, so
that its bytes are its characters. A search with them is slow; they are tried only where they can match.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator

import numpy as np

from bigcode_quality.blocks import Block, Bytes, Integers

_BASE64 = re.compile(rb"[a-zA-Z0-9+/\n=]{64,}+")
HEX = re.compile(rb"(?:\b(?:0x|\\x)?[0-9a-fA-F]{2}(?:,|\b\s*)){8,}+")
_UNICODE = re.compile(rb"(?:\\u[0-9a-fA-F]{4}){8,}+")

_IN_WORD, _IN_BASE64, _IN_HEX = 1, 2, 4
_ALL_EIGHT = np.uint64(0x0101010101010101)
REACH = 256
"""Bytes in which eight pairs of a hexadecimal sequence begin; sparser ones are not looked for."""


Spans = dict[int, list[tuple[int, int]]]
"""Start and end of what was found, by row, counted from where the row begins."""


def _classify() -> Bytes:
    classes = np.zeros(256, np.uint8)
    for bit, pattern in ((_IN_WORD, rb"\w"), (_IN_BASE64, rb"[a-zA-Z0-9+/\n=]"), (_IN_HEX, rb"[0-9a-fA-F]")):
        classes[[found[0] for found in re.findall(pattern, bytes(range(256)))]] |= bit
    return classes


CLASSES = _classify()


def measure_encoded(block: Block, contents: list[bytes]) -> tuple[Integers, Integers]:
    """Characters of each row that lie in a match, and characters of its longest match (int64)."""
    classes = np.take(CLASSES, block.data)
    spans: Spans = {}
    for pattern, positions in (
        (_BASE64, _find_base64(block, classes)),
        (HEX, _find_hex(block, classes)),
        (_UNICODE, _find_escapes(block.data)),
    ):
        for row, starts in _by_row(block, positions):
            spans.setdefault(row, []).extend(match_starts(pattern, contents[row], starts))
    return join_spans(spans, len(block))


def join_spans(spans: Spans, rows: int) -> tuple[Integers, Integers]:
    """Of each row, how much its spans cover and how long the longest is (int64)."""
    covered, longest = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    for row, found in spans.items():
        end = 0
        for start, stop in sorted(found):
            covered[row] += max(0, stop - max(start, end))
            end = max(end, stop)
            longest[row] = max(longest[row], stop - start)
    return covered, longest


def _by_row(block: Block, positions: Integers) -> Iterator[tuple[int, list[int]]]:
    """Ascending positions of a block, by row, counted from where the row begins."""
    rows, first = np.unique(np.searchsorted(block.bounds, positions, side="right") - 1, return_index=True)
    for row, part in zip(rows.tolist(), np.split(positions, first[1:]), strict=False):
        yield row, (part - block.bounds[row]).tolist()


def match_starts(pattern: re.Pattern[bytes], content: bytes, starts: list[int]) -> Iterator[tuple[int, int]]:
    """The matches that a search would find, given in order all places where one can begin."""
    index = 0
    while index < len(starts):
        match = pattern.match(content, starts[index])
        index += 1
        if match:
            index = bisect_left(starts, match.end(), index)
            yield match.span()


def _find_base64(block: Block, classes: Bytes) -> Integers:
    """Where runs of 64 and more begin: each holds seven aligned groups of eight, one after another."""
    flags = (classes & _IN_BASE64) >> 1
    full = flags[: len(flags) & ~7].view(np.uint64) == _ALL_EIGHT
    if len(full) < 7:
        return np.zeros(0, np.int64)
    pairs = full[:-1] & full[1:]
    fours = pairs[:-2] & pairs[2:]
    groups = np.flatnonzero(fours[:-3] & fours[3:])
    # Of groups that follow one another the first, and of each row that begins among them its beginning.
    firsts = groups[np.diff(groups, prepend=-9) > 1] * 8
    lasts = groups[np.diff(groups, append=len(full) + 9) > 1] * 8 + 64
    cuts = block.bounds[block.bounds < len(flags)]
    inside = np.searchsorted(firsts, cuts, side="right") > np.searchsorted(lasts, cuts, side="left")
    edges = set(cuts.tolist())
    starts = []
    for first in firsts.tolist():
        while first > 0 and first not in edges and flags[first - 1]:
            first -= 1
        starts.append(first)
    return np.union1d(np.array(starts, np.int64), cuts[inside])


def _find_hex(block: Block, classes: Bytes) -> Integers:
    """Where a word begins that reads `12`, `0x12` or `\\x12` and seven more follow within `REACH` bytes."""
    data, digits = block.data, classes & _IN_HEX
    if len(data) < 2:
        return np.zeros(0, np.int64)
    ends = np.ones(len(data) - 1, np.bool_)
    ends[:-1] = classes[2:] & _IN_WORD == 0
    ends[np.maximum(block.bounds[1:] - 2, 0)] = True
    pairs = np.flatnonzero((digits[:-1] & digits[1:]).view(np.bool_) & ends)
    before = np.maximum(pairs - 1, 0)
    first = block.bounds[np.searchsorted(block.bounds, pairs)] == pairs
    prefixed = (data[before] == ord("x")) & ~first
    keep = first | prefixed | (classes[before] & _IN_WORD == 0)
    pairs, prefixed = pairs[keep], prefixed[keep]
    near = pairs[7:] - pairs[:-7] < REACH
    return (pairs - 2 * prefixed)[:-7][near]


def _find_escapes(data: Bytes) -> Integers:
    """Positions of `\\\\u`."""
    slashes = np.flatnonzero(data[:-1] == ord("\\"))
    return slashes[data[slashes + 1] == ord("u")]
