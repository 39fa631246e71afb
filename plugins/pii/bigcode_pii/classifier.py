"""A small classifier that says how likely a candidate is a secret, from the value and what stands around it.

A linear model over hashed features (Weinberger et al., ICML 2009): runs of one to three characters of the value,
raw and by class, words and signs of the line around, and coarse measures. The weights are made by
`training/train.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from io import BytesIO
from math import exp
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from bigcode.api import fail
from bigcode_pii.config import Entity
from bigcode_pii.secrecy import measure_entropy

BUCKETS = 1 << 14
_AROUND = 48
_MOST = 96
_PACKAGED = Path(__file__).parent / "weights" / "candidates.npz"
PACKAGED_SHA256 = "e5496a63305fb6e8a132dc251cba3091ba49f796de534263df17ba0f59ff658d"
_PARTS = re.compile(rb"[A-Z]?[a-z]+|[A-Z]+|[0-9]+|[^A-Za-z0-9\s]")
_CLASSES = bytes(
    65 if 65 <= b <= 90 else 97 if 97 <= b <= 122 else 48 if 48 <= b <= 57 else 46 if b > 127 else b
    for b in range(256)
)


@dataclass(frozen=True, eq=False, slots=True)
class Classifier:
    """`weights` is float64 of `BUCKETS`; `bias` is the log odds without any feature."""

    weights: NDArray[np.float64]
    bias: float

    def judge(self, content: bytes, start: int, end: int, entity: Entity) -> float:
        """Probability that the bytes from `start` to `end` are what `entity` says."""
        odds = self.bias + float(self.weights[features(content, start, end, entity)].sum())
        return 1 / (1 + exp(-max(-60.0, min(60.0, odds))))


def features(content: bytes, start: int, end: int, entity: Entity) -> NDArray[np.int64]:
    """Distinct indexes below `BUCKETS`, ascending."""
    value = content[start:end][:_MOST]
    shape = value.translate(_CLASSES)
    names = {
        b"e" + entity.encode(),
        b"l%d" % min(len(value) // 4, 24),
        b"h%d" % int(2 * measure_entropy(value)),
    }
    for size in (1, 2, 3):
        names.update(b"v" + value[i : i + size].lower() for i in range(len(value) - size + 1))
        names.update(b"s" + shape[i : i + size] for i in range(len(shape) - size + 1))
    names.update(
        b"c" + bytes([byte]) + b"%d" % min(9, 10 * shape.count(byte) // max(1, len(shape)))
        for byte in set(shape)
    )
    line = content.rfind(b"\n", max(0, start - _AROUND), start) + 1
    before = _PARTS.findall(content[max(line, start - _AROUND) : start].lower())
    stop = content.find(b"\n", end, end + _AROUND)
    after = _PARTS.findall(content[end : stop if stop >= 0 else end + _AROUND].lower())
    names.update(b"b" + word for word in before)
    names.update(b"b%d" % i + word for i, word in enumerate(reversed(before[-4:])))
    names.update(b"a%d" % i + word for i, word in enumerate(after[:3]))
    return np.unique(np.array([crc32(name) & (BUCKETS - 1) for name in names], np.int64))


def load_classifier(path: str = "", digest: str = "") -> Classifier:
    """The classifier of the package, or the one in `path` if it has the sha256 `digest`.

    Raises:
        Problem: E109 if the file cannot be read, E702 if it has another digest.
    """
    return _load(path or str(_PACKAGED), digest if path else PACKAGED_SHA256)


@lru_cache(maxsize=4)
def _load(path: str, digest: str) -> Classifier:
    try:
        data = Path(path).read_bytes()
    except OSError:
        raise fail("E109", "pii.verified: the file with weights cannot be read") from None
    found = sha256(data).hexdigest()
    if found != digest:
        raise fail("E702", f"pii.verified: the weights have the digest {found}, not the one pinned")
    with np.load(BytesIO(data), allow_pickle=False) as arrays:
        return Classifier(arrays["weights"].astype(np.float64), float(arrays["bias"][0]))
