"""The statistics of texts, a block of rows at a time. All of them count characters (Unicode code points), never bytes.

Positions of line ends and of bytes outside ASCII are found in one pass over a block; everything else works on these
positions. Letters and digits outside ASCII are looked up by code point.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from bigcode_quality.blocks import Block, Bytes, Integers, block_of

_LF, _CR = 10, 13
_ALPHA, _DIGIT, _ALNUM, _KNOWN = 1, 2, 4, 128
_LONG = 2**22
"""Bytes; a longer row is counted in pieces."""
_CLASSES = np.zeros(0x110000, np.uint8)
"""What is known of each code point so far; zero where nobody has asked yet."""


@dataclass(frozen=True, slots=True)
class Counts:
    """One value for each row (int64): lines, characters of the longest line, of all lines without their ends, and of
    the whole row; letters, digits, and characters that are one or the other."""

    lines: Integers
    longest: Integers
    in_lines: Integers
    chars: Integers
    letters: Integers
    digits: Integers
    alnum: Integers


@dataclass(frozen=True, slots=True)
class Wide:
    """Where a block leaves ASCII: positions of all such bytes, and of those that continue a character (int64)."""

    bytes: Integers
    continuing: Integers


def count(block: Block, ends: Integers) -> Counts:
    """Count in the rows of a block; `ends` are the positions of its line feeds.

    A line ends with LF or CR LF, which are not part of its length; text after the last LF is a line unless it
    is empty. Letters and digits are those of Unicode (`str.isalpha`, `str.isdigit`; `str.isalnum` for both). Bytes
    that are not UTF-8 count as one replacement character for each bad sequence.
    """
    if len(block) == 1 and len(block.data) > _LONG and len(ends):
        return _count_long(block, ends)
    return _count_rows(block, ends)


def _count_rows(block: Block, ends: Integers) -> Counts:
    valid, wide = _find_wide(block)
    if valid is not block:
        block, ends = valid, find_lines(valid)
    lines, longest, in_lines = _measure_lines(block, wide, ends)
    chars = np.diff(block.bounds) - np.diff(block.rows_of(wide.continuing))
    letters = _count((block.data | 32) - np.uint8(ord("a")) < 26, block)
    digits = _count(block.data - np.uint8(ord("0")) < 10, block)
    alnum = letters + digits
    if len(wide.bytes):
        more = _count_wide(block, wide)
        letters, digits, alnum = letters + more[0], digits + more[1], alnum + more[2]
    return Counts(lines, longest, in_lines, chars, letters, digits, alnum)


def _count_long(block: Block, ends: Integers) -> Counts:
    """A long row, counted in pieces that end with a line, so that memory stays in proportion to a piece."""
    size = len(block.data)
    index = np.searchsorted(ends, np.arange(_LONG, size, _LONG))
    cuts = np.unique(np.concatenate(([0], ends[np.minimum(index, len(ends) - 1)] + 1, [size])))
    pieces = [Block(block.data[a:b], np.array([0, b - a])) for a, b in pairwise(cuts.tolist())]
    counts = [_count_rows(piece, find_lines(piece)) for piece in pieces]
    columns = {field.name: [getattr(c, field.name) for c in counts] for field in fields(Counts)}
    return Counts(**{n: (np.max if n == "longest" else np.sum)(c, axis=0) for n, c in columns.items()})


def _find_wide(block: Block) -> tuple[Block, Wide]:
    """The block as valid UTF-8 and its bytes outside ASCII."""
    high = np.flatnonzero(block.data >= 0x80)
    if not len(high):
        return block, Wide(high, high)
    counts = np.diff(block.rows_of(high))
    contents = [
        bytes(block.data[block.bounds[i] : block.bounds[i + 1]]) for i in np.flatnonzero(counts).tolist()
    ]
    if any(not _is_utf8(content) for content in contents):
        block = block_of([c.decode("utf-8", "replace").encode() for c in block.contents()])
        high = np.flatnonzero(block.data >= 0x80)
    return block, Wide(high, high[(block.data[high] & 0xC0) == 0x80])


def find_lines(block: Block) -> Integers:
    """Positions of the line feeds of a block."""
    return np.flatnonzero(block.data == _LF)


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _measure_lines(block: Block, wide: Wide, ends: Integers) -> tuple[Integers, Integers, Integers]:
    """Lines of each row, characters of its longest one, and characters of all of them."""
    data, bounds = block.data, block.bounds
    full = np.diff(bounds) > 0
    tails = bounds[1:][full]
    tails = tails[data[tails - 1] != _LF]
    # A row without a last line feed ends a line where the next row begins: before that row's own line ends.
    stops = np.insert(ends, np.searchsorted(ends, tails), tails)
    is_tail = np.zeros(len(stops), bool)
    is_tail[np.searchsorted(ends, tails) + np.arange(len(tails))] = True

    counts = np.diff(np.searchsorted(ends, bounds))
    last = np.searchsorted(tails, bounds[1:], side="right")
    counts += np.diff(last, prepend=0)
    first = np.cumsum(counts) - counts
    starts = np.empty_like(stops)
    starts[1:] = stops[:-1] + 1
    starts[first[full]] = bounds[:-1][full]

    lengths = stops - starts
    lengths -= (lengths > 0) & ~is_tail & (data[stops - 1] == _CR)
    if len(wide.continuing):
        lengths -= np.searchsorted(wide.continuing, stops) - np.searchsorted(wide.continuing, starts)
    longest, total = np.zeros(len(block), np.int64), np.zeros(len(block), np.int64)
    if len(stops):
        longest[full] = np.maximum.reduceat(lengths, first[full])
        total[full] = np.add.reduceat(lengths, first[full])
    return counts, longest, total


def _count(mask: npt.NDArray[np.bool_], block: Block) -> Integers:
    """True values of each row. Counting slices is many times faster than `reduceat` over bytes."""
    pairs = pairwise(block.bounds.tolist())
    return np.fromiter((np.count_nonzero(mask[a:b]) for a, b in pairs), np.int64, len(block))


def _count_wide(block: Block, wide: Wide) -> tuple[Integers, Integers, Integers]:
    """Letters, digits, and both together, outside ASCII, of each row."""
    leading: Bytes = block.data[wide.bytes] >= 0xC0
    return classify_wide(block.data[wide.bytes], block.rows_of(wide.bytes[leading]))


def classify_wide(text: Bytes, cuts: Integers) -> tuple[Integers, Integers, Integers]:
    """Letters, digits, and both together between cuts in the characters of a text that is valid UTF-8."""
    classes = _classify(np.frombuffer(text.tobytes().decode().encode("utf-32-le"), np.uint32))
    return _sums(classes & _ALPHA, cuts), _sums(classes & _DIGIT, cuts), _sums(classes & _ALNUM, cuts)


def _classify(points: npt.NDArray[np.uint32]) -> Bytes:
    classes = _CLASSES[points]
    for point in np.unique(points[classes == 0]).tolist():
        char = chr(point)
        found = _ALPHA * char.isalpha() | _DIGIT * char.isdigit() | _ALNUM * char.isalnum()
        _CLASSES[point] = _KNOWN | found
    return _CLASSES[points] if np.any(classes == 0) else classes


def _sums(flags: Bytes, cuts: Integers) -> Integers:
    before = np.concatenate(([0], np.cumsum(flags != 0)))
    return np.diff(before[cuts])


def ratio(part: Integers, whole: Integers) -> npt.NDArray[np.float64]:
    """Part by whole, zero where there is nothing (float64)."""
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
