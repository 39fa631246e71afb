"""Which implementation computes: compiled kernels where numba is installed, NumPy elsewhere, to the same bits."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bigcode_dedup.columns import Lists, Piece


class Engine(Protocol):
    """What `compiled` and `vectorised` both offer; `compiled` says what each function returns."""

    PIECE_BYTES: int

    def sign(
        self,
        piece: Piece,
        ngram: int,
        min_words: int,
        factors: NDArray[np.uint32],
        addends: NDArray[np.uint32],
    ) -> tuple[NDArray[np.uint32], NDArray[np.bool_]]: ...

    def shingle(self, piece: Piece, ngram: int) -> Lists: ...

    def winnow(self, piece: Piece, ngram: int, window: int) -> tuple[Lists, NDArray[np.int64]]: ...

    def fold_tokens(self, piece: Piece, ngram: int) -> Lists: ...

    def normalise(self, piece: Piece) -> Lists: ...


def load_engine() -> Engine:
    """The fastest engine that this installation has."""
    try:
        from bigcode_dedup import compiled as engine
    except ImportError:
        from bigcode_dedup import vectorised as engine  # type: ignore[no-redef]
    return engine
