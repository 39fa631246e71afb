"""The page of a model in MLflow and its card: every number of the one is that of the other."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient

import bigcode_mlflow.plugin as plugin
from bigcode.api import Entry, Fact, NodeView, RunView
from bigcode.cards.render import CardRequest, load_templates, render_card
from bigcode_mlflow.entries import safe_name

ROOT = Path(__file__).parents[3]
WORLD = json.loads((ROOT / "tests/golden/cards/world.json").read_text("utf-8"))
MODEL = "Model/meadow-tiny@1.0.0"
FACTS = [Fact.from_json(fact) for fact in WORLD["facts"] if fact["id"].startswith(f"{MODEL}/")]
NUMBERS = {fact.id: fact.value for fact in FACTS if isinstance(fact.value, int | float)}


@pytest.fixture
def client(store: Path, node: Callable[..., NodeView]) -> MlflowClient:
    """A store that saw the model's token shards come from an earlier apply, and its training."""
    run = RunView("000001-aa", "demo", "bigcode-demo", "d" * 64, store / "runs", store, {})
    tokens = [fact for fact in FACTS if fact.id == f"{MODEL}/tokens"]
    rest = [fact for fact in FACTS if fact not in tokens]
    weights = [Entry("model.safetensors", "e" * 64, 0, 1000)]
    plugin.bigcode_run_started(run=run)
    plugin.bigcode_node_finished(run=run, node=node(f"{MODEL}#tokens", reused=True, facts=tokens))
    plugin.bigcode_node_finished(run=run, node=node(f"{MODEL}#train", facts=rest, outputs={"model": weights}))
    plugin.bigcode_run_finished(run=run, ok=True)
    return MlflowClient(f"sqlite:///{store / 'mlflow' / 'mlflow.db'}")


def test_the_run_the_registered_version_and_the_card_hold_the_same_numbers(client: MlflowClient) -> None:
    experiment = client.get_experiment_by_name("bigcode-demo")
    assert experiment is not None
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    metrics = {k: v for k, v in runs[MODEL].data.metrics.items() if not k.startswith("seconds.")}
    (version,) = client.search_model_versions("name = 'bigcode-demo.meadow-tiny'")
    rows = re.findall(r"^\| `(.+?)` \| (\S+) \|", version.description, re.MULTILINE)
    templates, glossary = load_templates(ROOT / "governance" / "templates")
    request = {**WORLD, **WORLD["cards"]["model-card"]}
    trace = render_card(CardRequest.from_json(request, templates, glossary)).trace
    printed = {span["fact"] for span in trace["markdown"]["spans"] if "fact" in span}
    printed &= set(NUMBERS)

    assert metrics == {safe_name(name.removeprefix(f"{MODEL}/")): value for name, value in NUMBERS.items()}
    assert {name: float(value) for name, value in rows} == {
        name.removeprefix(f"{MODEL}/"): value for name, value in NUMBERS.items()
    }
    assert len(printed) >= 10
    assert {safe_name(name.removeprefix(f"{MODEL}/")) for name in printed} <= set(metrics)
