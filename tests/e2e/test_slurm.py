"""Training on the nodes of a real Slurm cluster: interrupted, left alone, queued again, and gone on with."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from model_workspaces import BIGCODE, SEED, Ran, bigcode, model_specs
from workspaces import copy_space, data_workspace, edit_spec, write_spec

from bigcode.store.store import Store

CLUSTER = Path(__file__).parents[1] / "fixtures" / "slurm_cluster.py"
MODEL = "Model/tiny@1.0.0"
RUNTIME: dict[str, Any] = {
    "launcher": "slurm",
    "nodes": 2,
    "processes": 1,
    "threads": 1,
    "checkpointEvery": 1000,
}
STEPS = 600
PATIENCE_S = 120.0


@pytest.fixture(scope="module")
def slurm() -> Iterator[dict[str, str]]:
    """The environment of one who may submit jobs to a cluster of two nodes."""
    # The path of a socket is short.
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder:
        command = [sys.executable, str(CLUSTER), folder]
        pipe = subprocess.PIPE
        cluster = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, start_new_session=True)
        assert cluster.stdin is not None
        assert cluster.stdout is not None
        try:
            assert cluster.stdout.readline() == "ready\n", (
                "`make test` installs Slurm; the cluster needs root"
            )
            yield {"SLURM_CONF": f"{folder}/slurm.conf", "GLOO_SOCKET_IFNAME": "lo"}
        finally:
            cluster.stdin.close()
            cluster.wait(30)
            cluster.stdout.close()


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace that is built up to the model."""
    space = data_workspace(tmp_path_factory.mktemp("slurm"))
    edit_spec(space / "dataset.yaml", "split", "seed", value=SEED)
    specs = model_specs()
    for file in ("tokenizer.yaml", "model.yaml"):
        write_spec(space / file, specs[file])
    edit_spec(space / "model.yaml", "budget", value={"tokens": f"{STEPS * 4 * 64} tokens"})
    done = bigcode("apply", "Tokenizer/tiny@1.0.0", "-w", space)
    assert done.code == 0, done.err
    return space


@pytest.fixture
def space(prepared: Path, tmp_path: Path) -> Path:
    return on_slurm(copy_space(prepared, tmp_path, store=True))


def on_slurm(space: Path, **asked: Any) -> Path:
    edit_spec(space / "model.yaml", "runtime", value={**RUNTIME, "slurm": {"time": "10", **asked}})
    return space


