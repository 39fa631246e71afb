"""Which rows an opt-out list names: a list compiled once, looked up for whole tables.

The distinct owners of a table are looked up first; repositories and paths are looked at only where an owner is named.
Letters' case never matters. On hosts of `FOLDED` runs of `-`, `_` and `.` in owners and repositories are one, as
PEP 503 says. An organisation is an owner.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bigcode.decide.wish_index import (
    FOLDED,
    NOREPLY,
    Index,
    Ints,
    Keys,
    fold_case,
    fold_separators,
    index_entries,
)

__all__ = ["FOLDED", "NOT_OPTED_IN", "SCOPES", "Named", "Wishes", "compile_wishes", "count_rows", "match"]

SCOPES = ("owner", "repository", "path", "blob", "commit-author", "issue-author")
"""In the order in which they give a row its reason."""
NOT_OPTED_IN = "optout.not-opted-in"
"""Reason of rows that no grant names, where the policy asks for grants."""
DEFAULT_LEVEL = 1
"""Identity level of an entry that says none: the account matches."""

_REASONS = ("", *(f"optout.{scope}" for scope in SCOPES), NOT_OPTED_IN)
_ISSUES = "issues/"
"""Where the records of issues lie; other records with authors are commits."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """A compiled list.

    `denied` and `granted` find what is taken out and what was opted in; `granted` is None where no grant is asked for.
    `honoured` and `pending` count entries by scope; pending ones stand below the least level of their scope.
    """

    denied: Index
    granted: Index | None
    honoured: Mapping[str, int] = field(default_factory=dict)
    pending: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Named:
    """`reasons`: string, one a row, empty where the row stays. `rows`: int64, ascending, those with a reason."""

    reasons: pa.Array
    rows: Ints


def compile_wishes(
    content: Mapping[str, Any],
    *,
    min_levels: Mapping[str, int] | None = None,
    purposes: Sequence[str] = (),
    consent: Literal["opt_out", "opt_in"] = "opt_out",
) -> Wishes:
    """Compile the content of a list, of either version.

    Args:
        min_levels: least identity level by scope, from which on an entry counts. A tombstone counts at any level.
        purposes: what the build is for. A wish for other purposes alone is passed over; a grant counts when it is
            for all of them.
    """
    denied: list[tuple[int, Mapping[str, Any]]] = []
    granted: list[tuple[int, Mapping[str, Any]]] = []
    honoured: dict[str, int] = {}
    pending: dict[str, int] = {}
    for number, entry in enumerate(content["entries"]):
        scope, kind = entry["scope"], entry.get("kind", "wish")
        if kind != "tombstone" and (entry.get("withdrawn") or not _meant(entry, kind, purposes)):
            continue
        if kind == "opt-in" and consent == "opt_out":
            continue
        if kind != "tombstone" and entry.get("level", DEFAULT_LEVEL) < (min_levels or {}).get(scope, 0):
            pending[scope] = pending.get(scope, 0) + 1
            continue
        honoured[scope] = honoured.get(scope, 0) + 1
        (granted if kind == "opt-in" else denied).append((number, entry))
    renames = content.get("renames", ())
    return Wishes(
        index_entries(denied, renames),
        index_entries(granted, renames) if consent == "opt_in" else None,
        honoured,
        pending,
    )


def match(table: pa.Table, wishes: Wishes, scopes: Sequence[str] = SCOPES) -> Named:
    """The rows that go, and why: the first scope that names a row, in the order of `SCOPES`.

    Args:
        table: host, owner, repository, path, blob, git_sha1: string, plain or dictionary; authors: list<string>,
            which may be absent. Rows with authors are records: of issues below `issues/`, else of commits.
        scopes: those that count.
    """
    rows = _Rows(table)
    reasons = np.zeros(table.num_rows, np.int8)
    hits = list(_hits(rows, wishes.denied, scopes))
    for scope in reversed(SCOPES):
        for named, _, found, _ in hits:
            if named == scope:
                reasons[found] = 1 + SCOPES.index(scope)
    if wishes.granted is not None:
        missing = reasons == 0
        for _, _, found, _ in _hits(rows, wishes.granted, scopes):
            missing[found] = False
        reasons[missing] = len(_REASONS) - 1
    column = pa.DictionaryArray.from_arrays(pa.array(reasons), pa.array(_REASONS)).cast(pa.string())
    return Named(column, np.flatnonzero(reasons))


def count_rows(tables: Iterable[pa.Table], content: Mapping[str, Any]) -> Ints:
    """For each entry of a list how many rows it names, whatever its kind, level and purpose; int64."""
    index = index_entries(list(enumerate(content["entries"])), content.get("renames", ()))
    counts = np.zeros(len(content["entries"]), np.int64)
    for table in tables:
        for _, keys, found, places in _hits(_Rows(table), index, SCOPES):
            once = np.unique(places * max(table.num_rows, 1) + found) // max(table.num_rows, 1)
            keys.count(once, counts)
    return counts


def _meant(entry: Mapping[str, Any], kind: str, purposes: Sequence[str]) -> bool:
    """Whether an entry speaks of a build for these purposes; what a build for no stated purpose does is unknown."""
    meant = set(entry.get("purposes", ()))
    if not meant:
        return True
    if kind == "opt-in":
        return bool(purposes) and meant >= set(purposes)
    return not purposes or bool(meant & set(purposes))


class _Rows:
    """A table's names in the spellings in which they are compared, each distinct one spelt once."""

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        self.host_codes, hosts = _encode(table["host"])
        self.hosts: list[str] = fold_case(hosts).to_pylist()
        folded = np.array([host in FOLDED for host in self.hosts], bool)
        self.kinds: dict[bool, Ints | None] = {False: None}
        if folded.any():
            mine = folded[self.host_codes]
            self.kinds = {kind: np.flatnonzero(mine == kind) for kind in (False, True)}

    @cached_property
    def owners(self) -> tuple[Ints, pa.Array]:
        codes, owners = _encode(self.table["owner"])
        return codes, fold_case(owners)

    def host_numbers(self, index: Index) -> Ints:
        """By row the number of its host in an index, or -1."""
        return np.array([index.hosts.get(host, -1) for host in self.hosts], np.int64)[self.host_codes]

    def owned(self, folded: bool, wanted: pa.Array) -> tuple[Ints, Ints, pa.Array]:
        """Rows on plain or on folded hosts whose owner is wanted; the owners' codes there, and all owners."""
        codes, owners = self.owners
        if folded:
            owners = fold_separators(owners)
        gate = pc.is_in(owners, value_set=wanted).to_numpy(zero_copy_only=False)
        mine = self.kinds[folded]
        here = np.flatnonzero(gate[codes]) if mine is None else mine[gate[codes[mine]]]
        return here, codes[here], owners


