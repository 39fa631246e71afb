"""A finding and its replacement."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

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


_PRECEDENCE: dict[Entity, int] = {"KEY": 0, "EMAIL": 1, "IP_ADDRESS": 2}


def separate(findings: Iterable[Finding]) -> list[Finding]:
    """Findings in the order of the text, none overlapping: keys win over e-mails and these over addresses,
    then the surer, then the longer one."""
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


# The replacement is chosen by a digest that is cut to a few bits: so many values share each replacement that a
# guess of the value cannot be confirmed by it. The pepper only keeps the choice from being a plain hash.
_PEPPER = b"bigcode_pii surrogate 1\n"
_MAILBOXES = 64
_IPV4 = ("10.73.14.29", "10.146.208.61", "172.22.95.180", "192.168.37.211", "192.168.164.92")
_IPV6 = ("2001:db8:52::a3", "2001:db8:7c::1e", "2001:db8:91::d8", "2001:db8:b6::47", "2001:db8:e4::f2")
_LETTERS = b"ABCDEFGHIJKLMNOP"


def choose_surrogate(entity: Entity, value: bytes) -> str:
    """A harmless value of the same form, the same for the same value.

    E-mails become one of 64 mailboxes under example.com (RFC 2606), machine addresses one of 5 private (RFC
    1918) or 5 documentation addresses (RFC 3849). Keys become one letter of 16, repeated to the same length in
    characters; in a block of several lines everything but the encoded runs stays, so that quotes and line ends
    of the program around it survive.
    """
    number = int.from_bytes(sha256(_PEPPER + entity.encode() + b"\n" + value).digest()[:8], "big")
    if entity == "EMAIL":
        return f"user{number % _MAILBOXES:02d}@example.com"
    if entity == "IP_ADDRESS":
        table = _IPV6 if b":" in value else _IPV4
        return table[number % len(table)]
    letter = _LETTERS[number % len(_LETTERS)]
    if b"\n" not in value and b"\\n" not in value:
        return chr(letter) * len(value.decode())
    masked = bytearray(value)
    for start, end in encoded_runs(value):
        masked[start:end] = bytes([letter]) * (end - start)
    return masked.decode()


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
