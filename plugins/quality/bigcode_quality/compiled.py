"""The engine of compiled kernels: sizes their results, and does in Python what few rows need."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bigcode_quality.blocks import Block, Integers, block_of
from bigcode_quality.encoded import CLASSES, HEX, REACH, Spans, join_spans, match_starts
from bigcode_quality.encoded_kernels import find_encoded
from bigcode_quality.engine import Structure
from bigcode_quality.lexer import count_comments
from bigcode_quality.line_kernels import count_lines, find_declarations
from bigcode_quality.marker import HINTS, LONGEST_LINE_READ, has_marker
from bigcode_quality.statistics import Counts, classify_wide
from bigcode_quality.syntaxes import NUMBERS, RULES, STARTERS
from bigcode_quality.text_kernels import count_text
from bigcode_quality.vectorised import XML, XML_CHARS, decode, measure_repeated

BLOCK_BYTES = 2**26
"""Nothing of the size of a block is made beside it."""


_HINTS = np.frombuffer(b"".join(hint + b"\0" for hint in HINTS), np.uint8)
_WEIGHTS = np.random.PCG64(7).random_raw(2)
_XML = np.frombuffer(XML, np.uint8)


def measure_text(block: Block, marker_lines: int) -> tuple[Counts, list[bool]]:
    """The statistics of each row, and whether one of its first lines marks it as generated."""
    found = _count_text(block, marker_lines)
    whole = memoryview(block.data)
    marked = [False] * len(block)
    for row in np.flatnonzero(found[:, 8]).tolist():
        marked[row] = has_marker(bytes(whole[block.bounds[row] : found[row, 7]]))
    wide = np.flatnonzero(found[:, 6])
    block, mended = _mend(block, wide)
    if mended:
        found = _count_text(block, marker_lines)
    lines, longest, in_lines, chars, letters, digits = found.T[:6]
    alnum = letters + digits
    if len(wide):
        rows = [block.data[block.bounds[i] : block.bounds[i + 1]] for i in wide.tolist()]
        high = [row[row >= 0x80] for row in rows]
        begins = np.cumsum([0, *(np.count_nonzero(part >= 0xC0) for part in high)])
        for column, more in zip(
            (letters, digits, alnum), classify_wide(np.concatenate(high), begins), strict=True
        ):
            column[wide] += more
    return Counts(lines, longest, in_lines, chars, letters, digits, alnum), marked


def measure_structure(block: Block, extensions: Sequence[str]) -> Structure:
    """What the rows are made of; `extensions` are of lower case, with their dot, and say what begins a comment."""
    lines = _count_lines(block)
    block, mended = _mend(block, np.flatnonzero(lines[:, 1]))
    if mended:
        lines = _count_lines(block)
    chars, _, feeds, unique = lines.T
    total = chars - feeds
    repeated = np.zeros(len(block))
    np.divide(unique, total, out=repeated, where=total > 0)
    np.subtract(1, repeated, out=repeated, where=total > 0)
    for row in np.flatnonzero(unique < 0).tolist():
        _, text = decode(block.content(row))
        repeated[row] = measure_repeated(text)
    xml = np.empty(len(block), np.bool_)
    find_declarations(block.data, block.bounds, _XML, XML_CHARS, xml)
    encoded, longest = join_spans(_find_spans(block), len(block))
    syntax = np.array([NUMBERS.get(extension, -1) for extension in extensions], np.int64)
    comments = np.empty(len(block), np.int64)
    count_comments(block.data, block.bounds, syntax, RULES, STARTERS, comments)
    return Structure(chars, xml, repeated, encoded, longest, comments, mended)


def _count_text(block: Block, marker_lines: int) -> Integers:
    out = np.empty((len(block), 9), np.int64)
    limit = marker_lines * LONGEST_LINE_READ
    count_text(block.data, block.bounds, marker_lines, limit, _HINTS, out)
    return out


def _count_lines(block: Block) -> Integers:
    out = np.empty((len(block), 4), np.int64)
    count_lines(block.data, block.bounds, _WEIGHTS, out)
    return out


def _find_spans(block: Block) -> Spans:
    room = 1024 + len(block.data) // 256
    while True:
        spans, starts = np.empty((room, 3), np.int64), np.empty((room, 2), np.int64)
        found, candidates = find_encoded(block.data, block.bounds, CLASSES, REACH, spans, starts)
        if max(found, candidates) <= room:
            break
        room = max(found, candidates)
    by_row: Spans = {}
    for row, start, end in spans[:found].tolist():
        by_row.setdefault(row, []).append((start, end))
    rows, first = np.unique(starts[:candidates, 0], return_index=True)
    for row, part in zip(rows.tolist(), np.split(starts[:candidates, 1], first[1:]), strict=False):
        by_row.setdefault(row, []).extend(match_starts(HEX, block.content(row), part.tolist()))
    return by_row


def _mend(block: Block, wide: Integers) -> tuple[Block, dict[int, bytes]]:
    """The block with replacement characters for what is not UTF-8, and the rows that changed."""
    mended = {}
    for row in wide.tolist():
        content = block.content(row)
        utf8, _ = decode(content)
        if utf8 is not content:
            mended[row] = utf8
    if not mended:
        return block, mended
    return block_of([mended.get(row, content) for row, content in enumerate(block.contents())]), mended
