"""Verdicts, and what happens where none can be had."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from bigcode.api import Problem
from bigcode_codeevals.sandbox.limits import Limits
from bigcode_codeevals.sandbox.pool import Job, Sandbox, Verdict

GOOD = Job("good", "def f(x): return x", entry="f", tests="assert f(1) == 1")


def outcome(sandbox: Sandbox, source: str, **more: object) -> tuple[str, str]:
    (verdict,) = sandbox.judge([Job("it", source, **more)])  # type: ignore[arg-type]
    return verdict.outcome, verdict.reason


@pytest.mark.parametrize(
    "value",
    [
        "None", "True", "-7", "2**200", "1.5", "float('inf')", "'h\\u00e9\\ud800'", "b'\\x00\\xff'", "(1, (2,), [])",
        "{1: {'a', 'b'}, (1, 2): frozenset([3])}", "1+2j", "range(3, 9, 2)", "__import__('decimal').Decimal('1.10')",
        "__import__('fractions').Fraction(1, 3)", "[[], {}, '']",
    ],
)  # fmt: skip
def test_a_literal_arrives_as_what_it_was_both_ways(sandbox: Sandbox, value: str) -> None:
    tests = f"v = {value}\nassert f(v) == v and type(f(v)) is type(v)"
    assert outcome(sandbox, "def f(x): return x", entry="f", tests=tests) == ("passed", "")


def test_a_subclass_of_a_built_in_is_compared_as_that(sandbox: Sandbox) -> None:
    source = """
from collections import Counter, namedtuple
P = namedtuple('P', 'a b')
def f(x): return P(1, Counter(x))
"""
    assert outcome(sandbox, source, entry="f", tests="assert f('aab') == (1, {'a': 2, 'b': 1})") == (
        "passed",
        "",
    )


def test_objects_of_the_program_are_used_through_stand_ins(sandbox: Sandbox) -> None:
    source = """
class Pair:
    def __init__(self, a, b): self.a, self.b = a, b
def f(p): return p.a + p.b
def g(): return (i for i in range(3))
"""
    tests = "assert f(Pair(1, 2)) == 3\nassert Pair(4, 5).b == 5\nassert list(g()) == [0, 1, 2]"
    assert outcome(sandbox, source, entry="f", tests=tests) == ("passed", "")


def test_an_exception_arrives_as_one_of_its_kind(sandbox: Sandbox) -> None:
    tests = "try:\n    f(0)\nexcept ZeroDivisionError:\n    pass\nelse:\n    assert False"
    assert outcome(sandbox, "def f(x): return 1 / x", entry="f", tests=tests) == ("passed", "")
    assert outcome(sandbox, "def f(x): return 1 / x", entry="f", tests="f(0)") == ("failed", "raised")


@pytest.mark.parametrize("source", ["def f(x: return x", "raise ValueError", "import nothing_of_that_name"])
def test_what_cannot_be_loaded_fails(sandbox: Sandbox, source: str) -> None:
    assert outcome(sandbox, source, entry="f", tests="assert f(1) == 1") == ("failed", "load")


def test_a_program_without_the_function_fails(sandbox: Sandbox) -> None:
    assert outcome(sandbox, "def g(x): return x", entry="f", tests="assert True")[0] == "failed"


def test_a_program_that_reads_and_writes(sandbox: Sandbox) -> None:
    cases = [{"stdin": "2 3\n", "stdout": "5"}, {"stdin": "1 1\n", "stdout": "2\n"}]
    add = "a, b = map(int, input().split())\nprint(a + b)\n"
    assert outcome(sandbox, add, kind="io", cases=cases) == ("passed", "")
    assert outcome(sandbox, add.replace("+", "-"), kind="io", cases=cases) == ("failed", "wrong")
    main = """
import sys
if __name__ == '__main__':
    print(sum(map(int, sys.stdin.read().split())))
    sys.exit()
