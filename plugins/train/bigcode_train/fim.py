"""Fill-in-the-middle on token ids, without state.

A stretch of a document is cut at two places into prefix, middle and suffix, and the middle moves to the end.
PSM order is prefix, suffix, middle; SPM order is suffix, then prefix and middle joined. Sources: Bavarian et al.
2022, "Efficient training of language models to fill in the middle" (PSM, and the second variant of SPM); Li et al.
2023, "StarCoder: may the source be with you!" (rates). What happens to a stretch depends on the seed, the epoch,
the document and the place where the stretch starts, so that neither resume nor the number of ranks changes it.
"""

from __future__ import annotations

import struct
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

OVERHEAD = 3
"""Control tokens that the transformation adds."""
SHORTEST = 8
"""A stretch of fewer tokens leaves nothing to fill in."""


class Marks(NamedTuple):
    """Ids of the control tokens."""

    prefix: int
    middle: int
    suffix: int


class Draw(NamedTuple):
    """Four numbers in 0 <= x < 1: whether to transform, in which order, and where to cut."""

    apply: float
    spm: float
    first: float
    second: float


def draw(seed: int, epoch: int, document: int, start: int) -> Draw:
    """The draw of the stretch of a document that starts at its token `start`."""
    packed = struct.pack("<qqqq", seed, epoch, document, start)
    words = struct.unpack("<4Q", blake2b(packed, digest_size=32, person=b"bigcode.fim").digest())
    return Draw(*(word / 2**64 for word in words))


def rearrange(ids: NDArray[Any], chance: Draw, spm_rate: float, marks: Marks) -> NDArray[Any]:
    """The stretch with its middle moved to the end: `OVERHEAD` ids longer, same dtype, nothing lost."""
    first, second = sorted(int(x * (len(ids) + 1)) for x in (chance.first, chance.second))
    prefix, middle, suffix = ids[:first], ids[first:second], ids[second:]
    parts = (
        ([marks.prefix, marks.suffix], suffix, [marks.middle], prefix, middle)
        if chance.spm < spm_rate
        else ([marks.prefix], prefix, [marks.suffix], suffix, [marks.middle], middle)
    )
    return np.concatenate([np.asarray(part, ids.dtype) for part in parts])
