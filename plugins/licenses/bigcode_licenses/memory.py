"""What was said of a text, kept in this process and across runs, so that no text is read twice."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from bigcode.api import Context

T = TypeVar("T")
_MOST = 8192


class Recent(Generic[T]):
    """A pure function of a text behind its last answers. The texts themselves are not kept."""

    def __init__(self, compute: Callable[[str], T], size: int = _MOST) -> None:
        self._compute, self._size = compute, size
        self._last: OrderedDict[str, T] = OrderedDict()

    def read(self, text: str, ctx: Context) -> T:
        digest = sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        if digest in self._last:
            self._last.move_to_end(digest)
            return self._last[digest]
        answer = self._last[digest] = self._find(digest, text, ctx)
        if len(self._last) > self._size:
            self._last.popitem(last=False)
        return answer

    def _find(self, digest: str, text: str, ctx: Context) -> T:
        return self._compute(text)


class Memory(Recent[T]):
    """The same with the engine's memory behind it, for answers that cost more than to read a file.

    `version` names the function and all that its answer depends on; it is asked for only when a text is new here.
    `pack` and `unpack` turn an answer into plain JSON and back, without loss.
    """

    def __init__(
        self,
        compute: Callable[[str], T],
        version: Callable[[], str],
        pack: Callable[[T], Any],
        unpack: Callable[[Any], T],
    ) -> None:
        super().__init__(compute)
        self._version, self._pack, self._unpack = version, pack, unpack

    def _find(self, digest: str, text: str, ctx: Context) -> T:
        key = f"{self._version()}/{digest}"
        kept = ctx.recall(key)
        if kept is not None:
            return self._unpack(json.loads(kept))
        answer = self._compute(text)
        ctx.remember(key, json.dumps(self._pack(answer), separators=(",", ":")).encode())
        return answer
