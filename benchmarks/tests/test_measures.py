"""What the measures rest on: one filter for all, sets that nest, a meter that misses no process, a model that fits."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import common
import corpus
import fitting
import meter
import pyarrow as pa
import pytest
import scale
import synthetic

from bigcode.plan import costs
from bigcode.testing.context import StageContext
from bigcode_quality.config import QualityConfig
from bigcode_quality.observer import TextStatistics

TEXTS = [
    "",
    "\n",
    "def f():\n    return 1\n",
    "x" * 1000 + "\n",
    "x" * 1001 + "\n",
    "x" * 1000 + "\r\n",
    "x" * 1001 + "\r\nyes\n",
    ("x" * 101 + "\n") * 3,
    ("x" * 99 + "\r\n") * 3,
    ("x" * 100 + "\r"),
    "== -- ** // ## a\n",
    "a1 =\n",
    "äöü ßß é\n",
    "数据 平台\n" * 3,
    "½ ² — …\n",
]


def test_peers_filter_as_the_project_does():
    blobs = [f"{index:064x}" for index in range(len(TEXTS))]
    table = pa.table({"blob": blobs, "content": [text.encode() for text in TEXTS]})
    rows = TextStatistics(QualityConfig()).run(table, StageContext()).to_pylist()
    expected = {
        row["blob"]: row["lines"] >= 1
        and row["max_line"] <= common.MAX_LINE
        and row["mean_line"] <= common.MEAN_LINE
        and row["alnum"] >= common.ALNUM
        for row in rows
    }
    assert {b: common.passes(t) for b, t in zip(blobs, TEXTS, strict=True)} == expected


def test_a_set_lies_within_the_larger_ones():
    paths = [f"src/module_{number}.py" for number in range(5000)]
    chosen = {name: {p for p in paths if corpus.in_set("r", p, every)} for name, every in corpus.SETS.items()}
    assert chosen["XS"] < chosen["S"] < chosen["full"] == set(paths)
    assert len(chosen["S"]) == pytest.approx(500, rel=0.2)


def test_licences_and_metadata_of_a_release_are_in_every_set():
    assert all(corpus.in_set("r", path, 100) for path in ("LICENSE", "COPYING.txt", "PKG-INFO"))


def test_pins_name_each_release_once():
    releases = corpus.read_releases()
    assert len({(r.project, r.version) for r in releases}) == len(releases) > 100
    assert all(len(r.sha256) == 64 for r in releases)


BURN = "import time\nwhile time.process_time() < 0.4: pass"


def test_cpu_of_orphans_is_counted():
    # A grandchild in a session of its own, for which nobody waits before it has worked.
    parent = (
        f"import subprocess, sys, time; p = subprocess.Popen([sys.executable, '-c', {BURN!r}], "
        "start_new_session=True); time.sleep(1.5)"
    )
    found = meter.run([sys.executable, "-c", parent])
    assert found.cpu_s >= 0.4
    assert found.wall_s >= 1.5


def test_memory_is_that_of_the_tree():
    hold = "import time; block = bytearray(80_000_000); time.sleep(1.0)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hold!r}])"
    assert 80 <= meter.run([sys.executable, "-c", parent]).peak_anonymous_mb < 160


def test_a_command_that_fails_says_so(tmp_path):
    with pytest.raises(RuntimeError, match="exit 3"):
        meter.run([sys.executable, "-c", "print('no'); raise SystemExit(3)"], log=tmp_path / "log.txt")


def test_copies_of_the_synthetic_corpus_are_those_that_it_promises():
    rows = synthetic.shard(0, 300).to_pylist()
    by_content: dict[str, list[Mapping[str, object]]] = {}
    for row in rows:
        by_content.setdefault(row["content"], []).append(row)
    pairs = [found for found in by_content.values() if len(found) > 1]
    # The first owner has nobody to copy from.
    assert len(pairs) == (300 - 100) // synthetic.COPIED_EVERY
    assert all(a["owner"] < b["owner"] and b["path"].startswith("vendor/") for a, b in pairs)


def test_a_shard_depends_on_the_numbers_of_its_rows_alone():
    whole = synthetic.shard(0, 200)
    assert pa.concat_tables([synthetic.shard(0, 120), synthetic.shard(120, 80)]).equals(whole)


def run_of(size: costs.Size) -> list[fitting.Task]:
    """Tasks of three steps with known constants."""

    def task(
        step: str, cpu: float, memory: float, reads: Mapping[str, int], writes: Mapping[str, int]
    ) -> fitting.Task:
        return fitting.Task(step, cpu, memory, reads, writes, memory / 10)

    text, files = size.bytes / size.blobs, size.files / size.buckets
    reading = task("observe.x", 0.1 + 2e-8 * text, 1e7 + 3 * text, {"blobs": 1}, {"out": size.buckets})
    gathering_s = 0.02 + 1e-6 * files + 1e-3 * size.blobs
    gathering = task("gather", gathering_s, 500 * files, {"observed": size.blobs}, {"out": 1})
    electing = task("elect", 1e-5 * size.files, 100 * size.files, {"ballots": size.buckets}, {"out": 1})
    return [*[reading] * size.blobs, *[gathering] * size.buckets, electing]


def measured(scale: float, shards: int, blobs: int, buckets: int) -> tuple[costs.Size, list[fitting.Task]]:
    size = costs.Size(1e8 * scale, 1e4 * scale, shards, blobs, buckets)
    return size, run_of(size)


@pytest.fixture
def model() -> costs.Model:
    runs = [measured(0.02, 2, 3, 5), measured(1, 3, 5, 7), measured(10, 6, 19, 11)]
    return fitting.fit(runs, overhead_s=0.01)


def test_the_model_predicts_a_run_that_it_did_not_see(model):
    size, tasks = measured(300, 60, 450, 40)
    predicted = {step.name: step.cpu_s(size) * step.tasks(size) for step in model.steps}
    for name in predicted:
        actual = sum(task.cpu_s for task in tasks if task.step == name)
        assert predicted[name] == pytest.approx(actual, rel=0.1), name


def test_a_step_that_writes_an_object_for_each_bucket_is_seen_to(model):
    size, _ = measured(300, 60, 450, 40)
    assert {s.name: s.objects_written(size) for s in model.steps} == {
        "observe.x": 40,
        "gather": 1,
        "elect": 1,
    }


def test_the_step_that_is_one_task_breaks_first(model):
    machine = costs.Machine(worker_bytes=16e9)
    files, step, limit = costs.breaks(model, machine, lambda files: costs.cut(files * 1e4, files, machine))[0]
    assert (step, limit) == ("elect", "memory of one task")
    assert files == pytest.approx(16e9 / 100, rel=0.1)


def test_the_constants_survive_json(model):
    assert costs.from_json(costs.as_json(model)) == model


def test_a_step_that_the_largest_run_lacks_is_known_from_the_others():
    size, tasks = measured(10, 6, 19, 11)
    runs = [measured(0.02, 2, 3, 5), measured(1, 3, 5, 7), (size, [t for t in tasks if t.step != "gather"])]
    assert {step.name for step in fitting.fit(runs, 0.01).steps} == {"observe.x", "gather", "elect"}


def test_the_check_is_of_the_steps_that_the_model_knows():
    def run(scale_: float, *parts: int) -> dict[str, Any]:
        size, tasks = measured(scale_, *parts)
        kept = [
            {
                "node": f"Dataset/d#{t.step}",
                "cpu_s": t.cpu_s,
                "metering_s": 0,
                "memory": t.memory,
                "inputs": {name: [count, 0, 0] for name, count in t.reads.items()},
                "outputs": {name: [count, 0, t.stored] for name, count in t.writes.items()},
            }
            for t in tasks
        ]
        nodes = {task["node"]: "component" for task in kept}
        seconds = sum(t.cpu_s for t in tasks) + 0.01 * len(tasks)
        parts_ = {name: getattr(size, name) for name in ("shards", "blobs", "buckets", "written")}
        told = {"bytes": size.bytes, "files": size.files, **parts_}
        return {"size": told, "cpu_s": seconds, "components": nodes, "tasks": kept}

    runs = {"tiny": run(0.02, 2, 3, 5), "small": run(1, 3, 5, 7), "large": run(10, 6, 19, 11)}
    model, (check,), lines = scale.fit_and_check(runs, {"tiny": "XS", "small": "XS", "large": "S"})
    assert check["of"] == "S"
    assert check["growth"] == 10
    for quantity in ("cpu", "memory"):
        assert check[quantity]["predicted"] == pytest.approx(check[quantity]["measured"], rel=0.15), quantity
    assert "Fitted to XS, the model says of S:" in lines
    value = scale.shipped(model, [check], runs, {"tiny": "XS", "small": "XS", "large": "S"})
    assert costs.costs_from_json(value).largest_bytes == 1e9
