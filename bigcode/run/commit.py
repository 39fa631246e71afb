"""Commit order: objects (written by workers), then the action, then the journal, and references last.

Each lasts before the next one does, but for the journal, which nothing is read from that must hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bigcode.api.canonical import key_of
from bigcode.plan.graph import Node
from bigcode.run import faults
from bigcode.run.journal import Journal
from bigcode.store.actions import Action
from bigcode.store.refs import RefValue
from bigcode.store.store import Store

DELTA = ("observe", "map", "shingle")
"""Shapes that observe only what was not observed before."""


class Committer:
    """The only writer of actions and references."""

    def __init__(self, store: Store, journal: Journal) -> None:
        self.store = store
        self.journal = journal

    def commit(self, node: Node, action: Action) -> Action:
        """Commit an action; the first one for a key stands."""
        faults.point("action.before")
        committed = self.store.actions.commit(action)
        faults.point("action.committed")
        self.journal.write("task", node=node.id, partition=action.partition, key=action.key)
        faults.point("journal.written")
        if node.shape in DELTA:
            entry = committed.outputs["observed"][0]
            self.store.files.put(_index(node, action.partition), entry.digest.encode(), lasting=False)
        return committed

    def base_of(self, node: Node, label: str) -> str:
        """The newest observation of the same component, behaviour and identity: only a shortcut, never in a key."""
        if node.shape not in DELTA:
            return ""
        found = (self.store.files.read(_index(node, label)) or b"").decode("ascii", "replace")
        return found if len(found) == 64 else ""

    def move(self, address: str, generation: int, value: Mapping[str, Any]) -> RefValue:
        """Move a reference from the generation at which it was read.

        Raises:
            Problem: E505 when another run moved it to another value.
        """
        faults.point("ref.before")
        self.store.files.settle()
        moved = self.store.refs.move(address, generation, dict(value))
        faults.point("ref.moved")
        self.journal.write("ref", address=address, generation=moved.generation)
        return moved


def _index(node: Node, label: str) -> str:
    family = key_of([node.component, node.behaviour, node.shape, node.identity])
    return f"index/observed/{family[:24]}/{label}"
