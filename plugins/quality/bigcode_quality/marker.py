"""Whether a file says of itself that a program wrote it."""

from __future__ import annotations

import re

import numpy as np

from bigcode_quality.blocks import Block, Integers

_GENERATORS = (
    "protocol buffer|cython|swig|flex|bison|autoconf|automake|aclocal|antlr|thrift|grpc|bindgen|openapi"
)
_MARKER = re.compile(
    r"@(?:partially[- ]?|auto[- ]?)?generated\b"
    r"|\bauto(?:matically)?[- ]?generated\b|\bgenerated automatically\b"
    r"|\bcode generated (?:by|from)\b"
    r"|\bthis (?:file|code|module|script|source|document|page|header|class) (?:is|was|has been) (?:\w+ )?"
    r"(?:generated|created automatically)\b"
    rf"|\bgenerated (?:by|from|with) (?:the )?(?:{_GENERATORS})"
    r"|\bdo not (?:edit|modify|change) (?:this (?:file|code)|by hand|manually)\b"
    r"|\bdo not (?:edit|modify|change)(?: directly)?\s*[.!*;:-]*\s*(?:$|\*/|-->)",
    re.IGNORECASE | re.MULTILINE,
)
HINTS = (b"generated", b"do not", b"created automatically")
"""Lower case; no marker is without one of them."""
LONGEST_LINE_READ = 400
"""Characters of a line that the search for a marker reads: minified files have lines of megabytes."""


def find_markers(block: Block, ends: Integers, lines: int) -> list[bool]:
    """Whether one of the first `lines` lines of each row says so; `ends` are the positions of line feeds."""
    limit = lines * LONGEST_LINE_READ
    index = block.rows_of(ends)
    nth = index[:-1] + lines - 1
    stops = np.where(nth < index[1:], np.append(ends, 0)[np.minimum(nth, len(ends))] + 1, block.bounds[1:])
    stops = np.minimum(stops, block.bounds[:-1] + limit)
    whole = memoryview(block.data)
    starts = block.bounds.tolist()
    return [
        _is_hinted(top := bytes(whole[start:stop]), bytes(whole[start : min(end, start + limit)]))
        and has_marker(top)
        for start, stop, end in zip(starts, stops.tolist(), starts[1:], strict=False)
    ]


def _is_hinted(top: bytes, head: bytes) -> bool:
    # Outside ASCII there are letters that Unicode folds to those of a hint: there, what follows the top counts too.
    low = top.lower() if top.isascii() else head.lower()
    return any(hint in low for hint in HINTS)


def has_marker(top: bytes) -> bool:
    """Whether the first lines of a file, of which one holds a hint, hold a marker."""
    return bool(_MARKER.search(top.decode("utf-8", "replace")))
