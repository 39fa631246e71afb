"""What a purge takes from caches and from folders outside of the store: all that could hold a copy of an object."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from bigcode.evidence.erased import ERASED
from bigcode.run.drafts import MANIFEST
from bigcode.run.session import Session
from bigcode.run.sweep import read_json, release_folders
from bigcode.store.gc import belongs, list_files
from bigcode.store.store import Store
from bigcode.store.tombstones import Tombstone


def clean_caches(store: Store, gone: Mapping[str, Tombstone]) -> int:
    """Drop memories, quarantine, unfinished work, half-written files and copies of erased objects; returns how many.

    Caches never change an answer, so nothing is lost but time.
    """
    count = 0
    for name in [*list_files(store, "index/memory"), *list_files(store, "quarantine"), *_half_written(store)]:
        store.files.remove(name)
        count += 1
    work = store.base / "work"
    for path in (p for p in sorted(work.iterdir()) if belongs(store, p)) if work.is_dir() else ():
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        count += 1
    copies = Path.home() / ".cache" / "bigcode" / "objects"
    for path in sorted(copies.iterdir()) if copies.is_dir() else ():
        if path.name.removesuffix(".partial") in gone:
            path.unlink(missing_ok=True)
            count += 1
    for path in sorted((store.base / "mlflow").rglob("*")):
        if path.is_file() and not path.is_symlink() and _digest(path) in gone:
            path.unlink()
            count += 1
    return count


def _half_written(store: Store) -> list[str]:
    return [
        name
        for folder in ("objects", "actions", "refs", "index", "tombstones", "purges")
        for name in list_files(store, folder)
        if name.rpartition("/")[2].startswith(".tmp-")
    ]


def clean_outputs(session: Session, gone: Mapping[str, Tombstone]) -> list[str]:
    """Give the files of release folders the bytes that stand for them now; returns the files that changed."""
    changed: list[str] = []
    for folder in release_folders(session):
        erased = dict(read_json(folder / ERASED))
        for name, sha in sorted(read_json(folder / MANIFEST).items()):
            path = folder / name
            if sha not in gone:
                continue
            now = session.store.objects.tombstones.standing(sha)
            if path.exists() and _digest(path) == sha:
                _put(session, path, now)
                changed.append(str(path))
            erased[name] = {"was": sha, "now": now, "asOf": gone[sha].as_of, "reason": gone[sha].reason}
        if erased:
            _write(folder / ERASED, (json.dumps(erased, indent=1, sort_keys=True) + "\n").encode())
    for base in (session.releases_folder, session.root / "releases", session.cards_folder):
        for path in sorted(base.rglob(".*.staged")) if base.is_dir() else ():
            path.unlink(missing_ok=True)
    return changed


def _put(session: Session, path: Path, now: str) -> None:
    if now:
        _write(path, session.store.objects.get(now))
    else:
        path.unlink()


def _write(path: Path, data: bytes) -> None:
    staged = path.with_name(f".{path.name}.staged")
    staged.write_bytes(data)
    os.replace(staged, path)


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
