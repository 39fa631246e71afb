"""The engine that NumPy and regular expressions make; `compiled` gives the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bigcode_quality.blocks import Block, block_of
from bigcode_quality.comments import EXTENSIONS, count_comments
from bigcode_quality.encoded import measure_encoded
from bigcode_quality.engine import Structure
from bigcode_quality.marker import find_markers
from bigcode_quality.statistics import Counts, count, find_lines

BLOCK_BYTES = 2**20
"""So much stays in the processor's cache between the passes."""
XML, XML_CHARS = b"<?xml version=", 100
"""An XML declaration up to its version, and in how many characters from the top it may stand."""


def measure_text(block: Block, marker_lines: int) -> tuple[Counts, list[bool]]:
    """The statistics of each row, and whether one of its first lines marks it as generated."""
    ends = find_lines(block)
    return count(block, ends), find_markers(block, ends, marker_lines)


def measure_structure(block: Block, extensions: Sequence[str]) -> Structure:
    """What the rows are made of; `extensions` are of lower case, with their dot, and say what begins a comment."""
    given = block.contents()
    files = [decode(content) for content in given]
    contents = [content for content, _ in files]
    mended = {row: new for row, (new, old) in enumerate(zip(contents, given, strict=True)) if new is not old}
    encoded, longest = measure_encoded(block_of(contents) if mended else block, contents)
    comments = [
        count_comments(content, EXTENSIONS[extension], text is content) if extension in EXTENSIONS else 0
        for (content, text), extension in zip(files, extensions, strict=True)
    ]
    return Structure(
        np.array([len(text) for _, text in files], np.int64),
        np.array([_begins_as_xml(text) for _, text in files], np.bool_),
        np.array([measure_repeated(text) for _, text in files], np.float64),
        encoded,
        longest,
        np.array(comments, np.int64),
        mended,
    )


def decode(content: bytes) -> tuple[bytes, str | bytes]:
    """A file as UTF-8 and as characters, which for ASCII are the same bytes; what is not UTF-8 is replaced."""
    if content.isascii():
        return content, content
    try:
        return content, content.decode()
    except UnicodeDecodeError:
        text = content.decode("utf-8", "replace")
        return text.encode(), text


def _begins_as_xml(text: str | bytes) -> bool:
    top = text[:XML_CHARS]
    return XML in (top.encode() if isinstance(top, str) else top)


def measure_repeated(text: str | bytes) -> float:
    """The share of the characters in lines that stands in lines which the file held before.

    Of each set of equal lines all but one count; line feeds do not. (Rae et al. 2021, appendix A1.1, do this with
    paragraphs and lines of prose.)
    """
    lines = text.split(b"\n") if isinstance(text, bytes) else text.split("\n")
    total = len(text) - len(lines) + 1
    return 1 - sum(map(len, set(lines))) / total if total else 0.0
