"""The Slurm script of a training job: its text, and what it does with the end of a step and with signals."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bigcode.plan.slurm import sbatch_script

GOLDEN = Path(__file__).with_name("test_slurm_script.sbatch")
COMMAND = ("-m", "bigcode.run.job")
JOB = "/shared/a store/job.json"
RUNTIME: dict[str, Any] = {"launcher": "slurm", "nodes": 64, "processes": 8, "device": "cuda", "threads": 6}
FAKE_SRUN = """#!/bin/bash
printf '%s\\n' "$@" > "$WORK/arguments"
trap 'kill "$reader"; echo saved >> "$WORK/saved"; exit 1' TERM
read -r < "$WORK/never" &
reader=$!
echo begun > "$WORK/begun"
[ "$MODE" = waits ] && wait "$reader"
kill "$reader"
[ "$MODE" = done ] || exit 7
"""
FAKE_SCONTROL = """#!/bin/bash
echo "$@" >> "$WORK/asked"
case "$*" in
"show hostnames"*) printf 'node1\\nnode2\\n' ;;
*"show node node1") echo 'NodeName=node1 Arch=x86_64 NodeAddr=10.0.0.1 NodeHostName=node1' ;;
esac
"""


def script(**asked: Any) -> str:
    return sbatch_script("Model/starcoderbase@1.0.0", {**RUNTIME, "slurm": asked or None}, COMMAND)


def test_the_script_is_the_one_that_was_reviewed() -> None:
    assert script(
        partition="gpu", time="2-00:00:00", options={"qos": "long", "exclusive": ""}
    ) == GOLDEN.read_text("utf-8")


@pytest.mark.parametrize(
    "runtime", [RUNTIME, {"nodes": 1}, {"processes": 4, "threads": 2, "device": "cpu"}, {}]
)
def test_bash_can_read_it(runtime: dict[str, Any]) -> None:
    text = sbatch_script("tiny", runtime, COMMAND)
    done = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_run_without_accelerators_asks_for_none() -> None:
    text = sbatch_script("tiny", {"processes": 4, "threads": 2}, COMMAND)
    assert "gpus-per-node" not in text
    assert "#SBATCH --cpus-per-task=8" in text


@pytest.mark.parametrize(
    ("name", "command", "options"),
    [("//", COMMAND, {}), ("a", (), {}), ("a", COMMAND, {"x\ny": "1"}), ("a", COMMAND, {"account": "a\nrm"})],
)
def test_what_would_break_the_script_is_refused(
    name: str, command: tuple[str, ...], options: dict[str, str]
) -> None:
    with pytest.raises(ValueError):
        sbatch_script(name, {"slurm": {"options": options}}, command)


class Cluster:
    """A folder with an `srun` and an `scontrol` that write down how they were called."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name, text in (("srun", FAKE_SRUN), ("scontrol", FAKE_SCONTROL)):
            path = root / name
            path.write_text(text)
            path.chmod(0o755)
        os.mkfifo(root / "begun")
        os.mkfifo(root / "never")
        (root / "job.sbatch").write_text(script())

    def start(self, mode: str) -> subprocess.Popen[str]:
        environment = {
            **os.environ,
            "PATH": f"{self.root}:{os.environ['PATH']}",
            "WORK": str(self.root),
            "MODE": mode,
            "SLURM_JOB_ID": "12345",
            "SLURM_JOB_NUM_NODES": "2",
            "SLURM_JOB_NODELIST": "node[1-2]",
            "SLURM_CPUS_PER_TASK": "48",
        }
        job = subprocess.Popen(
            ["bash", str(self.root / "job.sbatch"), JOB], env=environment, text=True, start_new_session=True
        )
        # Opens when the step has begun.
        assert (self.root / "begun").read_text() == "begun\n"
        return job

    def said(self, name: str) -> list[str]:
        path = self.root / name
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path)


def test_a_job_that_ends_is_not_queued_again(cluster: Cluster) -> None:
    assert cluster.start("done").wait(30) == 0
    assert cluster.said("asked") == ["show hostnames node[1-2]", "--oneliner show node node1"]
    arguments = cluster.said("arguments")
    assert "--nnodes=2" in arguments
    assert "--nproc-per-node=8" in arguments
    assert "--rdzv-endpoint=10.0.0.1:32345" in arguments
    assert arguments[-3:] == [*COMMAND, JOB]


def test_a_job_that_fails_ends_with_its_code(cluster: Cluster) -> None:
    assert cluster.start("fails").wait(30) == 7
    assert not [asked for asked in cluster.said("asked") if "requeue" in asked]


def test_a_job_whose_time_is_up_lets_its_ranks_save_and_queues_itself(cluster: Cluster) -> None:
    job = cluster.start("waits")
    os.kill(job.pid, signal.SIGUSR1)
    assert job.wait(30) == 1
    assert cluster.said("saved") == ["saved"]
    assert cluster.said("asked")[-1] == "requeue 12345"


def test_a_job_that_is_cancelled_waits_for_its_ranks_and_does_not_queue_itself(cluster: Cluster) -> None:
    job = cluster.start("waits")
    os.kill(job.pid, signal.SIGTERM)
    # Slurm tells the steps itself.
    (cluster.root / "never").write_text("\n")
    assert job.wait(30) == 7
    assert not [asked for asked in cluster.said("asked") if "requeue" in asked]