"""
    assert outcome(sandbox, main, kind="io", cases=cases) == ("passed", "")
    shell = {"kind": "io", "cases": cases, "argv": ("/bin/bash",)}
    assert outcome(sandbox, "read a b; echo $((a + b))", **shell) == ("passed", "")
    assert outcome(sandbox, "exit 0", **shell) == ("failed", "wrong")


def test_numbers_that_are_written_may_differ_in_the_last_place(sandbox: Sandbox) -> None:
    cases = [{"stdin": "", "stdout": "0.333333 x"}]
    assert outcome(sandbox, "print(1 / 3, 'x')", kind="io", cases=cases) == ("passed", "")
    assert outcome(sandbox, "print(1 / 3, 'y')", kind="io", cases=cases) == ("failed", "wrong")


def test_calls_with_expected_values(sandbox: Sandbox) -> None:
    cases = [{"args": [[1, 2]], "expected": [2, 1]}]
    for source in ("def f(x): return tuple(x[::-1])", "class Solution:\n    def f(self, x): return x[::-1]"):
        assert outcome(sandbox, source, kind="calls", entry="f", cases=cases) == ("passed", "")
    assert outcome(sandbox, "def f(x): return x", kind="calls", entry="f", cases=cases) == ("failed", "wrong")


def test_the_same_program_has_the_same_order_of_sets_and_the_same_chance(sandbox: Sandbox) -> None:
    source = "import random\ndef f(): return [str({'a', 'b', 'c'}), random.random()]"
    tests = (
        "seen = f()\nimport hashlib\nassert int(hashlib.sha256(repr(seen).encode()).hexdigest(), 16) % 2 == 0"
    )
    jobs = [Job(str(n), source, entry="f", tests=tests) for n in range(6)]
    assert len({v.outcome for v in sandbox.judge(jobs)}) == 1


def test_every_job_has_a_verdict_under_its_name(sandbox: Sandbox) -> None:
    jobs = [
        Job(str(n), f"def f(x): return x + {n % 2}", entry="f", tests="assert f(1) == 1") for n in range(40)
    ]
    verdicts = {v.key: v.outcome for v in sandbox.judge(jobs)}
    assert verdicts == {str(n): "failed" if n % 2 else "passed" for n in range(40)}


def test_a_call_that_was_given_up_leaves_no_verdict_to_the_next(sandbox: Sandbox) -> None:
    wrong = [Job(str(n), "def f(x): return 0", entry="f", tests=GOOD.tests) for n in range(12)]
    assert next(iter(sandbox.judge(wrong))).outcome == "failed"
    assert [(v.key, v.outcome) for v in sandbox.judge([GOOD])] == [("good", "passed")]


def test_tests_that_are_no_program_are_no_failure_of_the_model(sandbox: Sandbox) -> None:
    with pytest.raises(Problem) as caught:
        outcome(sandbox, "def f(x): return x", entry="f", tests="assert (")
    assert [d.code for d in caught.value.diagnostics] == ["E807"]
    assert outcome(sandbox, GOOD.source, entry="f", tests=GOOD.tests) == ("passed", "")


def test_a_judge_that_is_killed_is_replaced() -> None:
    with Sandbox(Limits(), workers=1) as sandbox:
        for pid in below(sandbox.pid, "-B /guest/tester.pyc"):
            os.kill(pid, signal.SIGKILL)
        assert [v.outcome for v in sandbox.judge([GOOD])] == ["passed"]


def test_a_sandbox_that_breaks_ends_the_evaluation_without_a_verdict() -> None:
    verdicts: list[Verdict] = []
    with Sandbox(Limits(), workers=1) as sandbox:
        for pid in below(sandbox.pid, "-B /supervisor/supervisor.py"):
            os.kill(pid, signal.SIGKILL)
        with pytest.raises(Problem) as caught:
            verdicts.extend(sandbox.judge([GOOD]))
    assert not verdicts
    assert [d.code for d in caught.value.diagnostics] == ["E807"]
    assert "no failure of the model" in caught.value.diagnostics[0].hint


def test_nothing_is_left_running_when_it_is_over() -> None:
    with Sandbox(Limits(), workers=1) as sandbox:
        list(sandbox.judge([GOOD]))
        pids = below(sandbox.pid, "")
    assert len(pids) >= 4
    for pid in pids:
        for _ in range(10_000):
            if not Path(f"/proc/{pid}/exe").exists():
                break
        assert not os.path.exists(f"/proc/{pid}/exe")


def test_without_bubblewrap_nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bigcode_codeevals.sandbox.pool.find_bubblewrap", lambda: None)
    with pytest.raises(Problem) as caught, Sandbox():
        pass
    assert [d.code for d in caught.value.diagnostics] == ["E806"]
    assert "bubblewrap" in caught.value.diagnostics[0].hint


def test_where_the_kernel_refuses_its_words_are_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "bwrap"
    fake.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(Problem, match="No permissions to create new namespace") as caught, Sandbox():
        pass
    assert [d.code for d in caught.value.diagnostics] == ["E806"]


def below(pid: int, word: str) -> list[int]:
    """Processes below one whose command holds a word."""
    listed = subprocess.run(
        ["ps", "-e", "-ww", "-o", "pid=,ppid=,args="], capture_output=True, check=True, text=True
    )
    rows = [(int(p), int(q), a) for p, q, a in (line.split(None, 2) for line in listed.stdout.splitlines())]
    found = {pid}
    while more := {p for p, q, _ in rows if q in found} - found:
        found |= more
    return [
        p
        for p, _, args in rows
        if p in found and p != pid and word in args and "bwrap" not in args.split()[0]
    ]
