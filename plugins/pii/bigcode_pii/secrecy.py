"""Does a value look drawn at random, or like something that a person wrote?"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from math import log2

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
    if measure_entropy(value) < bits or _PLACEHOLDER.search(value) or _REFERENCE.search(value):
        return False
    if _UUID.search(value) or _DIGEST_MARK.search(value) or any(run in value for run in _RUNS):
        return False
    classes = [_CLASS[byte] for byte in value if _CLASS[byte] != _OTHER]
    digits = classes.count(_DIGIT)
    changes = sum(a != b for a, b in pairwise(classes))
    return digits < len(classes) and changes >= (0.25 if digits >= 2 else 0.4) * len(classes)


_DIGIT, _LOWER, _UPPER, _OTHER = range(4)


def _classify(byte: int) -> int:
    char = chr(byte)
    if not char.isascii() or not char.isalnum():
        return _OTHER
    return _DIGIT if char.isdigit() else _LOWER if char.islower() else _UPPER


_CLASS = tuple(_classify(byte) for byte in range(256))


def is_scattered(value: bytes) -> bool:
    """Whether digits, small and capital letters stand mixed as in random text: at least three of each, four bits of
    entropy a byte, and a change of class at every other place (random base62 changes at three of five)."""
    classes = [_CLASS[byte] for byte in value]
    if (
        min(classes.count(_DIGIT), classes.count(_LOWER), classes.count(_UPPER)) < 3
        or measure_entropy(value) < 4.0
    ):
        return False
    return sum(a != b for a, b in pairwise(classes)) >= 0.5 * (len(classes) - 1)
