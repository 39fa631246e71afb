"""`bigcode.lock`: the identities of released versions and the plugins that made them, frozen."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
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
    root: Path,
    resources: Mapping[str, Resource],
    documents: Mapping[str, Document],
    declared: Collection[str],
) -> Iterable[Diagnostic]:
    """A diagnostic for each released version whose identity was edited or whose file is gone.

    Args:
        declared: addresses of all files, also of those that have other errors and are not among `resources`.
    """
    shown = str(root / NAME)
    try:
        released = {address: entry["identity"] for address, entry in read_lock(root)["released"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        yield Diagnostic("E101", "the lock cannot be read", Place(shown), "Restore it from version control.")
        return
    for address, frozen in sorted(released.items()):
        resource = resources.get(address)
        if address not in declared:
            yield Diagnostic(
                "E210",
                f"{address} was released and its spec is gone",
                Place(shown),
                "Restore the file; retire it with lifecycle.state instead.",
            )
        elif resource is not None and identity_digest(resource) != frozen:
            yield Diagnostic(
                "E210",
                f"{address} was released; its identity is frozen",
                documents[address].place(("spec",)),
                f"Undo the edit, or copy the file and raise metadata.version above {resource.metadata.version}.",
            )
