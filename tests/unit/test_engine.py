"""The walk of an apply: how much is in an executor's hands, and what of a failure is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from workspaces import apply, edit_spec, objects_of, write_rows

from bigcode.api.shapes import Entry
from bigcode.cli import run
from bigcode.plan.graph import Edge, Node
from bigcode.run import apply as apply_module
from bigcode.run import engine, payload
from bigcode.store.store import Store
from bigcode.testing.corpus import build_corpus


class Counting:
    """Two threads; counts the tasks that were handed over and are not done."""

    workers = 2

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(2)
        self.open = self.most = 0

    def submit(self, function: Callable[[bytes], bytes], data: bytes, name: str) -> Future[bytes]:
        self.open += 1
        self.most = max(self.most, self.open)
        future = self._pool.submit(function, data)
        future.add_done_callback(lambda _: self._end())
        return future

    def _end(self) -> None:
        self.open -= 1

    def close(self) -> None:
        self._pool.shutdown()


def test_no_more_tasks_are_handed_over_than_the_window_holds(
    blank: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit_spec(blank / "snapshot.yaml", "buckets", value=24)
    made: list[Counting] = []

    def make(*_: object) -> Counting:
        made.append(Counting())
        return made[-1]

    monkeypatch.setattr(apply_module, "make_executor", make)
    monkeypatch.setattr(engine, "WINDOW", 6)
    apply(blank)
    assert 2 < made[0].most <= 6
    assert run(["plan", str(blank), "--exit-code"]) == 0


def test_all_problems_of_a_node_are_told_at_once(blank: Path, capfd: pytest.CaptureFixture[str]) -> None:
    names = ("one", "two", "three")
    for name in names:
        (blank / f"{name}.jsonl").write_text("no row\n")
    edit_spec(
        blank / "snapshot.yaml", "collector", "with", "tables", value=[{"path": f"{n}.jsonl"} for n in names]
    )
    assert run(["apply", str(blank)]) == 1
    told = capfd.readouterr().err
    assert all(f"{name}.jsonl" in told for name in names)


def test_a_long_list_travels_as_the_name_of_an_object(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    node = Node(
        "Dataset/x@1#n", "Dataset/x@1", "core", "core.n", 1, "module:function", identity={"a": "b" * 10_000},
        inputs=(Edge("many", "m", "out", "all"), Edge("few", "f", "out", "same")),
    )  # fmt: skip
    packer = payload.Packer(store, node, "memory")
    many = [Entry(str(n), f"{n:064x}", n, n) for n in range(20_000)]
    packed = [packer.pack(str(n), "k", {"many": many, "few": many[:2]}, "") for n in range(3)]
    assert max(map(len, packed)) < 1500
    task, _ = payload.unpack(packed[2])
    assert task.label == "2"
    assert task.identity == node.identity
    assert len(task.inputs["many"]) == 20_000
    assert task.inputs["few"] == [["0", f"{0:064x}", 0, 0], ["1", f"{1:064x}", 1, 1]]
    assert len(list((tmp_path / "objects").glob("*/*"))) == 2


def test_an_answer_that_is_long_travels_likewise_unless_it_tells_of_a_failure(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    answer = {
        "outputs": {"out": [[str(n), f"{n:064x}", n, n] for n in range(5000)]},
        "facts": [], "warnings": [], "problems": [], "seconds": 0.0, "trace": "",
    }  # fmt: skip
    packed = payload.pack_answer(answer, store)
    assert len(packed) < 100
    assert json.loads(payload.unpack_answer(packed, store)) == answer
    failed = {**answer, "problems": [{"code": "E502", "message": "m"}] * 100, "trace": "x" * 100_000}
    assert len(payload.pack_answer(failed, store)) < 8192
    assert len(list((tmp_path / "objects").glob("*/*"))) == 1


def test_lists_that_travelled_as_objects_are_garbage_afterwards(blank: Path) -> None:
    """They are named by nothing that is recorded."""
    edit_spec(blank / "snapshot.yaml", "buckets", value=32)
    write_rows(blank, build_corpus())
    apply(blank)
    before = len(objects_of(blank))
    assert run(["gc", str(blank)]) == 0
    assert len(objects_of(blank)) < before
    assert run(["plan", str(blank), "--exit-code"]) == 0
