"""Notices that go with shards, made once more without the files whose contents are erased.

They hold copyright lines and name no content, so what they were made of says which lines go: a line that a file of the
project still carries stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from bigcode.api.diagnostics import Problem
from bigcode.api.shapes import Entry
from bigcode.decide.notices import NOTICES
from bigcode.run.notices import made_of, render_notices
from bigcode.run.task import Inputs
from bigcode.store.actions import Action
from bigcode.store.store import Store
from bigcode.store.tables import encode_table, read_table

ATTRIBUTIONS, WRITTEN = "core.export.attributions", "core.export.notices"


def remake_notices(
    store: Store, actions: Mapping[str, Action], gone: pa.Array
) -> Iterator[tuple[str, bytes]]:
    """Digests of notices that hold something of erased contents, and the bytes that take their place.

    Where what they were made of is no longer there, nothing tells which lines go, and all do.

    Args:
        gone: digests of all contents that were ever erased.
    """
    fresh: dict[str, pa.Table] = {}
    for action in _parents_first(actions):
        inputs = _Recorded(store, action, fresh)
        try:
            table = made_of(inputs, gone) if _touched(inputs, gone) else None
        except Problem:
            table = NOTICES.empty_table()
        for entry in action.entries() if table is not None else ():
            fresh[entry.digest] = table
            yield entry.digest, encode_table(table)
    for action in actions.values():
        inputs = _Recorded(store, action, fresh)
        if action.component == WRITTEN and inputs.changed("notices"):
            for entry in action.entries():
                yield entry.digest, _rendered(inputs)


def _parents_first(actions: Mapping[str, Action]) -> list[Action]:
    """Notices of records take the lines of their projects from those of another dataset."""
    found = [action for action in actions.values() if action.component == ATTRIBUTIONS]
    return sorted(found, key=lambda action: bool(action.inputs.get("parents")))


def _touched(inputs: _Recorded, gone: pa.Array) -> bool:
    blobs = [t["blob"] for name in ("kept", "observations") for t in inputs.tables(name, ["blob"])]
    return inputs.changed("parents") or any(pc.any(pc.is_in(b, value_set=gone)).as_py() for b in blobs)


def _rendered(inputs: _Recorded) -> bytes:
    try:
        return render_notices(inputs.tables("notices"))
    except Problem:
        return b""


class _Recorded(Inputs):
    """The inputs of a committed action as they stand now, or as they are about to stand."""

    def __init__(self, store: Store, action: Action, fresh: Mapping[str, pa.Table]) -> None:
        self.store, self.literals, self._fresh = store, {}, fresh
        self._entries = {
            name: [Entry(label, digest, 0, 0) for label, digest in pairs]
            for name, pairs in action.inputs.items()
        }

    def tables(self, name: str, columns: list[str] | None = None) -> list[pa.Table]:
        return [
            self._fresh[e.digest]
            if e.digest in self._fresh
            else read_table(self.store.objects, e.digest, columns)
            for e in self.entries(name)
        ]

    def changed(self, name: str) -> bool:
        """Whether an input is one that is about to be replaced."""
        return any(e.digest in self._fresh for e in self.entries(name))
