"""Compiled kernels and NumPy measure the same, to the bit, whatever a file holds."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bigcode_quality import compiled, vectorised
from bigcode_quality.blocks import block_of
from bigcode_quality.comments import EXTENSIONS, SYNTAXES
from bigcode_quality.engine import load_engine

PARTS = [
    part.encode("utf-8", "surrogatepass")
    for part in (
        # What begins, ends and escapes strings and comments.
        '"', '""', '"""', "'", "''", "'''", "`", "\\", "\\\\", '\\"', "\\'", "\n", "\r\n", "\r", "//", "/*", "*/",
        "/*/", "/", "#", "#[", ";", " ", "\t", "  ", "=", "=/", "(/a[/]", "[", "]", "r", "u", "\nr", " \tR", "'a'",
        "'\\n'", "'\\u{1F600}'",
        # Data written as text, at the edges of what counts.
        "A" * 63, "Ab0+/=\n" * 9, "\\u00e9" * 7, "\\u00e9", "\\u12", "0x12, " * 7, "\\x1f", "12 ", "ab,", "x12", "_12",
        "12_",
        # Marks of generated files, and letters that fold to those of a hint.
        "Do not edit", "do not edit!\n", "GENERATED", "@generated\n", "created automatically",
        "this file was generated", "generated b\u017f", "\u212a",
        # Characters, and bytes that are none.
        "<?xml version=", "é" * 87, "ü", "日本", "٣", "½", "\ud800", "x", "x = 1\n", "\n\n", "a" * 40 + "\n",
    )
] + [b"\xff", b"\x80", b"\xc3", b"\0"]  # fmt: skip
CONTENTS = st.lists(
    st.lists(st.sampled_from(PARTS) | st.binary(max_size=3), max_size=24).map(b"".join), max_size=4
)


def extension_of(syntax: str) -> str:
    return min(e for e in EXTENSIONS if EXTENSIONS[e] == syntax)


def assert_same(contents: list[bytes], extensions: list[str], lines: int = 3) -> None:
    block = block_of(contents)
    counts, marked = compiled.measure_text(block, lines)
    expected, expected_marked = vectorised.measure_text(block, lines)
    assert marked == expected_marked
    for field in fields(counts):
        assert np.array_equal(getattr(counts, field.name), getattr(expected, field.name)), field.name
    found, wanted = (engine.measure_structure(block, extensions) for engine in (compiled, vectorised))
    for field in fields(found):
        one, other = getattr(found, field.name), getattr(wanted, field.name)
        assert one == other if field.name == "mended" else np.array_equal(one, other), field.name


@settings(deadline=None)
@given(
    CONTENTS.filter(bool),
    st.sampled_from([".txt", *(min(e for e in EXTENSIONS if EXTENSIONS[e] == s) for s in SYNTAXES)]),
)
def test_any_texts_measure_the_same(contents: list[bytes], extension: str):
    assert_same(contents, [extension] * len(contents))


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_any_two_signs_in_a_row_are_read_the_same_in_any_syntax(syntax: str):
    contents = [b"".join((first, second, b"a", first)) for first in PARTS for second in PARTS]
    assert_same(contents, [extension_of(syntax)] * len(contents))


def test_real_files_measure_the_same():
    paths = sorted(Path(np.__file__).parent.rglob("*"))
    files = [
        path for path in paths if path.suffix in {*EXTENSIONS, ".txt", ".md", ".pyi"} and path.is_file()
    ][:400]
    assert len(files) > 200
    assert_same([path.read_bytes() for path in files], [path.suffix.lower() for path in files], 10)


def test_lines_that_were_made_to_fall_together_are_told_apart():
    blocks = [letter * 1024 for letter in (b"a", b"b", b"c", b"d", b"e")]
    lines = b"\n".join(b"".join(order) for order in permutations(blocks))
    assert_same([lines, lines + b"\n" + lines, b""], [".txt"] * 3)


def test_without_numba_the_engine_is_numpy():
    assert load_engine() is compiled
    program = (
        "import sys; sys.modules['numba'] = None\n"
        "from bigcode_quality.engine import load_engine\n"
        "print(load_engine().__name__)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "bigcode_quality.vectorised"
