"""Drafts for people and loaders: cards in a folder, and each release laid out as a hub lays it out.

Both folders are outside of git's view. A file is written only when its content is not there already, staged
beside its place and renamed, so that a crash leaves the old file or the new one.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from bigcode.run import faults
from bigcode.run.cards import Card
from bigcode.run.records import Recorded
from bigcode.run.run_pages import run_pages
from bigcode.run.session import Session
from bigcode.spec.workspace import Workspace

MANIFEST = ".manifest.json"


def write_drafts(session: Session, results: Recorded, cards: Mapping[str, Card]) -> list[str]:
    """Write cards and release folders; returns the files that changed."""
    shown = {n: d for card in cards.values() for n, d in card.files.items()}
    changed = sync_folder(session.cards_folder, shown | run_pages(results, session.store), session)
    for address, resource in session.workspace.resources.items():
        if resource.kind == "Release":
            files = release_files(session.workspace, address, results, cards)
            changed += sync_folder(session.releases_folder / resource.metadata.name, files, session)
    return changed


def release_files(
    workspace: Workspace, address: str, results: Recorded, cards: Mapping[str, Card]
) -> dict[str, str]:
    """File names of a release and the digests of their objects."""
    spec = workspace.resources[address].spec
    files: dict[str, str] = {}
    license_text = _output(results, workspace.address_of(spec.license), "text") if spec.license else {}
    for part in ("dataset", "tokenizer", "model"):
        reference = getattr(spec.artifacts, part)
        if reference is None:
            continue
        subject = workspace.address_of(reference)
        for output in _LAID_OUT[part]:
            files |= {f"{part}/{name}": sha for name, sha in _output(results, subject, output).items()}
        files |= {f"{part}/{name}": sha for name, sha in _readme(cards, subject).items()}
        if part == "model":
            files |= {f"{part}/LICENSE.md": sha for sha in license_text.values()}
    for card in cards.values():
        files |= {f"cards/{name}": sha for name, sha in card.files.items()}
    return files


_LAID_OUT = {
    "dataset": ("shards", "notices", "provenance"),
    "tokenizer": ("tokenizer",),
    "model": ("model",),
}
"""Outputs of nodes whose files a release holds."""


def _output(results: Recorded, address: str, output: str) -> dict[str, str]:
    return {
        entry.name: entry.digest
        for node, actions in results.items()
        if node.startswith(f"{address}#")
        for action in actions.values()
        for entry in action.outputs.get(output, ())
    }


def _readme(cards: Mapping[str, Card], subject: str) -> dict[str, str]:
    for card in cards.values():
        if card.subject == subject and card.template in ("dataset-card", "model-card"):
            return {"README.md": next(d for n, d in card.files.items() if n.endswith(".md"))}
    return {}


def sync_folder(folder: Path, files: Mapping[str, str], session: Session) -> list[str]:
    """Make a folder hold exactly these files of the store; files that it wrote before and are gone now go.

    Two runs take turns.
    """
    if not files and not folder.exists():
        return []
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        return _sync(folder, files, session)
    finally:
        os.close(handle)


def _sync(folder: Path, files: Mapping[str, str], session: Session) -> list[str]:
    manifest = folder / MANIFEST
    known: dict[str, str] = json.loads(manifest.read_text()) if manifest.exists() else {}
    if known == dict(files) and all((folder / name).exists() for name in files):
        return []
    changed = []
    for name, sha in sorted(files.items()):
        target = folder / name
        if known.get(name) == sha and target.exists():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        staged = target.with_name(f".{target.name}.staged")
        shutil.copyfile(session.store.objects.local_path(sha), staged)
        os.replace(staged, target)
        changed.append(str(target))
    faults.point("drafts.staged")
    for name in sorted(set(known) - set(files)):
        (folder / name).unlink(missing_ok=True)
        changed.append(str(folder / name))
    staged = folder / f"{MANIFEST}.staged"
    staged.write_text(json.dumps(dict(sorted(files.items())), indent=1) + "\n")
    os.replace(staged, manifest)
    return changed
