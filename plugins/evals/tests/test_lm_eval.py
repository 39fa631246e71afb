"""The adapter of lm-eval, with a harness of the same interface: what it is asked, and what becomes of its answer."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bigcode.api import Problem
from bigcode.testing.context import JobContext
from bigcode_evals.config import LmEvalConfig
from bigcode_evals.lm_eval_adapter import LmEval, digest_of_folder

_STUB = """
def simple_evaluate(**asked):
    assert asked["confirm_run_unsafe_code"] is False
    assert asked["model_args"]["trust_remote_code"] is False
    import os
    assert os.environ["HF_HUB_OFFLINE"] == os.environ["HF_DATASETS_OFFLINE"] == "1"
    task, = asked["tasks"]
    if task == "runs_code":
        raise ValueError("Attempted to run task: runs_code which is marked as unsafe.")
    if task == "far_away":
        raise ConnectionError("Couldn't reach 'some/data' on the Hub (OfflineModeIsEnabled)")
    if task == "broken":
        raise KeyError("secret question")
    row = {"alias": task, "sample_len": 40, "acc,none": 0.5, "acc_stderr,none": 0.08, "pass@1,cut": 0.25,
           "pass@1_stderr,cut": 0.0, "bits_per_byte,none": 1.5, "bits_per_byte_stderr,none": "N/A"}
    few = asked["num_fewshot"]
    config = {"task": task, "num_fewshot": few, "metadata": {"p": asked["model_args"]}}
    return {"results": {task: row}, "configs": {task: config},
            "versions": {task: 2.0}, "n-samples": {task: {"original": 50, "effective": 40}}}
"""
_WRAPPER = """#!{python}
import runpy, sys
assert sys.argv[1] == "-I"
sys.path.insert(0, {stub!r})
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
Install = Callable[..., str]


@pytest.fixture
def install(tmp_path: Path) -> Install:
    """An interpreter in whose environment the harness is installed, or a part of it."""

    def make(package: bool = True, module: bool = True) -> str:
        stub = tmp_path / "site"
        (stub / "lm_eval").mkdir(parents=True)
        (stub / "lm_eval" / "__init__.py").write_text(_STUB if module else "import of_nobody\n")
        (stub / "lm_eval" / "tasks.py").write_text(
            "class TaskManager:\n    def __init__(self, include_path): pass\n"
        )
        if package:
            (stub / "lm_eval-7.8.9.dist-info").mkdir()
            (stub / "lm_eval-7.8.9.dist-info" / "METADATA").write_text("Name: lm_eval\nVersion: 7.8.9\n")
        python = tmp_path / "python"
        python.write_text(_WRAPPER.format(python=sys.executable, stub=str(stub)))
        python.chmod(0o700)
        return str(python)

    return make


def evaluate(tmp_path: Path, model: Mapping[str, Path], task: str = "quiz", **settings: Any) -> JobContext:
    ctx = JobContext(
        config=LmEvalConfig(tasks=(task,), **settings),
        scratch=tmp_path / "scratch",
        params={"seed": 1},
        inputs={"model": model},
    )
    ctx.scratch.mkdir()
    LmEval(ctx.config).run(ctx)
    return ctx


def test_results_become_facts_with_intervals_versions_and_digests(
    tmp_path: Path, model: Mapping[str, Path], install: Install
) -> None:
    facts = {f.id: f for f in evaluate(tmp_path, model, interpreter=install()).recorded}
    accuracy = facts["lm_eval.acc{suite=lm-eval.quiz}"]
    assert (accuracy.value, accuracy.kind) == (0.5, "estimated")
    assert accuracy.interval == pytest.approx((0.5 - 1.96 * 0.08, 0.5 + 1.96 * 0.08), abs=1e-3)
    # All answers were alike: an error of nothing is no interval.
    assert facts["lm_eval.pass_at_1{filter=cut,suite=lm-eval.quiz}"].interval is None
    assert (
        facts["lm_eval.bits_per_byte{suite=lm-eval.quiz}"].unit,
        facts["lm_eval.items{suite=lm-eval.quiz}"].value,
    ) == (
        "bit/B",
        40,
    )
    assert facts["version.lm-eval{suite=lm-eval.quiz}"].value == "7.8.9"
    assert facts["lm_eval.task.version{suite=lm-eval.quiz}"].value == "2.0"
    assert (
        len(facts["lm_eval.task.sha256{suite=lm-eval.quiz}"].value)
        == len(facts["harness{suite=lm-eval.quiz}"].value)
        == 64
    )


def test_the_harness_digest_knows_the_settings_and_not_the_machine(
    tmp_path: Path, model: Mapping[str, Path], install: Install
) -> None:
    interpreter = install()

    def digests(name: str, **settings: Any) -> tuple[Any, Any]:
        (tmp_path / name).mkdir()
        found = evaluate(tmp_path / name, model, interpreter=interpreter, **settings).recorded
        facts = {f.id: f.value for f in found}
        return facts["harness{suite=lm-eval.quiz}"], facts["lm_eval.task.sha256{suite=lm-eval.quiz}"]

    plain = digests("a")
    assert digests("b", batch=3, threads=1) == plain
    assert digests("c", few_shot=3)[0] != plain[0]
    assert digests("d", few_shot=3)[1] != plain[1]


@pytest.mark.parametrize(
    ("parts", "task", "code"),
    [
        ({"package": False}, "quiz", "E814"),
        ({"module": False}, "quiz", "E814"),
        ({}, "runs_code", "E806"),
        ({}, "far_away", "E814"),
        ({}, "broken", "E508"),
    ],
)
def test_what_cannot_be_run_is_refused_by_code_and_calmly(
    tmp_path: Path, model: Mapping[str, Path], install: Install, parts: dict[str, bool], task: str, code: str
) -> None:
    with pytest.raises(Problem) as caught:
        evaluate(tmp_path, model, task, interpreter=install(**parts))
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == code
    assert diagnostic.hint
    assert "secret question" not in str(caught.value)


def test_an_interpreter_that_is_not_there_is_refused(tmp_path: Path, model: Mapping[str, Path]) -> None:
    with pytest.raises(Problem) as caught:
        evaluate(tmp_path, model, interpreter=str(tmp_path / "nowhere"))
    assert [d.code for d in caught.value.diagnostics] == ["E814"]


def test_tasks_of_a_folder_are_pinned(tmp_path: Path, model: Mapping[str, Path], install: Install) -> None:
    folder = tmp_path / "tasks"
    folder.mkdir()
    (folder / "quiz.yaml").write_text("task: quiz\n")
    digest = digest_of_folder(folder)
    evaluate(tmp_path, model, interpreter=install(), task_folder=str(folder), task_digest=digest)
    (folder / "quiz.yaml").write_text("task: quiz \n")
    assert digest_of_folder(folder) != digest
    (tmp_path / "again").mkdir()
    with pytest.raises(Problem) as caught:
        evaluate(tmp_path / "again", model, task_folder=str(folder), task_digest=digest)
    assert [d.code for d in caught.value.diagnostics] == ["E702"]
    with pytest.raises(ValidationError):
        LmEvalConfig(tasks=("quiz",), task_folder=str(folder))
