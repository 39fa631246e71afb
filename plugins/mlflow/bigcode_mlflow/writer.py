"""Nodes of a run as runs of MLflow, through its client alone.

The client neither looks at git nor at the machine, as the fluent interface does; `mlflow.pytorch` and `mlflow.data`
stay out, which would bring in torch and libraries for data frames of many kinds.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT, MLFLOW_PARENT_RUN_ID, MLFLOW_SOURCE_NAME

from bigcode.api import Entry, NodeView, RunView
from bigcode_mlflow.entries import (
    chunks,
    dataset_digest,
    group_of,
    is_data,
    metric_values,
    params_of,
    points_of,
    short_name,
)

_METRICS_A_CALL = 1000
_PARAMS_A_CALL = 100
_DATASETS_A_CALL = 1000
_LARGEST_FILE = 16 * 1024 * 1024


class Writer:
    """A parent run for an apply, and below it a run for each resource that did some work."""

    def __init__(self, run: RunView) -> None:
        """Open or make the store, the experiment of the project and the parent run.

        Raises:
            MlflowException, OSError: and what else the store's driver raises.
        """
        uri, artifacts = _locate(run)
        self.client = MlflowClient(uri)
        self.experiment = _find_experiment(self.client, run.project, artifacts)
        self.parent = self._create(
            f"{run.workspace} {run.id}",
            {"bigcode.run": run.id, "bigcode.workspace": run.workspace, "bigcode.spec": run.workspace_digest},
        )
        self._runs: dict[str, str] = {}
        self._failed: set[str] = set()

    def log_node(self, node: NodeView) -> None:
        """Params, numeric facts, datasets, the journal's curves and files of a node.

        Cards go to the parent run, where a reader of the experiment looks first.
        """
        if node.kind == "Card":
            self._log_files(self.parent, node, f"cards/{node.resource.partition('/')[2]}")
            return
        run = self._run_of(node)
        now = time.time_ns() // 1_000_000
        step = short_name(node.id.partition("#")[2] or node.id)
        for part in chunks(params_of(step, node.params), _PARAMS_A_CALL):
            self.client.log_batch(run, params=[Param(key, value) for key, value in part])
        values = {**metric_values(node.facts), f"seconds.{step}": node.seconds}
        metrics = [Metric(key, value, now, 0) for key, value in sorted(values.items())]
        began = now - int(node.seconds * 1000)
        if node.journal is not None:
            metrics += [Metric(p.key, p.value, began + p.after, p.step) for p in points_of(node.journal)]
        for batch in chunks(metrics, _METRICS_A_CALL):
            self.client.log_batch(run, metrics=batch)
        for inputs in chunks(_datasets(step, node), _DATASETS_A_CALL):
            self.client.log_inputs(run, datasets=inputs)
        self._log_files(run, node, step)

    def log_failure(self, node: NodeView, error: str) -> None:
        run = self._run_of(node)
        self._failed.add(node.resource)
        self.client.set_tag(run, "bigcode.error", error[:500])

    def end(self, ok: bool, reused: int) -> None:
        """Give all runs their status; `reused` nodes are counted and not shown."""
        for resource, run in self._runs.items():
            self.client.set_terminated(run, "FAILED" if resource in self._failed else "FINISHED")
        self.client.set_tag(self.parent, "bigcode.nodes.reused", str(reused))
        self.client.set_terminated(self.parent, "FINISHED" if ok else "FAILED")

    def _run_of(self, node: NodeView) -> str:
        if node.resource not in self._runs:
            tags = {
                MLFLOW_PARENT_RUN_ID: self.parent,
                "bigcode.group": group_of(node.kind),
                "bigcode.kind": node.kind,
                "bigcode.resource": node.resource,
            }
            self._runs[node.resource] = self._create(node.resource, tags)
        return self._runs[node.resource]

    def _create(self, name: str, tags: Mapping[str, str]) -> str:
        tags = {MLFLOW_SOURCE_NAME: "bigcode apply", **tags}
        created = self.client.create_run(self.experiment, tags=tags, run_name=name)
        run_id: str = created.info.run_id
        return run_id

    def _log_files(self, run: str, node: NodeView, folder: str) -> None:
        """Files under the names that they have for people; objects of a store are named by digest."""
        with TemporaryDirectory(prefix="bigcode-mlflow-") as scratch:
            for name, path in sorted(node.files.items()):
                target = Path(scratch, name)
                if target.is_relative_to(scratch) and path.stat().st_size <= _LARGEST_FILE:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(path, target)
            if any(Path(scratch).iterdir()):
                self.client.log_artifacts(run, scratch, folder)


def _locate(run: RunView) -> tuple[str, str | None]:
    """The tracking URI, and where a new experiment keeps its artifacts (None: where the server says)."""
    given = run.settings.get("trackingUri")
    if given:
        return str(given), None
    folder = run.store.resolve() / "mlflow"
    (folder / "artifacts").mkdir(parents=True, exist_ok=True)
    _make_database(folder / "mlflow.db")
    return f"sqlite:///{folder / 'mlflow.db'}", (folder / "artifacts").as_uri()


def _make_database(path: Path) -> None:
    """Set up the tables beside their place: MLflow cannot go on with a database that was left half made, be it
    by a run that died or by two runs that began at once."""
    if path.exists():
        return
    with TemporaryDirectory(prefix=".new-", dir=path.parent) as scratch:
        made = Path(scratch, path.name)
        MlflowClient(f"sqlite:///{made}").search_experiments(max_results=1)
        with suppress(FileExistsError):
            os.link(made, path)


def _find_experiment(client: MlflowClient, name: str, artifacts: str | None) -> str:
    """The id of the experiment; another run may make it at the same moment."""
    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            created: str = client.create_experiment(name, artifact_location=artifacts)
            return created
        except MlflowException:
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    identifier: str = found.experiment_id
    return identifier


def _datasets(step: str, node: NodeView) -> Sequence[DatasetInput]:
    """What the node read and, of a data node, what it wrote."""
    read = [(name, name, entries) for name, entries in sorted(node.inputs.items())]
    wrote = (
        [("output", name, entries) for name, entries in sorted(node.outputs.items())]
        if is_data(node.kind)
        else []
    )
    return [_dataset(step, context, name, entries) for context, name, entries in (*read, *wrote) if entries]


def _dataset(step: str, context: str, name: str, entries: Sequence[Entry]) -> DatasetInput:
    digest = dataset_digest(entries)
    size: dict[str, Any] = {
        "bytes": sum(entry.bytes for entry in entries),
        "objects": len(entries),
        "rows": sum(entry.rows for entry in entries),
    }
    dataset = Dataset(
        name=f"{step}.{name}",
        digest=digest[:36],
        source_type="bigcode",
        source=json.dumps({"sha256": digest}),
        profile=json.dumps(size, sort_keys=True),
    )
    return DatasetInput(dataset, [InputTag(MLFLOW_DATASET_CONTEXT, context)])
