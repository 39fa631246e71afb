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
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param
from mlflow.exceptions import MlflowException
from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT, MLFLOW_PARENT_RUN_ID, MLFLOW_SOURCE_NAME

from bigcode.api import Entry, Fact, NodeView, RunView
from bigcode_mlflow.entries import (
    Point,
    chunks,
    dataset_digest,
    describe_facts,
    group_of,
    is_data,
    metric_values,
    params_of,
    points_of,
    short_name,
)
from bigcode_mlflow.registry import Registry, Released

_METRICS_A_CALL = 1000
_PARAMS_A_CALL = 100
_DATASETS_A_CALL = 1000
_LARGEST_FILE = 16 * 1024 * 1024


@dataclass
class _Fold:
    """What was written of a journal: when its node began, up to which byte it was read, and the points."""

    began: int
    read: int = 0
    logged: dict[tuple[str, int], float] = field(default_factory=dict)


class Writer:
    """A parent run for an apply, and below it a run for each resource that did some work."""

    def __init__(self, run: RunView) -> None:
        """Open or make the store, the experiment of the project and the parent run.

        Raises:
            MlflowException, OSError: and what else the store's driver raises.
        """
        uri, artifacts = _locate(run)
        self.client = MlflowClient(uri)
        self.run = run
        self.experiment = _find_experiment(self.client, run.project, artifacts)
        self.registry = Registry(self.client, run.project, self.experiment)
        self._runs: dict[str, str] = {}
        self._failed: set[str] = set()
        self._facts: dict[str, dict[str, Fact]] = {}
        self._folds: dict[str, _Fold] = {}

    @cached_property
    def parent(self) -> str:
        """The run of the apply."""
        run = self.run
        return self._create(
            f"{run.workspace} {run.id}",
            {"bigcode.run": run.id, "bigcode.workspace": run.workspace, "bigcode.spec": run.workspace_digest},
        )

    def log_node(self, node: NodeView, known: Sequence[Fact] = ()) -> None:
        """Params, numeric facts, datasets, the journal's curves and files of a node. `known` are facts of nodes of
        the same resource whose results were there already.

        Cards go to the parent run, where a reader of the experiment looks first. A trained model becomes a version
        in the registry, without an alias.
        """
        if node.kind == "Card":
            self._log_files(self.parent, node, f"cards/{node.resource.partition('/')[2]}")
            return
        run = self._run_of(node)
        now = time.time_ns() // 1_000_000
        step = short_name(node.id.partition("#")[2] or node.id)
        for part in chunks(params_of(step, node.params), _PARAMS_A_CALL):
            self.client.log_batch(run, params=[Param(key, value) for key, value in part])
        values = {**metric_values([*known, *node.facts]), f"seconds.{step}": node.seconds}
        self._log_metrics(run, [Metric(key, value, now, 0) for key, value in sorted(values.items())])
        if node.journal is not None:
            # The live journal may hold a point twice, after a resume; the finished one is what counts.
            fold = self._folds.setdefault(node.id, _Fold(now - int(node.seconds * 1000)))
            self._log_points(run, fold, points_of(node.journal)[0])
        for inputs in chunks(_datasets(step, node), _DATASETS_A_CALL):
            self.client.log_inputs(run, datasets=inputs)
        self._log_files(run, node, step)
        facts = self._facts.setdefault(node.resource, {})
        facts |= {fact.id: fact for fact in (*known, *node.facts)}
        if node.kind == "Model" and node.outputs.get("model"):
            self.registry.add(node, run, describe_facts(list(facts.values())))

    def fold(self, node: NodeView) -> None:
        """The points that the journal of a node has gained since it was read last."""
        assert node.journal is not None
        run = self._run_of(node)
        before = self._folds.get(node.id)
        points, stop = points_of(node.journal, before.read if before else 0)
        if not points:
            return
        longest = max(point.after for point in points)
        fold = self._folds.setdefault(node.id, _Fold(time.time_ns() // 1_000_000 - longest))
        self._log_points(run, fold, points)
        fold.read = stop

    def log_release(self, release: Released) -> None:
        """Move the aliases of its models."""
        self.registry.release(release)

    def log_failure(self, node: NodeView, error: str) -> None:
        run = self._run_of(node)
        self._failed.add(node.resource)
        self.client.set_tag(run, "bigcode.error", error[:500])

    def end(self, ok: bool, reused: int) -> None:
        """Give all runs their status; `reused` nodes are counted and not shown."""
        for resource, run in self._runs.items():
            self.client.set_terminated(run, "FAILED" if resource in self._failed else "FINISHED")
        if self._runs or "parent" in self.__dict__:
            self.client.set_tag(self.parent, "bigcode.nodes.reused", str(reused))
            self.client.set_terminated(self.parent, "FINISHED" if ok else "FAILED")

    def _run_of(self, node: NodeView) -> str:
        if node.resource not in self._runs:
            tags = {
                MLFLOW_PARENT_RUN_ID: self._above(node) or self.parent,
                "bigcode.group": group_of(node.kind),
                "bigcode.kind": node.kind,
                "bigcode.resource": node.resource,
            }
            self._runs[node.resource] = self._create(node.resource, tags)
        return self._runs[node.resource]

    def _above(self, node: NodeView) -> str | None:
        """The training run that an evaluation is of, or that emissions are of, also where it is of an earlier apply."""
        if found := node.inputs.get("model"):
            return self.registry.run_of(found)
        terms = (term for fact in node.facts for _, term in fact.terms)
        models = {term.rpartition("/")[0] for term in terms if term.startswith("Model/")}
        return self._runs.get(models.pop()) if len(models) == 1 else None

    def _log_points(self, run: str, fold: _Fold, points: Sequence[Point]) -> None:
        new = [p for p in points if fold.logged.get((p.key, p.step)) != p.value]
        self._log_metrics(run, [Metric(p.key, p.value, fold.began + p.after, p.step) for p in new])
        fold.logged |= {(p.key, p.step): p.value for p in new}

    def _log_metrics(self, run: str, metrics: Sequence[Metric]) -> None:
        for batch in chunks(metrics, _METRICS_A_CALL):
            self.client.log_batch(run, metrics=batch)

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
