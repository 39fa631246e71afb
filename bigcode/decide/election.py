"""One copy stays per group of equal or near-equal files, and no copy of a held-out file is trained on.

Groups of near-duplicates are candidates; a member is dropped only when the exact Jaccard similarity of its
shingles with those of a file that is kept reaches the threshold, so that chains (A like B, B like C, A unlike C)
do not empty a group. Who is kept is ranked by the policy.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bigcode.decide.columns import as_bool, file_ids, persons
from bigcode.decide.origin import in_own_package

BALLOT = pa.schema(
    [
        ("bucket", pa.int32()),
        ("index", pa.int64()),
        ("file", pa.string()),
        ("blob", pa.string()),
        ("cluster", pa.string()),
        ("held", pa.bool_()),
        ("eligible", pa.bool_()),
        ("vendored", pa.bool_()),
        ("outside", pa.bool_()),
        ("released", pa.int64()),
        ("bytes", pa.int64()),
        ("person", pa.string()),
        ("repository", pa.string()),
        ("license", pa.string()),
        ("license_category", pa.string()),
    ]
)
"""What an election needs to know of a file; `outside` says that it lies in no folder of its package's name."""
MEMBERS = pa.schema(
    [
        ("blob", pa.string()),
        ("cluster", pa.string()),
        ("signature", pa.binary()),
        ("shingles", pa.binary()),
    ]
)
"""Signatures (uint32) and distinct shingle hashes (ascending uint32) of the blobs of groups."""
OUTCOME = pa.schema(
    [
        ("bucket", pa.int32()),
        ("index", pa.int64()),
        ("reason", pa.string()),
        ("seat", pa.string()),
        ("similarity", pa.float64()),
    ]
)
"""Files that lost a seat, with the kept file that they repeat; for `split` the held-out one may be any."""
PREFERENCES = {
    "original": ("vendored", "ascending"),
    "own-package": ("outside", "ascending"),
    "newest": ("released", "descending"),
    "oldest": ("released", "ascending"),
    "largest": ("bytes", "descending"),
    "smallest": ("bytes", "ascending"),
}
"""What a policy may rank representatives by."""
DOUBT = 0.15
"""Pairs whose signatures agree in less than the threshold minus this are not compared exactly: with 256
permutations that is five standard deviations of the estimate."""


def held_out(host: str, owner: str, seed: int, share: float) -> bool:
    """Whether a project is in the validation split: by a keyed hash of its owner, so never file by file."""
    value = hashlib.sha256(f"{seed}\0{host}\0{owner}".encode()).digest()
    return int.from_bytes(value[:8], "big") < share * 2**64


def held_rows(observations: pa.Table, seed: int, share: float) -> NDArray[np.bool_]:
    """Which files of a table belong to held-out projects."""
    owners = pc.dictionary_encode(
        pc.binary_join_element_wise(
            observations["host"].combine_chunks(), observations["owner"].combine_chunks(), "\0"
        )
    )
    names = [name.split("\0") for name in owners.dictionary.to_pylist()]
    flags = [held_out(host, owner, seed, share) for host, owner in names]
    chosen: NDArray[np.bool_] = np.array(flags, bool)[owners.indices.to_numpy()]
    return chosen


def ballots(
    observations: pa.Table,
    bucket: int,
    held: NDArray[np.bool_],
    eligible: NDArray[np.bool_],
    license_: pa.Table,
) -> pa.Table:
    """The files of a bucket that take part, of schema `BALLOT`."""
    count = observations.num_rows
    empty = pa.array([""] * count, pa.string())
    cluster = observations["cluster"].combine_chunks() if "cluster" in observations.column_names else empty
    category = (
        license_["license_category"].combine_chunks()
        if "license_category" in license_.column_names
        else empty
    )
    return pa.table(
        [
            pa.array(np.full(count, bucket, np.int32)),
            pa.array(np.arange(count)),
            file_ids(observations),
            observations["blob"].combine_chunks(),
            cluster,
            pa.array(held),
            pa.array(eligible),
            pa.array(as_bool(observations["vendored"])),
            pc.invert(in_own_package(observations["repository"], observations["path"])),
            observations["released"].combine_chunks(),
            observations["bytes"].combine_chunks(),
            persons(observations),
            observations["repository"].combine_chunks(),
            license_["license"].combine_chunks(),
            category,
        ],
        schema=BALLOT,
    )


