"""Training on several ranks, each a real process under torchrun, and one of them killed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from bigcode.testing.context import JobContext
from bigcode_train.causal_lm import CausalLM

PROGRAM = Path(__file__).with_name("rank_program.py")
KILLED_AT = 13


class Launcher:
    """Starts a job on two ranks under torchrun; `folder` holds its scratch folder and what rank 0 reports."""

    def __init__(self, folder: Path, job: Mapping[str, Any]) -> None:
        self.folder = folder
        self.job = {**job, "scratch": str(folder / "scratch")}

    def run(self, **changes: Any) -> int:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "points.jsonl").unlink(missing_ok=True)
        job_file = self.folder / "job.json"
        job_file.write_text(json.dumps(self.job | changes), encoding="utf-8")
        command = [sys.executable, "-m", "torch.distributed.run", "--nnodes=1", "--nproc-per-node=2"]
        rendezvous = ["--rdzv-backend=c10d", "--rdzv-endpoint=127.0.0.1:0", "--local-addr=127.0.0.1"]
        path = os.pathsep.join(entry for entry in sys.path if entry)
        environment = os.environ | {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1", "PYTHONPATH": path}
        done = subprocess.run(
            [*command, *rendezvous, str(PROGRAM), str(job_file)],
            env=environment,
            capture_output=True,
            check=False,
        )
        return done.returncode

    def points(self) -> list[dict[str, Any]]:
        lines = (self.folder / "points.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def losses(self) -> dict[int, float]:
        return {point["step"]: point["loss"] for point in self.points()}

    def facts(self) -> dict[str, Any]:
        return json.loads((self.folder / "facts.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def job(
    inputs: dict[str, dict[str, Path]], settings: dict[str, Any], params: dict[str, Any]
) -> dict[str, Any]:
    files = {name: {entry: str(path) for entry, path in found.items()} for name, found in inputs.items()}
    return {"config": settings, "params": params, "inputs": files}


@pytest.fixture(scope="module")
def uninterrupted(job: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Launcher:
    launcher = Launcher(tmp_path_factory.mktemp("uninterrupted"), job)
    assert launcher.run() == 0
    return launcher


@pytest.fixture(scope="module")
def killed(job: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Launcher:
    launcher = Launcher(tmp_path_factory.mktemp("killed"), job)
    assert launcher.run(kill_at=KILLED_AT) != 0
    assert max(launcher.losses()) == KILLED_AT
    return launcher


def test_two_ranks_train_as_one_does(uninterrupted: Launcher, make_job: Callable[..., JobContext]) -> None:
    alone = make_job()
    CausalLM(alone.config).run(alone)
    assert uninterrupted.losses() == pytest.approx({p["step"]: p["loss"] for p in alone.points}, abs=1e-4)
    facts = uninterrupted.facts()
    assert facts["world"] == 2
    assert facts["device.hours"] == pytest.approx(2 * facts["wall"] / 3600)


def test_a_killed_run_goes_on_to_the_same_losses(
    uninterrupted: Launcher, killed: Launcher, tmp_path: Path
) -> None:
    again = Launcher(tmp_path / "again", killed.job)
    shutil.copytree(killed.folder / "scratch", again.folder / "scratch")
    assert again.run() == 0
    found = again.losses()
    assert min(found) == 11
    assert found == {step: loss for step, loss in uninterrupted.losses().items() if step > 10}
    assert again.facts()["loss.first"] == uninterrupted.facts()["loss.first"]
    assert again.facts()["wall"] > killed.points()[-1]["seconds"]


def test_a_killed_run_goes_on_with_another_number_of_ranks(
    uninterrupted: Launcher, killed: Launcher, make_job: Callable[..., JobContext], tmp_path: Path
) -> None:
    shutil.copytree(killed.folder / "scratch", tmp_path / "scratch")
    alone = make_job(scratch=tmp_path / "scratch")
    CausalLM(alone.config).run(alone)
    found = {point["step"]: point["loss"] for point in alone.points}
    expected = uninterrupted.losses()
    assert found == pytest.approx({step: expected[step] for step in range(11, 25)}, abs=1e-4)
