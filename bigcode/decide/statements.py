"""What the files of a table state about licences, and what follows for the files around them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bigcode.decide.columns import as_bool, parents_of
from bigcode.decide.expressions import operands, stem

CATEGORIES = ("permissive", "weak-copyleft", "copyleft", "proprietary", "unknown")
"""What licences leave free, from most to least; of the last, nothing can be said."""
SOURCES = ("", "file", "directory", "repository", "metadata", "review")
NONE, FILE, DIRECTORY, REPOSITORY, METADATA, REVIEW = range(6)

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
_UNKNOWN = len(CATEGORIES) - 1


class Statements(NamedTuple):
    """Statements of enough confidence: row `rows[i]` states `ids[c]` for the codes from `starts[i]` to `starts[i+1]`.

    `is_text`, `is_metadata`, `is_stated` (by the file's own words: a header or a text), `unclear` and `is_reviewed`
    (a person said it) have an entry a file. `of_homes` holds what a person said of whole repositories, by their number.
    """

    ids: list[str]
    severity: Ints
    rows: Ints
    starts: Ints
    codes: Ints
    is_text: Bools
    is_metadata: Bools
    is_stated: Bools
    unclear: Bools
    is_reviewed: Bools
    of_homes: Mapping[int, int] = MappingProxyType({})


def read_statements(table: pa.Table, minimum: float) -> Statements:
    lists = table["license_ids"].combine_chunks()
    scores = pc.list_flatten(table["license_scores"].combine_chunks())
    keep = pc.fill_null(pc.greater_equal(scores, minimum), False)
    parents = parents_of(lists)[keep.to_numpy(zero_copy_only=False)]
    encoded = pc.list_flatten(lists).filter(keep).dictionary_encode()
    codes = ints(encoded.indices)
    severity = np.full(len(encoded.dictionary), _UNKNOWN, np.int64)
    if "license_categories" in table.column_names:
        severity = np.zeros_like(severity)
        given = pc.list_flatten(table["license_categories"].combine_chunks()).filter(keep)
        np.maximum.at(severity, codes, severity_of(given))
    starts = np.flatnonzero(np.diff(parents, prepend=-1))
    role = pc.fill_null(table["license_role"].combine_chunks(), "")
    unclear = np.zeros(table.num_rows, bool)
    if "license_unclear" in table.column_names:
        unclear = as_bool(table["license_unclear"])
    return Statements(
        encoded.dictionary.to_pylist(),
        severity,
        parents[starts],
        np.append(starts, len(parents)),
        codes,
        _mask(pc.equal(role, "text")),
        _mask(pc.equal(role, "metadata")),
        _mask(pc.is_in(role, value_set=pa.array(["header", "text"]))),
        unclear,
        np.zeros(table.num_rows, bool),
    )


class Expressions:
    """The distinct expressions that were decided, by number; number 0 is none."""

    def __init__(self, said: Statements) -> None:
        self.names = [""]
        self.severity = [_UNKNOWN]
        self._said = said
        self._numbers: dict[tuple[str, int], int] = {}

    def of(self, codes: Iterable[int]) -> int:
        """The conjunction of some ids."""
        distinct = set(codes)
        name = _join(sorted(self._said.ids[code] for code in distinct))
        severity = max(int(self._said.severity[code]) for code in distinct)
        number = self._numbers.setdefault((name, severity), len(self.names))
        if number == len(self.names):
            self.names.append(name)
            self.severity.append(severity)
        return number

    def of_rows(self, chosen: Bools) -> Ints:
        """What each chosen row of the statements says as a whole."""
        low, high = self._said.starts[:-1][chosen], self._said.starts[1:][chosen]
        codes, several = self._said.codes[low], np.flatnonzero(high - low > 1)
        numbers = np.zeros(len(self._said.ids), np.int64)
        for code in np.unique(np.delete(codes, several)).tolist():
            numbers[code] = self.of((code,))
        out = numbers[codes]
        known: dict[bytes, int] = {}
        for row in several.tolist():
            part = self._said.codes[low[row] : high[row]]
            key = part.tobytes()
            if key not in known:
                known[key] = self.of(part.tolist())
            out[row] = known[key]
        return out


def inherit(
    paths: pa.ChunkedArray,
    said: Statements,
    homes: Ints,
    number: int,
    expressions: Expressions,
    wanted: Bools,
) -> tuple[Ints, Ints, Bools]:
    """Expression, source and doubt of each file by its place; folders are looked at for `wanted` files alone."""
    places = _Places(paths, said, homes, expressions)
    by_home = np.zeros((number, 3), np.int64)
    for home in places.homes():
        by_home[home] = places.at(home, "")
    out = by_home[homes]
    deep = np.zeros(number, bool)
    deep[[home for home, folder in (*places.texts, *places.doubts) if folder]] = True
    rows = np.flatnonzero(deep[homes] & wanted)
    if len(rows):
        folders = _folders(paths.combine_chunks().take(pa.array(rows))).dictionary_encode()
        names = folders.dictionary.to_pylist()
        keys, index = np.unique(homes[rows] * len(names) + ints(folders.indices), return_inverse=True)
        answers = [places.at(key // len(names), names[key % len(names)]) for key in keys.tolist()]
        out[rows] = np.array(answers, np.int64)[index]
    return out[:, 0].copy(), out[:, 1].copy(), out[:, 2].astype(bool)


class _Places:
    """Licence texts by home and folder, what package metadata at the root declares, and where a doubt lies."""

    def __init__(
        self, paths: pa.ChunkedArray, said: Statements, homes: Ints, expressions: Expressions
    ) -> None:
        self.texts: dict[tuple[int, str], set[int]] = {}
        self.declared: dict[int, set[int]] = {}
        self.doubts: set[tuple[int, str]] = set()
        self._doubts_declared: set[int] = set()
        self._reviewed: set[tuple[int, str]] = set()
        self._declared_by_review: set[int] = set()
        self._said, self._expressions = said, expressions
        self._known: dict[tuple[int, str], tuple[int, int, bool]] = {}
        stated = np.zeros(len(homes), np.int64) - 1
        stated[said.rows] = np.arange(len(said.rows))
        rows = np.flatnonzero((said.is_text | said.is_metadata) & ((stated >= 0) | said.unclear))
        for row, path in zip(rows.tolist(), paths.take(pa.array(rows)).to_pylist(), strict=True):
            index, home, folder = int(stated[row]), int(homes[row]), path.rpartition("/")[0]
            codes = said.codes[said.starts[index] : said.starts[index + 1]].tolist() if index >= 0 else ()
            if said.is_text[row]:
                above, _, last = folder.rpartition("/")
                folder = above if last.upper() in ("LICENSES", "LICENCES") else folder
                self.texts.setdefault((home, folder), set()).update(codes)
                if said.unclear[row]:
                    self.doubts.add((home, folder))
                if said.is_reviewed[row]:
                    self._reviewed.add((home, folder))
            elif not folder:
                self.declared.setdefault(home, set()).update(codes)
                if said.is_reviewed[row]:
                    self._declared_by_review.add(home)
                if said.unclear[row]:
                    self._doubts_declared.add(home)

    def homes(self) -> set[int]:
        return {home for home, _ in self.texts} | self.declared.keys() | self._said.of_homes.keys()

    def at(self, home: int, folder: str) -> tuple[int, int, bool]:
        """Expression, source and doubt of the files of a folder that state nothing themselves."""
        key = (home, folder)
        if key not in self._known:
            self._known[key] = self._climb(home, folder) if folder else self._root(home)
        return self._known[key]

    def _climb(self, home: int, folder: str) -> tuple[int, int, bool]:
        steps = []
        while folder and not self.texts.get((home, folder)) and (home, folder) not in self._known:
            steps.append(folder)
            folder = folder.rpartition("/")[0]
        if (found := self.texts.get((home, folder))) and folder:
            source = REVIEW if (home, folder) in self._reviewed else DIRECTORY
            answer = (self._expressions.of(found), source, (home, folder) in self.doubts)
        else:
            answer = self.at(home, folder)
        for step in reversed(steps):
            answer = (answer[0], answer[1], answer[2] or (home, step) in self.doubts)
            self._known[home, step] = answer
        return answer

    def _root(self, home: int) -> tuple[int, int, bool]:
        found, stated = self.texts.get((home, "")), self.declared.get(home)
        doubt = (home, "") in self.doubts
        if home in self._said.of_homes:
            return self._expressions.of([self._said.of_homes[home]]), REVIEW, False
        if stated and (not found or self._covers(stated, found)):
            source = REVIEW if home in self._declared_by_review else METADATA
            return self._expressions.of(stated), source, doubt or home in self._doubts_declared
        if found:
            source = REVIEW if (home, "") in self._reviewed else REPOSITORY
            return self._expressions.of(found), source, doubt
        return 0, NONE, doubt or home in self._doubts_declared

    def _covers(self, stated: set[int], found: set[int]) -> bool:
        """Whether the declared expression names every licence whose text is there: its AND and OR are better."""
        names = {stem(o) for code in stated for o in operands(self._said.ids[code])}
        return {stem(o) for code in found for o in operands(self._said.ids[code])} <= names


def _join(ids: list[str]) -> str:
    return ids[0] if len(ids) == 1 else " AND ".join(f"({i})" if " OR " in i else i for i in ids)


def _folders(paths: pa.Array) -> pa.Array:
    """Everything before the last slash; empty for a file at the root."""
    parts = pc.split_pattern(paths, "/", max_splits=1, reverse=True)
    first = pc.list_element(parts, 0)
    return pc.if_else(pc.equal(pc.list_value_length(parts), 2), first, "")


def encode(table: pa.Table, names: tuple[str, ...]) -> tuple[Ints, int]:
    """A number for each row, equal where all the named columns are, and how many numbers there are."""
    numbers = np.zeros(table.num_rows, np.int64)
    for name in names:
        encoded = table[name].combine_chunks().dictionary_encode(null_encoding="encode")
        numbers = numbers * len(encoded.dictionary) + ints(encoded.indices)
        # Neighbours are alike; what is sorted is one entry a run.
        runs = np.flatnonzero(np.diff(numbers, prepend=-1))
        _, index = np.unique(numbers[runs], return_inverse=True)
        numbers = np.repeat(index.astype(np.int64), np.diff(np.append(runs, len(numbers))))
    return numbers, int(numbers.max(initial=-1)) + 1


def severity_of(categories: pa.Array | pa.ChunkedArray) -> Ints:
    index = pc.index_in(categories, value_set=pa.array(CATEGORIES, pa.string()))
    return ints(pc.fill_null(index, _UNKNOWN))


def ints(values: pa.Array | pa.ChunkedArray) -> Ints:
    return np.asarray(
        values.to_numpy(zero_copy_only=False) if isinstance(values, pa.Array) else values.to_numpy(), np.int64
    )


def _mask(values: pa.Array) -> Bools:
    return np.asarray(values.to_numpy(zero_copy_only=False), bool)
