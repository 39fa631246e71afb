"""The hooks of a plugin. All return frozen values or observe; none decides a verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from bigcode.api.components import Command, Component
    from bigcode.api.diagnostics import Diagnostic
    from bigcode.api.facts import Fact
    from bigcode.api.run import NodeView, ReleaseView, RunView

hookspec = pluggy.HookspecMarker("bigcode")
hookimpl = pluggy.HookimplMarker("bigcode")


@hookspec
def bigcode_components() -> Iterable[Component]:  # type: ignore[empty-body]
    """Components that specs can name in `uses`."""


@hookspec
def bigcode_commands() -> Iterable[Command]:  # type: ignore[empty-body]
    """Commands of the command line."""


@hookspec
def bigcode_validate(resource: Any, workspace: Mapping[str, Any]) -> Iterable[Diagnostic]:  # type: ignore[empty-body]
    """More checks of a resource. May add diagnostics, never take one away."""


@hookspec
def bigcode_run_started(run: RunView) -> None:
    """An apply begins."""


@hookspec
def bigcode_node_progress(run: RunView, node: NodeView) -> None:
    """A process node works; its `journal` is there as far as it goes. Called a few times a second."""


@hookspec
def bigcode_released(run: RunView, release: ReleaseView) -> None:
    """A release was published for the first time: its gates are met or waived, its folder is written."""


@hookspec
def bigcode_node_finished(run: RunView, node: NodeView) -> None:
    """A node has its result, computed now or found in the store."""


@hookspec
def bigcode_node_failed(run: RunView, node: NodeView, error: str) -> None:
    """A node failed; the run ends after the work in flight."""


@hookspec
def bigcode_facts_recorded(run: RunView, facts: Sequence[Fact]) -> None:
    """Facts of a node, for mirrors; the store stays the truth."""


@hookspec
def bigcode_run_finished(run: RunView, ok: bool) -> None:
    """An apply ends, with its cards rendered."""
