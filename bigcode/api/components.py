"""Components: frozen descriptors that name their implementation by a string, so that loading one costs nothing.

A component is what a spec names as `{uses, version, with}`. Its `version` is its *behaviour version*: it is
raised when the same input gives another output, and a golden digest in the contract kit guards that.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, Literal

Slot = Literal[
    "collector", "observer", "clusterer", "renderer", "labels", "tokenizer", "tokens", "trainer",
    "evaluator", "meter", "license", "executor", "target",
]  # fmt: skip
Grain = Literal["", "blob", "name", "path", "file"]
Launch = Literal["subprocess", "torchrun"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column that an observer adds; `type` is an Arrow type in words, for example `list<string>`."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Component:
    """What a plugin offers for one slot.

    `factory` and `config` read `module:attribute`; the config class is a `bigcode.api.resource.Config`.
    `grain` says what an observer reads: `blob` (columns blob, content), `name` (blob, name, content; runs once
    per distinct pair), `path` (column path, without content) or `file` (blob, path, content; runs once per distinct
    pair, for the few files whose place matters). `deterministic=False` marks a recorded
    node: its first committed result stands. `launch` says how a process component is started. An evaluator that
    `runs_programs` written by a model is refused where the Evaluation names no sandbox.
    """

    name: str
    version: int
    slot: Slot
    factory: str
    config: str
    summary: str = ""
    grain: Grain = ""
    writes: tuple[Column, ...] = ()
    deterministic: bool = True
    launch: Launch = "subprocess"
    runs_programs: bool = False
    golden: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the command line that a plugin adds; it never shadows one of the core."""

    name: str
    summary: str
    target: str


def load_object(reference: str) -> Any:
    """Import `module:attribute`."""
    module, _, attribute = reference.partition(":")
    return getattr(importlib.import_module(module), attribute)