def elect(table: pa.Table, members: pa.Table, threshold: float, preferences: Sequence[str]) -> pa.Table:
    """Outcomes (schema `OUTCOME`) of the eligible files that are not kept, by bucket and index.

    Args:
        table: ballots of whole groups: all files of a cluster, or of a blob that is in none.
        members: of schema `MEMBERS`, for the blobs of these clusters.
        threshold: Jaccard similarity of shingle sets from which on a file repeats another.
        preferences: of `PREFERENCES`, the first deciding; ties go by the file's name.
    """
    order = [("held", "descending"), *(PREFERENCES[p] for p in preferences), ("file", "ascending")]
    ranked = table.take(pc.sort_indices(table, order)).combine_chunks()
    held, eligible = as_bool(ranked["held"]), as_bool(ranked["eligible"])
    blobs = pc.dictionary_encode(ranked["blob"].combine_chunks())
    blob = blobs.indices.to_numpy().astype(np.int64)
    has_held = np.zeros(len(blobs.dictionary), bool)
    has_held[blob[held]] = True
    first = _first_eligible(blob * 2 + held, eligible)
    seat = first.copy()
    similarity = np.ones(len(blob))
    reason = np.where(eligible & (first != np.arange(len(blob))), 2, 0)
    reason[eligible & ~held & has_held[blob]] = 1
    sketches = dict(_by_cluster(members))
    for cluster, rows in _clusters(ranked):
        state = _Group(rows, ranked["blob"].take(pa.array(rows)).to_pylist(), held, eligible, first)
        _elect_cluster(state, sketches[cluster], threshold, (reason, seat, similarity))
    return _outcomes(ranked, reason, seat, similarity)


_REASONS = pa.array(["", "split", "duplicate.exact", "duplicate.near"])


def _first_eligible(key: NDArray[np.int64], eligible: NDArray[np.bool_]) -> NDArray[np.int64]:
    """For each row the first eligible one with its key, or -1."""
    at = np.flatnonzero(eligible)
    out = np.full(len(key), -1, np.int64)
    if len(at):
        found, index = np.unique(key[at], return_index=True)
        place = np.searchsorted(found, key).clip(max=len(found) - 1)
        known = found[place] == key
        out[known] = at[index[place[known]]]
    return out


