"""Tasks of suites are found where they were pasted, reformatted or renamed, and nowhere else."""

from __future__ import annotations

import ast
import gzip
import json
import random
import re
import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bigcode.api import Problem
from bigcode.testing.context import StageContext
from bigcode.testing.contract import assert_contract, assert_partition_independence
from bigcode.testing.corpus import build_corpus, tables_of
from bigcode.testing.results import digest_of
from bigcode_decontaminate.config import Suite, SuitesConfig
from bigcode_decontaminate.index import bound_names, index_tasks
from bigcode_decontaminate.observer import Contamination
from bigcode_decontaminate.plugin import bigcode_components
from bigcode_decontaminate.scan import load_scan, scan_slowly
from bigcode_decontaminate.suites import Task, load_suite

(COMPONENT,) = bigcode_components()
HUMANEVAL = Suite(name="humaneval", suite="humaneval")
TASKS = {task.id: task for task in load_suite(HUMANEVAL)}
OTHER = "\n".join(row["content"] for row in build_corpus() if row["path"].endswith(".py"))
LONG = "HumanEval/127"
"""A task whose solution has many tokens, and nothing in common with another."""


def found(*texts: str | bytes, **said: Any) -> list[list[str]]:
    """The tasks that each text holds."""
    contents = [text.encode() if isinstance(text, str) else text for text in texts]
    blobs = [str(number) for number in range(len(contents))]
    table = pa.table({"blob": pa.array(blobs, pa.string()), "content": pa.array(contents, pa.binary())})
    out = Contamination(SuitesConfig(**said)).run(table, StageContext())
    suites, tasks = out["contaminated"].to_pylist(), out["contaminated_tasks"].to_pylist()
    assert suites == [sorted({task.partition("/")[0] for task in some}) for some in tasks]
    return tasks


def among(text: str) -> str:
    """A text in the middle of other code, four times its length."""
    half = len(text) * 2
    return f"{OTHER[:half]}\n{text}\n{OTHER[half : 2 * half]}\n"


def reformatted(text: str) -> str:
    """Other white space, other quotes, other case."""
    return re.sub(r"\n", "\n\n  ", re.sub(r"(?<=\S) +", "   ", text)).replace('"', "'").upper()


def renamed(text: str) -> str:
    """All names that the text binds are others."""
    names = {}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            names[node.name] = ""
        elif isinstance(node, ast.arg):
            names[node.arg] = ""
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names[node.id] = ""
    new = {name: f"zq{number}" for number, name in enumerate(sorted(names))}
    return re.sub(r"\b[A-Za-z_]\w*\b", lambda match: new.get(match[0], match[0]), text)


def without_docstrings(text: str) -> str:
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


# ---------------------------------------------------------------- HumanEval


def test_a_solution_that_was_pasted_among_other_code_is_found() -> None:
    assert found(among(TASKS[LONG].solution), OTHER) == [[f"humaneval/{LONG}"], []]


def test_a_prompt_alone_is_found() -> None:
    assert found(among(TASKS[LONG].prompt)) == [[f"humaneval/{LONG}"]]


def test_a_copy_in_another_format_is_found() -> None:
    task = TASKS[LONG]
    assert found(among(reformatted(task.prompt + task.solution))) == [[f"humaneval/{LONG}"]]


def test_a_copy_under_other_names_without_its_words_is_found() -> None:
    task = TASKS[LONG]
    text = renamed(without_docstrings(task.prompt + task.solution))
    assert "zq0" in text
    assert found(among(text)) == [[f"humaneval/{LONG}"]]
    assert found(among(text), near=1, renamed=1) == [[]]


def test_every_task_is_found_where_it_was_pasted_and_most_where_it_was_renamed() -> None:
    texts = [task.prompt + task.solution for task in TASKS.values()]
    for copies, least in ((texts, 164), ([renamed(text) for text in texts], 100)):
        held = found(*map(among, copies))
        hit = sum(f"humaneval/{name}" in some for name, some in zip(TASKS, held, strict=True))
        assert hit >= least


