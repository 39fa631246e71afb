"""Suites of programs in files: MBPP, APPS, MultiPL-E and programs that read and write.

Sources: Austin et al. 2021, "Program Synthesis with Large Language Models" (MBPP); Hendrycks et al. 2021, "Measuring
Coding Challenge Competence With APPS"; Cassano et al. 2022, "MultiPL-E".
"""

from __future__ import annotations

import ast
import builtins
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from bigcode.api import fail
from bigcode_codeevals.refusals import NOT_OFFERED
from bigcode_codeevals.suites.sources import Record
from bigcode_codeevals.suites.tasks import TOP_LEVEL, Task, alone

_DEFINED = re.compile(r"^def\s+(\w+)\s*\(", re.MULTILINE)


def mbpp(records: Sequence[Record]) -> Iterator[Task]:
    """The prompt is a comment with the description and the assertions, as InCoder (Fried et al. 2022) puts it."""
    for record in records:
        tests = list(record["test_list"])
        imports = record.get("test_imports") or []
        before = "\n".join([*imports, record.get("test_setup_code") or ""])
        shown = "\n".join([record.get("text") or record["prompt"], *tests])
        yield Task(
            id=str(record["task_id"]),
            prompt=f'"""\n{shown}\n"""\n',
            stop=('\n"""', "\nassert ", "\nprint(", "\nif __name__"),
            reference=record.get("code"),
            entry=_called(tests[0]),
            before=before,
            tests="\n".join(tests),
        )


def _called(assertion: str) -> str:
    """The function that an assertion is about: the first call of a name that is no built-in, else the first call."""
    calls = [
        node.func.id
        for node in ast.walk(ast.parse(assertion))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    return next((name for name in calls if not hasattr(builtins, name)), calls[0] if calls else "")


def apps(records: Sequence[Record]) -> Iterator[Task]:
    """Problems without tests are left out, as they are in the published results."""
    for number, record in enumerate(records):
        tests = _json(record.get("input_output") or "{}")
        inputs, outputs = tests.get("inputs", []), tests.get("outputs", [])
        if not inputs:
            continue
        name = tests.get("fn_name")
        starter = record.get("starter_code") or ""
        form = "Use Call-Based format" if name else "Use Standard Input format"
        prompt = f"\nQUESTION:\n{record['question']}\n{starter}\n{form}\nANSWER:\n"
        solutions = _json(record.get("solutions") or "[]")
        pairs = list(zip(inputs, outputs, strict=False))
        yield Task(
            id=str(record.get("problem_id", record.get("id", number))),
            prompt=prompt,
            stop=("\nQUESTION:", "\nANSWER:", "\n---"),
            reference=solutions[0] if solutions else None,
            kind="calls" if name else "io",
            entry=name or "",
            cases=[{"args": i, "expected": o} for i, o in pairs]
            if name
            else [{"stdin": _text(i), "stdout": _text(o)} for i, o in pairs],
        )


def multipl_e(records: Sequence[Record]) -> Iterator[Task]:
    """Records with name, language, prompt, tests and stop_tokens, in Python.

    Raises:
        Problem: E307 for other languages, whose tests are part of the program and end in an exit code.
    """
    for record in records:
        if record["language"] not in ("py", "python"):
            raise fail(
                NOT_OFFERED,
                f"the tests of {record['language']} programs run in the program's own process, which could forge them",
                hint="Give the suite as `io`: programs that read an input and write an output, in any language.",
            )
        prompt = record["prompt"]
        defined = _DEFINED.findall(prompt)
        yield Task(
            id=str(record["name"]),
            prompt=prompt,
            stop=tuple(record.get("stop_tokens") or TOP_LEVEL),
            head=prompt,
            reference=record.get("canonical_solution"),
            entry=defined[-1] if defined else "",
            before=alone(prompt),
            tests=record["tests"],
        )


def io_programs(records: Sequence[Record]) -> Iterator[Task]:
    """Records with task_id, prompt, cases of stdin and stdout, and optionally stop and canonical_solution."""
    for record in records:
        yield Task(
            id=str(record["task_id"]),
            prompt=record["prompt"],
            stop=tuple(record.get("stop") or ()),
            head=record["prompt"] if record.get("complete", True) else "",
            reference=record.get("canonical_solution"),
            kind="io",
            cases=[{"stdin": case["stdin"], "stdout": case["stdout"]} for case in record["cases"]],
        )


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


def _text(value: Any) -> str:
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value)
