"""`gc` of a workspace's store: the roots that only specs, locks and release folders know, then mark and sweep."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bigcode.plan.graph import sources
from bigcode.plan.keys import content_key
from bigcode.run import faults
from bigcode.run.drafts import MANIFEST
from bigcode.run.planning import survey_session
from bigcode.run.published import RECORD
from bigcode.run.session import Session
from bigcode.spec.lock import NAME as LOCK
from bigcode.spec.lock import read_lock
from bigcode.store.gc import (
    HARMLESS,
    Garbage,
    Roots,
    find_garbage,
    is_claimed_work,
    list_files,
    mark,
    sweep,
)
from bigcode.store.leases import alone
from bigcode.store.store import Store

FOLDERS = ("objects", "actions", "refs", "index", "quarantine", "tombstones")


@dataclass(frozen=True, slots=True)
class Swept:
    """What went, or would go: `busy` when a run was at work and only what no run can want was looked at."""

    items: tuple[Garbage, ...]
    kept: int
    references: int
    releases: int
    busy: bool = False

    @property
    def bytes(self) -> int:
        return sum(item.bytes for item in self.items)


def collect_garbage(
    session: Session, *, keep: int, before: float | None = None, dry_run: bool = False
) -> Swept:
    """Sweep what nothing needs.

    Args:
        keep: how many generations of each reference stay.
        before: seconds since the epoch; only what was written before it goes.

    Raises:
        Problem: for a store that cannot be read, and for specs with errors.
    """
    store = session.store
    with alone(store) as free:
        # Listed first: what is written from here on is on no list.
        listed = {name: item for folder in FOLDERS for name, item in list_files(store, folder).items()}
        roots, releases = find_roots(session, keep)
        marked = mark(store, roots)
        faults.point("gc.marked")
        garbage = find_garbage(store, listed, marked, roots, before=before)
        free = free and not claimed(store)
        if not free:
            garbage = [g for g in garbage if g.kind in HARMLESS and _nobodys(g)]
        gone = garbage if dry_run else sweep(store, garbage, faults.point)
        kept = sum(name.startswith("objects/") for name in listed) - sum(g.kind == "object" for g in gone)
        return Swept(tuple(gone), kept, marked.references, releases, not free)


def claimed(store: Store) -> list[str]:
    """Scratch folders that a process holds: each is work in progress."""
    base = store.base / "work"
    held = []
    for path in sorted(base.iterdir()) if base.is_dir() else ():
        if path.is_dir() and is_claimed_work(path.name):
            with store.claim(path.name) as free:
                held += [] if free else [path.name]
    return held


def _nobodys(item: Garbage) -> bool:
    """Whether something may be taken while a run is at work; unclaimed scratch of other names may be that run's."""
    return item.kind != "scratch" or is_claimed_work(item.name)


def find_roots(session: Session, keep: int) -> tuple[Roots, int]:
    """What releases name, work that the next apply takes up again, and how many releases there are."""
    frozen: dict[str, str] = {}
    for root in _locked(session.root):
        for address, entry in read_lock(root)["released"].items():
            frozen[address] = entry["identity"]
    actions: set[str] = set()
    objects: set[str] = set(session.pins().values())
    releases = 0
    for folder in published_folders(session):
        releases += 1
        objects |= set(read_json(folder / MANIFEST).values())
        objects |= set(read_json(folder / "evidence" / "objects.json"))
        for nodes in read_json(folder / "evidence" / "refs.json").values():
            actions |= {key for keys in nodes.values() for key in keys.values()}
    graph, found = survey_session(session)
    scratch = {
        content_key(node, "", found.results)
        for node in graph.nodes.values()
        if node.shape == "process" and node.id in found.pending
        if all(source in found.results for source in sources(node))
    }
    families = {(node.component, node.behaviour) for node in graph.nodes.values()}
    roots = Roots(
        keep, frozen, frozenset(actions), frozenset(objects), frozenset(scratch), frozenset(families)
    )
    return roots, releases


def release_folders(session: Session) -> Iterator[Path]:
    """Folders that `apply` or `release` wrote, of all workspaces beside this one: they may share its store."""
    seen = set()
    for base in (session.releases_folder, session.root / "releases"):
        for path in sorted(base.rglob(MANIFEST)) if base.is_dir() else ():
            if path.parent.resolve() not in seen:
                seen.add(path.parent.resolve())
                yield path.parent


def published_folders(session: Session) -> Iterator[Path]:
    """Those of them that were published."""
    return (folder for folder in release_folders(session) if (folder / RECORD).exists())


def _locked(root: Path) -> Iterator[Path]:
    for base, folders, files in os.walk(root):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f != "node_modules")
        if LOCK in files:
            yield Path(base)


def read_json(path: Path) -> Mapping[str, Any]:
    """A JSON mapping of a release; empty where the file is gone."""
    try:
        value: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except OSError:
        return {}
    return value
