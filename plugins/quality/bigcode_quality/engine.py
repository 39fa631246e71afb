"""Which implementation measures: compiled kernels where numba is installed, NumPy elsewhere, to the same bits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bigcode_quality.blocks import Block, Integers
from bigcode_quality.statistics import Counts


@dataclass(frozen=True, slots=True)
class Structure:
    """One value for each row: characters (int64), whether it begins as XML, the share of its
    lines that repeat (float64), characters of encoded data and of the longest run of it, and characters in comments
    (int64), none where no lexer knows the extension.

    `mended` holds by row what is not UTF-8, with replacement characters.
    """

    chars: Integers
    xml: NDArray[np.bool_]
    repeated: NDArray[np.float64]
    encoded: Integers
    longest: Integers
    comments: Integers
    mended: dict[int, bytes]


class Engine(Protocol):
    """What `compiled` and `vectorised` both offer."""

    BLOCK_BYTES: int
    """Text to hand over at once."""

    def measure_text(self, block: Block, marker_lines: int) -> tuple[Counts, list[bool]]: ...

    def measure_structure(self, block: Block, extensions: Sequence[str]) -> Structure: ...


def load_engine() -> Engine:
    """The fastest engine that this installation has."""
    try:
        from bigcode_quality import compiled as engine
    except ImportError:
        from bigcode_quality import vectorised as engine  # type: ignore[no-redef]
    return engine
