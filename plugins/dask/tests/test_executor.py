"""Tasks on a Dask cluster: the protocol of executors, on two real workers and on a scheduler at an address."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, CancelledError, wait
from pathlib import Path

import pytest
from dask.utils import key_split
from distributed import LocalCluster

from bigcode.api import Problem, load_object
from bigcode_dask.config import DaskConfig
from bigcode_dask.executor import DaskExecutor, key_of
from bigcode_dask.plugin import bigcode_components

NODE = "Dataset/the-stack@1.0.0:observe.language"


@pytest.fixture(scope="module")
def executor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskExecutor]:
    settings = {"workers": 2, "threads_per_worker": 1, "scratch": tmp_path_factory.mktemp("dask")}
    started = DaskExecutor(DaskConfig(), settings)
    yield started
    started.close()


def test_the_component_names_classes_that_load() -> None:
    (component,) = bigcode_components()
    assert component.slot == "executor"
    assert load_object(component.factory) is DaskExecutor
    assert load_object(component.config) is DaskConfig


def test_answers_come_from_processes_of_their_own(executor: DaskExecutor) -> None:
    assert executor.workers == 2
    futures = [executor.submit(answer, b"%d" % number, NODE) for number in range(20)]
    answers = [future.result(timeout=60).split() for future in futures]
    assert [number for number, _ in answers] == [b"%d" % number for number in range(20)]
    assert b"%d" % os.getpid() not in {process for _, process in answers}


def test_an_answer_is_there_for_whoever_waits_with_the_standard_library(executor: DaskExecutor) -> None:
    done, pending = wait([executor.submit(answer, b"%d" % n, NODE) for n in range(4)], timeout=60)
    assert (len(done), len(pending)) == (4, 0)


def test_an_error_arrives_as_it_was_raised(executor: DaskExecutor) -> None:
    with pytest.raises(ValueError, match="no such object"):
        executor.submit(refuse, b"no such object", NODE).result(timeout=60)


def test_a_task_that_failed_is_tried_again_when_it_is_submitted_again(
    executor: DaskExecutor, tmp_path: Path
) -> None:
    mark = str(tmp_path / "mark").encode()
    with pytest.raises(FileNotFoundError):
        executor.submit(read, mark, NODE).result(timeout=60)
    (tmp_path / "mark").write_bytes(b"now it is there")
    assert executor.submit(read, mark, NODE).result(timeout=60) == b"now it is there"


def test_a_task_whose_worker_dies_is_run_by_another(executor: DaskExecutor, tmp_path: Path) -> None:
    tries = tmp_path / "tries"
    done = executor.submit(die_once, str(tries).encode(), NODE).result(timeout=60)
    assert done == b"the second try"
    assert tries.read_bytes() == b"x"


def test_a_task_that_takes_every_worker_with_it_fails_and_work_goes_on(
    executor: DaskExecutor, tmp_path: Path
) -> None:
    tries = tmp_path / "tries"
    with pytest.raises(BrokenExecutor, match=re.escape(NODE)):
        executor.submit(die, str(tries).encode(), NODE).result(timeout=60)
    assert tries.read_bytes() == b"xxx"
    assert executor.submit(answer, b"next", NODE).result(timeout=60).startswith(b"next ")


def test_an_interrupt_from_the_keyboard_is_left_to_the_parent(executor: DaskExecutor) -> None:
    worker = executor.submit(answer, b"before", NODE).result(timeout=60).split()[1]
    os.kill(int(worker), signal.SIGINT)
    after = [executor.submit(answer, b"%d" % n, NODE).result(timeout=60).split()[1] for n in range(8)]
    assert worker in after


def test_the_dashboard_shows_the_node() -> None:
    assert key_split(key_of(NODE, b"payload", 7)) == NODE.replace("-", "_")


def test_a_scheduler_at_an_address_is_used_and_left_running() -> None:
    with LocalCluster(
        n_workers=1,
        threads_per_worker=2,
        processes=False,
        protocol="tcp",
        host="127.0.0.1",
        dashboard_address=None,
    ) as cluster:
        for text in (b"first", b"second"):
            executor = DaskExecutor(DaskConfig(), {"workers": 5, "address": cluster.scheduler_address})
            assert executor.workers == 1
            assert executor.submit(answer, text, NODE).result(timeout=60).startswith(text)
            executor.close()


def test_what_is_not_finished_is_cancelled_by_close() -> None:
    release = threading.Event()
    with LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=False,
        protocol="tcp",
        host="127.0.0.1",
        dashboard_address=None,
    ) as cluster:
        executor = DaskExecutor(DaskConfig(), {"address": cluster.scheduler_address})
        _GATES["close"] = release
        blocked = executor.submit(wait_for_gate, b"close", NODE)
        executor.close()
        with pytest.raises(CancelledError):
            blocked.result(timeout=60)
        with pytest.raises(RuntimeError, match="closed"):
            executor.submit(answer, b"late", NODE)
        release.set()


def test_a_scheduler_without_workers_is_a_diagnostic() -> None:
    with (
        LocalCluster(
            n_workers=0, processes=False, protocol="tcp", host="127.0.0.1", dashboard_address=None
        ) as cluster,
        pytest.raises(Problem) as caught,
    ):
        DaskExecutor(DaskConfig(connect_within=0.2), {"address": cluster.scheduler_address})
    assert [d.code for d in caught.value.diagnostics] == ["E509"]


def test_no_scheduler_at_the_address_is_a_diagnostic() -> None:
    with pytest.raises(Problem) as caught:
        DaskExecutor(DaskConfig(connect_within=0.2), {"address": "tcp://127.0.0.1:9"})
    assert [d.code for d in caught.value.diagnostics] == ["E509"]


def test_workers_die_with_a_parent_that_is_killed_even_while_a_task_holds_the_interpreter(
    tmp_path: Path,
) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    program = f"""
from pathlib import Path
import test_executor
from bigcode_dask.config import DaskConfig
from bigcode_dask.executor import DaskExecutor
if __name__ == "__main__":
    executor = DaskExecutor(DaskConfig(), {{"workers": 1, "scratch": {str(tmp_path)!r}}})
    executor.submit(test_executor.hold_the_interpreter, {str(fifo).encode()!r}, "stuck").result()
"""
    script = tmp_path / "program.py"
    script.write_text(program)
    path = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    parent = subprocess.Popen([sys.executable, str(script)], env=os.environ | {"PYTHONPATH": path})
    try:
        worker = int(fifo.read_text())
        descriptor = os.pidfd_open(worker)
    finally:
        parent.kill()
        parent.wait()
    ended, _, _ = select.select([descriptor], [], [], 60)
    os.close(descriptor)
    assert ended


_GATES: dict[str, threading.Event] = {}


def wait_for_gate(payload: bytes) -> bytes:
    _GATES[payload.decode()].wait(60)
    return payload


def answer(payload: bytes) -> bytes:
    return payload + b" %d" % os.getpid()


def refuse(payload: bytes) -> bytes:
    raise ValueError(payload.decode())


def read(payload: bytes) -> bytes:
    return Path(payload.decode()).read_bytes()


def die(payload: bytes) -> bytes:
    with open(payload, "ab") as tries:
        tries.write(b"x")
    os._exit(3)


def die_once(payload: bytes) -> bytes:
    if not Path(payload.decode()).exists():
        die(payload)
    return b"the second try"


def hold_the_interpreter(payload: bytes) -> bytes:
    """A regular expression that backtracks without end runs in C and never lets another thread go on."""
    Path(payload.decode()).write_text(str(os.getpid()))
    re.match(r"(a+)+$", "a" * 64 + "b")
    return payload