_Hit = tuple[str, Keys, Ints, Ints]
"""Scope, its keys, and rows with places; a row may stand there several times."""


def _hits(rows: _Rows, index: Index, scopes: Sequence[str]) -> Iterator[_Hit]:
    if not rows.table.num_rows:
        return
    hosts = rows.host_numbers(index)
    for folded in rows.kinds:
        keys = {scope: found for scope, found in index.names[folded].items() if scope in scopes}
        if any(len(found.values) for found in keys.values()):
            yield from _named(rows, keys, hosts, *rows.owned(folded, index.owners[folded]), folded)
    for scope, found in sorted(index.others.items()):
        if scope in scopes:
            for here, values in _columns(rows.table, scope):
                yield from _place(scope, found, here, _look_up(values, found.values), hosts)


def _named(
    rows: _Rows,
    keys: Mapping[str, Keys],
    hosts: Ints,
    here: Ints,
    codes: Ints,
    owners: pa.Array,
    folded: bool,
) -> Iterator[_Hit]:
    """Hits of owners, repositories and paths among rows whose owner is named somewhere."""
    if "owner" in keys:
        found = keys["owner"]
        yield from _place("owner", found, here, _look_up(owners, found.values)[codes], hosts)
    if not len(here) or not any(len(keys[s].values) for s in ("repository", "path") if s in keys):
        return
    repository_codes, repositories = _encode(rows.table["repository"].take(pa.array(here)))
    repositories = fold_case(repositories)
    if folded:
        repositories = fold_separators(repositories)
    pairs, members = np.unique(codes * len(repositories) + repository_codes, return_inverse=True)
    whole = pc.binary_join_element_wise(
        owners.take(pa.array(pairs // len(repositories))),
        repositories.take(pa.array(pairs % len(repositories))),
        "/",
    )
    if "repository" in keys:
        found = keys["repository"]
        yield from _place("repository", found, here, _look_up(whole, found.values)[members], hosts)
    if "path" in keys and len(keys["path"].values):
        found = keys["path"]
        bounded = pc.unique(pc.list_element(pc.split_pattern(found.values, ":", max_splits=1), 0))
        inside = pc.is_in(whole, value_set=bounded).to_numpy(zero_copy_only=False)[members]
        within, roots = here[inside], whole.take(pa.array(members[inside]))
        yield from _paths(
            found, within, roots, fold_case(_plain(rows.table["path"].take(pa.array(within)))), hosts
        )


def _paths(found: Keys, here: Ints, roots: pa.Array, paths: pa.Array, hosts: Ints) -> Iterator[_Hit]:
    """Hits of the paths themselves, then of the folders above them, one level at a time."""
    while len(here):
        spelt = pc.binary_join_element_wise(roots, paths, ":")
        yield from _place("path", found, here, _look_up(spelt, found.values), hosts)
        deeper = pc.match_substring(paths, "/")
        roots, paths = roots.filter(deeper), paths.filter(deeper)
        here = here[deeper.to_numpy(zero_copy_only=False)]
        paths = pc.replace_substring_regex(paths, pattern=r"/[^/]*$", replacement="")


def _place(scope: str, found: Keys, here: Ints, keys: Ints, hosts: Ints) -> Iterator[_Hit]:
    for positions, places in found.find(keys, hosts[here]):
        if len(positions):
            yield scope, found, here[positions], places


def _columns(table: pa.Table, scope: str) -> Iterator[tuple[Ints, pa.Array | pa.ChunkedArray]]:
    """Rows and values that a scope apart from names looks at."""
    if scope == "blob":
        for name in ("blob", "git_sha1"):
            if name in table.column_names:
                yield np.arange(table.num_rows), table[name].cast(pa.string())
        return
    if "authors" not in table.column_names:
        return
    lists = table["authors"].combine_chunks()
    parents = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False).astype(np.int64)
    issues = pc.starts_with(_plain(table["path"]), _ISSUES).to_numpy(zero_copy_only=False)
    mine = np.flatnonzero(issues[parents] == (scope == "issue-author"))
    codes, authors = _encode(pa.chunked_array([pc.list_flatten(lists).take(pa.array(mine))]))
    authors = fold_case(authors)
    logins = pc.struct_field(pc.extract_regex(authors, pattern=NOREPLY), "login")
    given = np.flatnonzero(pc.is_valid(logins).to_numpy(zero_copy_only=False)[codes])
    values = [authors.take(pa.array(codes)), logins.take(pa.array(codes[given]))]
    yield np.concatenate([parents[mine], parents[mine][given]]), pa.concat_arrays(values)


def _look_up(values: pa.Array | pa.ChunkedArray, wanted: pa.Array) -> Ints:
    """Positions in `wanted`, -1 for what is not there."""
    found: Ints = pc.fill_null(pc.index_in(values, value_set=wanted), -1).to_numpy(zero_copy_only=False)
    return found.astype(np.int64)


def _encode(column: pa.ChunkedArray) -> tuple[Ints, pa.Array]:
    """Codes and distinct strings of a column; null is an empty string."""
    encoded = (
        column.unify_dictionaries() if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    )
    whole = encoded.combine_chunks()
    values = whole.dictionary.cast(pa.string())
    codes = pc.fill_null(whole.indices, len(values)).to_numpy(zero_copy_only=False).astype(np.int64)
    return codes, pa.concat_arrays([values, pa.array([""], pa.string())])


def _plain(column: pa.ChunkedArray) -> pa.Array:
    """A column of strings in one piece; null is an empty string."""
    return pc.fill_null(column.cast(pa.string()).combine_chunks(), "")
