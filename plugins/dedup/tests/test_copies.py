"""Copies are found by what they keep: their tokens if they were reformatted, their grams if they were pasted."""

from __future__ import annotations

import argparse
import heapq
import re
import tarfile
import textwrap
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bigcode.testing.context import StageContext
from bigcode.testing.notices import MIT
from bigcode_dedup import compiled, vectorised
from bigcode_dedup.config import MinHashConfig, WinnowConfig
from bigcode_dedup.copies.compare import contained, normalise
from bigcode_dedup.copies.winnow import CopyPrints
from bigcode_dedup.engine import Engine
from bigcode_dedup.minhash import MinHashClusters, jaccard

ENGINES = pytest.mark.parametrize("engine", [compiled, vectorised], ids=["numba", "numpy"])
MARK = b"\xef\xbb\xbf"
LICENCE = "".join(f"# {line}".rstrip() + "\n" for line in MIT.splitlines()).encode()


def source(module: ModuleType) -> bytes:
    return Path(str(module.__file__)).read_bytes()


SEED = source(textwrap)
_LINES = source(tarfile)[: 4 * len(SEED)].splitlines(keepends=True)
AROUND = b"".join(_LINES[: len(_LINES) // 2]), b"".join(_LINES[len(_LINES) // 2 :])
PASTED = AROUND[0] + SEED + AROUND[1]


def table_of(contents: Sequence[bytes]) -> pa.Table:
    blobs = [sha256(content).hexdigest() for content in contents]
    return pa.table({"blob": pa.array(blobs, pa.string()), "content": pa.array(contents, pa.binary())})


def observe(contents: Sequence[bytes], engine: Engine | None = None, **settings: object) -> pa.Table:
    return CopyPrints(WinnowConfig.model_validate(settings), engine).run(table_of(contents), StageContext())


def normals(contents: Sequence[bytes], engine: Engine | None = None, **settings: object) -> list[str]:
    return observe(contents, engine, **settings)["normal"].to_pylist()


def prints(contents: Sequence[bytes], engine: Engine | None = None, **settings: object) -> list[set[int]]:
    return [
        set(np.frombuffer(found, "<u8").tolist())
        for found in observe(contents, engine, **settings)["prints"].to_pylist()
    ]


def tokens(content: bytes) -> list[bytes]:
    return re.findall(rb"[A-Za-z0-9_\x80-\xff]+|[^\x00-\x20\x7f]", content.removeprefix(MARK))


def grams(content: bytes, size: int) -> set[tuple[bytes, ...]]:
    found = tokens(content)
    return {tuple(found[i : i + size]) for i in range(len(found) - size + 1)}


def reformat(content: bytes) -> bytes:
    """Other indentation, line ends and spacing around operators, as a formatter would."""
    text = content.replace(b"    ", b"\t").replace(b"\n", b"\r\n").replace(b" = ", b"  =  ")
    return MARK + text.replace(b", ", b",").replace(b"(", b"( ") + b"\r\n\r\n"


TEXTS = st.lists(st.binary(max_size=80) | st.text("ab (\n\té", max_size=120).map(str.encode), max_size=6).map(
    lambda found: [*found, MARK + b"a b", MARK, b"\xef\xbb"]
)


@ENGINES
@settings(max_examples=60, deadline=None)
@given(contents=TEXTS)
def test_a_normalised_file_is_its_tokens_and_a_space_where_words_meet(
    engine: Engine, contents: list[bytes]
) -> None:
    found = normals(contents, engine, ngram=4, window=1, minTokens=4)
    for content, normal in zip(contents, found, strict=True):
        text = normalise(content)
        assert tokens(text) == tokens(content)
        assert re.sub(rb"(?<=[\w\x80-\xff]) (?=[\w\x80-\xff])", b"", text).count(b" ") == 0
        assert normal == (sha256(text).hexdigest() if len(tokens(content)) >= 4 else "")


@ENGINES
@settings(max_examples=60, deadline=None)
@given(contents=TEXTS, window=st.integers(1, 9))
def test_prints_are_the_least_gram_of_each_window(engine: Engine, contents: list[bytes], window: int) -> None:
    """Told by windows of one gram, whose prints are the hashes of all grams."""
    for content, found in zip(
        contents, prints(contents, engine, ngram=4, window=window, minTokens=20), strict=True
    ):
        stream = tokens(content)
        if len(stream) < 20:
            assert found == set()
            continue
        hashes = [
            min(prints([b" ".join(stream[i : i + 4])], ngram=4, window=1, minTokens=4)[0])
            for i in range(len(stream) - 3)
        ]
        assert found == {min(hashes[i : i + window]) for i in range(len(hashes) - window + 1)}


def test_numba_and_numpy_agree_on_real_files_to_the_bit() -> None:
    contents = [path.read_bytes() for path in sorted(Path(heapq.__file__).parent.glob("*.py"))]
    one, two = observe(contents, compiled), observe(contents, vectorised)
    assert one.equals(two)
    assert sum(n != "" for n in one["normal"].to_pylist()) > 100


def test_prints_are_few_and_ascend() -> None:
    row = observe([SEED]).to_pylist()[0]
    numbers = np.frombuffer(row["prints"], "<u8")
    assert np.all(numbers[1:] > numbers[:-1])
    assert 1.5 / 50 < len(numbers) / len(tokens(SEED)) < 2.5 / 50


def test_a_reformatted_copy_has_the_same_normalised_form() -> None:
    copy = reformat(SEED)
    assert copy != SEED
    one, two = normals([SEED, copy])
    assert one == two == sha256(normalise(SEED)).hexdigest()


def test_case_and_comments_count_and_words_do_not_run_together() -> None:
    base = SEED[:2000]
    changed = [base, base.lower(), base.replace(b"#", b"# so:"), base.replace(b" ", b"", 40)]
    assert len(set(normals(changed))) == 4
    assert normalise(b"not  x\n== y # Why") == b"not x==y#Why"
    assert normalise(b"notx") != normalise(b"not x")


def test_a_run_as_long_as_the_guarantee_shares_a_print() -> None:
    """64 tokens at the defaults, wherever they stand."""
    stream, other = tokens(SEED), tokens(source(argparse))
    for begin in range(0, len(stream) - 64, 97):
        run = stream[begin : begin + 64]
        one, two = prints([b" ".join(run), b" ".join(other[:300] + run + other[300:600])])
        assert one
        assert one & two


def test_a_file_pasted_into_one_four_times_its_size_is_found_whole() -> None:
    assert len(PASTED) > 4.9 * len(SEED)
    stage = MinHashClusters(MinHashConfig())
    shingles = stage.shingle(table_of([SEED, PASTED]), StageContext())["shingles"].to_pylist()
    assert jaccard(*shingles) < 0.3
    mine, theirs = prints([SEED, PASTED])
    assert len(mine) > 50
    assert mine <= theirs
    assert contained(SEED, PASTED) == 1
    assert contained(PASTED, SEED) < 0.3


def test_a_file_pasted_reformatted_is_found_whole() -> None:
    assert contained(SEED, AROUND[0] + reformat(SEED).removeprefix(MARK) + AROUND[1]) == 1


def test_containment_is_the_share_of_distinct_grams() -> None:
    half = SEED[: len(SEED) // 2]
    for seed, candidate in ((SEED, half), (half, SEED), (SEED, source(argparse)), (SEED, b""), (b"", SEED)):
        mine, theirs = grams(seed, 16), grams(candidate, 16)
        share = len(mine & theirs) / len(mine) if mine else 0
        assert contained(seed, candidate) == pytest.approx(share, abs=1e-12)
    line = b"row = [first, second, third, fourth, fifth, sixth]\n"
    assert contained(line * 1000 + SEED, SEED) == contained(line * 2 + SEED, SEED) > 0.98


def test_a_seed_shorter_than_a_gram_is_contained_in_nothing() -> None:
    assert contained(b"import os", b"import os") == 0
    assert contained(b"import os", b"import os", ngram=2) == 1


def test_a_common_licence_header_is_no_copy() -> None:
    one, two = LICENCE + source(heapq), LICENCE + SEED
    assert 0 < contained(one, two) < 0.1
    assert 0 < contained(two, one) < 0.1
    mine, theirs = prints([one, two])
    assert 0 < len(mine & theirs) / len(mine) < 0.1


@ENGINES
def test_verification_measures_each_pair_on_the_files(engine: Engine) -> None:
    copy, other = reformat(SEED), source(argparse)
    blob = {c: sha256(c).hexdigest() for c in (SEED, copy, PASTED, other)}
    wanted = [
        (SEED, copy, 1.0, True),
        (SEED, PASTED, 1.0, False),
        (SEED, SEED, 1.0, True),
        (other, SEED, None, False),
    ]
    wanted.sort(key=lambda pair: (blob[pair[0]], blob[pair[1]]))
    asked = [wanted[i] for i in (2, 0, 3, 1, 0)]
    pairs = pa.table({"seed": [blob[p[0]] for p in asked], "blob": [blob[p[1]] for p in asked]})
    stage = CopyPrints(WinnowConfig(), engine)
    result = stage.verify(table_of([SEED, other]), table_of([other, PASTED, copy, SEED]), pairs)
    assert result.schema.types == [pa.string(), pa.string(), pa.float64(), pa.bool_()]
    assert result.column_names == ["seed", "blob", "containment", "normalised"]
    assert result.num_rows == 4
    for row, (seed, candidate, share, same) in zip(result.to_pylist(), wanted, strict=True):
        assert (row["seed"], row["blob"]) == (blob[seed], blob[candidate])
        assert row["containment"] == (contained(seed, candidate) if share is None else share)
        assert row["normalised"] is same


def test_nothing_to_verify_gives_an_empty_table() -> None:
    pairs = pa.table({"seed": pa.array([], pa.string()), "blob": pa.array([], pa.string())})
    result = CopyPrints(WinnowConfig()).verify(table_of([SEED]), table_of([]), pairs)
    assert (result.num_rows, result.num_columns) == (0, 4)


def test_a_pair_of_an_unknown_blob_is_refused() -> None:
    pairs = pa.table({"seed": ["absent"], "blob": [sha256(SEED).hexdigest()]})
    with pytest.raises(KeyError):
        CopyPrints(WinnowConfig()).verify(table_of([SEED]), table_of([SEED]), pairs)


@pytest.mark.parametrize(
    "settings", [{"ngram": 3}, {"window": 0}, {"minTokens": 63}, {"window": 50}, {"ngram": 17}]
)
def test_settings_that_leave_a_file_without_prints_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        WinnowConfig.model_validate(settings)
