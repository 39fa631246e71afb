"""Checkpoints that survive a crash at any moment and are never loaded when a byte has changed.

A checkpoint is a folder `step-N` with the tensors of all ranks in torch's distributed format, `state.json` and
`manifest.json`, which holds the BLAKE2b digest and size of every file. Tensors are copied while training waits and
written while it goes on, in a folder beside; that is then moved into place and named by the pointer `LATEST`, which
is replaced in one step: what `LATEST` does not reach was never committed. The format holds each tensor by name and
place, so that any number of ranks and any layout can read it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from threading import Thread
from typing import Any

import torch.distributed as dist
from torch import Tensor
from torch.distributed import checkpoint as dcp
from torch.distributed.checkpoint.api import CheckpointException

_LATEST, _MANIFEST, _STATE = "LATEST", "manifest.json", "state.json"


@dataclass(frozen=True, slots=True)
class Found:
    """A checkpoint that is intact: its folder, training after `step` steps, and what `write` was given as `state`."""

    path: Path
    step: int
    state: Mapping[str, Any]


class Altered(Exception):
    """A checkpoint is not what was written; the text says in which way, without its path."""


class Checkpoints:
    """Writes the checkpoints of one run, on all its ranks, to `folder`, which all of them reach; the newest `kept`
    stay. `recipe` names what the run computes, so that no other run goes on from them."""

    def __init__(self, folder: Path, recipe: str, kept: int, rank: int, world: int) -> None:
        self.folder, self.recipe, self.kept, self.rank, self.world = folder, recipe, kept, rank, world
        # Writing talks between ranks beside training, so it must not share training's group.
        self._group = dist.new_group(backend="gloo") if world > 1 else None
        self._writing: Future[Any] | None = None
        self._ending: Thread | None = None
        self._failure = ""
        if rank == 0:
            folder.mkdir(parents=True, exist_ok=True)
            for stale in folder.glob("partial-*"):
                shutil.rmtree(stale, ignore_errors=True)

    def latest(self) -> int:
        """Step of the newest checkpoint that was committed; zero when there is none."""
        name = next((path.name for path in _committed(self.folder)), "step-0")
        return int(name.removeprefix("step-"))

    def write(self, step: int, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> str:
        """Begin to write a checkpoint, after the one before is done; returns why that one could not be written."""
        failure = self.finish()
        partial = self.folder / f"partial-{step:08d}"
        try:
            self._writing = dcp.async_save(
                dict(tensors), checkpoint_id=partial, process_group=self._group, no_dist=self.world == 1
            )
        except (OSError, CheckpointException) as error:
            self._failure = _reason(step, error)
            return failure
        if self.rank == 0:
            manifest = {"step": step, **state}
            self._ending = Thread(
                target=self._end, args=(step, partial, manifest, self._writing), daemon=True
            )
            self._ending.start()
        return failure

    def finish(self) -> str:
        """Wait until what was begun is committed; returns why it could not be, on rank 0."""
        if self._ending is not None:
            self._ending.join()
        elif self._writing is not None:
            self._writing.exception()
        self._writing = self._ending = None
        failure, self._failure = self._failure, ""
        return failure

    def _end(self, step: int, partial: Path, state: Mapping[str, Any], writing: Future[Any]) -> None:
        try:
            writing.result()
            self._commit(step, partial, state)
        # The exception of a failed write is no `Exception`.
        except (Exception, CheckpointException) as error:
            self._failure = _reason(step, error)
            shutil.rmtree(partial, ignore_errors=True)

    def _commit(self, step: int, partial: Path, state: Mapping[str, Any]) -> None:
        _write_json(partial / _STATE, state)
        files = {
            path.name: {"bytes": path.stat().st_size, "blake2b": _digest(path)}
            for path in sorted(partial.iterdir())
        }
        _write_json(partial / _MANIFEST, {"format": 2, "recipe": self.recipe, "files": files})
        _sync(partial)
        target = self.folder / f"step-{step:08d}"
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
        _sync(self.folder)
        replace_text(self.folder / _LATEST, target.name + "\n")
        for old in list(_committed(self.folder))[self.kept :]:
            shutil.rmtree(old)


def find_checkpoint(folder: Path, recipe: str) -> tuple[Found | None, tuple[str, ...]]:
    """The newest committed checkpoint that is intact and belongs to `recipe`, and why newer ones were passed over."""
    refused: list[str] = []
    for path in _committed(folder):
        try:
            return _examine(path, recipe), tuple(refused)
        except Altered as altered:
            refused.append(f"{path.name}: {altered}")
    return None, tuple(refused)


def read_tensors(path: Path, tensors: Mapping[str, Tensor], world: int) -> None:
    """Fill `tensors`, whole or in shards, in place with those of the same names.

    Raises:
        Altered: some are not there, or of another shape.
    """
    try:
        dcp.load(dict(tensors), checkpoint_id=path, no_dist=world == 1)
    except (CheckpointException, RuntimeError, ValueError, KeyError, OSError) as error:
        raise Altered(f"it cannot be read ({type(error).__name__}: {_innermost(error)})") from error


def replace_text(path: Path, text: str) -> None:
    """Replace a small file in one step."""
    beside = path.with_name(path.name + ".new")
    _write(beside, text)
    beside.replace(path)
    _sync(path.parent)


def _committed(folder: Path) -> Iterator[Path]:
    """Folders of checkpoints that `LATEST` reaches, newest first."""
    if not (folder / _LATEST).is_file():
        return
    latest = (folder / _LATEST).read_text(encoding="utf-8").strip()
    yield from sorted((path for path in folder.glob("step-*") if path.name <= latest), reverse=True)


def _examine(path: Path, recipe: str) -> Found:
    try:
        manifest = json.loads((path / _MANIFEST).read_text(encoding="utf-8"))
        files, found = manifest["files"], {p.name for p in path.iterdir()} - {_MANIFEST}
        if lost := sorted(set(files) - found):
            raise Altered(f"{', '.join(lost)} is missing")
        if strange := sorted(found - set(files)):
            raise Altered(f"{', '.join(strange)} is not in its manifest")
        for name, expected in sorted(files.items()):
            size = (path / name).stat().st_size
            if size != expected["bytes"]:
                raise Altered(f"{name} has {size} bytes and not {expected['bytes']}")
            if _digest(path / name) != expected["blake2b"]:
                raise Altered(f"{name} does not match its digest")
        if manifest["recipe"] != recipe:
            raise Altered("it belongs to another run")
        state = json.loads((path / _STATE).read_text(encoding="utf-8"))
        return Found(path, state.pop("step"), state)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Altered(f"it cannot be read ({type(error).__name__})") from error


def _reason(step: int, error: BaseException) -> str:
    return f"the checkpoint of step {step} could not be written ({_innermost(error)})"


def _innermost(error: BaseException) -> str:
    """What a failed write or read was caused by, in a few words and without paths."""
    if isinstance(error, CheckpointException) and error.failures:
        rank, (cause, _) = sorted(error.failures.items())[0]
        return f"rank {rank}: {_innermost(cause)}"
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        error, cause = cause, cause.__cause__ or cause.__context__
    text = str(error)
    if "unexpected pos" in text:
        # What torch's writer of archives says of a write that the system cut short.
        return "a file could not grow: the disk is full, or a limit was reached"
    return (text.splitlines() or [type(error).__name__])[0][:200]


def _digest(path: Path) -> str:
    digest = blake2b(digest_size=32)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _write_json(path: Path, value: object) -> None:
    _write(path, json.dumps(value, indent=2, sort_keys=True) + "\n")


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
