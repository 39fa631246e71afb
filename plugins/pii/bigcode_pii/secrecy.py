"""Does a value look drawn at random, or like something that a person wrote?"""

from __future__ import annotations

from collections import Counter
from math import log2
from operator import ne

from bigcode_pii.findings import latin

_PLACEHOLDER = latin(
    rb"(?i)example|sample|dummy|placeholder|changeme|change[_-]me|replace|your[_-]?|xxx|\*\*\*|\.\.\.|todo|fixme|"
    rb"redacted|removed|hidden|masked|insert|enter[_-]|secret|passw|token|mock|fake|foobar|lorem|ipsum|default|"
    rb"testing|test[_-]|[_-]test|undefined|12345|qwerty|deadbeef|cafebabe"
)
_REFERENCE = latin(
    rb"[${}<>()\[\]\\|;,!?#% ]|^[.~@&]|://|^(?i:os|env|process|self|this|config|settings|ctx|vault|data|urn|arn)[.:]"
)
_UUID = latin(rb"(?i)^\{?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\}?$")
_DIGEST_MARK = latin(rb"(?i)^(?:md5|sha[0-9]+|blake[0-9a-z]*|git|commit)[:=-]")
_RUNS = tuple(
    row[i : i + 6]
    for row in (b"abcdefghijklmnopqrstuvwxyz", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"0123456789", b"9876543210")
    for i in range(len(row) - 5)
)


def measure_entropy(value: bytes) -> float:
    """Shannon entropy of the bytes, in bits per byte."""
    total = len(value)
    return -sum(n / total * log2(n / total) for n in Counter(value).values()) if total else 0.0


def looks_invented(value: bytes) -> bool:
    """Whether a credential of known form is an example: a placeholder's word, a run of the alphabet, one letter."""
    return bool(_WRITTEN_OUT.search(value)) or any(run in value for run in _RUNS) or len(set(value)) < 6


_WRITTEN_OUT = latin(rb"(?i)example|placeholder|xxxx|\.\.\.|your[_-]|dummy|redacted|sample|fake[_-]")


def is_random(value: bytes, bits: float) -> bool:
    """Whether a value has at least `bits` of entropy a byte and none of the marks of a written one.

    Its letters and digits must change places often, as they do in random text and hardly in names such as
    `oauth2_client_v10` or in paths; without digits, even more often.
    """
    # What rules out most comes first.
    classes = value.translate(_CLASSES, _OTHERS)
    digits = classes.count(b"d")
    if digits == len(classes) or _changes(classes) < (0.25 if digits >= 2 else 0.4) * len(classes):
        return False
    if _PLACEHOLDER.search(value) or _REFERENCE.search(value) or measure_entropy(value) < bits:
        return False
    return not (_UUID.search(value) or _DIGEST_MARK.search(value) or any(run in value for run in _RUNS))


def _classify(byte: int) -> bytes:
    char = chr(byte)
    return b"d" if char.isdigit() else b"l" if char.islower() else b"u"


_OTHERS = bytes(byte for byte in range(256) if not (chr(byte).isascii() and chr(byte).isalnum()))
_CLASSES = b"".join(b"o" if byte in _OTHERS else _classify(byte) for byte in range(256))
"""Letters and digits by kind."""


def _changes(classes: bytes) -> int:
    """At how many places another kind begins."""
    return sum(map(ne, classes, classes[1:]))


def is_scattered(value: bytes) -> bool:
    """Whether digits, small and capital letters stand mixed as in random text: at least three of each, four bits of
    entropy a byte, and a change of class at every other place (random base62 changes at three of five)."""
    classes = value.translate(_CLASSES)
    if min(classes.count(b"d"), classes.count(b"l"), classes.count(b"u")) < 3:
        return False
    return _changes(classes) >= 0.5 * (len(classes) - 1) and measure_entropy(value) >= 4.0
