"""Runs as they are found again in MLflow, and runs that MLflow cannot take."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pluggy
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

import bigcode_mlflow.plugin as plugin
from bigcode.api import Entry, Fact, NodeView, RunView, hooks
from bigcode_mlflow.mirror import finish

DATASET, MODEL, EVALUATION = "Dataset/demo@1.0.0", "Model/santa@1.0.0", "Evaluation/held-out@1.0.0"
SHARDS = [Entry("data/train/a.parquet", "a" * 64, 10, 1000), Entry("data/train/b.parquet", "b" * 64, 5, 500)]


def run_view(store: Path, identifier: str = "000001-abcd", **settings: str) -> RunView:
    return RunView(identifier, "demo", "bigcode-demo", "d" * 64, store / "runs", store, settings)


def node(identifier: str, **more: object) -> NodeView:
    resource = identifier.partition("#")[0]
    empty = NodeView(identifier, resource.partition("/")[0], resource, "x.y", False, 2.0, {}, {}, {}, [])
    return replace(empty, **more)  # type: ignore[arg-type]


def manager() -> pluggy.PluginManager:
    made = pluggy.PluginManager("bigcode")
    made.add_hookspecs(hooks)
    made.register(plugin, "mlflow")
    return made


def apply(run: RunView, nodes: Sequence[NodeView], failed: NodeView | None = None) -> None:
    call = manager().hook
    call.bigcode_run_started(run=run)
    for each in nodes:
        call.bigcode_node_finished(run=run, node=each)
    if failed is not None:
        call.bigcode_node_failed(run=run, node=failed, error="E502 node failed")
    call.bigcode_run_finished(run=run, ok=failed is None)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that saw an apply of a dataset, a model, an evaluation and a card, and one that failed."""
    store = tmp_path_factory.mktemp("store")
    journal = store / "journal.jsonl"
    points = [
        {"series": "train", "step": s, "loss": 5.0 / (s + 1), "lr": 0.1, "seconds": s * 0.5}
        for s in range(1500)
    ]
    broken = ["not json", '{"series": "train"}', '{"series": "train", "step": 3, "loss": NaN}']
    journal.write_text("\n".join([*map(json.dumps, points), *broken]))
    card = store / "0123abcd"
    card.write_text("# A card\n")
    apply(
        run_view(store),
        [
            node(f"{DATASET}#collect.p1", reused=True),
            node(f"{DATASET}#decide.license", params={"policy.unknown": "deny", "empty": ""}),
            node(
                f"{DATASET}#export.shards",
                outputs={"shards": SHARDS},
                facts=[
                    Fact(f"{DATASET}/files.kept", 15, "file"),
                    Fact(f"{DATASET}/files{{language=C++}}", 5, "file"),
                    Fact(f"{DATASET}/people", None, "person", withheld=True),
                    Fact(f"{DATASET}/source", "an index", "text"),
                ],
            ),
            node(
                f"{MODEL}#train",
                params={"seed": 1, "architecture.n_embd": 192},
                inputs={"tokens": SHARDS, "tokenizer": SHARDS[:1]},
                facts=[Fact(f"{MODEL}/loss.final", 0.5, "nat/token")],
                journal=journal,
            ),
            node(f"{EVALUATION}#suite.0.pass", facts=[Fact(f"{EVALUATION}/pass@1", 0.25)]),
            node(
                "Card/model@1.0.0#render",
                component="core.card",
                files={"model.md": card, "plots/loss.svg": card},
            ),
        ],
    )
    apply(
        run_view(store, "000002-ef01"),
        [node(f"{DATASET}#export.shards")],
        failed=node(f"{MODEL}#train"),
    )
    return store


@pytest.fixture(scope="module")
def client(store: Path) -> MlflowClient:
    return MlflowClient(f"sqlite:///{store / 'mlflow' / 'mlflow.db'}")