def test_the_corpus_is_clean() -> None:
    table = tables_of()["blob"]
    out = Contamination(SuitesConfig()).run(table, StageContext())
    assert set(map(tuple, out["contaminated"].to_pylist())) == {()}


def test_tokens_that_lie_far_apart_are_no_copy() -> None:
    lines = TASKS[LONG].prompt.splitlines()
    assert found("\n".join(lines)) == [[f"humaneval/{LONG}"]]
    scattered = "\n".join(line + "\nfiller = filler + 1" * 60 for line in lines)
    assert found(scattered, near=0.2, renamed=1) == [[]]
    assert found(scattered, near=0.2, renamed=1, window=1000) == [[f"humaneval/{LONG}"]]


# ---------------------------------------------------------------- other suites

TEXT = "the quick brown fox jumps over the lazy dog and runs through 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19"


def suite_file(folder: Path, name: str, data: bytes, **more: Any) -> Suite:
    path = folder / name
    path.write_bytes(data)
    return Suite(name=more.pop("called", "ours"), path=str(path), sha256=sha256(data).hexdigest(), **more)


def test_a_suite_of_lines(tmp_path: Path) -> None:
    suite = suite_file(tmp_path, "suite.txt", f"too short\n\n{TEXT}\n".encode(), format="lines")
    assert found(f"x = '''{TEXT.title()}'''", "too short", suites=[suite]) == [["ours/3"], []]


def test_a_suite_of_records_with_fields_of_its_own(tmp_path: Path) -> None:
    data = "".join(
        f"{json.dumps(record)}\n" for record in ({"key": "a", "q": "?", "code": TEXT}, {"q": TEXT[::-1]})
    )
    named = {"format": "jsonl", "id_field": "key", "prompt_field": "q", "solution_field": "code"}
    suite = suite_file(tmp_path, "suite.jsonl.gz", gzip.compress(data.encode(), mtime=0), **named)
    assert found(TEXT, TEXT[::-1], suites=[suite]) == [["ours/a"], ["ours/2"]]


def test_several_suites_are_told_apart(tmp_path: Path) -> None:
    one = suite_file(tmp_path, "one", TEXT.encode(), format="lines", called="b-suite")
    two = suite_file(tmp_path, "two", TEXT.encode(), format="lines", called="a-suite")
    assert found(TEXT, suites=[one, two, HUMANEVAL]) == [["a-suite/1", "b-suite/1"]]


@pytest.mark.parametrize(
    ("data", "form"),
    [
        (b"{", "jsonl"),
        (b"[1]", "humaneval-jsonl"),
        (b'{"task_id": "a"}', "humaneval-jsonl"),
        (b'{"task_id": "a", "prompt": 3}', "jsonl"),
        (b"[" * 100_000, "jsonl"),
        (b"\xff\xfe", "lines"),
        (b'{"task_id": "a", "prompt": "b"}\n{"task_id": "a", "prompt": "c"}', "jsonl"),
    ],
)
def test_a_suite_that_is_not_what_it_says_is_told(tmp_path: Path, data: bytes, form: Any) -> None:
    with pytest.raises(Problem, match=f"E708.*`ours` does not have the form {form}"):
        load_suite(suite_file(tmp_path, "suite", data, format=form))


def test_a_suite_that_is_broken_missing_or_another_is_told(tmp_path: Path) -> None:
    with pytest.raises(Problem, match=r"E708.*does not have the form"):
        load_suite(suite_file(tmp_path, "suite.gz", b"no gzip", format="lines"))
    suite = suite_file(tmp_path, "suite", b"a", format="lines")
    Path(suite.path).write_bytes(b"b")
    with pytest.raises(Problem, match=r"E702.*not the one that the spec pins"):
        load_suite(suite)
    Path(suite.path).unlink()
    with pytest.raises(Problem, match=r"E708.*cannot be read: No such file"):
        load_suite(suite)


