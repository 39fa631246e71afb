"""The run on a cluster over TCP: a scheduler and three workers, each a process, joined by sockets of the loopback.

Whatever dies, the next apply ends where a run in one process ends.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from workspaces import apply, bundle_of, copy_space, data_workspace, edit_spec, root_of, write_spec

from bigcode.api import Problem
from bigcode.cli import run
from bigcode.run import engine
from bigcode_dask.config import DaskConfig
from bigcode_dask.executor import DaskExecutor

TOLD = 12_000
"""Bytes that a payload or an answer may have at most, whatever the size of the snapshot."""


@dataclass
class Cluster:
    """A scheduler's address and the processes of the cluster."""

    folder: Path
    processes: list[subprocess.Popen[str]] = field(default_factory=list)
    address: str = ""

    def start(self, *arguments: str, fault: str = "", until: str) -> str:
        """Start a process and wait for the line of its log that holds a text; returns what follows the text."""
        environment = {
            **os.environ,
            "BIGCODE_FAULT": fault,
            # How long the scheduler asks a dead worker for the answers that it held; 30 seconds unless set.
            "DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "3s",
        }
        process = subprocess.Popen(
            [Path(sys.executable).with_name("dask"), *arguments],
            cwd=Path(__file__).parent,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        assert process.stderr is not None
        for line in process.stderr:
            if until in line:
                return line.partition(until)[2].strip()
        raise AssertionError(f"{arguments} ended without saying {until!r}")

    def schedule(self) -> None:
        arguments = ("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-show")
        self.address = self.start(*arguments, until="Scheduler at: ")

    def work(self, fault: str = "") -> None:
        """Start a worker; a fault in its environment kills it, as if by `kill -9`, in the middle of its work."""
        arguments = (
            "worker", self.address, "--host", "127.0.0.1", "--nthreads", "1", "--no-nanny", "--no-dashboard",
            "--memory-limit", "0", "--local-directory", str(self.folder),
        )  # fmt: skip
        self.start(*arguments, fault=fault, until="Registered to: ")

    def died(self) -> int:
        """How many processes ended by SIGKILL."""
        return sum(process.poll() == -signal.SIGKILL for process in self.processes)

    def stop(self) -> None:
        for process in self.processes:
            process.kill()
            process.communicate()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    folder = tmp_path / "cluster"
    folder.mkdir()
    made = Cluster(folder)
    try:
        made.schedule()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def expected(blank_template: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The root of the bundle that a run in one process gives."""
    clean = copy_space(blank_template, tmp_path_factory.mktemp("inline"), store=False)
    apply(clean)
    return root_of(bundle_of(clean, tmp_path_factory.mktemp("expected") / "bundle"))


def apply_on(cluster: Cluster, space: Path) -> subprocess.CompletedProcess[str]:
    """An apply in a process of its own, with the cluster named by an overlay."""
    (space / "env").mkdir(exist_ok=True)
    execution = {"executor": "dask", "address": cluster.address}
    write_spec(space / "env" / "cluster.yaml", {"Project/tiny": {"execution": execution}})
    script = Path(sys.executable).with_name("bigcode")
    done = subprocess.run(
        [script, "apply", space, "--env", "cluster"],
        env={**os.environ, "DASK_BIGCODE__ALONE_FOR": "2"},
        capture_output=True,
        text=True,
        check=False,
    )
    # The overlay is part of the bundle, so it goes before roots are compared.
    (space / "env" / "cluster.yaml").unlink()
    return done


def root_after(space: Path, parent: Path) -> str:
    """The root of the workspace's bundle; nothing is left to be done."""
    assert run(["plan", str(space), "--exit-code"]) == 0
    return root_of(bundle_of(space, parent / "bundle"))


def test_a_cluster_gives_what_one_process_gives(
    blank: Path, tmp_path: Path, cluster: Cluster, expected: str
) -> None:
    for _ in range(3):
        cluster.work()
    done = apply_on(cluster, blank)
    assert done.returncode == 0, done.stderr
    assert root_after(blank, tmp_path) == expected


def test_a_worker_that_is_killed_in_the_middle_costs_nothing(
    blank: Path, tmp_path: Path, cluster: Cluster, expected: str
) -> None:
    cluster.work(fault="object.written:kill:5")
    cluster.work()
    cluster.work()
    done = apply_on(cluster, blank)
    assert cluster.died() == 1
    assert done.returncode == 0, done.stderr
    assert root_after(blank, tmp_path) == expected


def test_a_run_that_loses_all_workers_says_so_and_the_next_one_goes_on(
    blank: Path, tmp_path: Path, cluster: Cluster, expected: str
) -> None:
    for nth in (5, 6, 7):
        cluster.work(fault=f"object.written:kill:{nth}")
    done = apply_on(cluster, blank)
    assert cluster.died() == 3
    assert done.returncode == 1
    assert "E509  no worker is left at tcp://127.0.0.1:" in done.stderr
    assert "start workers, and run the command again" in done.stderr
    assert "Traceback" not in done.stderr
    cluster.work()
    again = apply_on(cluster, blank)
    assert again.returncode == 0, again.stderr
    assert " reused, in " in again.stdout
    assert " 0 reused" not in again.stdout
    assert root_after(blank, tmp_path) == expected


def test_a_scheduler_that_dies_is_a_diagnostic(cluster: Cluster) -> None:
    cluster.work()
    scheduler = cluster.processes[0]

    def lose(payload: bytes) -> bytes:
        scheduler.kill()
        return payload

    executor = DaskExecutor(DaskConfig(), {"address": cluster.address})
    pending = executor.submit(_never, b"", "node")
    lose(b"")
    with pytest.raises(Problem) as lost:
        pending.result(timeout=60)
    executor.close()
    assert [d.code for d in lost.value.diagnostics] == ["E509"]


def _never(payload: bytes) -> bytes:
    signal.pause()
    return payload


def test_what_travels_stays_small_when_a_snapshot_grows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lists of dozens of objects travel as the name of an object that lists them."""
    largest: dict[int, int] = {}
    perform: Callable[[bytes], bytes] = engine.perform
    for buckets in (4, 48):
        sizes: list[int] = []

        def weigh(payload: bytes, sizes: list[int] = sizes) -> bytes:
            answer = perform(payload)
            sizes += [len(payload), len(answer)]
            return answer

        monkeypatch.setattr(engine, "perform", weigh)
        space = data_workspace(tmp_path / str(buckets))
        edit_spec(space / "snapshot.yaml", "buckets", value=buckets)
        apply(space)
        largest[buckets] = max(sizes)
    print(f"largest payload or answer by buckets, in bytes: {largest}")
    assert max(largest.values()) < TOLD
