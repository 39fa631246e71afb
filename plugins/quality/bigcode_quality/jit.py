"""How kernels are compiled."""

from __future__ import annotations

from collections.abc import Callable
from sys import byteorder
from typing import Any

from llvmlite.ir import IntType
from numba import njit, types
from numba.extending import intrinsic


def kernel(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile at the first call and keep the code where numba finds a folder for it."""
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:
        return njit(nogil=True)(function)


inner = njit(nogil=True)
inline = njit(nogil=True, inline="always")
"""For what is called for each line or part: a call with a part of an array costs more than most of them."""


@intrinsic
def load_eight(_context: Any, array: Any, index: Any) -> Any:
    """Eight bytes of an array of uint8 as one uint64, the first one lowest, from any place on; `index` is unchecked."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        whole = context.make_array(signature.args[0])(context, builder, arguments[0])
        place = builder.gep(whole.data, [arguments[1]])
        loaded = builder.load(builder.bitcast(place, IntType(64).as_pointer()))
        loaded.align = 1
        return loaded if byteorder == "little" else builder.bswap(loaded)

    return types.uint64(array, types.intp), generate
