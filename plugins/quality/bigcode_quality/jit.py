"""How kernels are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile at the first call and keep the code where numba finds a folder for it."""
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:
        return njit(nogil=True)(function)


inner = njit(nogil=True)
inline = njit(nogil=True, inline="always")
"""For what is called for each line or part: a call with a part of an array costs more than most of them."""