@pytest.fixture(scope="module")
def runs(client: MlflowClient) -> Mapping[str, Run]:
    """Runs of the first apply by name; the parent is `parent`."""
    experiment = client.get_experiment_by_name("bigcode-demo")
    assert experiment is not None
    found = client.search_runs([experiment.experiment_id])
    parent = next(r for r in found if r.data.tags.get("bigcode.run") == "000001-abcd")
    below = [r for r in found if r.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    return {"parent": parent, **{r.info.run_name: r for r in below}}


def test_each_resource_that_did_work_has_a_run_below_that_of_the_apply(runs: Mapping[str, Run]) -> None:
    assert set(runs) == {"parent", DATASET, MODEL, EVALUATION}
    assert {name: run.data.tags.get("bigcode.group") for name, run in runs.items()} == {
        "parent": None,
        DATASET: "data",
        MODEL: "training",
        EVALUATION: "evaluation",
    }
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    assert runs["parent"].data.tags["bigcode.nodes.reused"] == "1"


def test_params_are_those_of_all_its_nodes(runs: Mapping[str, Run]) -> None:
    assert runs[DATASET].data.params == {"decide.license.policy.unknown": "deny"}
    assert runs[MODEL].data.params == {"train.seed": "1", "train.architecture.n_embd": "192"}


def test_numeric_facts_are_metrics_and_nothing_else_is(runs: Mapping[str, Run]) -> None:
    metrics = runs[DATASET].data.metrics
    assert {"files.kept": 15, "files/Cplusplus": 5}.items() <= metrics.items()
    assert set(metrics) == {
        "files.kept",
        "files/Cplusplus",
        "seconds.decide.license",
        "seconds.export.shards",
    }
    assert runs[MODEL].data.metrics["loss.final"] == 0.5
    assert runs[EVALUATION].data.metrics["pass_at_1"] == 0.25


def test_the_loss_curve_has_all_points(client: MlflowClient, runs: Mapping[str, Run]) -> None:
    history = client.get_metric_history(runs[MODEL].info.run_id, "train.loss")
    assert [(p.step, p.value) for p in sorted(history, key=lambda p: p.step)] == [
        (s, 5.0 / (s + 1)) for s in range(1500)
    ]
    by_step = {p.step: p.timestamp for p in history}
    assert by_step[10] - by_step[0] == 5000


def test_datasets_are_inputs_by_digest(runs: Mapping[str, Run]) -> None:
    inputs = {i.dataset.name: i for i in runs[MODEL].inputs.dataset_inputs}
    assert set(inputs) == {"train.tokens", "train.tokenizer"}
    (written,) = runs[DATASET].inputs.dataset_inputs
    tokens = inputs["train.tokens"]
    assert written.dataset.digest == tokens.dataset.digest != inputs["train.tokenizer"].dataset.digest
    assert len(tokens.dataset.digest) == 36
    assert json.loads(tokens.dataset.profile) == {"bytes": 1500, "objects": 2, "rows": 15}
    assert [tag.value for tag in written.tags] == ["output"]


def test_cards_are_artifacts_of_the_apply_under_their_own_names(
    client: MlflowClient, runs: Mapping[str, Run], store: Path
) -> None:
    parent = runs["parent"].info.run_id
    folder = "cards/model@1.0.0"
    assert {f.path for f in client.list_artifacts(parent, folder)} == {
        f"{folder}/model.md",
        f"{folder}/plots",
    }
    assert (
        store / "mlflow" / "artifacts" / parent / "artifacts" / folder / "model.md"
    ).read_text() == "# A card\n"


def test_a_failed_node_fails_its_run_and_that_of_the_apply(client: MlflowClient) -> None:
    experiment = client.get_experiment_by_name("bigcode-demo")
    assert experiment is not None
    found = client.search_runs([experiment.experiment_id])
    parent = next(r for r in found if r.data.tags.get("bigcode.run") == "000002-ef01")
    below = {r.info.run_name: r for r in found if r.data.tags.get("mlflow.parentRunId") == parent.info.run_id}
    assert parent.info.status == below[MODEL].info.status == "FAILED"
    assert below[MODEL].data.tags["bigcode.error"] == "E502 node failed"
    assert below[DATASET].info.status == "FINISHED"


def test_an_apply_that_did_nothing_leaves_nothing_and_imports_nothing(tmp_path: Path) -> None:
    program = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
import bigcode_mlflow.plugin as plugin
from bigcode.api import NodeView, RunView
run = RunView("1", "w", "p", "d", Path({str(tmp_path)!r}), Path({str(tmp_path)!r}))
plugin.bigcode_run_started(run=run)
plugin.bigcode_node_finished(run=run, node=NodeView("D/a@1#x", "D", "D/a@1", "c", True, 0.0, {{}}, {{}}, {{}}, []))
plugin.bigcode_run_finished(run=run, ok=True)
print(sorted(set(sys.modules) & {{"mlflow", "sqlalchemy", "torch", "pandas"}}))
"""
    path = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
    assert not any(tmp_path.iterdir())


class TestTrouble:
    @pytest.fixture(autouse=True)
    def no_other_store(self, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
        with caplog.at_level(logging.WARNING, "bigcode_mlflow"):
            yield

    @pytest.mark.parametrize("uri", ["nonsense://ann:secret@host/x", "sqlite:////proc/nowhere/mlflow.db", ""])
    def test_a_store_that_cannot_be_had_is_a_warning(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture, uri: str
    ) -> None:
        file = tmp_path / "a-file"
        file.write_text("where the store should be")
        apply(run_view(file, trackingUri=uri), [node(f"{DATASET}#export.shards"), node(f"{MODEL}#train")])
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert "the run goes on" in caplog.text
        assert "secret" not in caplog.text

    def test_a_run_that_ends_while_the_database_is_made_leaves_none_that_is_half_made(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def stop(engine: object) -> None:
            raise RuntimeError("the end")

        with monkeypatch.context() as broken:
            broken.setattr("mlflow.store.db.utils._upgrade_db", stop)
            apply(run_view(tmp_path, "000001-aa"), [node(f"{MODEL}#train")])
        assert not (tmp_path / "mlflow" / "mlflow.db").exists()
        apply(run_view(tmp_path, "000002-aa"), [node(f"{MODEL}#train")])
        client = MlflowClient(f"sqlite:///{tmp_path / 'mlflow' / 'mlflow.db'}")
        experiment = client.get_experiment_by_name("bigcode-demo")
        assert experiment is not None
        assert {r.info.status for r in client.search_runs([experiment.experiment_id])} == {"FINISHED"}

    def test_a_node_that_cannot_be_written_leaves_the_others(
        self, store: Path, client: MlflowClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        lost = node(f"{MODEL}#train", journal=store / "absent.jsonl")
        apply(run_view(store, "000003-aa"), [lost, node(f"{EVALUATION}#suite.0.pass")])
        assert len(caplog.records) == 1
        experiment = client.get_experiment_by_name("bigcode-demo")
        assert experiment is not None
        found = client.search_runs([experiment.experiment_id], "tags.`bigcode.run` = '000003-aa'")
        assert [run.info.status for run in found] == ["FINISHED"]

    def test_a_server_that_hangs_does_not_hold_the_run(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answer = threading.Event()
        monkeypatch.setattr("bigcode_mlflow.mirror.open_writer", lambda run: answer.wait(60))
        run = run_view(tmp_path)
        plugin.bigcode_run_started(run=run)
        plugin.bigcode_node_finished(run=run, node=node(f"{MODEL}#train"))
        finish(run, True, within=0.01)
        answer.set()
        assert "is not done" in caplog.text
