"""Sweeping a store: what references, releases and runs need is marked; of the rest, what was listed before goes.

Objects are listed before anything is marked, so that whatever is written meanwhile is on no list and stays: no clock
decides. Actions go before their objects, so that a sweep that is broken off leaves objects that nothing names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from bigcode.api.canonical import key_of
from bigcode.api.diagnostics import Problem
from bigcode.store.actions import Action
from bigcode.store.generations import generations, value_at
from bigcode.store.store import Store

KINDS = ("action", "object", "index", "memory", "scratch", "quarantine", "temporary")
"""What is swept, in this order."""
HARMLESS = frozenset({"index", "scratch", "quarantine"})
"""What may go beside a run: shortcuts that lead nowhere, and what nobody holds."""
_DIGEST = re.compile(r"^[0-9a-f]{64}$")
_KEY = re.compile(r"^(?:[0-9a-f]{64}|preview-[0-9a-f]+)$")


@dataclass(frozen=True, slots=True)
class Item:
    """A file of the store: its size, and the time that the file system gives for its last write (None: unknown)."""

    bytes: int
    written: float | None


@dataclass(frozen=True, slots=True)
class Roots:
    """What is needed, beside references.

    `generations` of each reference are kept, and all those whose identity is `frozen` for their address; `actions`
    and `objects` are what releases name; `scratch` are keys of work that a run would take up again; `families` are
    the memories of components that specs use, as (component, behaviour).
    """

    generations: int = 1
    frozen: Mapping[str, str] = field(default_factory=dict)
    actions: frozenset[str] = frozenset()
    objects: frozenset[str] = frozenset()
    scratch: frozenset[str] = frozenset()
    families: frozenset[tuple[str, int]] = frozenset()


@dataclass
class Marked:
    """Keys and digests that stay, and the memories of the components behind them."""

    actions: set[str] = field(default_factory=set)
    objects: set[str] = field(default_factory=set)
    memories: set[str] = field(default_factory=set)
    references: int = 0


@dataclass(frozen=True, slots=True)
class Garbage:
    """A file of the store, or a folder of scratch (`kind` scratch)."""

    kind: str
    name: str
    bytes: int


def list_files(store: Store, folder: str) -> dict[str, Item]:
    """All files below a folder of the store, hidden ones too, by their names in the store."""
    files = store.files
    try:
        found: Mapping[str, Any] = files.fs.find(files.at(folder), detail=True)
    except FileNotFoundError:
        return {}
    start = len(files.at("")) if files.root else 0
    return {path[start:]: Item(int(info.get("size") or 0), _written(info)) for path, info in found.items()}


def _written(info: Mapping[str, Any]) -> float | None:
    for name in ("mtime", "LastModified", "last_modified", "updated", "created"):
        value = info.get(name)
        if isinstance(value, datetime):
            return value.timestamp()
        if isinstance(value, int | float):
            return float(value)
    return None


def mark(store: Store, roots: Roots) -> Marked:
    """Follow references, releases and what they name.

    Raises:
        Problem: E511 when a reference or an action cannot be read: what it names is not known then.
    """
    out = Marked(objects=set(roots.objects))
    wanted = set(roots.actions)
    for address in store.refs.addresses():
        out.references += 1
        wanted |= _keys_of(store, address, roots)
    for key in sorted(wanted):
        action = store.actions.read(key)
        if action is not None:
            out.actions.add(key)
            out.objects |= named_objects(action)
            out.memories.add(memory_of(action.component, action.behaviour))
    out.memories |= {memory_of(*family) for family in roots.families}
    if store.files.names("tombstones"):
        for digest in sorted(out.objects):
            out.objects |= _replacements(store, digest)
    return out


def memory_of(component: str, behaviour: int) -> str:
    """The folder below `index/memory` that a component of one behaviour version has."""
    return key_of([component, behaviour])[:24]


def named_objects(action: Action) -> set[str]:
    """Digests that an action names and that its evidence needs: outputs, lists, downloads, manifests of its facts;
    of a recorded result, what it was made from, too, since nothing makes it again."""
    found = {entry.digest for entry in action.entries()}
    found |= {digest for fact in action.facts for digest in fact.inputs}
    said = action.identity if isinstance(action.identity, Mapping) else {}
    found |= set(_digests(said.get("literals"))) | set(_digests(said.get("unit")))
    if action.recorded:
        found |= {digest for pairs in action.inputs.values() for _, digest in pairs}
    return found


def _digests(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        if _DIGEST.match(value):
            yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _digests(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _digests(item)


def _keys_of(store: Store, address: str, roots: Roots) -> set[str]:
    """Keys of the newest generations of a reference, and of all that a release froze."""
    found: set[str] = set()
    numbers = generations(store, address)
    for number in numbers:
        recent = number in numbers[-roots.generations :]
        if not recent and address not in roots.frozen:
            continue
        value = value_at(store, address, number)
        if value is None or not (recent or value.get("identity") == roots.frozen[address]):
            continue
        for keys in value.get("nodes", {}).values():
            found |= set(keys.values())
    return found


def _replacements(store: Store, digest: str) -> set[str]:
    found: set[str] = set()
    try:
        standing = store.objects.standing(digest)
    except Problem:
        return found
    return {standing} if standing != digest else found


def find_garbage(
    store: Store, listed: Mapping[str, Item], marked: Marked, roots: Roots, *, before: float | None = None
) -> list[Garbage]:
    """What of a listing nothing needs, in the order in which it may go.

    Args:
        listed: made by `list_files` before marking.
        before: seconds since the epoch; what was written later, or at a time that is not known, stays.
    """
    found: list[Garbage] = []
    for name, item in sorted(listed.items()):
        if before is not None and (item.written is None or item.written >= before):
            continue
        kind = _kind_of(store, name, marked)
        if kind:
            found.append(Garbage(kind, name, item.bytes))
    found += _scratch(store, roots, before)
    return sorted(found, key=lambda g: (KINDS.index(g.kind), g.name))


def _kind_of(store: Store, name: str, marked: Marked) -> str:
    """What a file would be swept as; empty for one that stays."""
    folder, _, rest = name.partition("/")
    last = rest.rpartition("/")[2]
    if last.startswith(".tmp-"):
        return "temporary"
    if folder == "objects":
        return "" if last in marked.objects else "object"
    if folder == "actions":
        return "" if last.removesuffix(".json") in marked.actions else "action"
    if folder == "quarantine":
        return "quarantine"
    if name.startswith("index/memory/"):
        return "" if name.split("/")[2] in marked.memories else "memory"
    if name.startswith("index/observed/"):
        digest = (store.files.read(name) or b"").decode("ascii", "replace")
        return "" if digest in marked.objects and store.objects.has(digest) else "index"
    return ""


def _scratch(store: Store, roots: Roots, before: float | None) -> list[Garbage]:
    base = store.base / "work"
    found = []
    for path in sorted(base.iterdir()) if base.is_dir() else ():
        if (
            path.name in roots.scratch
            or not belongs(store, path)
            or (before is not None and path.stat().st_mtime >= before)
        ):
            continue
        size = sum(p.lstat().st_size for p in path.rglob("*") if p.is_file()) if path.is_dir() else 0
        found.append(Garbage("scratch", path.name, size))
    return found


def sweep(store: Store, garbage: Iterable[Garbage], point: Callable[[str], None]) -> list[Garbage]:
    """Take garbage away; returns what went. Scratch that a process holds stays.

    Args:
        point: called with a name after each removal, for tests that end the process there.
    """
    gone = []
    for item in garbage:
        if item.kind == "scratch":
            if not _drop(store, item.name):
                continue
        else:
            store.files.remove(item.name)
        gone.append(item)
        point("gc.removed")
    return gone


def _drop(store: Store, name: str) -> bool:
    path = store.base / "work" / name
    if not path.is_dir():
        path.unlink(missing_ok=True)
        return True
    with store.claim(name) as free:
        if free:
            store.drop_scratch(name)
    return free


def belongs(store: Store, path: Path) -> bool:
    """Whether a scratch folder is of this store. Stores elsewhere share one local folder: there only work whose inputs
    the store holds is surely its own, and the rest is left alone."""
    if store.files.local:
        return True
    try:
        inputs = json.loads((path / "job.json").read_text("utf-8"))["inputs"]
        return any(store.objects.has(entry[1]) for entries in inputs.values() for entry in entries)
    except (OSError, ValueError, KeyError, TypeError, IndexError, AttributeError):
        return False


def is_claimed_work(name: str) -> bool:
    """Whether a scratch folder is one that its owner holds by a claim: of a key, or of a preview."""
    return _KEY.match(name) is not None
