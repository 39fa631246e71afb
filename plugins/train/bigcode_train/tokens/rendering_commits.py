"""What a commit did to each file: the text before, the message, and the text after, from a unified diff.

The rows are those of `sources.git-commits`: the message, an empty line, and the diff with its lines of context.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

Pieces = tuple[bytes | str, ...]
_FILE = re.compile(rb"^diff --git ", re.MULTILINE)


def render_commit(content: bytes) -> Iterator[tuple[str, Pieces]]:
    """Path and pieces of every file that a commit changes in text; all of it as text, with no path, where there is
    none. Stretches of a file that are apart are parted by an empty line."""
    parts = _FILE.split(content)
    message = parts[0].removesuffix(b"\n\n")
    found = False
    for part in parts[1:]:
        path, before, after = _read_file(part.split(b"\n"))
        if before != after:
            found = True
            # An empty side is a piece that is not there.
            sides: list[bytes | str] = [
                "<commit_before>", before, "<commit_msg>", message, "<commit_after>", after
            ]  # fmt: skip
            yield path, tuple(side for side in sides if side)
    if not found:
        yield "", (content,)


def _read_file(lines: Sequence[bytes]) -> tuple[str, bytes, bytes]:
    """Path, text before and text after of one file of a diff. Sizes of hunks say where they end, so that a changed
    line is never taken for a header."""
    path = ""
    before: list[bytes] = []
    after: list[bytes] = []
    old = new = hunks = 0
    for line in lines:
        if old > 0 or new > 0:
            mark, text = line[:1], line[1:] + b"\n"
            if mark in (b" ", b"-", b""):
                before.append(text)
                old -= 1
            if mark in (b" ", b"+", b""):
                after.append(text)
                new -= 1
            sides = [side for side, marks in ((before, b" -"), (after, b" +")) if mark in marks]
        elif line.startswith(b"\\") and hunks:
            # The line before has no line break at its end.
            for side in sides:
                side[-1] = side[-1].removesuffix(b"\n")
        elif header := re.match(rb"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@", line):
            old, new = (1 if size is None else int(size) for size in header.groups())
            if hunks:
                before.append(b"\n")
                after.append(b"\n")
            hunks += 1
            sides = []
        elif not hunks and line.startswith((b"--- a/", b"+++ b/", b"rename to ")):
            path = line.split(b" ", 1)[1].removeprefix(b"to ").rstrip(b"\t").decode()
            path = path[2:] if line[:4] in (b"--- ", b"+++ ") else path
    return path, b"".join(before), b"".join(after)
