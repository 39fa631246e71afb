"""Entries of an opt-out list under every spelling that they go by, for look-ups of whole columns."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Ints = NDArray[np.int64]

FOLDED = frozenset({"pypi"})
"""Hosts whose names are normalised as PEP 503 says."""
NOREPLY = r"^(?:\d+\+)?(?P<login>[^@+\s]+)@users\.noreply\.github\.com$"
"""The address that GitHub gives to an account; it names the account."""
_SEPARATORS = r"[-_.]+"
NAMED = ("owner", "repository", "path")
"""Scopes whose values begin with a name that `FOLDED` and renames are about."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The values of one scope.

    `values`: string, distinct. A place is a pair of host and value; `anywhere` holds the place of each value for
    all hosts, or -1. `codes`: host number × values + value of the places, ascending. `offsets` and `entries` hold
    the numbers of the entries at each place.
    """

    values: pa.Array
    anywhere: Ints
    codes: Ints
    offsets: Ints
    entries: Ints

    def find(self, keys: Ints, hosts: Ints) -> Iterator[tuple[Ints, Ints]]:
        """Positions in `keys` and places, for all hosts and for the host of each; -1 is no key and no host."""
        known = np.flatnonzero(keys >= 0)
        places = self.anywhere[keys[known]]
        yield known[places >= 0], places[places >= 0]
        known = known[hosts[known] > 0]
        if len(known) and len(self.codes):
            wanted = hosts[known] * len(self.values) + keys[known]
            places = np.minimum(np.searchsorted(self.codes, wanted), len(self.codes) - 1)
            found = self.codes[places] == wanted
            yield known[found], places[found]

    def count(self, places: Ints, counts: Ints) -> None:
        """Add to the counts of entries how often each place was found."""
        by_place = np.bincount(places, minlength=len(self.codes))
        np.add.at(counts, self.entries, np.repeat(by_place, np.diff(self.offsets)))


@dataclass(frozen=True, slots=True)
class Index:
    """`hosts` numbers the hosts that entries are bound to, from 1 on; `names` holds the scopes of `NAMED` for
    plain and for folded hosts, `owners` the owners that occur in them; `others` holds blobs and authors."""

    hosts: Mapping[str, int]
    names: Mapping[bool, Mapping[str, Keys]]
    owners: Mapping[bool, pa.Array]
    others: Mapping[str, Keys]


def canonical_name(value: str) -> str:
    """A name in the case in which names are compared: NFC, case folded."""
    return unicodedata.normalize("NFC", value).casefold()


def fold_case(values: pa.Array) -> pa.Array:
    """`canonical_name` of each string."""
    lower = pc.ascii_lower(values)
    plain = pc.string_is_ascii(values)
    if pc.all(plain).as_py() is not False:
        return lower
    other = pc.invert(plain)
    folded = [canonical_name(value) for value in values.filter(other).to_pylist()]
    return pc.replace_with_mask(lower, other, pa.array(folded, values.type))


def fold_separators(values: pa.Array) -> pa.Array:
    """Names in which runs of `-`, `_` and `.` are one `-`."""
    return pc.replace_substring_regex(values, pattern=_SEPARATORS, replacement="-")


def index_entries(
    entries: Sequence[tuple[int, Mapping[str, Any]]], renames: Iterable[Mapping[str, str]]
) -> Index:
    """Index numbered entries, each under its own value and all that it was or will be called.

    A rename holds both ways and through others, on its host or, without one, on all.
    """
    renames = list(renames)
    hosts: dict[str, int] = {}
    names: dict[bool, dict[str, Keys]] = {}
    owners: dict[bool, pa.Array] = {}
    for folded in (False, True):
        called = Renames(renames, folded)
        places: dict[str, dict[tuple[str, str], list[int]]] = {scope: {} for scope in NAMED}
        for number, entry in entries:
            if entry["scope"] in NAMED and _concerns(entry.get("host", ""), folded):
                for place in called.spellings(entry):
                    places[entry["scope"]].setdefault(place, []).append(number)
        names[folded] = {scope: _keys(found, hosts) for scope, found in places.items()}
        owners[folded] = pa.array(sorted(_owners(places)), pa.string())
    others: dict[str, dict[tuple[str, str], list[int]]] = defaultdict(dict)
    for number, entry in entries:
        if entry["scope"] not in NAMED:
            value = canonical_name(entry["value"])
            if entry["scope"] != "blob":
                value = re.sub(NOREPLY, r"\g<login>", value)
            place = value, canonical_name(entry.get("host", ""))
            others[entry["scope"]].setdefault(place, []).append(number)
    return Index(hosts, names, owners, {scope: _keys(found, hosts) for scope, found in others.items()})


def _concerns(host: str, folded: bool) -> bool:
    return not host or (canonical_name(host) in FOLDED) == folded


def _keys(places: Mapping[tuple[str, str], Sequence[int]], hosts: dict[str, int]) -> Keys:
    values = sorted({value for value, _ in places})
    number = {value: key for key, value in enumerate(values)}
    coded = sorted(
        (
            hosts.setdefault(host, len(hosts) + 1) * len(values) + number[value] if host else number[value],
            found,
        )
        for (value, host), found in sorted(places.items())
    )
    codes = np.array([code for code, _ in coded], np.int64)
    anywhere = np.full(len(values), -1, np.int64)
    everywhere = codes < len(values)
    anywhere[codes[everywhere]] = np.flatnonzero(everywhere)
    offsets = np.cumsum([0, *(len(found) for _, found in coded)]).astype(np.int64)
    entries = np.array([entry for _, found in coded for entry in found], np.int64)
    return Keys(pa.array(values, pa.string()), anywhere, codes, offsets, entries)


def _owners(places: Mapping[str, Mapping[tuple[str, str], Sequence[int]]]) -> set[str]:
    """All that may be the owner of a row that is named: an owner may hold `/`, so each part before one counts."""
    owners = {value for value, _ in places["owner"]}
    for scope in ("repository", "path"):
        for value in {value.partition(":")[0] for value, _ in places[scope]}:
            parts = value.split("/")
            owners.update("/".join(parts[:end]) for end in range(1, len(parts)))
    return owners


class Renames:
    """What owners and repositories are called by turns, on plain or on folded hosts."""

    def __init__(self, renames: Iterable[Mapping[str, str]], folded: bool) -> None:
        self.folded = folded
        self.edges: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for rename in renames:
            host = canonical_name(rename.get("host", ""))
            if _concerns(host, folded):
                one, other = self._spell(rename["from"]), self._spell(rename["to"])
                self.edges[one].append((other, host))
                self.edges[other].append((one, host))

    def spellings(self, entry: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Value and host of everything that an entry names; no value on one host that is there for all hosts."""
        name, colon, path = entry["value"].partition(":")
        start = self._spell(name), canonical_name(entry.get("host", ""))
        seen, waiting = {start}, [start]
        while waiting:
            name, host = waiting.pop()
            for other, bound in self._steps(name):
                if not host or not bound or host == bound:
                    step = other, host or bound
                    if step not in seen:
                        seen.add(step)
                        waiting.append(step)
        tail = f"{colon}{canonical_name(path)}"
        return [(f"{name}{tail}", host) for name, host in sorted(seen) if not host or (name, "") not in seen]

    def _steps(self, name: str) -> Iterator[tuple[str, str]]:
        yield from self.edges.get(name, ())
        owner, slash, repository = name.rpartition("/")
        if slash:
            for other, host in self.edges.get(owner, ()):
                yield f"{other}/{repository}", host

    def _spell(self, name: str) -> str:
        name = canonical_name(name)
        return re.sub(_SEPARATORS, "-", name) if self.folded else name
