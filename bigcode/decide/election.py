"""One copy stays per group of equal or near-equal files, and no copy of a held-out file is trained on.

Near-duplicates are candidates from the clusters; a member is dropped only when its own signature agrees with
that of a file that is kept, so that chains (A like B, B like C, A unlike C) do not empty a cluster.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from bigcode.decide.origin import Holder, in_own_package

SCHEMA = pa.schema(
    [
        ("split", pa.string()),
        ("elect_reason", pa.string()),
        ("seat", pa.string()),
        ("similarity", pa.float64()),
    ]
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that may stand for election. `file` is its id, `eligible` whether all earlier judgements admit it."""

    file: str
    host: str
    owner: str
    repository: str
    path: str
    released: int
    blob: str
    vendored: bool
    eligible: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    split: str
    reason: str = ""
    seat: str = ""
    similarity: float = 0.0


def held_out(host: str, owner: str, seed: int, share: float) -> bool:
    """Whether a project is in the validation split: by a keyed hash of its owner, so never file by file."""
    value = hashlib.sha256(f"{seed}\0{host}\0{owner}".encode()).digest()
    return int.from_bytes(value[:8], "big") < share * 2**64


def elect(
    candidates: Sequence[Candidate],
    clusters: Mapping[str, tuple[str, np.ndarray]],
    *,
    threshold: float,
    seed: int,
    validation: float,
) -> list[Outcome]:
    """Outcomes in the order of the candidates; an ineligible file gets its split and no reason.

    Args:
        clusters: blob -> (cluster, signature as uint32 of shape [permutations]); only members of clusters.
        threshold: share of equal signature positions, an unbiased estimate of Jaccard similarity (Broder 1997).
    """
    splits = ["validation" if held_out(c.host, c.owner, seed, validation) else "train" for c in candidates]
    held_blobs = {c.blob for c, split in zip(candidates, splits, strict=True) if split == "validation"}
    groups: dict[str, list[int]] = {}
    for index, candidate in enumerate(candidates):
        cluster = clusters.get(candidate.blob)
        groups.setdefault(cluster[0] if cluster else candidate.blob, []).append(index)
    out: list[Outcome] = [Outcome(split) for split in splits]
    for key in sorted(groups):
        _elect_group(groups[key], candidates, splits, held_blobs, clusters, threshold, out)
    return out


def _elect_group(
    members: list[int],
    candidates: Sequence[Candidate],
    splits: Sequence[str],
    held_blobs: set[str],
    clusters: Mapping[str, tuple[str, np.ndarray]],
    threshold: float,
    out: list[Outcome],
) -> None:
    held = [m for m in members if splits[m] == "validation"]
    held_distinct = {
        candidates[m].blob: m for m in sorted(held, key=lambda m: _preference(candidates[m]), reverse=True)
    }
    seats: list[int] = []
    by_blob: dict[tuple[str, str], int] = {}
    for m in sorted(members, key=lambda m: (splits[m] != "validation", _preference(candidates[m]))):
        candidate, split = candidates[m], splits[m]
        if not candidate.eligible:
            continue
        if split == "train":
            if candidate.blob in held_blobs:
                out[m] = Outcome(split, "split", similarity=1.0)
                continue
            copied = _nearest(m, held_distinct.values(), candidates, clusters, threshold)
            if copied is not None:
                out[m] = Outcome(split, "split", similarity=copied[1])
                continue
        twin = by_blob.get((split, candidate.blob))
        if twin is not None:
            out[m] = Outcome(split, "duplicate.exact", candidates[twin].file, 1.0)
            continue
        near = _nearest(m, (s for s in seats if splits[s] == split), candidates, clusters, threshold)
        if near is not None:
            out[m] = Outcome(split, "duplicate.near", candidates[near[0]].file, near[1])
            continue
        seats.append(m)
        by_blob[(split, candidate.blob)] = m


def _preference(candidate: Candidate) -> tuple[bool, bool, int, str]:
    """Kept first: not vendored, in its own package, newest release, then by name."""
    holder = Holder(
        candidate.owner, candidate.repository, candidate.path, candidate.vendored, candidate.released
    )
    return (candidate.vendored, not in_own_package(holder), -candidate.released, candidate.file)


def _nearest(
    member: int,
    seats: object,
    candidates: Sequence[Candidate],
    clusters: Mapping[str, tuple[str, np.ndarray]],
    threshold: float,
) -> tuple[int, float] | None:
    """The seat whose signature agrees most with the member's, when that is at least the threshold."""
    mine = clusters.get(candidates[member].blob)
    if mine is None:
        return None
    best: tuple[int, float] | None = None
    for seat in seats:  # type: ignore[attr-defined]
        other = clusters.get(candidates[seat].blob)
        if other is None:
            continue
        similarity = float(np.mean(mine[1] == other[1]))
        if similarity >= threshold and (best is None or similarity > best[1]):
            best = (seat, similarity)
    return best
