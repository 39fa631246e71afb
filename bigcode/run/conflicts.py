"""Licence conflicts in an election: permissive files of which another repository holds a copy on stricter terms."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bigcode.decide import licensing
from bigcode.decide.columns import as_bool
from bigcode.decide.election import DOUBT, jaccard
from bigcode.decide.optout import CommonProperty


def find_conflicts(ballots: pa.Table, outcomes: pa.Table, members: pa.Table, threshold: float) -> pa.Table:
    """As `licensing.find_conflicts`, over equal and near-equal files.

    A group is a content with those that repeat it: by the outcomes of the election, and, for contents that no policy
    admits and that therefore stood for no seat, by the same exact comparison.

    Args:
        ballots, outcomes, members: of the election's schemas.
        threshold: Jaccard similarity of shingle sets from which on a file repeats another.
    """
    # A few bytes are nobody's: an empty section of a settings file says nothing of where it is from.
    telling = ballots.filter(pc.greater_equal(ballots["bytes"], CommonProperty().min_bytes))
    seat_of = _seats(ballots, outcomes)
    seat_of |= _nearest_seats(telling, members, seat_of, threshold)
    blobs = telling["blob"].combine_chunks()
    given = pa.array(list(seat_of), pa.string()), pa.array(list(seat_of.values()), pa.string())
    group = pc.fill_null(given[1].take(pc.index_in(blobs, value_set=given[0])), blobs)
    rows = telling.select(["file", "repository", "license", "license_category"])
    rows = rows.append_column("owner", telling["person"])
    rows = rows.append_column("group", group).append_column("admitted", telling["eligible"])
    return licensing.find_conflicts(rows)


def _seats(ballots: pa.Table, outcomes: pa.Table) -> dict[str, str]:
    """For each content that lost to a near-copy, the content of the kept file."""
    near = outcomes.filter(pc.equal(outcomes["reason"], "duplicate.near"))
    if not near.num_rows:
        return {}
    blob_of = dict(zip(ballots["file"].to_pylist(), ballots["blob"].to_pylist(), strict=True))
    place = zip(ballots["bucket"].to_pylist(), ballots["index"].to_pylist(), strict=True)
    at = dict(zip(place, ballots["blob"].to_pylist(), strict=True))
    lost = zip(near["bucket"].to_pylist(), near["index"].to_pylist(), near["seat"].to_pylist(), strict=True)
    return {at[bucket, index]: blob_of[seat] for bucket, index, seat in lost}


def _nearest_seats(
    ballots: pa.Table, members: pa.Table, seat_of: dict[str, str], threshold: float
) -> dict[str, str]:
    """For contents on stricter terms that none admits, the nearest content that an admitted file has."""
    clustered = ballots.filter(pc.not_equal(ballots["cluster"], ""))
    eligible = as_bool(clustered["eligible"])
    grave = pc.is_in(clustered["license_category"], value_set=pa.array(licensing.STRICTER, pa.string()))
    strict = ~eligible & as_bool(grave)
    free = eligible & as_bool(pc.equal(clustered["license_category"], "permissive"))
    blobs, clusters = clustered["blob"].to_pylist(), clustered["cluster"].to_pylist()
    seats: dict[str, set[str]] = {}
    wanted: dict[str, set[str]] = {}
    for row in np.flatnonzero(free).tolist():
        seats.setdefault(clusters[row], set()).add(seat_of.get(blobs[row], blobs[row]))
    for row in np.flatnonzero(strict).tolist():
        if clusters[row] in seats and blobs[row] not in seats[clusters[row]] and blobs[row] not in seat_of:
            wanted.setdefault(clusters[row], set()).add(blobs[row])
    if not wanted:
        return {}
    sketches = _sketches(members, {b for cluster in wanted for b in (*wanted[cluster], *seats[cluster])})
    found: dict[str, str] = {}
    for cluster, asking in wanted.items():
        order = sorted(seats[cluster])
        signatures = np.stack([sketches[seat][0] for seat in order])
        for blob in sorted(asking):
            estimates = np.mean(signatures == sketches[blob][0], axis=1)
            for position in np.argsort(-estimates, kind="stable").tolist():
                if estimates[position] < threshold - DOUBT:
                    break
                if jaccard(sketches[blob][1], sketches[order[position]][1]) >= threshold:
                    found[blob] = order[position]
                    break
    return found


Sketch = tuple[NDArray[np.uint32], NDArray[np.uint32]]


def _sketches(members: pa.Table, wanted: set[str]) -> dict[str, Sketch]:
    """Signature and shingles of some contents."""
    chosen = members.filter(pc.is_in(members["blob"], value_set=pa.array(sorted(wanted), pa.string())))
    return {
        row["blob"]: (np.frombuffer(row["signature"], "<u4"), np.frombuffer(row["shingles"], "<u4"))
        for row in chosen.to_pylist()
    }
