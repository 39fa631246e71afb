"""Training on several ranks, each a real process under torchrun: killed, stopped, hung, and never come."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from bigcode.testing.context import JobContext
from bigcode_train.training.causal_lm import CausalLM

PROGRAM = Path(__file__).with_name("rank_program.py")
KILLED_AT = 13
AFTER_KILL = (6, 11)
"""Where a killed run goes on: the newest checkpoint is written beside the steps, and may not be whole by then."""
NEAR = 1e-6
LLAMA = {
    "model_type": "llama",
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
}


class Launcher:
    """Starts a job on two ranks under torchrun; `folder` holds its scratch folder and what the ranks report."""

    def __init__(self, folder: Path, job: Mapping[str, Any]) -> None:
        self.folder = folder
        self.job = {**job, "scratch": str(folder / "scratch")}

    def run(self, settings: Mapping[str, Any] | None = None, **changes: Any) -> int:
        """The exit code; `changes` are of the job, and of its params where they have that name."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for stale in (*self.folder.glob("problem-*"), self.folder / "points.jsonl"):
            stale.unlink(missing_ok=True)
        job = self.job | changes
        job["config"] = job["config"] | dict(settings or {})
        (self.folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        command = [sys.executable, "-m", "torch.distributed.run", "--nnodes=1", "--nproc-per-node=2"]
        rendezvous = ["--rdzv-backend=c10d", "--rdzv-endpoint=127.0.0.1:0", "--local-addr=127.0.0.1"]
        path = os.pathsep.join(entry for entry in sys.path if entry)
        environment = os.environ | {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1", "PYTHONPATH": path}
        done = subprocess.run(
            [*command, *rendezvous, str(PROGRAM), str(self.folder / "job.json")],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        # Pytest shows it where a test fails.
        print(done.stdout)
        return done.returncode

    def losses(self) -> dict[int, float]:
        lines = (self.folder / "points.jsonl").read_text(encoding="utf-8").splitlines()
        points = [json.loads(line) for line in lines]
        return {point["step"]: point["loss"] for point in points if point["series"] == "train"}

    def facts(self) -> dict[str, Any]:
        return json.loads((self.folder / "facts.json").read_text(encoding="utf-8"))

    def warnings(self) -> list[str]:
        return json.loads((self.folder / "warnings.json").read_text(encoding="utf-8"))

    def problem(self, rank: int) -> str:
        return (self.folder / f"problem-{rank}.txt").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def job(
    inputs: dict[str, dict[str, Path]], settings: dict[str, Any], params: dict[str, Any]
) -> dict[str, Any]:
    files = {name: {entry: str(path) for entry, path in found.items()} for name, found in inputs.items()}
    return {"config": settings, "params": params, "inputs": files}


@pytest.fixture(scope="module")
def alone(
    inputs: dict[str, dict[str, Path]],
    settings: dict[str, Any],
    params: dict[str, Any],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[int, float]:
    """Losses of the same job in this process, by step."""
    return train_alone(tmp_path_factory.mktemp("alone"), inputs, settings, params)


def train_alone(
    scratch: Path,
    inputs: Mapping[str, Mapping[str, Path]],
    settings: Mapping[str, Any],
    params: Mapping[str, Any],
) -> dict[int, float]:
    from bigcode_train.config import CausalLMConfig

    ctx = JobContext(CausalLMConfig.model_validate(settings), scratch, params, inputs)
    CausalLM(ctx.config).run(ctx)
    return {point["step"]: point["loss"] for point in ctx.points if point["series"] == "train"}


@pytest.fixture(scope="module")
def uninterrupted(job: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Launcher:
    launcher = Launcher(tmp_path_factory.mktemp("uninterrupted"), job)
    assert launcher.run() == 0
    return launcher


@pytest.fixture(scope="module")
def sharded(job: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Launcher:
    """Weights in shards; the second rank dies by SIGKILL."""
    launcher = Launcher(tmp_path_factory.mktemp("sharded"), job)
    params = job["params"] | {"sharding": "fsdp"}
    assert launcher.run(params=params, fault={"rank": 1, "step": KILLED_AT, "signal": "KILL"}) != 0
    return launcher


def go_on(launcher: Launcher, folder: Path, **changes: Any) -> Launcher:
    """Run a copy of a job to its end."""
    again = Launcher(folder / "again", launcher.job)
    shutil.copytree(launcher.folder / "scratch", again.folder / "scratch")
    assert again.run(**changes) == 0
    return again


def tail(losses: Mapping[int, float], found: Mapping[int, float]) -> dict[int, float]:
    return {step: losses[step] for step in found}


def test_two_ranks_train_as_one_does(uninterrupted: Launcher, alone: dict[int, float]) -> None:
    assert uninterrupted.losses() == pytest.approx(alone, abs=NEAR)
    facts = uninterrupted.facts()
    assert facts["world"] == 2
    assert facts["device.hours"] == pytest.approx(2 * facts["wall"] / 3600)


def test_replicas_of_shards_train_as_one_rank_does(
    job: dict[str, Any], alone: dict[int, float], tmp_path: Path
) -> None:
    launcher = Launcher(tmp_path / "hsdp", job)
    assert launcher.run(params=job["params"] | {"sharding": "hsdp", "replicas": 2, "recompute": True}) == 0
    assert launcher.losses() == pytest.approx(alone, abs=NEAR)


def test_ranks_that_share_each_matrix_train_as_one_does(
    job: dict[str, Any],
    inputs: dict[str, dict[str, Path]],
    settings: dict[str, Any],
    params: dict[str, Any],
    tmp_path: Path,
) -> None:
    llama = params | {"architecture": LLAMA}
    expected = train_alone(tmp_path / "alone", inputs, settings, llama)
    launcher = Launcher(tmp_path / "tensor", job)
    assert launcher.run(params=llama | {"sharding": "fsdp", "tensor": 2}) == 0
    assert launcher.losses() == pytest.approx(expected, abs=NEAR)


def test_matrices_are_not_shared_where_the_model_has_no_plan_for_it(
    job: dict[str, Any], tmp_path: Path
) -> None:
    launcher = Launcher(tmp_path / "tensor", job)
    assert launcher.run(params=job["params"] | {"sharding": "fsdp", "tensor": 2}) != 0
    assert "E811" in launcher.problem(0)
    assert "the matrices of `gpt_bigcode` cannot be shared by 2 ranks" in launcher.problem(0)


def test_a_killed_rank_ends_the_run_and_is_named_with_the_last_checkpoint(sharded: Launcher) -> None:
    assert "E809  rank 1 ended while the others were at work" in sharded.problem(0)
    assert "the last checkpoint is of step 10" in sharded.problem(0)


def test_shards_go_on_to_the_same_losses(
    sharded: Launcher, job: dict[str, Any], uninterrupted: Launcher, tmp_path: Path
) -> None:
    again = go_on(sharded, tmp_path, params=job["params"] | {"sharding": "fsdp"})
    found = again.losses()
    assert min(found) in AFTER_KILL
    assert found == pytest.approx(tail(uninterrupted.losses(), found), abs=NEAR)


def test_shards_go_on_without_sharding_on_one_rank(
    sharded: Launcher, alone: dict[int, float], make_job: Callable[..., JobContext], tmp_path: Path
) -> None:
    shutil.copytree(sharded.folder / "scratch", tmp_path / "scratch")
    ctx = make_job(scratch=tmp_path / "scratch")
    CausalLM(ctx.config).run(ctx)
    found = {point["step"]: point["loss"] for point in ctx.points if point["series"] == "train"}
    assert min(found) in AFTER_KILL
    assert found == pytest.approx(tail(alone, found), abs=NEAR)


def test_one_rank_goes_on_as_two_with_shards(
    job: dict[str, Any], alone: dict[int, float], make_job: Callable[..., JobContext], tmp_path: Path
) -> None:
    ctx = make_job(scratch=tmp_path / "one" / "scratch")
    CausalLM(ctx.config).run(ctx)
    (ctx.scratch / "checkpoints" / "LATEST").write_text("step-00000020\n", encoding="utf-8")
    again = go_on(Launcher(tmp_path / "one", job), tmp_path, params=job["params"] | {"sharding": "fsdp"})
    found = again.losses()
    assert min(found) == 21
    assert found == pytest.approx(tail(alone, found), abs=NEAR)


def test_a_run_that_loses_its_first_rank_says_so_and_goes_on(
    job: dict[str, Any], uninterrupted: Launcher, tmp_path: Path
) -> None:
    launcher = Launcher(tmp_path / "first", job)
    assert launcher.run(fault={"rank": 0, "step": KILLED_AT, "signal": "KILL"}) != 0
    assert "rank 0 ended while the others were at work" in launcher.problem(1)
    again = go_on(launcher, tmp_path)
    found = again.losses()
    assert min(found) in AFTER_KILL
    assert found == tail(uninterrupted.losses(), found)
    assert again.facts()["loss.first"] == uninterrupted.facts()["loss.first"]


def test_a_run_that_is_asked_to_stop_writes_a_checkpoint_first(
    job: dict[str, Any], uninterrupted: Launcher, tmp_path: Path
) -> None:
    launcher = Launcher(tmp_path / "stopped", job)
    assert launcher.run(fault={"rank": 1, "step": KILLED_AT, "signal": "TERM"}) != 0
    last = max(launcher.losses())
    for rank in (0, 1):
        assert f"did so after step {last} of 24" in launcher.problem(rank)
        assert f"the last checkpoint is of step {last}" in launcher.problem(rank)
    found = go_on(launcher, tmp_path).losses()
    assert min(found) == last + 1
    assert found == tail(uninterrupted.losses(), found)


def test_a_rank_that_never_comes_is_named(job: dict[str, Any], tmp_path: Path) -> None:
    launcher = Launcher(tmp_path / "absent", job)
    started = time.monotonic()
    assert launcher.run({"joinTimeout": 8}, absent=1) != 0
    assert time.monotonic() - started < 120
    assert "rank 1 did not join the 2 ranks of the run within 8 s" in launcher.problem(0)


def test_a_rank_that_hangs_is_named(job: dict[str, Any], tmp_path: Path) -> None:
    launcher = Launcher(tmp_path / "hangs", job)
    assert launcher.run({"rankTimeout": 5}, fault={"rank": 1, "step": KILLED_AT, "signal": "HANG"}) != 0
    assert "rank 1 hangs, or was too slow; the last checkpoint is of step 10" in launcher.problem(0)


def test_a_full_disk_costs_the_checkpoint_and_not_the_run(
    job: dict[str, Any], uninterrupted: Launcher, tmp_path: Path
) -> None:
    launcher = Launcher(tmp_path / "full", job)
    assert launcher.run(full={"from": 1, "to": 16, "bytes": 60_000}) == 0
    assert launcher.losses() == uninterrupted.losses()
    first = launcher.warnings()[0]
    assert "the checkpoint of step 5 could not be written" in first
    assert "the disk is full" in first
    folder = launcher.folder / "scratch" / "checkpoints"
    assert (folder / "LATEST").read_text(encoding="utf-8") == "step-00000024\n"
    assert not list(folder.glob("partial-*"))


def test_a_step_that_is_skipped_is_skipped_by_all_ranks(job: dict[str, Any], tmp_path: Path) -> None:
    launcher = Launcher(tmp_path / "skipped", job)
    assert launcher.run(skip=[3, 4]) == 0
    assert launcher.facts()["steps.skipped"] == 2
