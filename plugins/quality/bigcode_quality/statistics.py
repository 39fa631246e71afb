"""The statistics of a text. All of them count characters (Unicode code points), never bytes.

ASCII is counted on the bytes, where deleting a class of bytes is one pass in C; only the characters outside
ASCII are looked at one by one.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import NamedTuple

_ASCII = bytes(range(128))
_LETTERS = bytes(c for c in _ASCII if chr(c).isalpha())
_DIGITS = b"0123456789"

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
_HINT = re.compile(rb"generated|do not|created automatically", re.IGNORECASE)
_LONGEST_LINE_READ = 400
"""Characters of a line that the search for a marker reads: minified files have lines of megabytes."""


class Statistics(NamedTuple):
    """`lines` and `max_line` in lines and characters, `mean_line` in characters a line, shares in 0..1."""

    lines: int
    max_line: int
    mean_line: float
    alnum: float
    alpha: float
    digits: float
    generated_marker: bool


def measure(content: bytes, marker_lines: int = 10) -> Statistics:
    """Measure UTF-8 text; bytes that are not UTF-8 count as one replacement character for each bad sequence.

    A line ends with LF or CR LF, which are not part of its length; text after the last LF is a line unless it
    is empty. Shares are taken over all characters, line ends included, with the letters and digits of Unicode
    (`str.isalnum`, `str.isalpha`, `str.isdigit`). Empty text measures zero in everything.
    """
    text = content if content.isascii() else content.decode("utf-8", "replace")
    size = len(text)
    if not size:
        return Statistics(0, 0, 0.0, 0.0, 0.0, 0.0, False)

    lengths = _line_lengths(text)
    letters = len(content) - len(content.translate(None, _LETTERS))
    digits = len(content) - len(content.translate(None, _DIGITS))
    alnum = letters + digits
    if isinstance(text, str):
        # Encoded anew: in bytes that were not UTF-8, halves of characters could meet once the ASCII is gone.
        rest = text.encode().translate(None, _ASCII).decode()
        letters += sum(map(str.isalpha, rest))
        digits += sum(map(str.isdigit, rest))
        alnum += sum(map(str.isalnum, rest))
    return Statistics(
        lines=len(lengths),
        max_line=max(lengths),
        mean_line=sum(lengths) / len(lengths),
        alnum=alnum / size,
        alpha=letters / size,
        digits=digits / size,
        generated_marker=has_marker(content, marker_lines),
    )


def has_marker(content: bytes, lines: int) -> bool:
    """Whether one of the first `lines` lines says that a program wrote the file."""
    head = content[: lines * _LONGEST_LINE_READ]
    if not _HINT.search(head):
        return False
    top = islice(re.finditer(rb"[^\n]*\n?", head), lines)
    return bool(_MARKER.search("".join(m[0].decode("utf-8", "replace") for m in top)))


def _line_lengths(text: str | bytes) -> list[int]:
    if isinstance(text, bytes):
        pieces = text.split(b"\n")
        if b"\r\n" in text:
            pieces = [*(p.removesuffix(b"\r") for p in pieces[:-1]), pieces[-1]]
        lengths = list(map(len, pieces))
    else:
        parts = text.split("\n")
        if "\r\n" in text:
            parts = [*(p.removesuffix("\r") for p in parts[:-1]), parts[-1]]
        lengths = list(map(len, parts))
    if not lengths[-1]:
        lengths.pop()
    return lengths
