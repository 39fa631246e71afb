"""The observer `dedup.winnow`."""

from __future__ import annotations

from hashlib import sha256

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bigcode.api import Context
from bigcode_dedup.columns import Lists, as_binary, chunked, cut
from bigcode_dedup.config import WinnowConfig
from bigcode_dedup.copies.compare import compare
from bigcode_dedup.engine import Engine, load_engine


class CopyPrints:
    """What copies of a file are found by, whatever its white space, and how much of it is around them.

    Winnowing is of Schleimer, Wilkerson and Aiken, Winnowing: Local Algorithms for Document Fingerprinting (SIGMOD
    2003), over grams of tokens in place of characters. Their guarantee holds: two files that share a run of
    `window + ngram - 1` tokens share a print. A file that another one contains whole has no print that the other
    lacks.
    """

    def __init__(self, config: WinnowConfig, engine: Engine | None = None) -> None:
        self.config = config
        self.engine = load_engine() if engine is None else engine

    def run(self, table: pa.Table, ctx: Context) -> pa.Table:
        """blob, content -> blob, normal, prints; a row for each row.

        `normal` is the sha256 in hex of the tokens (comments are kept, case too, white space and a byte order mark
        are not), `prints` the distinct prints, ascending little-endian uint64. A file of fewer than `min_tokens`
        tokens has the empty string and no prints.
        """
        normals, prints = [], []
        for piece in cut(table["content"], self.engine.PIECE_BYTES):
            found, tokens = self.engine.winnow(piece, self.config.ngram, self.config.window)
            enough = tokens >= self.config.min_tokens
            text, starts = self.engine.normalise(piece)
            view = memoryview(np.ascontiguousarray(text))
            digests = [
                sha256(view[begin:end]).hexdigest() if keep else ""
                for begin, end, keep in zip(starts[:-1].tolist(), starts[1:].tolist(), enough, strict=True)
            ]
            normals.append(pa.array(digests, pa.string()))
            prints.append(as_binary(_only(found, enough)))
        columns = (chunked(normals, pa.string()), chunked(prints, pa.binary()))
        return pa.table([table["blob"], *columns], names=["blob", "normal", "prints"])

    def verify(self, seeds: pa.Table, candidates: pa.Table, pairs: pa.Table) -> pa.Table:
        """Measure pairs that prints or digests suggest, on the files themselves.

        Args:
            seeds: blob, content (binary) of files whose copies are looked for.
            candidates: blob, content of files that may hold a copy; a blob may be in both tables.
            pairs: seed, blob (strings), each in its table, in any order.

        Returns:
            seed, blob, containment (double; see `compare.contained`), normalised (bool: the tokens are the same),
            a row for each distinct pair, sorted by seed and blob.

        Raises:
            KeyError: when a pair names a blob that its table lacks.
        """
        return compare(self.engine, seeds, candidates, pairs, self.config.ngram)


def _only(lists: Lists, keep: NDArray[np.bool_]) -> Lists:
    """The same lists, empty where `keep` is False."""
    sizes = np.diff(lists.starts)
    starts = np.concatenate(([0], np.cumsum(np.where(keep, sizes, 0))))
    return Lists(lists.values[np.repeat(keep, sizes)].astype("<u8", copy=False), starts)
