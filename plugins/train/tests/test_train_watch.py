"""What watches a training run: steps thrown away, spikes and their documents, norms and ranges by layer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from bigcode.api import Problem, parse_unit
from bigcode.testing.context import JobContext
from bigcode_train.config import CausalLMConfig
from bigcode_train.training.causal_lm import CausalLM
from bigcode_train.training.feeding import row_opener
from bigcode_train.training.stages import Rows, Stage
from bigcode_train.watch.config import WatchConfig
from bigcode_train.watch.guards import Guard, SpikeScore, Window
from bigcode_train.watch.watching import StepResult

Make = Callable[..., JobContext]
ODD = 17
"""The step whose rows are noise in the runs of this module."""
SHORT = {"window": 8, "every": 4}


class Noisy:
    """Rows of which those of one step are noise, as a broken document would be."""

    def __init__(self, inner: Rows, batch: int) -> None:
        self.inner, self.batch = inner, batch

    def rows(self, first: int, stop: int) -> Any:
        found = self.inner.rows(first, stop).copy()
        for n in range(first, stop):
            if n // self.batch + 1 == ODD:
                found[n - first] = np.random.default_rng(n).integers(20, 500, found.shape[1])
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class Probe:
    """Keeps the weights that stand before each step, and asks the run to stop after one."""

    def __init__(self, until: int | None) -> None:
        self.until = until
        self.weights: dict[int, list[torch.Tensor]] = {}

    def wants_layers(self, step: int) -> bool:
        return False

    def before_step(self, step: int, model: PreTrainedModel) -> None:
        self.weights[step] = [weight.detach().clone() for weight in model.parameters()]
        self.hooks = [module for module in model.modules() if module._forward_hooks]
        if step == self.until:
            os.kill(os.getpid(), signal.SIGTERM)

    def after_step(
        self, result: StepResult, model: PreTrainedModel, optimizer: torch.optim.Optimizer
    ) -> None:
        pass

    def state(self) -> Mapping[str, Any]:
        return {}

    def resume(self, state: Mapping[str, Any]) -> None:
        pass


class Made:
    """A run on one rank, with noise in one step."""

    def __init__(self, ctx: JobContext, noisy: bool = True, until: int | None = None) -> None:
        self.ctx, self.probe = ctx, Probe(until)
        batch = ctx.config.batch

        def noisy_opener(*args: Any) -> Callable[[Stage], Rows]:
            plain = row_opener(*args)
            return lambda stage: Noisy(plain(stage), batch)

        with pytest.MonkeyPatch.context() as patch:
            if noisy:
                patch.setattr("bigcode_train.training.causal_lm.row_opener", noisy_opener)
            if until is None:
                CausalLM(ctx.config, [self.probe]).run(ctx)
            else:
                with pytest.raises(Problem, match="asked to stop"):
                    CausalLM(ctx.config, [self.probe]).run(ctx)

    def points(self, series: str) -> dict[int, dict[str, Any]]:
        return {p["step"]: p for p in self.ctx.points if p["series"] == series}

    def losses(self) -> dict[int, float]:
        return {step: point["loss"] for step, point in self.points("train").items()}

    def facts(self) -> dict[str, Any]:
        ours = ("spike", "largest", "steps.skipped")
        return {fact.id: fact.value for fact in self.ctx.recorded if fact.id.startswith(ours)}


@pytest.fixture(scope="module")
def spiked(
    inputs: dict[str, dict[str, Path]],
    settings: dict[str, Any],
    params: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> Made:
    config = CausalLMConfig.model_validate({**settings, "watch": SHORT | {"excerpt": 80}})
    return Made(JobContext(config, tmp_path_factory.mktemp("spiked"), params, inputs))


def same(a: Sequence[torch.Tensor], b: Sequence[torch.Tensor]) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


class TestTheRule:
    def test_nothing_stands_out_before_half_of_the_window_is_there(self) -> None:
        guard = Guard(WatchConfig(window=8))
        assert [guard.see(StepResult(n, 100.0**n, 0.1, 1.0)) for n in range(1, 5)] == [None] * 4

    @pytest.mark.parametrize("loss, norm", [(9.0, 1.0), (2.0, 30.0)])
    def test_a_loss_or_a_norm_far_above_the_mean_is_thrown_away(self, loss: float, norm: float) -> None:
        guard = fed(Guard(WatchConfig(window=8)))
        spike = guard.see(StepResult(9, loss, 0.1, norm))
        assert spike is not None
        assert guard.answer(spike) == "skip"
        assert (guard.spikes, guard.skipped) == (1, 1)

    def test_a_fall_is_no_spike(self) -> None:
        assert fed(Guard(WatchConfig(window=8))).see(StepResult(9, 0.01, 0.1, 0.01)) is None

    def test_without_skipping_a_spike_is_told_and_used(self) -> None:
        guard = fed(Guard(WatchConfig(window=8, skip=False)))
        spike = guard.see(StepResult(9, 9.0, 0.1, 1.0))
        assert spike is not None
        assert guard.answer(spike) is None
        assert (guard.spikes, guard.skipped) == (1, 0)

    def test_a_run_that_has_come_to_another_level_goes_on(self) -> None:
        guard = fed(Guard(WatchConfig(window=8)))
        answers = [guard.answer(guard.see(StepResult(n, 9.0 + n % 2 / 10, 0.1, 1.0))) for n in range(9, 30)]
        assert answers[0] == "skip"
        assert answers[8:] == [None] * 13

    def test_a_guard_that_goes_on_answers_as_it_would_have(self) -> None:
        first, again = fed(Guard(WatchConfig(window=8))), Guard(WatchConfig(window=8))
        again.resume(json.loads(json.dumps(first.state())))
        results = [StepResult(n, 2.0 + (n % 5) ** 3 / 9, 0.1, 1.0 + n % 3) for n in range(9, 60)]
        assert [first.see(r) for r in results] == [again.see(r) for r in results]
        assert first.state() == again.state()

    def test_the_mean_is_that_of_the_last_values(self) -> None:
        window = Window(4, 2)
        for value in (100.0, 1.0, 2.0, 3.0, 4.0):
            window.add(value)
        standing = window.judge(5.0)
        assert standing is not None
        assert (standing.mean, standing.deviation) == (2.5, pytest.approx(1.2909944487))

    def test_the_spike_score_is_the_share_of_values_seven_deviations_away(self) -> None:
        score = SpikeScore()
        for n in range(300):
            score.add(50.0 if n in (150, 250) else 2.0 + n % 7 / 10)
        assert score.value == 2 / 200
        again = SpikeScore()
        again.resume(json.loads(json.dumps(score.state())))
        assert again.state() == score.state()


class TestARun:
    def test_the_odd_step_is_thrown_away_and_leaves_the_weights_alone(self, spiked: Made) -> None:
        assert list(spiked.points("skipped")) == [ODD]
        assert spiked.facts()["steps.skipped"] == 1
        point = spiked.points("spikes")[ODD]
        assert point["loss_sigmas"] > 6 or point["grad_norm_sigmas"] > 6
        assert point["skipped"] == 1.0
        weights = spiked.probe.weights
        assert same(weights[ODD], weights[ODD + 1])
        assert not same(weights[ODD - 1], weights[ODD])

    def test_it_is_used_all_the_same_where_the_settings_say_so(self, make_job: Make) -> None:
        made = Made(make_job({"watch": SHORT | {"skip": False}}))
        assert list(made.points("spikes")) == [ODD]
        assert (made.points("skipped"), made.facts()["steps.skipped"]) == ({}, 0)
        assert not same(made.probe.weights[ODD], made.probe.weights[ODD + 1])

    def test_the_report_names_the_documents_of_the_batch_the_worst_first(self, spiked: Made) -> None:
        (spike,) = json.loads((spiked.ctx.out / "spikes" / "spikes.json").read_text())
        rows = spike["rows"]
        assert spike["step"] == ODD
        assert len(rows) == 4
        assert all(name.rpartition(":")[2].isdecimal() for row in rows for name in row["documents"])
        assert [row["loss"] for row in rows] == sorted((row["loss"] for row in rows), reverse=True)
        assert sum(row["loss"] for row in rows) / len(rows) == pytest.approx(spike["loss"], abs=1e-4)
        page = (spiked.ctx.out / "spikes" / "spikes.md").read_text()
        assert f"## Step {ODD}, thrown away" in page
        assert rows[0]["documents"][0] in page

    def test_text_is_in_the_report_alone_and_only_when_asked_for(self, spiked: Made, make_job: Make) -> None:
        (spike,) = json.loads((spiked.ctx.out / "spikes" / "spikes.json").read_text())
        texts = [row["text"] for row in spike["rows"]]
        assert all(0 < len(text) <= 80 for text in texts)
        journal = json.dumps(spiked.ctx.points)
        assert not any(json.dumps(text)[1:-1] in journal for text in texts)
        made = Made(make_job({"watch": SHORT}))
        (plain,) = json.loads((made.ctx.out / "spikes" / "spikes.json").read_text())
        assert not any("text" in row for row in plain["rows"])

    def test_spikes_beyond_those_that_are_ranked_are_named(self, make_job: Make) -> None:
        made = Made(make_job({"watch": SHORT | {"reported": 0}}))
        (spike,) = json.loads((made.ctx.out / "spikes" / "spikes.json").read_text())
        assert all(set(row) == {"documents"} for row in spike["rows"])

    def test_the_journal_names_documents(self, spiked: Made) -> None:
        (spike,) = json.loads((spiked.ctx.out / "spikes" / "spikes.json").read_text())
        named = spiked.points("spikes")[ODD]["documents"].split(", ")
        assert set(named) <= {name for row in spike["rows"] for name in row["documents"]}

    def test_norms_and_ranges_are_there_by_layer(self, spiked: Made) -> None:
        layers, ranges = spiked.points("layers"), spiked.points("ranges")
        assert list(layers) == list(ranges) == [1, 4, 8, 12, 16, 20, 24]
        assert {"transformer.h.0", "transformer.h.1", "transformer.wte"} <= set(layers[4])
        parts = ("transformer.h.0", "transformer.h.1", "logits")
        looked_at = {f"{name}.{kind}" for name in parts for kind in ("rms", "max")}
        assert set(ranges[4]) == {"series", "step", *looked_at}
        assert all(ranges[4][f"{name}.rms"] <= ranges[4][f"{name}.max"] for name in parts)

    def test_looking_changes_nothing_of_the_run(self, make_job: Make, tmp_path: Path) -> None:
        few = 6 * 4 * 64
        often = Made(make_job({"watch": {"every": 1}}, budget_tokens=few), noisy=False)
        seldom = Made(make_job({"watch": {"every": 1000}}, tmp_path / "b", budget_tokens=few), noisy=False)
        assert often.losses() == seldom.losses()
        assert same(often.probe.weights[6], seldom.probe.weights[6])
        assert len(often.points("ranges")) == 6
        assert not seldom.probe.hooks

    def test_a_run_that_goes_on_throws_the_same_steps_away(self, spiked: Made, make_job: Make) -> None:
        Made(make_job({"watch": SHORT}), until=ODD - 2)
        again = Made(make_job({"watch": SHORT}))
        assert min(again.losses()) == ODD - 1
        assert again.points("spikes") == spiked.points("spikes")
        assert again.losses() == {s: v for s, v in spiked.losses().items() if s >= ODD - 1}
        assert again.facts() == spiked.facts()

    def test_what_was_told_beyond_the_checkpoint_is_told_again_or_not_at_all(
        self, spiked: Made, make_job: Make, tmp_path: Path
    ) -> None:
        Made(make_job({"watch": SHORT}), until=ODD - 2)
        folder = tmp_path / "job" / "spikes"
        folder.mkdir()
        (folder / "step-00000020.json").write_text("{}")
        again = Made(make_job({"watch": SHORT}))
        (spike,) = json.loads((again.ctx.out / "spikes" / "spikes.json").read_text())
        assert spike["step"] == ODD

    def test_facts_have_units_and_words_without_digits(self, spiked: Made) -> None:
        facts = {fact.id: fact for fact in spiked.ctx.recorded if fact.id in spiked.facts()}
        assert facts["spikes"].value == 1
        assert facts["spike.score{of=loss}"].value is None
        assert facts["largest{of=logits}"].value > 0
        for fact in facts.values():
            parse_unit(fact.unit)
            assert fact.label
            assert not any(c.isdigit() for c in fact.label + fact.method)


def fed(guard: Guard) -> Guard:
    for n in range(1, 9):
        assert guard.see(StepResult(n, 2.0 + n % 3 / 10, 0.1, 1.0 + n % 2 / 10)) is None
    return guard


@pytest.mark.parametrize("sharding", ["none", "fsdp"])
def test_two_ranks_throw_away_the_steps_that_one_does(
    sharding: str, make_job: Make, settings: dict[str, Any], tmp_path: Path
) -> None:
    """With a bound so narrow that ordinary steps stand out."""
    watch = {"window": 4, "sigmas": 0.3, "every": 4}
    alone = Made(make_job({"watch": watch}), noisy=False)
    folder = tmp_path / "two"
    (folder / "scratch").mkdir(parents=True)
    job = {
        "config": settings | {"watch": watch},
        "params": {**alone.ctx.params, "sharding": sharding},
        "inputs": {n: {e: str(p) for e, p in files.items()} for n, files in alone.ctx.inputs.items()},
        "scratch": str(folder / "scratch"),
    }
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    place = ["--nnodes=1", "--nproc-per-node=2", "--rdzv-backend=c10d", "--rdzv-endpoint=127.0.0.1:0"]
    program = str(Path(__file__).with_name("rank_program.py"))
    command = [sys.executable, "-m", "torch.distributed.run", *place, "--local-addr=127.0.0.1", program]
    path = os.pathsep.join(entry for entry in sys.path if entry)
    environment = os.environ | {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1", "PYTHONPATH": path}
    done = subprocess.run(
        [*command, str(folder / "job.json")], env=environment, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    lines = (folder / "points.jsonl").read_text(encoding="utf-8").splitlines()
    points = [point for point in map(json.loads, lines) if point["series"] == "skipped"]
    assert [p["step"] for p in points] == list(alone.points("skipped"))
    assert points
    ranges = [p for p in map(json.loads, lines) if p["series"] == "ranges"]
    assert len(ranges) == 7
    assert ranges[-1]["logits.max"] == pytest.approx(alone.points("ranges")[24]["logits.max"], rel=0.5)
    spikes = json.loads((folder / "scratch" / "out" / "spikes" / "spikes.json").read_text())
    assert all(("loss" in row) == (sharding == "none") for spike in spikes for row in spike["rows"])
