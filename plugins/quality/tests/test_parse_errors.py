"""`quality.parse` through its component: how much of a program cannot be read, and what is not asked."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pyarrow as pa
import pytest
from pydantic import ValidationError

from bigcode.api import load_object
from bigcode.testing.context import StageContext
from bigcode.testing.contract import assert_contract
from bigcode_quality import plugin
from bigcode_quality.grammars import GRAMMARS, extensions_of

(COMPONENT,) = (c for c in plugin.bigcode_components() if c.name == "quality.parse")


def observe(*files: tuple[str, str | bytes], **settings: object) -> list[float | None]:
    contents = [c.encode() if isinstance(c, str) else c for _, c in files]
    table = pa.table(
        {
            "blob": [f"{i:064x}" for i in range(len(files))],
            "name": pa.array([name for name, _ in files], pa.string()),
            "content": pa.array(contents, pa.binary()),
        }
    )
    stage = load_object(COMPONENT.factory)(load_object(COMPONENT.config)(**settings))
    return stage.run(table, StageContext()).column("parse_errors").to_pylist()


def test_the_contract_of_a_component_holds():
    assert_contract(COMPONENT)


def test_the_grammars_are_those_that_come_with_the_package():
    assert version("tree-sitter-language-pack") == "0.13.0", "from 1.0 on it fetches grammars when it is used"


def test_no_grammar_opens_a_socket():
    program = (
        "import sys; opened = []\n"
        "network = ('socket.', 'urllib.')\n"
        "sys.addaudithook(lambda event, _: opened.append(event) if event.startswith(network) else None)\n"
        "from bigcode_quality.config import ParseConfig\n"
        "from bigcode_quality.grammars import GRAMMARS\n"
        "from bigcode_quality.parse import ParseErrors\n"
        "ParseErrors(ParseConfig(languages=tuple(GRAMMARS)))\n"
        "print(opened)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


PROGRAMS = {
    "a.py": "def f(x: int) -> int:\n    return x + 1\n",
    "a.js": "export const f = (x) => x + 1;\n",
    "a.ts": "export const f = (x: number): number => x + 1;\n",
    "a.c": "int f(int x) { return x + 1; }\n",
    "a.java": "class A { int f(int x) { return x + 1; } }\n",
    "a.rs": "fn f(x: i32) -> i32 { x + 1 }\n",
    "a.go": "package a\n\nfunc f(x int) int { return x + 1 }\n",
    "a.rb": "def f(x)\n  x + 1\nend\n",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_that_parses_has_no_errors_and_prose_nearly_nothing_else(name: str):
    prose = "It was, he said; the best (of) ]times[ -- & yet: `so` dull @ heart!\n" * 4
    right, wrong = observe((name, PROGRAMS[name]), (name, prose))
    assert right == 0.0
    assert wrong > 0.1


def test_one_error_in_a_long_file_is_a_small_share():
    good = "def f(x):\n    return x + 1\n\n\n" * 50
    (share,) = observe(("a.py", good + "x = = 1\n" + good))
    assert 0 < share < 0.01


def test_what_is_read_inside_of_an_error_is_none():
    macro = "LZ_API(int) f(\n#ifdef A\nint x)\n{\n#else\nlong x) {\n#endif\n  return x;\n}\n"
    good = "/* Adds one. */\nint g(int x) { return x + 1; }\n" * 30
    (share,) = observe(("a.c", good + macro + good))
    assert 0 < share < 0.05


def test_the_interpreters_own_files_parse():
    files = sorted(Path(ast.__file__).parent.glob("a*.py"))
    shares = observe(*((path.name, path.read_bytes()) for path in files))
    assert len(shares) > 5
    assert max(shares) < 0.001


def test_a_header_counts_as_c_or_as_cpp_whichever_reads_better():
    cpp = "template <typename T> class Stack {\n public:\n  void push(const T &item);\n};\n"
    assert observe(("a.h", cpp), ("a.h", PROGRAMS["a.c"])) == [0.0, 0.0]
    assert observe(("a.h", cpp), languages=["C"])[0] > 0


def test_what_is_not_asked_for_is_null():
    assert observe(("a.txt", "x"), ("a.rs", "x"), ("Makefile", "x"), languages=["Python"]) == [None] * 3


def test_a_file_above_the_limit_is_null():
    assert observe(("a.py", "x = 1\n"), ("a.py", "x = 11\n"), maxBytes="6B") == [0.0, None]


def test_an_empty_file_has_no_errors():
    assert observe(("a.py", ""), ("a.PY", b"")) == [0.0, 0.0]


def test_a_language_without_a_grammar_is_refused():
    with pytest.raises(ValidationError, match="no grammar for Klingon"):
        load_object(COMPONENT.config)(languages=["Klingon"])


@pytest.mark.parametrize("name", ["a.py", "a.js", "a.cpp", "a.rs", "a.rb", "a.php"])
@pytest.mark.parametrize("part", ["(", "[", "{", "'\n", "if (a) {\n", "=", "\x00", "/*", "a b "])
def test_hostile_files_get_a_share(name: str, part: str):
    (share,) = observe((name, part * 8_000))
    assert 0 <= share <= 1


def test_every_grammar_reads_an_empty_file():
    names = ["a" + extensions_of(language)[0] for language in GRAMMARS]
    assert observe(*((name, "\n") for name in names), languages=list(GRAMMARS)) == [0.0] * len(names)
