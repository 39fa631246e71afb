"""The rows of two states of a dataset compared, bucket by bucket where they differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from bigcode.api.facts import Query, Value
from bigcode.api.shapes import Entry
from bigcode.evidence.query import run_query
from bigcode.store.actions import Action
from bigcode.store.store import Store
from bigcode.store.tables import read_table


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The results of a dataset's verdicts in a store; empty where it was never applied."""

    results: Mapping[str, Mapping[str, Action]]
    address: str
    store: Store

    def parts(self, output: str) -> dict[str, list[Entry]]:
        """Entries of an output (`verdicts`, or `kept` by language) by bucket."""
        actions = self.results.get(f"{self.address}#verdicts", {})
        return {label: list(action.outputs.get(output, ())) for label, action in actions.items()}

    def run(self, query: Query) -> Value:
        """A query over all verdicts."""
        tables = [self._read(e) for entries in self.parts("verdicts").values() for e in entries]
        return run_query(query, pa.concat_tables(tables))

    def kept(self, entries: list[Entry]) -> pa.Array:
        """Ids of the rows of verdict tables that are kept."""
        found = []
        for entry in entries:
            table = self._read(entry, ["row", "reason"])
            found.append(table["row"].filter(pc.equal(table["reason"], "kept")).combine_chunks())
        return pa.concat_arrays(found) if found else pa.array([], pa.string())

    def training(self, entries: list[Entry]) -> pa.Table | None:
        """Rows that models read, with the spans that are masked in them; None where there is no table."""
        tables = [table.filter(pc.equal(table["split"], "train")) for table in map(self._read, entries)]
        return pa.concat_tables(tables) if tables else None

    def _read(self, entry: Entry, columns: list[str] | None = None) -> pa.Table:
        return read_table(self.store.objects, entry.digest, columns)


def count_moved(old: Verdicts, new: Verdicts) -> tuple[int, int]:
    """How many kept files enter and leave. A file stays in its bucket as long as the buckets are the same."""
    before, after = old.parts("verdicts"), new.parts("verdicts")
    if before and before.keys() != after.keys():
        pairs = [([e for es in before.values() for e in es], [e for es in after.values() for e in es])]
    else:
        pairs = list(_differing(before, after))
    added = removed = 0
    for mine, others in pairs:
        one, two = old.kept(mine), new.kept(others)
        both = int(pc.sum(pc.is_in(two, value_set=one)).as_py() or 0)
        added, removed = added + len(two) - both, removed + len(one) - both
    return added, removed


def same_training(old: Verdicts, new: Verdicts) -> bool:
    """Whether models would read the same rows, masked alike; nothing is the same as nothing."""
    before, after = old.parts("kept"), new.parts("kept")
    if not any(before.values()) or not any(after.values()):
        return False
    for mine, others in _differing(before, after):
        one, two = old.training(mine), new.training(others)
        if (one is None or not one.num_rows) and (two is None or not two.num_rows):
            continue
        if one is None or two is None or not one.equals(two):
            return False
    return True


def _differing(
    before: Mapping[str, list[Entry]], after: Mapping[str, list[Entry]]
) -> Iterator[tuple[list[Entry], list[Entry]]]:
    """Pairs of buckets whose objects are not the same."""
    for label in {**before, **after}:
        mine, others = before.get(label, []), after.get(label, [])
        if [(e.name, e.digest) for e in mine] != [(e.name, e.digest) for e in others]:
            yield mine, others
