"""What travels between the run and its workers: small, whatever the task. What would be long is an object by digest."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any

from bigcode.api.shapes import Entry
from bigcode.plan.graph import Node
from bigcode.run.task import Task
from bigcode.store.store import Store

LONG = 2048
"""Bytes of JSON from which on a value is put into the store and named by its digest."""
ANSWER = 8192
"""The same for an answer as a whole."""
_HEAVY = ("config", "identity", "params", "unit", "literals")


@dataclass
class Packer:
    """Makes the payloads of one node; what its tasks share is encoded once."""

    store: Store
    node: Node
    memory: str
    _common: dict[str, Any] = field(default_factory=dict)
    _whole: dict[str, Any] = field(default_factory=dict)

    def pack(self, label: str, key: str, inputs: Mapping[str, Sequence[Entry]], base: str) -> bytes:
        """The payload of a partition; `unpack` gives the `Task` back."""
        if not self._common:
            self._common = self._shared()
        task = self._common | {"label": label, "key": key, "base": base}
        kept = dict(task.pop("kept"))
        unit = self._slim("unit", self.node.partition_identity.get(label) or {}, kept)
        modes = {edge.name: edge.mode for edge in self.node.inputs}
        given: dict[str, Any] = {}
        for name, entries in inputs.items():
            if modes[name] == "all":
                if name not in self._whole:
                    self._whole[name] = self._list(entries)
                given[name] = self._whole[name]
            else:
                given[name] = self._list(entries)
        return json.dumps(task | {"unit": unit, "inputs": given, "kept": kept}).encode()

    def _shared(self) -> dict[str, Any]:
        node = self.node
        whole = asdict(
            Task(
                store=self.store.url,
                node=node.id,
                shape=node.shape,
                factory=node.factory,
                label="",
                key="",
                config_class=node.config_class,
                config=node.config,
                identity=node.identity,
                params=node.params,
                literals=node.literals,
                grain=node.grain,
                memory=self.memory,
            )
        )
        kept: dict[str, str] = {}
        for name in _HEAVY:
            whole[name] = self._slim(name, whole[name], kept)
        return whole | {"kept": kept}

    def _slim(self, name: str, value: Any, kept: dict[str, str]) -> Any:
        text = json.dumps(value).encode()
        if len(text) <= LONG:
            return value
        kept[name] = self.store.objects.put(text)
        return None

    def _list(self, entries: Sequence[Entry]) -> Any:
        """Entries as they are, or the digest of the object that lists them."""
        plain = [[e.name, e.digest, e.rows, e.bytes] for e in entries]
        if len(plain) * 64 <= LONG and len(text := json.dumps(plain).encode()) <= LONG:
            return plain
        text = json.dumps(plain).encode()
        return self.store.objects.put(text)


def unpack(payload: bytes) -> tuple[Task, Store]:
    """The task that a payload is for, and its store.

    Raises:
        Problem: E503 or E504 when the store does not hold what the payload names.
    """
    raw = json.loads(payload)
    store = Store(raw["store"])
    for name, key in raw.pop("kept").items():
        raw[name] = _kept(store, key)
    raw["inputs"] = {
        name: _kept(store, given) if isinstance(given, str) else given
        for name, given in raw["inputs"].items()
    }
    return Task(**raw), store


def pack_answer(answer: Mapping[str, Any], store: Store | None) -> bytes:
    """An answer, or the digest of the object that is the answer; one that tells of a failure is cut instead."""
    if answer["problems"]:
        answer = {
            **answer,
            "outputs": {},
            "facts": [],
            "warnings": [],
            "problems": answer["problems"][:20],
            "trace": answer["trace"][-4000:],
        }
    data = json.dumps(answer).encode()
    if len(data) <= ANSWER or answer["problems"] or store is None:
        return data
    return json.dumps({"kept": store.objects.put(data)}).encode()


def unpack_answer(data: bytes, store: Store) -> bytes:
    """The answer in full."""
    kept = json.loads(data).get("kept") if len(data) < 100 else None
    return store.objects.get(kept) if kept else data


def _kept(store: Store, key: str) -> Any:
    return json.loads(_bytes(store.url, key))


@lru_cache(maxsize=64)
def _bytes(url: str, key: str) -> bytes:
    """What the tasks of a node share is read once by a worker."""
    return Store(url).objects.get(key)
