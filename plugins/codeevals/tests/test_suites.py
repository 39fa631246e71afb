"""Suites: what is asked, and that known solutions pass in the sandbox."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from bigcode.api import Problem
from bigcode.api.canonical import canonical
from bigcode_codeevals.config import ProgramsConfig, TextsConfig
from bigcode_codeevals.sandbox.pool import Sandbox
from bigcode_codeevals.suites.choose import programs, texts
from bigcode_codeevals.suites.tasks import Task

MBPP = {
    "task_id": 2, "text": "Write a function to find the shared elements of two lists.",
    "code": "def shared(a, b):\n  return tuple(set(a) & set(b))\n", "test_setup_code": "",
    "test_list": ["assert set(shared((3, 4), (4, 5))) == set((4,))", "assert set(shared((1,), (2,))) == set()"],
}  # fmt: skip
APPS_IO = {
    "problem_id": 7, "question": "Add two numbers.", "starter_code": "",
    "solutions": json.dumps(["print(sum(map(int, input().split())))"]),
    "input_output": json.dumps({"inputs": ["1 2\n", "3 4\n"], "outputs": ["3\n", "7\n"]}),
}  # fmt: skip
APPS_CALL = {
    "problem_id": 8, "question": "Reverse a list.", "starter_code": "class Solution:\n    def rev(self, x):\n",
    "solutions": json.dumps(["class Solution:\n    def rev(self, x):\n        return x[::-1]\n"]),
    "input_output": json.dumps({"fn_name": "rev", "inputs": [[[1, 2]]], "outputs": [[[2, 1]]]}),
}  # fmt: skip
MULTIPL_E = {
    "name": "HumanEval_1_add", "language": "py", "prompt": 'def add(a: int, b: int) -> int:\n    """Add."""\n',
    "canonical_solution": "    return a + b\n", "stop_tokens": ["\ndef", "\n#"],
    "tests": "def check(candidate):\n    assert candidate(1, 2) == 3\n\ndef test():\n    check(add)\n\ntest()\n",
}  # fmt: skip
IO = {
    "task_id": "sh/1", "prompt": "#!/bin/bash\n# Print the number of lines.\n", "canonical_solution": "wc -l\n",
    "cases": [{"stdin": "a\nb\n", "stdout": "2"}],
}  # fmt: skip


def pinned(folder: Path, records: Sequence[Mapping[str, Any]], **more: Any) -> ProgramsConfig:
    path = folder / "suite.jsonl"
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    digest = sha256(path.read_bytes()).hexdigest()
    return ProgramsConfig(suite="file", name="ours", path=str(path), sha256=digest, **more)


def passed(sandbox: Sandbox, tasks: Sequence[Task], argv: tuple[str, ...] = ()) -> int:
    jobs = (task.job(task.id, task.reference or "", argv) for task in tasks)
    return sum(verdict.outcome == "passed" for verdict in sandbox.judge(jobs))


def test_humaneval_has_its_tasks_and_their_solutions_pass(sandbox: Sandbox) -> None:
    suite = programs(ProgramsConfig())
    assert len(suite.tasks) == 164
    assert passed(sandbox, suite.tasks) == 164


def test_a_solution_that_returns_nothing_passes_nowhere(sandbox: Sandbox) -> None:
    jobs = [task.job(task.id, "    return None\n") for task in programs(ProgramsConfig(items=40)).tasks]
    assert {verdict.outcome for verdict in sandbox.judge(jobs)} == {"failed"}


@pytest.mark.parametrize(
    ("suite", "count", "digest"),
    [
        ("infilling-single-line", 1033, "ba37aa19e0dfb7adcf31399e78e846613b4749acae9a171cebc5f063586f6481"),
        ("infilling-multi-line", 5815, "2e828531a1067079cb07190470c8e8484edba21d39d4ac83544b38d8daee1541"),
    ],
)
def test_the_infilling_suites_are_those_that_were_published(suite: str, count: int, digest: str) -> None:
    """The digests are of the files of the repository human-eval-infilling, by their fields."""
    tasks = programs(ProgramsConfig(suite=suite)).tasks
    assert len(tasks) == count
    fields = [[t.id, t.entry, t.prompt, t.suffix, t.reference, t.tests] for t in tasks]
    assert sha256(canonical(fields)).hexdigest() == digest


@pytest.mark.parametrize("suite", ["infilling-single-line", "infilling-multi-line"])
def test_what_was_cut_out_fits_again(sandbox: Sandbox, suite: str) -> None:
    tasks = programs(ProgramsConfig(suite=suite, items=40)).tasks
    assert passed(sandbox, tasks) == 40


@pytest.mark.parametrize(
    ("form", "record", "argv"),
    [
        ("mbpp", MBPP, ()), ("apps", APPS_IO, ()), ("apps", APPS_CALL, ()), ("multipl-e", MULTIPL_E, ()),
        ("io", IO, ("/bin/bash",)),
    ],
)  # fmt: skip
def test_a_suite_of_a_file_runs(
    tmp_path: Path, sandbox: Sandbox, form: str, record: Mapping[str, Any], argv: tuple[str, ...]
) -> None:
    config = pinned(tmp_path, [record], format=form, argv=argv)
    (task,) = programs(config).tasks
    assert passed(sandbox, [task], argv) == 1
    assert passed(sandbox, [Task(**{**vars_of(task), "reference": "pass"})], argv) == 0


def test_a_function_named_like_a_built_in_is_still_the_program_s(tmp_path: Path, sandbox: Sandbox) -> None:
    record = {**MBPP, "code": "def sum(a):\n  return 7\n", "test_list": ["assert sum([1]) == 7"]}
    (task,) = programs(pinned(tmp_path, [record], format="mbpp")).tasks
    assert passed(sandbox, [task]) == 1
    builtin = Task(**{**vars_of(task), "reference": "pass", "tests": "assert sum([7]) == 7"})
    assert passed(sandbox, [builtin]) == 0


def test_tests_in_the_program_s_own_process_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="could forge them") as caught:
        programs(pinned(tmp_path, [{**MULTIPL_E, "language": "js"}], format="multipl-e"))
    assert [d.code for d in caught.value.diagnostics] == ["E307"]


def test_another_file_than_the_pinned_one_is_refused(tmp_path: Path) -> None:
    config = pinned(tmp_path, [MBPP], format="mbpp")
    Path(config.path).write_text("{}")
    assert code(config) == "E702"


def test_a_file_that_is_missing_or_of_another_form_is_refused(tmp_path: Path) -> None:
    config = pinned(tmp_path, [MBPP], format="mbpp")
    assert code(config.model_copy(update={"path": str(tmp_path / "nowhere")})) == "E708"
    assert code(config.model_copy(update={"format": "humaneval"})) == "E708"
    assert code(pinned(tmp_path, [MBPP, MBPP], format="mbpp")) == "E708"


def test_a_file_may_be_packed(tmp_path: Path) -> None:
    path = tmp_path / "suite.json.gz"
    path.write_bytes(gzip.compress(json.dumps([MBPP]).encode(), mtime=0))
    digest = sha256(path.read_bytes()).hexdigest()
    config = ProgramsConfig(suite="file", name="ours", path=str(path), sha256=digest, format="mbpp")
    assert [task.id for task in programs(config).tasks] == ["2"]


def test_fewer_tasks_are_the_same_ones_each_time() -> None:
    ids = [task.id for task in programs(ProgramsConfig(items=10)).tasks]
    assert len(ids) == 10
    assert set(ids) < {task.id for task in programs(ProgramsConfig(items=20)).tasks}


def test_settings_that_cannot_be_counted_are_refused() -> None:
    for wrong in (
        {"k": (1, 10), "sampling": {"samples": 5}}, {"sampling": {"samples": 2, "temperature": 0}},
        {"suite": "file"}, {"argv": ("/bin/bash",)},
    ):  # fmt: skip
        with pytest.raises(ValueError, match="validation error"):
            ProgramsConfig.model_validate(wrong)


def test_codexglue_has_descriptions_and_words(tmp_path: Path) -> None:
    path = tmp_path / "suite.jsonl"
    path.write_text(json.dumps({"code_tokens": ["f", "(", ")"], "docstring_tokens": ["Call", "f"]}))
    digest = sha256(path.read_bytes()).hexdigest()
    (task,) = texts(TextsConfig(name="t", path=str(path), sha256=digest, format="code-to-text")).tasks
    assert (task.prompt, task.reference) == ("f ( )\n# Summary:", ("call", "f"))
    path.write_text(json.dumps({"nl": "get  it", "code": "int get ( )"}))
    digest = sha256(path.read_bytes()).hexdigest()
    (task,) = texts(TextsConfig(name="t", path=str(path), sha256=digest, format="text-to-code")).tasks
    assert (task.prompt, task.reference) == ("// get it\n", ("int", "get", "(", ")"))


def code(config: ProgramsConfig) -> str:
    with pytest.raises(Problem) as caught:
        programs(config)
    return caught.value.diagnostics[0].code


def vars_of(task: Task) -> dict[str, Any]:
    return {name: getattr(task, name) for name in Task.__slots__}
