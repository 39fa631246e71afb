"""A finding, and how patterns of this plugin are compiled."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass

import re2

from bigcode_pii.config import Entity


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """Bytes `start` to `end` (exclusive) of a content; `kind` says which rule found them."""

    start: int
    end: int
    entity: Entity
    kind: str
    score: float


_PRECEDENCE: dict[Entity, int] = {
    "KEY": 0, "PASSWORD": 1, "EMAIL": 2, "IP_ADDRESS": 3, "NAME": 4, "USERNAME": 5,
}  # fmt: skip


def separate(findings: Iterable[Finding]) -> list[Finding]:
    """Findings in the order of the text, none overlapping: keys win over passwords, then come e-mails, addresses,
    names and user names; then the surer, then the longer one."""
    kept: list[Finding] = []
    ranked = sorted(
        findings, key=lambda f: (_PRECEDENCE[f.entity], -f.score, f.start - f.end, f.start, f.kind)
    )
    for finding in ranked:
        place = bisect_left(kept, finding)
        free = place == 0 or kept[place - 1].end <= finding.start
        if free and (place == len(kept) or finding.end <= kept[place].start):
            kept.insert(place, finding)
    return kept


def encoded_runs(value: bytes, at_least: int = 4) -> list[tuple[int, int]]:
    """Where letters and digits of base64 or hex stand, without a letter that belongs to an escape such as `\\n`."""
    runs = []
    for match in _ENCODED_RUN.finditer(value):
        start, end = match.span()
        start += start > 0 and value[start - 1] == 0x5C
        if end - start >= at_least:
            runs.append((start, end))
    return runs


def latin(pattern: bytes) -> re2._Regexp:
    """Compile for bytes: one byte is one character, which is right for the ASCII patterns of this plugin."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    return re2.compile(pattern, options)


_ENCODED_RUN = latin(rb"[A-Za-z0-9+/=]+")
