"""What an opt-out takes along: copies of the files that it names, downstream only, and no seat is filled again.

Whether a text is common property and who is its likeliest origin never depends on who opted out, so one more wish can
only take more away.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bigcode.decide.columns import as_bool, file_ids, persons
from bigcode.decide.origin import in_own_package

HITS = pa.schema(
    [("index", pa.int64()), *((name, pa.string()) for name in ("key", "reason", "file", "blob"))]
)
"""Rows of a bucket that a list names."""
MATCHES = pa.schema(
    [("seed", pa.string()), ("blob", pa.string()), ("containment", pa.float64()), ("normalised", pa.bool_())]
)
"""Other contents that hold the text of an opted-out one, verified: all of it but white space (`normalised`), or a
share of its shingles (`containment`)."""
HOLDERS = pa.schema(
    [
        *((name, pa.string()) for name in ("seed", "file", "blob", "person", "project", "strength")),
        ("bucket", pa.int32()),
        *((name, pa.int64()) for name in ("index", "released", "bytes")),
        *((name, pa.bool_()) for name in ("vendored", "generated", "outside", "license_text", "hit")),
        ("containment", pa.float64()),
    ]
)
"""Files that hold the text of an opted-out file `seed`, or that file itself. `project` is the repository's name in
lower case, which a fork shares; `outside` says that the file lies in no folder of its package's name."""
REMOVALS = pa.schema(
    [("bucket", pa.int32()), ("index", pa.int64()), ("file", pa.string()), ("reason", pa.string())]
)
DISPUTED = pa.schema(
    [
        *((name, pa.string()) for name in ("file", "why", "strength", "seed", "blob")),
        ("containment", pa.float64()),
    ]
)
"""Copies that stay and that somebody should look at, once each: the `origin` is not clear, or the match lies in the
`band`; with the strongest match and the opted-out content that it is of."""
STRENGTHS = ("exact", "normalised", "contained")

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
_NEVER = 2**62


@dataclass(frozen=True, slots=True)
class CommonProperty:
    """Text that nobody's opt-out takes from others: held by `owners` unrelated owners, tiny, generated, or a licence.

    Owners are unrelated where they hold the text unvendored and in projects of different names: forks keep the name.
    """

    owners: int = 5
    min_bytes: int = 64


@dataclass(frozen=True, slots=True)
class CopyPolicy:
    """`copies` is keep, exact, normalised or contained; a contained match counts from `remove` on, and is put
    before a person from `review` on."""

    copies: str = "exact"
    contested: str = "keep"
    remove: float = 0.8
    review: float = 0.5
    common: CommonProperty = CommonProperty()


@dataclass(frozen=True, slots=True)
class Spread:
    """What goes with the hits (schema `REMOVALS`), what is disputed, and how many files stay as common property."""

    removals: pa.Table
    disputed: pa.Table
    common: int


def row_key(secret: bytes, file: str) -> str:
    """A keyed id of a row: without the list's salt it cannot be guessed from the file's name (HMAC-SHA256)."""
    return hmac.digest(secret, file.encode(), "sha256").hex()[:32]


def row_keys(secret: bytes, files: pa.Array | pa.ChunkedArray) -> pa.Array:
    """`row_key` of each name."""
    return pa.array([row_key(secret, name) for name in files.to_pylist()], pa.string())


def hits_of(observations: pa.Table, reasons: pa.Array, secret: bytes) -> pa.Table:
    """The rows with a reason, of schema `HITS`."""
    at = pa.array(np.flatnonzero(pc.not_equal(reasons, "").to_numpy(zero_copy_only=False)))
    chosen = observations.take(at)
    files = file_ids(chosen)
    columns = [at, row_keys(secret, files), reasons.take(at), files, chosen["blob"].combine_chunks()]
    return pa.table(columns, schema=HITS)


def holding(blobs: pa.ChunkedArray, seeds: pa.Array, matches: pa.Table) -> Ints:
    """The rows of a bucket, by their blobs, that hold a seed or a match of one."""
    wanted = pa.concat_arrays([seeds, matches["blob"].combine_chunks()])
    rows: Ints = np.flatnonzero(pc.is_in(blobs, value_set=wanted).to_numpy())
    return rows


