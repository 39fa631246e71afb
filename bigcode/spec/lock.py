"""`bigcode.lock`: what was released, frozen.

`released` holds, by address, the identity of a version with the plugins and behaviours that made it; `releases`
holds what each Release published: the root of its evidence, the date of its gates, the digest of its manifest.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from bigcode.api.canonical import canonical, key_of
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
    """Write beside the place and rename: a crash leaves the old lock or the new one."""
    staged = root / f".{NAME}.staged"
    with staged.open("wb") as stream:
        stream.write((json.dumps(lock, indent=2, sort_keys=True) + "\n").encode())
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(staged, root / NAME)


def carried_lock(lock: Mapping[str, Any]) -> bytes:
    """The lock as evidence carries it: without `releases`, since a root cannot be among what it is taken over."""
    return canonical({name: value for name, value in lock.items() if name != "releases"}) + b"\n"


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
        lock = read_lock(root)
        released = {address: entry["identity"] for address, entry in lock["released"].items()}
        for entry in lock.get("releases", {}).values():
            date.fromisoformat(entry["asOf"])
            int(entry["root"], 16)
            int(entry["manifest"], 16)
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