def _clusters(ranked: pa.Table) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Each cluster with its rows in their ranked order."""
    clusters = pc.dictionary_encode(ranked["cluster"].combine_chunks())
    codes = clusters.indices.to_numpy()
    names = clusters.dictionary.to_pylist()
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(len(names) + 1))
    for number in sorted(range(len(names)), key=lambda n: names[n]):
        if names[number]:
            yield names[number], order[bounds[number] : bounds[number + 1]]


def _by_cluster(members: pa.Table) -> Iterator[tuple[str, _Sketches]]:
    ordered = members.sort_by([("cluster", "ascending"), ("blob", "ascending")]).combine_chunks()
    codes = pc.dictionary_encode(ordered["cluster"].combine_chunks())
    starts = np.flatnonzero(np.diff(codes.indices.to_numpy(), prepend=-1))
    bounds = [*starts.tolist(), ordered.num_rows]
    for low, high in itertools.pairwise(bounds):
        yield ordered["cluster"][low].as_py(), _Sketches(ordered.slice(low, high - low))


class _Sketches:
    """Signatures and shingles of the members of one cluster, by number of blob."""

    def __init__(self, members: pa.Table) -> None:
        data = b"".join(members["signature"].to_pylist())
        self.signatures = np.frombuffer(data, "<u4").reshape(members.num_rows, -1)
        self.shingles = [np.frombuffer(s, "<u4") for s in members["shingles"].to_pylist()]
        self.row = {blob: i for i, blob in enumerate(members["blob"].to_pylist())}

    def nearest(self, blob: str, seats: Sequence[str], threshold: float) -> tuple[int, float] | None:
        """The likeliest seat that is similar enough by exact comparison, as its position, and the similarity."""
        if not seats:
            return None
        mine = self.row[blob]
        others = [self.row[s] for s in seats]
        estimates = np.mean(self.signatures[others] == self.signatures[mine], axis=1)
        for position in np.argsort(-estimates, kind="stable"):
            if estimates[position] < threshold - DOUBT:
                return None
            exact = jaccard(self.shingles[mine], self.shingles[others[position]])
            if exact >= threshold:
                return int(position), exact
        return None


def jaccard(a: NDArray[np.uint32], b: NDArray[np.uint32]) -> float:
    """|A ∩ B| / |A ∪ B| of two ascending arrays of distinct values; 0 for two empty ones."""
    if len(a) > len(b):
        a, b = b, a
    if not len(a):
        return 0.0
    place = np.searchsorted(b, a)
    shared = int(np.count_nonzero(b[np.minimum(place, len(b) - 1)] == a))
    return shared / (len(a) + len(b) - shared)


class _Group:
    """The rows of one cluster, ranked, and for each leader (the first of its blob and split) those that follow it."""

    def __init__(
        self,
        rows: NDArray[np.int64],
        blobs: Sequence[str],
        held: NDArray[np.bool_],
        eligible: NDArray[np.bool_],
        first: NDArray[np.int64],
    ) -> None:
        self.blob = dict(zip(rows.tolist(), blobs, strict=True))
        self.held = {row: bool(held[row]) for row in self.blob}
        self.followers: dict[int, list[int]] = {}
        for row in self.blob:
            if eligible[row]:
                self.followers.setdefault(int(first[row]), []).append(row)


def _elect_cluster(
    group: _Group,
    sketches: _Sketches,
    threshold: float,
    out: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]],
) -> None:
    reason, seat, similarity = out
    kept_out = list(dict.fromkeys(blob for row, blob in group.blob.items() if group.held[row]))
    seats: dict[bool, list[int]] = {True: [], False: []}
    for row, same in group.followers.items():
        side = group.held[row]
        if not side and reason[row] != 1:
            copied = sketches.nearest(group.blob[row], kept_out, threshold)
            if copied is not None:
                reason[same], seat[same], similarity[same] = 1, -1, copied[1]
        if reason[row] == 1:
            continue
        near = sketches.nearest(group.blob[row], [group.blob[s] for s in seats[side]], threshold)
        if near is None:
            seats[side].append(row)
        else:
            reason[same], seat[same], similarity[same] = 3, seats[side][near[0]], near[1]


def _outcomes(
    ranked: pa.Table, reason: NDArray[np.int64], seat: NDArray[np.int64], similarity: NDArray[np.float64]
) -> pa.Table:
    lost = np.flatnonzero(reason)
    place = seat[lost]
    none = (place < 0) | (reason[lost] == 1)
    files = ranked["file"].combine_chunks().take(pa.array(np.where(none, 0, place), mask=none))
    at = pa.array(lost)
    table = pa.table(
        [
            ranked["bucket"].combine_chunks().take(at),
            ranked["index"].combine_chunks().take(at),
            _REASONS.take(pa.array(reason[lost])),
            pc.fill_null(files, ""),
            pa.array(similarity[lost]),
        ],
        schema=OUTCOME,
    )
    return table.sort_by([("bucket", "ascending"), ("index", "ascending")])
