"""What observers of a run are shown: names, digests and facts, never content and never opt-out names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bigcode.api.facts import Fact
from bigcode.api.shapes import Entry


@dataclass(frozen=True, slots=True)
class RunView:
    """One apply. `folder` is where the run keeps its journal; `store` is a local path for mirrors' own files."""

    id: str
    workspace: str
    project: str
    workspace_digest: str
    folder: Path
    store: Path
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReleaseView:
    """A release that was published: its gates by id with what became of them (`ok`, `waived`), the root of its
    evidence in hex, the date at which it was judged, and the files of each model in it by the model's address."""

    address: str
    as_of: str
    root: str
    gates: Mapping[str, str]
    models: Mapping[str, Sequence[Entry]]


@dataclass(frozen=True, slots=True)
class NodeView:
    """One finished node. `params` are its identity as flat values; `journal` is its JSON-lines file, if any;
    `files` maps names to local paths of outputs that are meant to be looked at (cards, plots)."""

    id: str
    kind: str
    resource: str
    component: str
    reused: bool
    seconds: float
    params: Mapping[str, Any]
    inputs: Mapping[str, Sequence[Entry]]
    outputs: Mapping[str, Sequence[Entry]]
    facts: Sequence[Fact]
    journal: Path | None = None
    files: Mapping[str, Path] = field(default_factory=dict)
