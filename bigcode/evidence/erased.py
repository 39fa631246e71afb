"""What a purge changed in a folder of released files, as the folder itself says it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bigcode.store.tombstones import Tombstones

ERASED = ".erased.json"
"""Files that a purge changed or took, by name: was, now (a digest, empty when it is gone), asOf, reason."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """What became of a file: the digests before and since (empty when it is gone), the date, and why."""

    was: str
    now: str
    as_of: str
    reason: str


def erased_files(folder: Path) -> dict[str, str]:
    """The digests that files of a release folder have since a purge; empty for those that are gone."""
    return {name: erasure.now for name, erasure in _read(folder).items()}


def read_erasures(folder: Path) -> dict[str, Erasure]:
    """What a purge did to the files of a dataset folder, which mostly stands in that of a release; names are those
    within the dataset folder. A record of another form says nothing."""
    above = folder.resolve()
    prefix = f"{above.name}/"
    found = {n.removeprefix(prefix): e for n, e in _read(above.parent).items() if n.startswith(prefix)}
    return {**found, **_read(above)}


def erasure_in(stones: Tombstones, key: str) -> Erasure | None:
    """What became of an object of a store; None for one that no purge touched."""
    stone = stones.read(key)
    return None if stone is None else Erasure(key, stones.standing(key), stone.as_of, stone.reason)


def _read(folder: Path) -> dict[str, Erasure]:
    try:
        said = json.loads((folder / ERASED).read_text("utf-8"))
        return {str(name): _erasure(entry) for name, entry in said.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return {}


def _erasure(entry: Any) -> Erasure:
    return Erasure(str(entry["was"]), str(entry["now"]), str(entry["asOf"]), str(entry["reason"]))