@pytest.mark.parametrize(
    "said",
    [
        {"name": "a"},
        {"name": "a", "suite": "humaneval", "sha256": "0" * 64},
        {"name": "A b", "suite": "humaneval"},
    ],
)
def test_a_suite_has_one_name_and_one_source(said: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Suite(**said)


def test_names_are_bound_by_grammar_or_by_place() -> None:
    solution = "    total = w\n    for h in [1]:\n        total += h\n    return total\n"
    assert bound_names("def Area(w):\n", solution) == {b"area", b"w", b"total", b"h"}
    assert bound_names("", "let Sum = 0;\nfor x of y {\n  if (sum == x) sum = 1\n}") == {b"sum", b"x"}


# ---------------------------------------------------------------- the scan

WORDS = ("for", "x", "zq", "(", ")", "=", "3", '"', "é", "\u4e2d", ".", "Return")


@settings(max_examples=60, deadline=None)
@given(
    tasks=st.lists(st.lists(st.sampled_from(WORDS), min_size=4, max_size=12), min_size=1, max_size=3),
    texts=st.lists(
        st.lists(st.sampled_from([*WORDS, " ", "\n", "\t\t"]), max_size=30).map(" ".join)
        | st.binary(max_size=40),
        max_size=5,
    ),
)
def test_the_compiled_scan_finds_what_the_slow_one_finds(
    tasks: Sequence[Sequence[str]], texts: list[Any]
) -> None:
    said = SuitesConfig(tokens=4, min_tokens=4, renamed_min_tokens=4)
    index = index_tasks([Task("s", str(n), "", " ".join(words)) for n, words in enumerate(tasks)], said)
    contents = [text.encode() if isinstance(text, str) else text for text in texts]
    offsets = np.cumsum([0, *map(len, contents)]).astype(np.int64)
    data = np.frombuffer(b"".join(contents), np.uint8)
    fast, slow = load_scan(index, 4)(data, offsets), scan_slowly(index, 4)(data, offsets)
    assert fast.tolist() == slow.tolist()


def test_files_that_are_no_text_or_hold_nothing_else_end_nothing() -> None:
    noise = random.Random(1).randbytes(200_000)
    solution = TASKS[LONG].solution
    assert found(b"", noise, b"\0" * 100, "(" * 100_000, solution * 300) == [
        [],
        [],
        [],
        [],
        [f"humaneval/{LONG}"],
    ]


def test_a_column_in_pieces_gives_what_one_piece_gives() -> None:
    contents = [among(task.prompt).encode() for task in list(TASKS.values())[:12]]
    blobs = [str(number) for number in range(12)]
    whole = pa.table({"blob": blobs, "content": pa.array(contents, pa.binary())})
    stage = Contamination(SuitesConfig())
    pieces = pa.concat_tables([whole.slice(0, 5), whole.slice(5, 1), whole.slice(6)])
    expected = stage.run(whole, StageContext())
    assert stage.run(pieces, StageContext()).equals(expected)
    assert stage.run(whole.slice(3, 4), StageContext()).to_pylist() == expected.slice(3, 4).to_pylist()
    assert stage.run(whole.slice(0, 0), StageContext()).num_rows == 0


def test_it_reads_a_hundred_megabytes_in_some_seconds() -> None:
    """The promise is a hundred megabytes a second on one core; a machine that is busy may take five times as long."""
    stage = Contamination(SuitesConfig())
    content = (OTHER * (1 + 4_000_000 // len(OTHER))).encode()[:4_000_000]
    table = pa.table({"blob": ["a"] * 5, "content": pa.array([content] * 5, pa.binary())})
    stage.run(table.slice(0, 1), StageContext())
    start = time.process_time()
    stage.run(table, StageContext())
    assert time.process_time() - start < 1


def test_the_contract_of_an_observer_holds() -> None:
    assert_contract(COMPONENT)
    row = {**build_corpus()[0], "path": "tasks.py", "content": TASKS[LONG].prompt + TASKS[LONG].solution}
    table = tables_of([*build_corpus(), row])["blob"]
    stage = Contamination(SuitesConfig())
    expected = digest_of(stage.run(table, StageContext()))
    assert expected != digest_of(stage.run(tables_of()["blob"], StageContext()))
    assert_partition_independence(COMPONENT, stage, table, expected)
