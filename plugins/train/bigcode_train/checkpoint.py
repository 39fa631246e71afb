"""Checkpoints that survive a crash at any moment and are never loaded when a byte has changed.

A checkpoint is a folder `step-N` with tensors (safetensors, so that loading runs no code), `state.json` and
`manifest.json`, which holds the BLAKE2b digest and size of every file. It is written beside, moved into place, and
then named by the pointer `LATEST`, which is replaced in one step: what `LATEST` does not reach was never committed.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

KEPT = 2
_LATEST = "LATEST"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Training after `step` steps. `groups` maps file names to named tensors; `state` is plain JSON; `recipe` names
    what the run computes, so that no other run goes on from it."""

    step: int
    recipe: str
    groups: Mapping[str, Mapping[str, Tensor]]
    state: Mapping[str, Any]


class Altered(Exception):
    """A checkpoint is not what was written; the text says in which way, without its path."""


def write_checkpoint(folder: Path, checkpoint: Checkpoint) -> None:
    """Write and commit a checkpoint, then remove all but the newest `KEPT`."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / "partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    for name, tensors in checkpoint.groups.items():
        save_file(
            {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}, partial / name
        )
    _write_json(partial / "state.json", {"step": checkpoint.step, **checkpoint.state})
    files = {
        path.name: {"bytes": path.stat().st_size, "blake2b": _digest(path)}
        for path in sorted(partial.iterdir())
    }
    _write_json(partial / "manifest.json", {"format": 1, "recipe": checkpoint.recipe, "files": files})
    for path in partial.iterdir():
        _sync(path)
    _sync(partial)
    target = folder / f"step-{checkpoint.step:08d}"
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)
    _sync(folder)
    replace_text(folder / _LATEST, target.name + "\n")
    for old in list(_committed(folder))[KEPT:]:
        shutil.rmtree(old)


def read_checkpoint(folder: Path, recipe: str) -> tuple[Checkpoint | None, tuple[str, ...]]:
    """The newest committed checkpoint that is intact and belongs to `recipe`, and why newer ones were passed over."""
    refused: list[str] = []
    for path in _committed(folder):
        try:
            return _read(path, recipe), tuple(refused)
        except Altered as altered:
            refused.append(f"{path.name}: {altered}")
    return None, tuple(refused)


def replace_text(path: Path, text: str) -> None:
    """Replace a small file in one step."""
    beside = path.with_name(path.name + ".new")
    with beside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    _sync(path.parent)


def _committed(folder: Path) -> Iterator[Path]:
    """Folders of checkpoints that `LATEST` reaches, newest first."""
    if not (folder / _LATEST).is_file():
        return
    latest = (folder / _LATEST).read_text(encoding="utf-8").strip()
    yield from sorted((path for path in folder.glob("step-*") if path.name <= latest), reverse=True)


def _read(path: Path, recipe: str) -> Checkpoint:
    try:
        manifest = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
        files, found = manifest["files"], {p.name for p in path.iterdir()} - {"manifest.json"}
        if found != set(files):
            raise Altered(
                f"it holds other files than its manifest says: {', '.join(sorted(found ^ set(files)))}"
            )
        for name, expected in sorted(files.items()):
            if (path / name).stat().st_size != expected["bytes"] or _digest(path / name) != expected[
                "blake2b"
            ]:
                raise Altered(f"{name} does not match its digest")
        if manifest["recipe"] != recipe:
            raise Altered("it belongs to another run")
        state = json.loads((path / "state.json").read_text(encoding="utf-8"))
        groups = {name: load_file(path / name) for name in sorted(files) if name.endswith(".safetensors")}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        raise Altered(f"it cannot be read ({type(error).__name__})") from error
    return Checkpoint(state.pop("step"), recipe, groups, state)


def _digest(path: Path) -> str:
    digest = blake2b(digest_size=32)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