def holders(
    rows: pa.Table, index: Ints, bucket: int, hits: pa.Table, seeds: pa.Array, matches: pa.Table
) -> pa.Table:
    """The files of a bucket that hold a seed or a match of one, of schema `HOLDERS`.

    Args:
        rows, index: the observations that `holding` finds, and their places in the bucket.
        seeds: distinct contents of opted-out files.
        matches: of schema `MATCHES`, empty where copies are compared byte by byte.
    """
    normal = pc.if_else(matches["normalised"].combine_chunks(), "normalised", "contained")
    ones, exact = np.ones(len(seeds)), pa.array(["exact"] * len(seeds), pa.string())
    wanted = pa.table(
        {
            "blob": pa.concat_arrays([seeds, matches["blob"].combine_chunks()]),
            "seed": pa.concat_arrays([seeds, matches["seed"].combine_chunks()]),
            "containment": pa.concat_arrays([pa.array(ones), matches["containment"].combine_chunks()]),
            "strength": pa.concat_arrays([exact, normal]),
        }
    )
    at = pa.array(index)
    own = pa.table(
        {
            "index": at,
            "blob": rows["blob"].combine_chunks(),
            "file": file_ids(rows),
            "person": persons(rows),
            "project": pc.utf8_lower(rows["repository"].combine_chunks()),
            "vendored": pa.array(as_bool(rows["vendored"])),
            "generated": pa.array(_flag(rows, "generated")),
            "outside": pc.invert(in_own_package(rows["repository"], rows["path"])),
            "released": rows["released"].combine_chunks(),
            "bytes": rows["bytes"].combine_chunks(),
            "license_text": pc.fill_null(pc.equal(rows["license_role"].combine_chunks(), "text"), False),
            "hit": pc.is_in(at, value_set=hits["index"].combine_chunks()),
            "bucket": pa.array(np.full(len(index), bucket, np.int32)),
        }
    )
    joined = own.join(wanted, "blob", join_type="inner")
    return joined.select(HOLDERS.names).cast(HOLDERS).sort_by([("seed", "ascending"), ("index", "ascending")])


def _flag(rows: pa.Table, name: str) -> Flags:
    return as_bool(rows[name]) if name in rows.column_names else np.zeros(rows.num_rows, bool)


def spread(
    held: pa.Table,
    policy: CopyPolicy,
    decided: Mapping[str, str],
    pinned: Mapping[tuple[str, str], str] = MappingProxyType({}),
) -> Spread:
    """Judge the copies of opted-out files, downstream only.

    A hit seeds removals when it is not vendored and its owner is the likeliest origin of the text. Otherwise the
    owner's own rows go and the other copies are contested: kept and recorded, or removed where the policy says so.

    Args:
        held: of schema `HOLDERS`, of all buckets.
        decided: `keep` or `remove` by file, from reviews. `keep` settles a dispute; it does not stand against the
            origin's own wish.
        pinned: the same by file and seed: about this match of the file and all that are no stronger.
    """
    if policy.copies == "keep" or not held.num_rows:
        return Spread(REMOVALS.empty_table(), DISPUTED.empty_table(), 0)
    order = [("seed", "ascending"), ("file", "ascending"), ("index", "ascending")]
    groups = Groups(held.sort_by(order).combine_chunks(), policy)
    common, crowded = groups.common(policy.common)
    downstream = (groups.seeded() & ~crowded) | (policy.contested == "remove")
    other = ~groups.hit & groups.asked[groups.of]
    open_ = other & ~common[groups.of]
    said = pc.dictionary_encode(groups.table["file"].combine_chunks())
    names = said.dictionary.to_pylist()
    file: Ints = said.indices.to_numpy().astype(np.int64)
    keep, remove = (groups.settled(names, file, decided, pinned, what) for what in ("keep", "remove"))
    removed = (open_ & groups.whole & downstream[groups.of]) | (other & (groups.whole | groups.band) & remove)
    gone = np.zeros(len(names), bool)
    gone[file[removed]] = True
    disputed = open_ & ((groups.whole & ~downstream[groups.of]) | groups.band) & ~keep & ~gone[file]
    shared = np.zeros(len(names), bool)
    shared[file[other & common[groups.of] & groups.whole & ~gone[file]]] = True
    return Spread(
        _removals(groups.table, removed), _disputes(groups, disputed, file), int(np.count_nonzero(shared))
    )


