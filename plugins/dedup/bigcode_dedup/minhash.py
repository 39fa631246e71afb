"""The clusterer `dedup.minhash`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from datasketch import MinHash, MinHashLSH
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from bigcode.api import Context
from bigcode_dedup.config import MinHashConfig
from bigcode_dedup.shingles import Shingles, hash_shingles, mix32, mix64

_BATCH_BYTES = 1 << 20
"""Files are hashed together up to this size: enough to hide the cost of a call, little enough for the cache."""
_BLOCK = 1 << 15
"""Shingles permuted at once; one permutation of a block stays in the cache."""

_SIGNATURES = pa.schema([("blob", pa.string()), ("signature", pa.binary())])
_CLUSTERS = pa.schema([("blob", pa.string()), ("cluster", pa.string()), ("signature", pa.binary())])


class MinHashClusters:
    """Global stage: signatures by blob, then clusters of blobs that share a band.

    The method is that of Broder (1997) with banding after Leskovec, Rajaraman and Ullman, Mining of Massive
    Datasets, chapter 3, with the settings of BigCode's deduplication of The Stack. Signatures are those of
    datasketch's `affine32` scheme with `shingles.hash_shingle` as its hash function.
    """

    def __init__(self, config: MinHashConfig) -> None:
        self.config = config
        scheme = MinHash(num_perm=config.permutations, seed=config.seed, scheme="affine32")
        self.factors, self.offsets = (np.ascontiguousarray(p, np.uint32) for p in scheme.permutations)

    def map(self, table: pa.Table, ctx: Context) -> pa.Table:
        """blob, content -> blob, signature: `4 * permutations` bytes of little-endian uint32, or null for a file
        of fewer than `min_tokens` words; a row for each row."""
        signatures: list[bytes | None] = []
        for contents in _batch(table["content"]):
            shingles = hash_shingles(contents, self.config.ngram)
            rows = self.sign(shingles)
            enough = shingles.words >= self.config.min_tokens
            signatures += [row.tobytes() if keep else None for row, keep in zip(rows, enough, strict=True)]
        return pa.table([table["blob"], pa.array(signatures, pa.binary())], schema=_SIGNATURES)

    def sign(self, shingles: Shingles) -> NDArray[np.uint32]:
        """Signatures as rows, uint32 of shape (files, permutations); all ones for a file without shingles."""
        files = len(shingles.starts) - 1
        out = np.full((self.config.permutations, files), 0xFFFFFFFF, np.uint32)
        mixed = mix32(shingles.hashes)
        buffer = np.empty(min(_BLOCK, max(len(mixed), 1)), np.uint32)
        for begin in range(0, len(mixed), _BLOCK):
            block = mixed[begin : begin + _BLOCK]
            first = int(np.searchsorted(shingles.starts, begin, side="right")) - 1
            last = int(np.searchsorted(shingles.starts, begin + len(block), side="left"))
            cuts = np.maximum(shingles.starts[first:last] - begin, 0)
            # `reduceat` reads an empty range as one element, so files without shingles are left out.
            full = np.flatnonzero(np.diff(np.append(cuts, len(block))))
            cuts, columns = cuts[full], first + full
            permuted = buffer[: len(block)]
            for k in range(self.config.permutations):
                np.multiply(block, self.factors[k], out=permuted)
                np.add(permuted, self.offsets[k], out=permuted)
                least = np.minimum.reduceat(permuted, cuts)
                out[k, columns] = np.minimum(out[k, columns], least)
        return np.ascontiguousarray(out.T.astype("<u4"))

    def reduce(self, tables: Sequence[pa.Table], ctx: Context) -> pa.Table:
        """Tables of `map` -> blob, cluster, signature for members of clusters of two or more blobs, sorted by blob.

        A cluster is a connected component of files that agree in a band; its name is its smallest blob. That
        files of one component may be unlike one another is for the election to verify.
        """
        everything = (
            pa.concat_tables([t.select(_SIGNATURES.names) for t in tables])
            if tables
            else _SIGNATURES.empty_table()
        )
        signed = everything.filter(pc.is_valid(everything["signature"])).sort_by("blob").combine_chunks()
        signed = signed.filter(pa.array(_first_of_each(signed["blob"].to_pylist())))
        if signed.num_rows < 2:
            return _CLUSTERS.empty_table()
        matrix = _as_matrix(signed["signature"], self.config.permutations)
        labels = _connect(matrix, *choose_bands(self.config))
        # Rows are sorted by blob, so the first row of a label holds its smallest blob.
        _, first, inverse, sizes = np.unique(
            labels, return_index=True, return_inverse=True, return_counts=True
        )
        members = np.flatnonzero(sizes[inverse] > 1)
        names = signed["blob"].take(pa.array(first[inverse[members]]))
        chosen = signed.take(pa.array(members))
        return pa.table([chosen["blob"], names, chosen["signature"]], schema=_CLUSTERS).combine_chunks()


def choose_bands(config: MinHashConfig) -> tuple[int, int]:
    """Bands and rows: as set, or those that datasketch's LSH picks, weighing misses and false meetings alike."""
    if config.bands is not None and config.rows is not None:
        return config.bands, config.rows
    best = MinHashLSH(threshold=config.threshold, num_perm=config.permutations)
    return best.b, best.r


def _batch(column: pa.ChunkedArray) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for value in column:
        content = value.as_py()
        if batch and size + len(content) > _BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(content)
        size += len(content)
    if batch:
        yield batch


def _first_of_each(blobs: Sequence[str]) -> NDArray[np.bool_]:
    """True for the first of equal neighbours."""
    return np.array([i == 0 or blob != blobs[i - 1] for i, blob in enumerate(blobs)], dtype=bool)


def _as_matrix(signatures: pa.ChunkedArray, permutations: int) -> NDArray[np.uint32]:
    data = b"".join(signatures.to_pylist())
    return np.frombuffer(data, "<u4").reshape(-1, permutations)


def _connect(matrix: NDArray[np.uint32], bands: int, rows: int) -> NDArray[np.int32]:
    """A label for each row; rows with an equal band, or linked through others, have one label."""
    left, right = [], []
    for band in range(bands):
        keys = np.full(len(matrix), band, np.uint64)
        for column in range(band * rows, (band + 1) * rows):
            keys = mix64(keys ^ matrix[:, column])
        order = np.argsort(keys)
        same = np.flatnonzero(keys[order][1:] == keys[order][:-1])
        left.append(order[same])
        right.append(order[same + 1])
    edges = (np.concatenate(left), np.concatenate(right))
    graph = coo_array((np.ones(len(edges[0]), np.int8), edges), shape=(len(matrix), len(matrix)))
    return connected_components(graph, directed=False)[1]
