"""What the last apply recorded of one dataset, read in parts: a table of a bucket costs one action and one object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from bigcode.api.diagnostics import fail
from bigcode.run.session import Session
from bigcode.store.actions import Action
from bigcode.store.store import Store
from bigcode.store.tables import read_table


@dataclass(frozen=True, slots=True)
class Applied:
    """Keys of results by step and partition: those of the dataset, and `collect.*` of its snapshot."""

    store: Store
    address: str
    keys: Mapping[str, Mapping[str, str]]

    @property
    def buckets(self) -> int:
        return len(self.keys["gather"])

    def labels(self, step: str) -> list[str]:
        """The partitions of a step; none where the dataset has no such step."""
        return list(self.keys.get(step, ()))

    def action(self, step: str, label: str = "") -> Action:
        """The result of a task.

        Raises:
            Problem: E504 when it is not in the store.
        """
        action = self.store.actions.get(self.keys[step][label])
        if action is None:
            name = f"{self.address}#{step} {label}".rstrip()
            hint = "Run `bigcode apply` again; it is computed anew."
            raise fail("E504", f"the result of {name} is not in the store", hint=hint)
        return action

    def identity(self, step: str) -> Mapping[str, Any]:
        """What the spec said for a step when it was applied."""
        found: Mapping[str, Any] = self.action(step, self.labels(step)[0]).identity["spec"] or {}
        return found

    def table(self, step: str, output: str, label: str, columns: list[str] | None = None) -> pa.Table:
        """An output that is one table; columns that it lacks are left out."""
        digest = self.action(step, label).outputs[output][0].digest
        return read_columns(self.store, digest, columns)

    def named(self, step: str, output: str, name: str) -> list[pa.Table]:
        """The tables of that name among an output of all partitions."""
        return [
            read_table(self.store.objects, entry.digest)
            for label in self.labels(step)
            for entry in self.action(step, label).outputs.get(output, ())
            if entry.name == name
        ]


def read_columns(store: Store, digest: str, columns: list[str] | None) -> pa.Table:
    """A table of the store; of the columns those that it has."""
    if columns is None:
        return read_table(store.objects, digest)
    import pyarrow.parquet as pq

    file = pq.ParquetFile(pa.BufferReader(store.objects.get(digest)))
    return file.read(columns=[name for name in columns if name in file.schema_arrow.names])


def read_applied(session: Session, address: str) -> Applied:
    """The results that the references of a dataset and of its snapshot name.

    Raises:
        Problem: E507 when one of them was never applied.
    """
    workspace = session.workspace
    snapshot = workspace.address_of(workspace.resources[address].spec.snapshot)
    keys: dict[str, Mapping[str, str]] = {}
    for name in (snapshot, address):
        value = session.store.refs.read(name).value
        if value is None:
            raise fail("E507", f"{name} has no recorded result", hint="Run `bigcode apply` first.")
        for node, labels in value["nodes"].items():
            resource, _, step = node.partition("#")
            if name == address or step.startswith("collect."):
                keys[step] = labels
            assert resource == name
    return Applied(session.store, address, keys)