class Groups:
    """The holders of each opted-out text. `of` is the number of a row's group; `asked` says which groups have a hit;
    `whole` are the matches that count as copies, `band` those that a person looks at."""

    def __init__(self, table: pa.Table, policy: CopyPolicy) -> None:
        self.table = table
        self.of = _codes(table["seed"])
        self.count = int(self.of.max()) + 1
        self.hit = as_bool(table["hit"])
        self.asked = self._any(self.hit)
        self.vendored = as_bool(table["vendored"])
        self.person = _codes(table["person"])
        self.strength: Ints = pc.index_in(table["strength"], value_set=pa.array(STRENGTHS)).to_numpy()
        self.containment: NDArray[np.float64] = table["containment"].to_numpy()
        self.exact = self.strength < 2
        part = ~self.exact & (policy.copies == "contained")
        self.whole = self.exact | (part & (self.containment >= policy.remove))
        self.band = part & ~self.whole & (self.containment >= policy.review)

    def _any(self, rows: Flags) -> Flags:
        found = np.zeros(self.count, bool)
        found[self.of[rows]] = True
        return found

    def _distinct(self, rows: Flags, codes: Ints) -> Ints:
        """How many distinct values the rows of each group have."""
        keys = np.sort(self.of[rows] * (int(codes.max()) + 1) + codes[rows])
        first = np.concatenate(([True], keys[1:] != keys[:-1]))[: len(keys)]
        counts: Ints = np.bincount(keys[first] // (int(codes.max()) + 1), minlength=self.count)
        return counts

    def settled(
        self, names: list[str], file: Ints, decided: Mapping[str, str], pinned: Mapping[Any, str], what: str
    ) -> Flags:
        """Rows about which a review said this: all of a file, or those no stronger than the match looked at."""
        level = np.array([np.inf if decided.get(name) == what else -1.0 for name in names])
        # 0 to 1 for a part, more for the whole.
        rank = np.where(self.exact, 3.0 - self.strength, self.containment)
        number = {name: at for at, name in enumerate(names)}
        seeds = self.table["seed"] if pinned else None
        for (name, seed), said in pinned.items():
            if said == what and name in number and seeds is not None:
                rows = np.flatnonzero(file == number[name])
                same = pc.equal(seeds.take(pa.array(rows)), seed).to_numpy(zero_copy_only=False)
                level[number[name]] = max(level[number[name]], rank[rows[same]].max(initial=-1.0))
        settled: Flags = rank <= level[file]
        return settled

    def kinds(self, policy: CommonProperty) -> tuple[dict[str, Flags], Flags]:
        """Which texts are common property, by why; and which are held by as many owners, but in projects of too few
        names: forks of one, or something that every project of that name has."""
        text = self._any(self.exact & as_bool(self.table["license_text"]))
        tiny = self._any(self.exact & (self.table["bytes"].to_numpy() < policy.min_bytes))
        written = self._any(self.exact & ~as_bool(self.table["generated"]))
        own = self.exact & ~self.vendored
        owners = self._distinct(own, self.person) >= policy.owners
        projects = self._distinct(own, _codes(self.table["project"])) >= policy.owners
        shared = {"licence-text": text, "tiny": tiny, "generated": ~written, "many-owners": owners & projects}
        return shared, owners & ~projects

    def common(self, policy: CommonProperty) -> tuple[Flags, Flags]:
        """As `kinds`, whatever the reason."""
        shared, crowded = self.kinds(policy)
        return np.logical_or.reduce(list(shared.values())), crowded

    def seeded(self) -> Flags:
        """Which texts have a hit of their likeliest origin, which is somebody alone in holding them unvendored, in a
        folder of the package's own name, and released first; the first of these that differs decides."""
        voters = np.flatnonzero(self.whole & ~self.vendored)
        released: Ints = self.table["released"].fill_null(0).to_numpy()
        when = np.where(released > 0, released, _NEVER)[voters]
        outside = as_bool(self.table["outside"])[voters]
        group, person, hit = self.of[voters], self.person[voters], self.hit[voters]
        order = np.lexsort((when, outside, group))
        starts = np.concatenate(([True], group[order][1:] != group[order][:-1]))[: len(order)]
        best = np.full(self.count, -1, np.int64)
        best[group[order][starts]] = order[starts]
        first = best[group]
        tied = (outside == outside[first]) & (when == when[first]) & (person != person[first])
        asks = hit & (person == person[first])
        clear, asking = np.zeros(self.count, bool), np.zeros(self.count, bool)
        clear[group] = True
        clear[group[tied]] = False
        asking[group[asks]] = True
        return clear & asking


def _codes(column: pa.ChunkedArray) -> Ints:
    codes: Ints = pc.dictionary_encode(column.combine_chunks()).indices.to_numpy().astype(np.int64)
    return codes


def _removals(table: pa.Table, removed: Flags) -> pa.Table:
    chosen = table.filter(pa.array(removed)).select(["bucket", "index", "file"])
    rows = chosen.group_by(chosen.column_names, use_threads=False).aggregate([])
    rows = rows.append_column("reason", pa.array(["optout.copy"] * rows.num_rows, pa.string()))
    return rows.cast(REMOVALS).sort_by([("bucket", "ascending"), ("index", "ascending")])


def _disputes(groups: Groups, disputed: Flags, file: Ints) -> pa.Table:
    """The strongest match of each disputed file."""
    rows = np.flatnonzero(disputed)
    order = np.lexsort(
        (rows, -groups.containment[rows], groups.strength[rows], groups.band[rows], file[rows])
    )
    ordered = rows[order]
    first = np.concatenate(([True], file[ordered][1:] != file[ordered][:-1]))[: len(ordered)]
    chosen = ordered[first]
    table = groups.table.take(pa.array(chosen))
    why = pc.if_else(pa.array(groups.band[chosen], pa.bool_()), "band", "origin")
    return table.append_column("why", why).select(DISPUTED.names).cast(DISPUTED).sort_by("file")


def emptied_seats(election: pa.Table, gone: pa.Array) -> NDArray[np.int64]:
    """Rows of a bucket whose kept twin is among the files that are gone, ascending."""
    lost = pc.and_(pc.not_equal(election["seat"], ""), pc.is_in(election["seat"], value_set=gone))
    rows: Ints = election["index"].combine_chunks().filter(lost.combine_chunks()).to_numpy()
    return np.sort(rows)
