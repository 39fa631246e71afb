"""Append-only results: content key -> what the task wrote. An action whose outputs are missing counts as absent."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bigcode.api.canonical import canonical
from bigcode.api.diagnostics import Diagnostic, fail
from bigcode.api.facts import Fact
from bigcode.api.shapes import Entry
from bigcode.store.files import Files
from bigcode.store.objects import Objects


@dataclass(frozen=True, slots=True)
class Action:
    """The committed result of one task.

    `facts` carry ids relative to the resource, so that two versions share the action of the same work.
    `recorded` marks a result that another run might not repeat to the byte (training, energy, durations).
    """

    key: str
    component: str
    behaviour: int
    partition: str
    identity: Any
    inputs: Mapping[str, Sequence[tuple[str, str]]]
    outputs: Mapping[str, Sequence[Entry]]
    facts: tuple[Fact, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()
    recorded: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)

    def entries(self) -> list[Entry]:
        return [entry for entries in self.outputs.values() for entry in entries]

    def as_json(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "component": self.component,
            "behaviour": self.behaviour,
            "partition": self.partition,
            "identity": self.identity,
            "inputs": {name: [list(pair) for pair in pairs] for name, pairs in self.inputs.items()},
            "outputs": {
                name: [[e.name, e.digest, e.rows, e.bytes] for e in entries]
                for name, entries in self.outputs.items()
            },
            "facts": [fact.as_json() for fact in self.facts],
            "warnings": [warning.as_json() for warning in self.warnings],
            "recorded": self.recorded,
            "environment": dict(self.environment),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Action:
        return cls(
            key=data["key"],
            component=data["component"],
            behaviour=data["behaviour"],
            partition=data["partition"],
            identity=data["identity"],
            inputs={name: tuple((a, b) for a, b in pairs) for name, pairs in data["inputs"].items()},
            outputs={
                name: tuple(Entry(*entry) for entry in entries) for name, entries in data["outputs"].items()
            },
            facts=tuple(Fact.from_json(fact) for fact in data["facts"]),
            warnings=tuple(
                Diagnostic(w["code"], w["message"], None, w.get("hint", ""), w.get("severity", "warning"))
                for w in data["warnings"]
            ),
            recorded=data["recorded"],
            environment=data["environment"],
        )


class Actions:
    """`actions/ab/abcd....json`, put if absent."""

    def __init__(self, files: Files, objects: Objects) -> None:
        self._files = files
        self._objects = objects

    @staticmethod
    def name(key: str) -> str:
        return f"actions/{key[:2]}/{key}.json"

    def get(self, key: str) -> Action | None:
        """The committed action with all its outputs present, or None."""
        action = self.read(key)
        if action is None or not all(self._objects.has(entry.digest) for entry in action.entries()):
            return None
        return action

    def read(self, key: str) -> Action | None:
        """The committed action, whether or not its outputs are present.

        Raises:
            Problem: E511 when the record cannot be read.
        """
        data = self._files.read(self.name(key))
        if data is None:
            return None
        try:
            action = Action.from_json(json.loads(data))
            if action.key != key:
                raise ValueError("it is the record of another key")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            hint = f"Move {self.name(key)} out of the store; `bigcode apply` computes it anew."
            raise fail("E511", f"action {key[:12]} cannot be read", hint=hint) from error
        return action

    def forget(self, key: str) -> None:
        """Take an action away, so that its task runs again; what it wrote stays."""
        self._files.remove(self.name(key))

    def commit(self, action: Action) -> Action:
        """Put the action; where one is there already, the first one stands as long as its outputs are present.

        Its name need not last before a reference is about to move: what is lost then is computed again.

        Raises:
            Problem: E501 when a deterministic task gives other outputs than the committed ones.
        """
        if self._files.put_if_absent(self.name(action.key), canonical(action.as_json()), settled=False):
            return action
        first = self.read(action.key)
        assert first is not None
        if _outputs(first) == _outputs(action):
            return first
        # What is gone cannot be had again from a task that no longer gives it; refusing would never end.
        if self.get(action.key) is None:
            self._files.put(self.name(action.key), canonical(action.as_json()))
            return action
        if action.recorded:
            return first
        raise fail(
            "E501",
            f"{action.component} gave two results for one key ({action.partition or 'whole'})",
            hint="It depends on something undeclared; its behaviour version must rise when its output changes.",
        )


def _outputs(action: Action) -> Any:
    return action.as_json()["outputs"]
