"""The second tier: ScanCode's licence index, in this process. It is imported when the first text needs it.

Loading takes seconds and 1.4 GB, so nothing here does so but `read`, and what `read` says of a text is kept by
the caller under `version()`.
"""

from __future__ import annotations

import warnings
from functools import cache
from importlib.metadata import distribution
from importlib.util import find_spec
from typing import Any, NamedTuple

from bigcode_licenses.expressions import UNKNOWN, canonical

_LINE = 12
"""Words of a line of what is given to ScanCode: it groups matches by their distance in lines."""
_INDEX = "licensedcode/data/cache/license_index/index_cache,sha256="


class Hit(NamedTuple):
    """A rule of ScanCode in a normalised text, from character `start` to `end` (to the line of twelve words).

    `score` is ScanCode's: how much of the rule is there, times how telling the rule is; 0 to 1. `kind` is what the
    rule is: `text`, `notice`, `tag`, `reference`, or empty for introductions and clues.
    """

    id: str
    score: float
    start: int
    end: int
    kind: str


class Scan(NamedTuple):
    """`coverage` is the share of the words of the text that the hits cover."""

    hits: tuple[Hit, ...]
    coverage: float


def is_installed() -> bool:
    return find_spec("licensedcode") is not None


@cache
def version() -> str:
    """The release and the digest of its index, read from the list of installed files: nothing is loaded."""
    found = distribution("scancode-toolkit-mini")
    _, _, rest = (found.read_text("RECORD") or "").partition(_INDEX)
    return f"scancode-{found.version}-{rest[:16]}"


def read(text: str, near: bool) -> Scan:
    """What ScanCode finds in a normalised text (one line, single spaces): rules word by word, which takes half a
    millisecond, and with `near` also rules that the text holds in other words, which takes two hundred times that.

    Its own heuristics leave out false positives and fragments; the hits that remain are given one by one, since
    the conjunction of all that it finds would deny files for a stray match.
    """
    index, detect, to_spdx = _library()
    words = text.split(" ")
    lines = [" ".join(words[i : i + _LINE]) for i in range(0, len(words), _LINE)]
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    hits, covered, total = set(), set[int](), 0
    for detection in detect(index=index, query_string="\n".join(lines), approximate=near):
        for found in detection.matches:
            total = len(found.query.tokens) + sum(found.query.unknowns_by_pos.values())
            if detection.license_expression is None:
                continue
            covered.update(found.qspan)
            hits.add(
                Hit(
                    _canonical(to_spdx(found.rule.license_expression)),
                    round(found.score() / 100, 4),
                    starts[found.start_line - 1],
                    starts[found.end_line] - 1,
                    _kind(found.rule),
                )
            )
    coverage = round(len(covered) / total, 4) if total else 0.0
    return Scan(tuple(sorted(hits, key=lambda hit: (hit.start, hit.end, hit))), coverage)


@cache
def _library() -> tuple[Any, Any, Any]:
    with warnings.catch_warnings():
        # It says where it found libmagic, which is not used here.
        warnings.simplefilter("ignore")
        from licensedcode import cache as index_cache
        from licensedcode.detection import detect_licenses

        index = index_cache.get_index()
        licensing = index_cache.get_licensing()

    def to_spdx(expression: str) -> str:
        return str(index_cache.build_spdx_license_expression(expression, licensing=licensing))

    return index, detect_licenses, to_spdx


def _canonical(expression: str) -> str:
    """ScanCode names exceptions that SPDX does not know; without them an expression permits less, never more."""
    if (form := canonical(expression)) is not None:
        return form
    words = expression.split(" ")
    kept = [w for i, w in enumerate(words) if w != "WITH" and (i == 0 or words[i - 1] != "WITH")]
    closing = ")" * (" ".join(kept).count("(") - " ".join(kept).count(")"))
    return canonical(" ".join(kept) + closing) or UNKNOWN


def _kind(rule: Any) -> str:
    for kind in ("text", "notice", "tag", "reference"):
        if getattr(rule, f"is_license_{kind}"):
            return kind
    return ""
