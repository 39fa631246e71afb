"""Contexts to run a component in a test, without the engine."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

from bigcode.api import Diagnostic, Entry, Fact


@dataclass
class StageContext:
    """Keeps what a stage reports: `facts`, `warnings` and the last `progress`."""

    seed: int = 0
    facts: list[Fact] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)
    last_progress: tuple[int, int] = (0, 0)
    memory: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rng = Random(self.seed)

    def warn(self, diagnostic: Diagnostic) -> None:
        self.warnings.append(diagnostic)

    def fact(self, fact: Fact) -> None:
        self.facts.append(fact)

    def progress(self, done: int, total: int) -> None:
        self.last_progress = (done, total)

    def recall(self, key: str) -> bytes | None:
        return self.memory.get(key)

    def remember(self, key: str, value: bytes) -> None:
        self.memory[key] = value


@dataclass
class CollectContext(StageContext):
    """A fetch context whose kept downloads live in `kept`; `omitted` counts by reason, `failure` is of the unit."""

    scratch: Path = Path()
    kept: dict[str, bytes] = field(default_factory=dict)
    omitted: dict[str, int] = field(default_factory=dict)
    failure: str = ""

    def cached(self, sha256: str) -> bytes | None:
        return self.kept.get(sha256)

    def keep(self, data: bytes) -> str:
        digest = sha256(data).hexdigest()
        self.kept[digest] = data
        return digest

    def omit(self, reason: str, count: int = 1) -> None:
        self.omitted[reason] = self.omitted.get(reason, 0) + count

    def failed(self, reason: str) -> None:
        self.failure = reason


@dataclass
class JobContext:
    """A process context over plain files: `inputs` maps an input's name to the files that it holds."""

    config: Any
    scratch: Path
    params: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Mapping[str, Path]] = field(default_factory=dict)
    input_facts: Mapping[str, Sequence[Fact]] = field(default_factory=dict)
    rank: int = 0
    world: int = 1
    seed: int = 0
    recorded: list[Fact] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)
    points: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = Random(self.seed)
        self.out = self.scratch / "out"
        self._paths: dict[str, Path] = {}

    def entries(self, name: str) -> Sequence[Entry]:
        found = []
        for entry, path in sorted(self.inputs.get(name, {}).items()):
            data = path.read_bytes()
            digest = sha256(data).hexdigest()
            self._paths[digest] = path
            found.append(Entry(entry, digest, bytes=len(data)))
        return found

    def path(self, entry: Entry) -> Path:
        return self._paths[entry.digest]

    def facts(self, name: str) -> Sequence[Fact]:
        return self.input_facts.get(name, ())

    def fact(self, fact: Fact) -> None:
        self.recorded.append(fact)

    def warn(self, diagnostic: Diagnostic) -> None:
        self.warnings.append(diagnostic)

    def progress(self, done: int, total: int) -> None:
        pass

    def save(self, output: str, path: Path, name: str = "") -> None:
        target = self.out / output
        target.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            shutil.copytree(path, target, dirs_exist_ok=True)
        else:
            shutil.copy(path, target / (name or path.name))

    def point(self, series: str, step: int, values: Mapping[str, float]) -> None:
        self.points.append(json.loads(json.dumps({"series": series, "step": step, **values})))