def wait_for(what: Callable[[], Any]) -> Any:
    """What it gives as soon as that is something."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := what()):
        assert time.monotonic() < deadline
        threading.Event().wait(0.05)
    return found


class Story:
    """Applies of one workspace, each of which is met with something while it trains."""

    def __init__(self, space: Path, slurm: dict[str, str]) -> None:
        self.space, self.slurm = space, slurm

    def apply(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(BIGCODE), "apply", MODEL, "-w", str(self.space)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **self.slurm},
            start_new_session=True,
            # A suite that a shell runs in the background was told to ignore it, and hands that on.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def end(self, apply: subprocess.Popen[str]) -> Ran:
        out, err = apply.communicate(timeout=PATIENCE_S)
        return Ran(apply.returncode, out, err)

    def ask(self, *command: str) -> str:
        environment = {**os.environ, **self.slurm}
        return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout

    def jobs(self, *states: str) -> dict[str, str]:
        """States of jobs by number; those that are not over, unless states are named."""
        among = [f"--states={','.join(states)}"] if states else []
        told = self.ask("squeue", "--noheader", "--format=%i %T", *among)
        return dict(line.split() for line in told.splitlines())

    def step(self) -> int:
        """How far the job has come that is at work now."""
        found = list(self.space.glob(".bigcode/work/*/progress.json"))
        return int(json.loads(found[0].read_text())[0]) if found else 0

    def saved(self) -> int:
        """The step of the last checkpoint."""
        (latest,) = self.space.glob(".bigcode/work/*/scratch/checkpoints/LATEST")
        return int(latest.read_text().strip().rpartition("-")[2])


def start_training(story: Story, beyond: int) -> subprocess.Popen[str]:
    """An apply that trains, some steps after what was done before."""
    apply = story.apply()
    wait_for(lambda: (story.jobs() and story.step() > beyond + 4) or apply.poll() is not None)
    assert apply.poll() is None, story.end(apply).err
    return apply


def trained(space: Path) -> tuple[dict[int, float], dict[str, Any]]:
    """The losses by step and the facts of the one training."""
    store = Store(str(space / ".bigcode"))
    (key,) = store.refs.read(MODEL).value["nodes"][f"{MODEL}#train"].values()
    action = store.actions.read(key)
    assert action is not None
    (journal,) = action.outputs["journal"]
    points = [json.loads(line) for line in store.objects.get(journal.digest).splitlines()]
    losses = {point["step"]: point["loss"] for point in points if point["series"] == "train"}
    return losses, {fact.id: fact.value for fact in action.facts}


@dataclass(frozen=True)
class Told:
    """What became of a training that three applies worked at, and of the same one on this machine."""

    space: Path
    interrupted: Ran
    saved: int
    log: str
    left: dict[str, str]
    finished: Ran
    ended: dict[str, str]
    restarts: str
    alone: Path


@pytest.fixture(scope="module")
def told(prepared: Path, slurm: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Told:
    alone = copy_space(prepared, tmp_path_factory.mktemp("alone"), store=True)
    done = bigcode("apply", MODEL, "-w", alone)
    assert done.code == 0, done.err

    space = on_slurm(copy_space(prepared, tmp_path_factory.mktemp("nodes"), store=True))
    story = Story(space, slurm)
    apply = start_training(story, 0)
    apply.send_signal(signal.SIGINT)
    interrupted, saved = story.end(apply), story.saved()
    assert not story.jobs()
    (log,) = space.glob(".bigcode/work/*/log.txt")
    said = log.read_text()

    apply = start_training(story, saved)
    apply.kill()
    story.end(apply)
    left = story.jobs()
    # As when its time is up.
    story.ask("scancel", "--signal=USR1", "--batch", *left)
    finished = story.end(story.apply())
    (last,) = left
    restarts = story.ask("scontrol", "--oneliner", "show", "job", last).partition(" Restarts=")[2].split()[0]
    return Told(space, interrupted, saved, said, left, finished, story.jobs("all"), restarts, alone)


def test_an_interrupt_of_apply_cancels_the_job_which_saves_first(told: Told) -> None:
    assert told.interrupted.code == 130
    assert 0 < told.saved < STEPS
    assert "CANCELLED" in told.log
    assert f"training was asked to stop and did so after step {told.saved} of {STEPS}" in told.log


def test_a_job_whose_apply_died_is_taken_over_also_when_it_queues_itself_again(told: Told) -> None:
    assert list(told.left.values()) == ["RUNNING"]
    assert told.finished.code == 0, told.finished.err
    assert told.restarts == "1"
    assert sorted(told.ended.values()) == ["CANCELLED", "COMPLETED"]


def test_two_nodes_train_as_two_processes_of_one_machine_do(told: Told) -> None:
    losses, facts = trained(told.space)
    expected, alone = trained(told.alone)
    assert losses == expected
    assert facts["world"] == alone["world"] == 2
    assert 0 < facts["device.hours"] <= 2 * facts["wall"] / 3600 + 1e-9


def test_a_plan_says_what_becomes_of_the_order_of_the_data(told: Told, tmp_path: Path) -> None:
    space = copy_space(told.alone, tmp_path, store=True)
    edit_spec(space / "model.yaml", "trainer", "with", "learningRate", value=0.002)
    assert "      data order unchanged\n" in bigcode("plan", space).out
    edit_spec(space / "model.yaml", "seed", value=7)
    assert "      data order changes from step 1: seed 1 -> 7\n" in bigcode("plan", space).out


def test_nothing_is_left_of_the_work(told: Told) -> None:
    assert not list(told.space.glob(".bigcode/work/*/job.sbatch"))


def test_a_machine_without_slurm_says_where_to_go(space: Path, tmp_path: Path) -> None:
    done = bigcode("apply", MODEL, "-w", space, env={"PATH": str(tmp_path)})
    assert done.code == 1
    assert "E509  the model is launched by Slurm, and there is no `sbatch` on this machine" in done.err
    assert "login node" in done.err
    assert "bigcode plan SPEC --slurm DIR" in done.err


def test_what_slurm_refuses_is_told_in_its_words(space: Path, slurm: dict[str, str]) -> None:
    on_slurm(space, partition="nowhere")
    done = bigcode("apply", MODEL, "-w", space, env=slurm)
    assert done.code == 1
    assert "E508  Slurm refused the job: " in done.err
    assert "nvalid partition" in done.err


def test_a_plan_writes_the_script_that_apply_submits(space: Path, tmp_path: Path) -> None:
    done = bigcode("plan", space, "--slurm", tmp_path / "scripts")
    assert done.code == 0, done.err
    (script,) = (tmp_path / "scripts").iterdir()
    assert f"Saved: {script}" in done.out
    assert bigcode("apply", MODEL, "-w", space, env={"PATH": str(fake_sbatch(tmp_path))}).code == 1
    (submitted,) = space.glob(".bigcode/work/*/job.sbatch")
    assert script.read_text() == submitted.read_text()


def fake_sbatch(folder: Path) -> Path:
    """A folder with an `sbatch` that takes nothing."""
    shutil.copy(shutil.which("false") or "", folder / "sbatch")
    return folder


def test_a_plan_without_slurm_says_so(prepared: Path, tmp_path: Path) -> None:
    done = bigcode("plan", prepared, "--slurm", tmp_path / "scripts")
    assert done.code == 3
    assert "E105  no Model is launched by Slurm" in done.err
    assert not (tmp_path / "scripts").exists()
