"""Training on one rank: what comes out, what is refused, and that a stop in between changes nothing."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from bigcode.api import Problem, parse_unit
from bigcode.testing.context import JobContext
from bigcode_train.config import CausalLMConfig
from bigcode_train.training.causal_lm import CausalLM

Make = Callable[..., JobContext]


def run(job: JobContext) -> JobContext:
    CausalLM(job.config).run(job)
    return job


def losses(job: JobContext) -> list[float]:
    return [point["loss"] for point in job.points if point["series"] == "train"]


@pytest.fixture(scope="module")
def finished(
    inputs: dict[str, dict[str, Path]],
    settings: dict[str, Any],
    params: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> JobContext:
    config = CausalLMConfig.model_validate(settings)
    return run(JobContext(config, tmp_path_factory.mktemp("finished"), params, inputs))


@pytest.fixture
def stopped(finished: JobContext, make_job: Make, tmp_path: Path) -> JobContext:
    """A job that finds the checkpoints of an earlier attempt, which ended after the last one."""
    shutil.copytree(finished.scratch / "checkpoints", tmp_path / "job" / "checkpoints")
    return make_job()


def test_the_loss_falls(finished: JobContext) -> None:
    found = losses(finished)
    assert found[0] == pytest.approx(math.log(512), abs=0.2)
    assert found[-1] < found[0] - 0.5
    points = [point for point in finished.points if point["series"] == "train"]
    assert [point["step"] for point in points] == list(range(1, 25))
    assert {"series", "step", "loss", "lr", "grad_norm", "tokens", "seconds"} == set(points[0])


def test_the_model_folder_loads_and_generates(finished: JobContext) -> None:
    folder = finished.out / "model"
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    prompt = tokenizer("def main():", return_tensors="pt")
    out = model.generate(**prompt, max_new_tokens=8, do_sample=False)
    assert out.shape[1] > prompt["input_ids"].shape[1]
    assert tokenizer.decode(out[0]).startswith("def main():")
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id
    assert model.config.vocab_size % 64 == 0


def test_facts_say_what_was_done(finished: JobContext) -> None:
    facts = {fact.id: fact for fact in finished.recorded}
    values = {name: fact.value for name, fact in facts.items()}
    model = AutoModelForCausalLM.from_pretrained(finished.out / "model")
    assert values["parameters"] == model.num_parameters()
    assert (values["steps"], values["tokens.seen"], values["world"]) == (24, 24 * 4 * 64, 1)
    assert values["loss.first"] == losses(finished)[0]
    assert values["loss.final"] == pytest.approx(sum(losses(finished)[-10:]) / 10)
    assert values["device.hours"] == pytest.approx(values["wall"] / 3600, rel=0.1)
    assert 6 * values["tokens.seen"] * 40_000 < values["flops"] < 6 * values["tokens.seen"] * 60_000
    assert facts["flops"].kind == "estimated"
    for fact in finished.recorded:
        parse_unit(fact.unit)
        assert fact.label
        assert not any(c.isdigit() for c in fact.label + fact.method)


def test_going_on_from_a_checkpoint_gives_the_same_losses_and_weights(
    finished: JobContext, stopped: JobContext
) -> None:
    (stopped.scratch / "checkpoints" / "LATEST").write_text("step-00000020\n", encoding="utf-8")
    run(stopped)
    assert losses(stopped) == losses(finished)[20:]
    weights = [load_file(job.out / "model" / "model.safetensors") for job in (finished, stopped)]
    assert all((weights[0][name] == weights[1][name]).all() for name in weights[0])
    assert [fact.value for fact in stopped.recorded if fact.id.startswith("loss.")] == [
        fact.value for fact in finished.recorded if fact.id.startswith("loss.")
    ]


def test_as_many_checkpoints_are_kept_as_asked_for(finished: JobContext, make_job: Make) -> None:
    names = sorted(path.name for path in (finished.scratch / "checkpoints").iterdir())
    assert names == ["LATEST", "step-00000020", "step-00000024"]
    more = run(make_job(checkpointsKept=4))
    assert len(list((more.scratch / "checkpoints").glob("step-*"))) == 4


@pytest.mark.parametrize(
    ("name", "damage", "says"),
    [
        ("__0_0.distcp", "flip", "__0_0.distcp does not match its digest"),
        (".metadata", "flip", ".metadata does not match its digest"),
        ("state.json", "flip", "state.json does not match its digest"),
        ("__0_0.distcp", "cut", "__0_0.distcp has "),
        ("__0_0.distcp", "remove", "__0_0.distcp is missing"),
        ("manifest.json", "remove", "it cannot be read"),
    ],
)
def test_an_altered_checkpoint_is_passed_over_with_a_warning(
    name: str, damage: str, says: str, finished: JobContext, stopped: JobContext
) -> None:
    path = stopped.scratch / "checkpoints" / "step-00000024" / name
    data = bytearray(path.read_bytes())
    path.unlink()
    if damage == "flip":
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    elif damage == "cut":
        path.write_bytes(data[:-1])
    run(stopped)
    (warning,) = stopped.warnings
    assert (warning.code, warning.severity) == ("E804", "warning")
    assert f"step-00000024: {says}" in warning.message
    assert "training goes on from step 20" in warning.message
    assert losses(stopped) == losses(finished)[20:]


@pytest.mark.parametrize("damage", ["manifest.json", "__0_0.distcp"])
def test_without_an_intact_checkpoint_training_starts_again(
    damage: str, finished: JobContext, stopped: JobContext
) -> None:
    for step in ("step-00000020", "step-00000024"):
        (stopped.scratch / "checkpoints" / step / damage).unlink()
    run(stopped)
    assert [warning.code for warning in stopped.warnings] == ["E804", "E804"]
    assert losses(stopped) == losses(finished)


def test_a_checkpoint_that_was_never_committed_is_not_read(finished: JobContext, stopped: JobContext) -> None:
    (stopped.scratch / "checkpoints" / "LATEST").unlink()
    run(stopped)
    assert losses(stopped) == losses(finished)


def test_a_checkpoint_of_another_run_is_not_read(stopped: JobContext, make_job: Make) -> None:
    job = run(make_job(seed=8))
    assert "it belongs to another run; training starts again" in job.warnings[0].message
    assert len(losses(job)) == 24


def test_a_smaller_micro_batch_changes_nothing_but_rounding(finished: JobContext, make_job: Make) -> None:
    job = run(make_job({"microBatch": 3}, budget_tokens=6 * 4 * 64))
    reference = run(make_job(scratch=job.scratch.parent / "whole", budget_tokens=6 * 4 * 64))
    assert losses(job) == pytest.approx(losses(reference), abs=1e-5)


def test_shards_of_another_tokenizer_are_refused(
    make_job: Make, data: dict[str, Path], train_tokenizer: Callable[..., JobContext], tmp_path: Path
) -> None:
    other = train_tokenizer(tmp_path / "bpe", data, vocabulary=400).out / "tokenizer"
    job = make_job()
    job.inputs = {**job.inputs, "tokenizer": {path.name: path for path in other.iterdir()}}
    with pytest.raises(Problem, match="E805"):
        run(job)


def test_a_loss_that_is_not_a_number_stops_and_names_the_batch(make_job: Make) -> None:
    job = make_job({"learningRate": 1e30, "warmupSteps": 0})
    with pytest.raises(Problem, match="E803") as caught:
        run(job)
    message = caught.value.diagnostics[0].message
    assert "is not a number at step" in message
    assert "part-0.parquet:" in message or "part-1.parquet:" in message


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({"architecture": {"n_embd": 32}}, "E106", "model_type"),
        ({"architecture": {"model_type": "gpt_bigcod"}}, "E104", "did you mean `gpt_bigcode`"),
        ({"architecture": {"model_type": "gpt_bigcode", "n_emb": 32}}, "E104", "did you mean `n_embd`"),
        ({"architecture": {"model_type": "gpt_bigcode", "n_positions": 32}}, "E105", "the context is 64"),
        ({"budget_tokens": 100}, "E105", "smaller than one step"),
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any], code: str, says: str, make_job: Make) -> None:
    with pytest.raises(Problem) as caught:
        run(make_job(**changes))
    assert caught.value.diagnostics[0].code == code
    assert says in str(caught.value)


def test_a_batch_that_ranks_cannot_share_is_refused(make_job: Make) -> None:
    job = make_job()
    job.world = 3
    with pytest.raises(Problem, match="cannot share a batch"):
        run(job)
