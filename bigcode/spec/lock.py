"""`bigcode.lock`: the identities of released versions and the plugins that made them, frozen."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bigcode.api.canonical import key_of
from bigcode.api.diagnostics import Diagnostic, Place
from bigcode.api.resource import Resource, identity
from bigcode.spec.text import Document

NAME = "bigcode.lock"


def read_lock(root: Path) -> dict[str, Any]:
    """The lock of a workspace; empty when nothing was released yet."""
    path = root / NAME
    if not path.exists():
        return {"format": 1, "released": {}}
    loaded: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return loaded


def write_lock(root: Path, lock: Mapping[str, Any]) -> None:
    (root / NAME).write_text(json.dumps(lock, indent=2, sort_keys=True) + "\n", "utf-8")


def identity_digest(resource: Resource) -> str:
    return key_of({"kind": resource.kind, "spec": identity(resource.spec)})


def check_frozen(
    root: Path, resources: Mapping[str, Resource], documents: Mapping[str, Document]
) -> Iterable[Diagnostic]:
    """A diagnostic for each released version whose identity was edited or whose file is gone."""
    try:
        released = read_lock(root)["released"]
    except (ValueError, KeyError):
        yield Diagnostic("E101", "the lock cannot be read", Place(str(root / NAME)), "Restore it from version control.")
        return
    for address, entry in sorted(released.items()):
        resource = resources.get(address)
        if resource is None:
            yield Diagnostic("E210", f"{address} was released and its spec is gone", Place(str(root / NAME)),
                             "Restore the file; retire it with lifecycle.state instead.")  # fmt: skip
        elif identity_digest(resource) != entry["identity"]:
            yield Diagnostic("E210", f"{address} was released; its identity is frozen", documents[address].place(("spec",)),
                             f"Undo the edit, or copy the file and raise metadata.version above {resource.metadata.version}.")  # fmt: skip
