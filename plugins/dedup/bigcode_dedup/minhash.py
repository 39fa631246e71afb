"""The clusterer `dedup.minhash`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from datasketch import MinHash

from bigcode.api import Context
from bigcode_dedup.columns import Lists, as_binary, as_rows, chunked, cut
from bigcode_dedup.config import MinHashConfig
from bigcode_dedup.engine import Engine, load_engine
from bigcode_dedup.hashing import hash_bands
from bigcode_dedup.links import chain, connect

_MEETING = 0.8
"""How probably two files right at the threshold share a band."""


class MinHashClusters:
    """Candidates for near-duplicates: files whose signatures agree in a band.

    The method is that of Broder (1997) with banding after Leskovec, Rajaraman and Ullman, Mining of Massive
    Datasets, chapter 3. Signatures are those of datasketch's `affine32` scheme with `hashing.hash_shingle` as its
    hash function.
    """

    def __init__(self, config: MinHashConfig, engine: Engine | None = None) -> None:
        self.config = config
        self.threshold = config.threshold
        self.engine = load_engine() if engine is None else engine
        scheme = MinHash(num_perm=config.permutations, seed=config.seed, scheme="affine32")
        self.factors, self.addends = (np.ascontiguousarray(p, np.uint32) for p in scheme.permutations)
        self.bands, self.rows = choose_bands(config)

    def map(self, table: pa.Table, ctx: Context) -> pa.Table:
        """blob, content -> blob, signature (`permutations` little-endian uint32), bands (`bands` little-endian
        uint64); null both for a file of fewer than `min_tokens` words."""
        signatures, bands = [], []
        for piece in cut(table["content"], self.engine.PIECE_BYTES):
            matrix, enough = self.engine.sign(
                piece, self.config.ngram, self.config.min_tokens, self.factors, self.addends
            )
            signatures.append(as_rows(matrix.astype("<u4", copy=False), enough))
            bands.append(as_rows(hash_bands(matrix, self.bands, self.rows).astype("<u8", copy=False), enough))
        columns = (chunked(signatures, pa.binary()), chunked(bands, pa.binary()))
        return pa.table([table["blob"], *columns], names=["blob", "signature", "bands"])

    def shingle(self, table: pa.Table, ctx: Context) -> pa.Table:
        """blob, content -> blob, shingles: the distinct shingle hashes of the file, ascending little-endian uint32;
        empty for a file of fewer than `ngram` words."""
        shingles = []
        for piece in cut(table["content"], self.engine.PIECE_BYTES):
            hashes, starts = self.engine.shingle(piece, self.config.ngram)
            shingles.append(as_binary(Lists(hashes.astype("<u4", copy=False), starts)))
        return pa.table([table["blob"], chunked(shingles, pa.binary())], names=["blob", "shingles"])

    def link(self, tables: Sequence[pa.Table], part: int, parts: int, ctx: Context) -> pa.Table:
        """Tables of `map` -> left, right: distinct pairs of blobs, left before right, sorted."""
        return chain(tables, self.bands, part, parts)

    def reduce(self, links: Sequence[pa.Table], ctx: Context) -> pa.Table:
        """Tables of `link` -> blob, cluster, sorted by blob: the connected components of all pairs.

        That two files of a component may be unlike each other is for the caller to verify, by `jaccard`."""
        return connect(links)


def jaccard(a: bytes, b: bytes) -> float:
    """The exact similarity of two files, given their `shingles`: |A∩B| / |A∪B|, and 0 where neither has any."""
    left, right = np.frombuffer(a, "<u4"), np.frombuffer(b, "<u4")
    common = len(np.intersect1d(left, right, assume_unique=True))
    union = len(left) + len(right) - common
    return common / union if union else 0.0


def choose_bands(config: MinHashConfig) -> tuple[int, int]:
    """Bands and rows: as set, or the longest bands over all permutations in which two files right at the threshold
    still meet four times in five.

    Of b bands of r rows, files of similarity s meet in one with probability 1 - (1 - s**r)**b. Since each removal
    is verified, a pair that meets for nothing costs a comparison, and a pair that does not meet is a file too many.
    """
    if config.bands is not None and config.rows is not None:
        return config.bands, config.rows
    meeting = [
        (config.permutations // rows, rows)
        for rows in range(1, config.permutations + 1)
        if 1 - (1 - config.threshold**rows) ** (config.permutations // rows) >= _MEETING
    ]
    return max(meeting, key=lambda pair: pair[1], default=(config.permutations, 1))
