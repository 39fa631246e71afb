"""A training run as it is followed while it works, its children, its versions in the registry, and lost servers."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

import bigcode_mlflow.plugin as plugin
from bigcode.api import Entry, Fact, NodeView, RunView
from bigcode_mlflow.entries import points_of
from bigcode_mlflow.mirror import Mirror, finish

MODEL, EVALUATION, RELEASE = "Model/santa@1.0.0", "Evaluation/held-out@1.0.0", "Release/demo@1.0.0"
WEIGHTS = [Entry("config.json", "c" * 64, 0, 10), Entry("model.safetensors", "e" * 64, 0, 1000)]
OTHERS = [Entry("model.safetensors", "f" * 64, 0, 1000)]
Make = Callable[..., NodeView]


@dataclass(frozen=True)
class Published:
    """A release as the core tells it."""

    address: str = RELEASE
    as_of: str = "2026-11-25"
    root: str = "a" * 64
    gates: Mapping[str, str] = field(default_factory=lambda: {"optout-age": "ok", "approvals": "waived"})
    models: Mapping[str, Sequence[Entry]] = field(default_factory=lambda: {MODEL: WEIGHTS})


def run_view(store: Path, identifier: str = "000001-aa", **settings: str) -> RunView:
    return RunView(identifier, "demo", "bigcode-demo", "d" * 64, store / "runs", store, settings)


def client_of(store: Path) -> MlflowClient:
    return MlflowClient(f"sqlite:///{store / 'mlflow' / 'mlflow.db'}")


def runs_of(client: MlflowClient) -> dict[str, Run]:
    experiment = client.get_experiment_by_name("bigcode-demo")
    assert experiment is not None
    return {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}


def apply(run: RunView, *nodes: NodeView) -> None:
    plugin.bigcode_run_started(run=run)
    for each in nodes:
        plugin.bigcode_node_finished(run=run, node=each)
    plugin.bigcode_run_finished(run=run, ok=True)


def publish(run: RunView, release: Published) -> None:
    plugin.bigcode_run_started(run=run)
    plugin.bigcode_released(run=run, release=release)
    plugin.bigcode_run_finished(run=run, ok=True)


def write_journal(path: Path, steps: Sequence[int], series: str = "train", torn: str = "") -> Path:
    with path.open("a") as stream:
        for step in steps:
            stream.write(
                json.dumps({"series": series, "step": step, "loss": 5.0 / step, "seconds": step}) + "\n"
            )
        stream.write(torn)
    return path


class TestFollowing:
    def test_points_are_there_while_a_node_works_each_once(
        self, store: Path, tmp_path: Path, node: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("bigcode_mlflow.mirror.FOLD_SECONDS", 0.0)
        run, client = run_view(store), client_of(store)
        live = write_journal(tmp_path / "live.jsonl", [1, 2, 3], torn='{"series": "tra')
        plugin.bigcode_run_started(run=run)
        plugin.bigcode_node_progress(run=run, node=node(f"{MODEL}#train", journal=live))
        wait_for(lambda: steps_of(client) == [1, 2, 3])
        live.write_text(live.read_text().rpartition("\n")[0] + "\n")
        write_journal(live, [2, 3, 4])
        plugin.bigcode_node_progress(run=run, node=node(f"{MODEL}#train", journal=live))
        wait_for(lambda: steps_of(client) == [1, 2, 3, 4])
        final = write_journal(tmp_path / "final.jsonl", [1, 2, 3, 4, 5])
        plugin.bigcode_node_finished(run=run, node=node(f"{MODEL}#train", journal=final))
        plugin.bigcode_run_finished(run=run, ok=True)
        assert steps_of(client) == [1, 2, 3, 4, 5]
        history = client.get_metric_history(runs_of(client)[MODEL].info.run_id, "train.loss")
        times = [point.timestamp for point in sorted(history, key=lambda p: p.step)]
        assert [b - a for a, b in pairwise(times)] == [1000] * 4

    def test_the_server_is_not_asked_at_every_tick(self, store: Path, tmp_path: Path, node: Make) -> None:
        mirror = Mirror(run_view(store))
        put: list[object] = []
        mirror._put = put.append  # type: ignore[method-assign]
        live = write_journal(tmp_path / "live.jsonl", [1])
        for _ in range(100):
            mirror.add_progress(node(f"{MODEL}#train", journal=live))
        assert len(put) == 1

    def test_system_metrics_stand_where_mlflow_looks_for_them(self, tmp_path: Path) -> None:
        path = tmp_path / "journal.jsonl"
        path.write_text('{"series": "system", "step": 10, "cpu": 0.5, "seconds": 10.2}\n')
        assert [p.key for p in points_of(path)[0]] == ["system/cpu", "system/seconds"]

    def test_words_in_a_journal_are_no_metrics(self, tmp_path: Path) -> None:
        path = tmp_path / "journal.jsonl"
        path.write_text('{"series": "spikes", "step": 10, "loss": 9.0, "documents": "a:1, b:2"}\n')
        assert [p.key for p in points_of(path)[0]] == ["spikes.loss"]


class TestChildren:
    def test_evaluation_and_emissions_are_below_the_training_run(self, store: Path, node: Make) -> None:
        emissions = Fact(
            f"{RELEASE}/device.hours{{stage=training}}",
            1.0,
            "device*h",
            terms=(("a", f"{MODEL}/device.hours"),),
        )
        apply(
            run_view(store),
            node(f"{MODEL}#train", outputs={"model": WEIGHTS}),
            node(f"{EVALUATION}#suite.0.a", inputs={"model": WEIGHTS}),
            node(f"{RELEASE}#emissions", facts=[emissions]),
        )
        runs = runs_of(client_of(store))
        training = runs[MODEL].info.run_id
        assert runs[EVALUATION].data.tags["mlflow.parentRunId"] == training
        assert runs[RELEASE].data.tags["mlflow.parentRunId"] == training

    def test_a_later_evaluation_is_below_the_run_that_trained_its_model(
        self, store: Path, node: Make
    ) -> None:
        apply(run_view(store, "000001-aa"), node(f"{MODEL}#train", outputs={"model": WEIGHTS}))
        training = runs_of(client_of(store))[MODEL].info.run_id
        later = [
            node(f"{MODEL}#train", outputs={"model": WEIGHTS}, reused=True),
            node(f"{EVALUATION}#suite.0.a", inputs={"model": WEIGHTS}),
        ]
        apply(run_view(store, "000002-aa"), *later)
        assert runs_of(client_of(store))[EVALUATION].data.tags["mlflow.parentRunId"] == training

    def test_an_evaluation_of_a_model_that_was_never_seen_is_below_the_apply(
        self, store: Path, node: Make
    ) -> None:
        apply(run_view(store), node(f"{EVALUATION}#suite.0.a", inputs={"model": OTHERS}))
        runs = runs_of(client_of(store))
        assert runs[EVALUATION].data.tags["mlflow.parentRunId"] == runs["demo 000001-aa"].info.run_id


class TestTheRegistry:
    def test_a_trained_model_is_a_version_without_an_alias(self, store: Path, node: Make) -> None:
        apply(run_view(store), node(f"{MODEL}#train", outputs={"model": WEIGHTS}, facts=[Fact("steps", 24)]))
        client = client_of(store)
        (version,) = client.search_model_versions("name = 'bigcode-demo.santa'")
        assert version.run_id == runs_of(client)[MODEL].info.run_id
        assert version.tags["bigcode.resource"] == MODEL
        assert "| `steps` | 24 |" in version.description
        assert client.get_registered_model("bigcode-demo.santa").aliases == {}

    def test_the_alias_moves_with_a_release_and_with_nothing_else(self, store: Path, node: Make) -> None:
        client = client_of(store)
        apply(run_view(store, "000001-aa"), node(f"{MODEL}#train", outputs={"model": WEIGHTS}))
        publish(run_view(store, "r1"), Published())
        apply(run_view(store, "000002-aa"), node(f"{MODEL}#train", outputs={"model": OTHERS}))
        assert released(client) == "1"
        assert client.get_model_version("bigcode-demo.santa", "1").tags["bigcode.evidence"] == "a" * 64
        publish(run_view(store, "r2"), Published(models={MODEL: OTHERS}))
        assert released(client) == "2"
        assert len(client.search_model_versions("name = 'bigcode-demo.santa'")) == 2

    def test_a_release_whose_gate_is_not_met_moves_nothing(
        self, store: Path, node: Make, caplog: pytest.LogCaptureFixture
    ) -> None:
        apply(run_view(store), node(f"{MODEL}#train", outputs={"model": WEIGHTS}))
        with caplog.at_level(logging.WARNING, "bigcode_mlflow"):
            refused = Published(gates={"optout-age": "refused"})
            publish(run_view(store, "r1"), refused)
        assert "did not pass optout-age" in caplog.text
        assert client_of(store).get_registered_model("bigcode-demo.santa").aliases == {}

    def test_a_model_that_the_mirror_never_saw_is_released_all_the_same(self, store: Path) -> None:
        publish(run_view(store, "r1"), Published())
        assert released(client_of(store)) == "1"


class TestLostServers:
    def test_a_store_that_raises_for_a_while_is_caught_up_with(
        self, store: Path, tmp_path: Path, node: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("bigcode_mlflow.mirror.REST_SECONDS", 0.0)
        tries, whole = iter(range(100)), MlflowClient.log_batch

        def log_batch(self: MlflowClient, *args: Any, **more: Any) -> None:
            if next(tries) < 3:
                raise MlflowException("connection reset")
            whole(self, *args, **more)

        monkeypatch.setattr(MlflowClient, "log_batch", log_batch)
        journal = write_journal(tmp_path / "journal.jsonl", [1, 2])
        nodes = [
            node(f"{MODEL}#train", journal=journal),
            node(f"{EVALUATION}#suite.0.a"),
            node(f"{RELEASE}#e"),
        ]
        apply(run_view(store), *nodes)
        runs = runs_of(client_of(store))
        assert {MODEL, EVALUATION, RELEASE} <= set(runs)
        assert steps_of(client_of(store)) == [1, 2]
        assert {run.info.status for run in runs.values()} == {"FINISHED"}

    @pytest.mark.slow
    @pytest.mark.timeout(600)
    def test_a_server_that_is_killed_leaves_the_run_alone_and_is_caught_up_with_when_it_is_back(
        self,
        store: Path,
        tmp_path: Path,
        node: Make,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        monkeypatch.setattr("bigcode_mlflow.mirror.FOLD_SECONDS", 0.0)
        monkeypatch.setattr("bigcode_mlflow.mirror.REST_SECONDS", 0.0)
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        client, port = client_of(store), free_port()
        live = write_journal(tmp_path / "live.jsonl", [1, 2])
        run = run_view(tmp_path, trackingUri=f"http://127.0.0.1:{port}")
        with server(store, port), caplog.at_level(logging.WARNING, "bigcode_mlflow"):
            plugin.bigcode_run_started(run=run)
            plugin.bigcode_node_progress(run=run, node=node(f"{MODEL}#train", journal=live))
            wait_for(lambda: steps_of(client) == [1, 2])
        write_journal(live, [3])
        before = time.monotonic()
        plugin.bigcode_node_progress(run=run, node=node(f"{MODEL}#train", journal=live))
        plugin.bigcode_node_finished(
            run=run, node=node(f"{MODEL}#train", journal=live, outputs={"model": WEIGHTS})
        )
        assert time.monotonic() - before < 0.5
        wait_for(lambda: "the run goes on" in caplog.text)
        with server(store, port):
            finish(run, True)
        assert steps_of(client) == [1, 2, 3]
        assert runs_of(client)[MODEL].info.status == "FINISHED"
        assert len(client.search_model_versions("name = 'bigcode-demo.santa'")) == 1

    def test_a_server_that_never_comes_back_costs_a_warning(
        self, tmp_path: Path, node: Make, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        run = run_view(tmp_path, trackingUri=f"http://127.0.0.1:{free_port()}")
        with caplog.at_level(logging.WARNING, "bigcode_mlflow"):
            apply(run, *(node(f"{MODEL}#step.{n}") for n in range(20)))
        assert "the run goes on" in caplog.text
        assert len(caplog.records) <= 2


def released(client: MlflowClient) -> str:
    return str(client.get_model_version_by_alias("bigcode-demo.santa", "released").version)


def steps_of(client: MlflowClient) -> list[int]:
    run = runs_of(client).get(MODEL) if client.get_experiment_by_name("bigcode-demo") else None
    history = client.get_metric_history(run.info.run_id, "train.loss") if run else []
    return sorted(point.step for point in history)


def wait_for(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


class server:
    """`mlflow server` on the loopback interface over a store, killed at the end."""

    def __init__(self, store: Path, port: int) -> None:
        database = f"sqlite:///{store / 'mlflow' / 'mlflow.db'}"
        self.url = f"http://127.0.0.1:{port}/health"
        options = ["--backend-store-uri", database, "--artifacts-destination", str(store / "served")]
        place = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
        self.command = [sys.executable, "-m", "mlflow", "server", *options, *place]

    def __enter__(self) -> None:
        quiet = os.environ | {
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        }
        self.process = subprocess.Popen(
            self.command,
            env=quiet,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            wait_for(self._answers, 240.0)
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _answers(self) -> bool:
        assert self.process.poll() is None
        try:
            with urllib.request.urlopen(self.url, timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a mirror sets in the environment is gone after a test."""
    for name in ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "MLFLOW_HTTP_REQUEST_TIMEOUT"):
        monkeypatch.setenv(name, os.environ.get(name, "1"))
