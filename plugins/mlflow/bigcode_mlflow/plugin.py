"""The observing hooks. Each imports what it needs when it is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bigcode.api import NodeView, RunView, hookimpl

if TYPE_CHECKING:
    from bigcode_mlflow.registry import Released


@hookimpl
def bigcode_run_started(run: RunView) -> None:
    from bigcode_mlflow.mirror import start

    start(run)


@hookimpl
def bigcode_node_finished(run: RunView, node: NodeView) -> None:
    from bigcode_mlflow.mirror import find

    find(run).add_node(node)


@hookimpl
def bigcode_node_failed(run: RunView, node: NodeView, error: str) -> None:
    from bigcode_mlflow.mirror import find

    find(run).add_failure(node, error)


@hookimpl
def bigcode_run_finished(run: RunView, ok: bool) -> None:
    from bigcode_mlflow.mirror import finish

    finish(run, ok)


@hookimpl(optionalhook=True)
def bigcode_node_progress(run: RunView, node: NodeView) -> None:
    from bigcode_mlflow.mirror import find

    find(run).add_progress(node)


@hookimpl(optionalhook=True)
def bigcode_released(run: RunView, release: Released) -> None:
    from bigcode_mlflow.mirror import find

    find(run).add_release(release)
