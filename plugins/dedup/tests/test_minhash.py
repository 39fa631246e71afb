"""Signatures are datasketch's, shingles are what they sign, and both come out the same with and without numba."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bigcode.testing.context import StageContext
from bigcode.testing.corpus import build_corpus
from bigcode_dedup import compiled, vectorised
from bigcode_dedup.config import MinHashConfig
from bigcode_dedup.engine import Engine, load_engine
from bigcode_dedup.hashing import hash_shingle
from bigcode_dedup.minhash import MinHashClusters, choose_bands, jaccard

ENGINES = pytest.mark.parametrize("engine", [compiled, vectorised], ids=["numba", "numpy"])


def table_of(contents: Sequence[bytes]) -> pa.Table:
    blobs = [sha256(content).hexdigest() for content in contents]
    return pa.table({"blob": pa.array(blobs, pa.string()), "content": pa.array(contents, pa.binary())})


def sketches(contents: Sequence[bytes], engine: Engine | None = None, **settings: object) -> pa.Table:
    stage = MinHashClusters(MinHashConfig.model_validate(settings), engine)
    return stage.map(table_of(contents), StageContext())


def signatures(
    contents: Sequence[bytes], engine: Engine | None = None, **settings: object
) -> list[bytes | None]:
    return sketches(contents, engine, **settings)["signature"].to_pylist()


def shingle_sets(contents: Sequence[bytes], engine: Engine | None = None, **settings: object) -> list[bytes]:
    stage = MinHashClusters(MinHashConfig.model_validate(settings), engine)
    return stage.shingle(table_of(contents), StageContext())["shingles"].to_pylist()


def shingles(content: bytes, ngram: int = 5) -> list[bytes]:
    words = re.findall(rb"[A-Za-z0-9_]+", content)
    return [b" ".join(words[i : i + ngram]) for i in range(len(words) - ngram + 1)]


def by_datasketch(content: bytes, permutations: int = 256, seed: int = 1, ngram: int = 5) -> bytes:
    sketch = MinHash(num_perm=permutations, seed=seed, hashfunc=hash_shingle, scheme="affine32")
    for shingle in shingles(content, ngram):
        sketch.update(shingle)
    return sketch.hashvalues.astype("<u4").tobytes()


def program(seed: int, words: int = 200) -> list[str]:
    rng = random.Random(seed)
    return [rng.choice("abcdefgh") + str(rng.randrange(500)) for _ in range(words)]


FILES = st.lists(st.binary(max_size=300) | st.text("ab_1 \n.é", max_size=300).map(str.encode), max_size=6)
"""Few letters, so that shingles repeat; any bytes, so that none is special."""


@ENGINES
@settings(max_examples=40, deadline=None)
@given(contents=FILES)
def test_a_signature_is_what_datasketch_computes_from_the_same_shingles(
    engine: Engine, contents: list[bytes]
) -> None:
    got = signatures(contents, engine, minTokens=5, permutations=64, seed=3)
    for content, signature in zip(contents, got, strict=True):
        if len(re.findall(rb"[A-Za-z0-9_]+", content)) < 5:
            assert signature is None
        else:
            assert signature == by_datasketch(content, permutations=64, seed=3)


@ENGINES
@settings(max_examples=40, deadline=None)
@given(contents=FILES, ngram=st.integers(1, 7))
def test_shingles_are_the_distinct_hashes_in_order(engine: Engine, contents: list[bytes], ngram: int) -> None:
    got = shingle_sets(contents, engine, ngram=ngram)
    for content, found in zip(contents, got, strict=True):
        wanted = sorted({hash_shingle(s) for s in shingles(content, ngram)})
        assert np.frombuffer(found, "<u4").tolist() == wanted


@ENGINES
def test_the_files_of_the_corpus_have_the_signatures_of_datasketch(engine: Engine) -> None:
    contents = [row["content"].encode() for row in build_corpus()]
    got = signatures(contents, engine)
    assert sum(s is not None for s in got) > 20
    for content, signature in zip(contents, got, strict=True):
        assert signature is None or signature == by_datasketch(content)


def test_numba_and_numpy_agree_on_real_files_to_the_bit() -> None:
    contents = [path.read_bytes() for path in sorted(Path(random.__file__).parent.glob("*.py"))]
    assert sum(map(len, contents)) > 3_000_000
    one, two = (MinHashClusters(MinHashConfig(), engine) for engine in (compiled, vectorised))
    table = table_of(contents)
    assert one.map(table, StageContext()).equals(two.map(table, StageContext()))
    assert one.shingle(table, StageContext()).equals(two.shingle(table, StageContext()))


@ENGINES
def test_a_column_may_be_large_cut_into_chunks_or_a_slice_of_one(engine: Engine) -> None:
    contents = [" ".join(program(i)).encode() for i in range(9)] + [b"", b"one two"]
    whole = table_of(contents)
    expected = sketches(contents, engine)
    stage = MinHashClusters(MinHashConfig(), engine)
    for table in (
        pa.concat_tables([whole.slice(0, 4), whole.slice(4, 0), whole.slice(4)]),
        pa.concat_tables([whole, whole]).combine_chunks().slice(11),
        whole.set_column(1, "content", whole["content"].cast(pa.large_binary())),
    ):
        assert stage.map(table, StageContext()).equals(expected)


def test_a_file_larger_than_a_piece_has_the_same_signature() -> None:
    rng = random.Random(5)
    long = b"\n".join(b"w%d" % rng.randrange(10**6) for _ in range(140_000))
    short = b"one two three four five six seven eight nine ten eleven"
    assert len(long) > vectorised.PIECE_BYTES
    sketch = MinHash(num_perm=16, seed=1, hashfunc=int, scheme="affine32")
    sketch.update_batch([hash_shingle(s) for s in shingles(long)])
    expected = [
        by_datasketch(short, 16),
        sketch.hashvalues.astype("<u4").tobytes(),
        None,
        by_datasketch(short + b" twelve", 16),
    ]
    for engine in (compiled, vectorised):
        assert signatures([short, long, b"", short + b" twelve"], engine, permutations=16) == expected


def test_a_sketch_is_four_bytes_for_each_permutation_and_eight_for_each_band() -> None:
    text = " ".join(program(1)).encode()
    for permutations, bands, rows in ((16, 3, 5), (256, 25, 10)):
        row = sketches([text], permutations=permutations, bands=bands, rows=rows).to_pylist()[0]
        assert (len(row["signature"]), len(row["bands"])) == (4 * permutations, 8 * bands)


def test_bands_are_equal_where_their_part_of_the_signature_is_equal() -> None:
    base = program(7, 300)
    contents = [" ".join(base[:i] + ["changed"] + base[i:]).encode() for i in range(0, 300, 30)]
    rows = sketches(contents, permutations=60, bands=20, rows=3).to_pylist()
    parts = [[r["signature"][i : i + 12] for i in range(0, 240, 12)] for r in rows]
    bands = [[r["bands"][i : i + 8] for i in range(0, 160, 8)] for r in rows]
    agreements = 0
    for i in range(len(rows)):
        for j in range(i):
            for k in range(20):
                agreements += bands[i][k] == bands[j][k]
                assert (bands[i][k] == bands[j][k]) == (parts[i][k] == parts[j][k])
    assert 0 < agreements < 45 * 20
    assert len({band for row in bands for band in row}) >= 20


def test_files_of_few_words_have_no_sketch() -> None:
    few, enough = b"a b c d e f g h i", b"a b c d e f g h i j"
    rows = sketches([few, enough, b"", b"{}()\n"]).to_pylist()
    assert [r["signature"] is None for r in rows] == [True, False, True, True]
    assert [r["bands"] is None for r in rows] == [True, False, True, True]


def test_similarity_is_the_share_of_common_shingles() -> None:
    base = program(2, 400)
    for changed in (0, 4, 10, 25):
        other = list(base)
        for place in range(changed):
            other[place * 15 + 7] = f"changed{place}"
        one, two = " ".join(base).encode(), " ".join(other).encode()
        exact = len(set(shingles(one)) & set(shingles(two))) / len(set(shingles(one)) | set(shingles(two)))
        assert jaccard(*shingle_sets([one, two])) == exact
        # And signatures estimate it.
        a, b = (np.frombuffer(s or b"", "<u4") for s in signatures([one, two]))
        deviation = (exact * (1 - exact) / 256) ** 0.5
        assert abs(float(np.mean(a == b)) - exact) <= 4 * deviation


def test_files_without_shingles_are_like_nothing() -> None:
    assert shingle_sets([b"", b"one two three four"]) == [b"", b""]
    assert jaccard(b"", b"") == jaccard(b"", b"\1\0\0\0") == 0


def test_without_numba_the_engine_is_numpy() -> None:
    assert load_engine() is compiled
    program = (
        "import sys; sys.modules['numba'] = None\n"
        "from bigcode_dedup.engine import load_engine\n"
        "from bigcode_dedup.copies import winnow\n"
        "print(load_engine().__name__)"
    )
    assert run(program) == "bigcode_dedup.vectorised"


def test_kernels_run_where_no_folder_takes_their_code(tmp_path: Path) -> None:
    """Such as in a container whose packages are read-only and whose user has no home."""
    package = tmp_path / "bigcode_dedup"
    package.mkdir()
    for name in ("__init__.py", "kernels.py", "columns.py", "hashing.py"):
        (package / name).write_bytes((Path(compiled.__file__).parent / name).read_bytes())
    for blocked in (package / "__pycache__", tmp_path / "home"):
        blocked.write_text("a file where a folder would have to be")
    program = (
        f"import os, sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        f"os.environ['HOME'] = os.environ['XDG_CACHE_HOME'] = {str(tmp_path / 'home')!r}\n"
        "import numpy as np\n"
        "from bigcode_dedup import columns, hashing, kernels\n"
        "piece = columns.Piece(np.frombuffer(b'x == 1', np.uint8), np.array([0, 6]))\n"
        "out = np.empty(7, np.uint8), np.zeros(2, np.int64)\n"
        "kernels.normalise(piece, hashing.TOKENS, *out)\n"
        "print(kernels.__file__, out[0][:out[1][1]].tobytes())"
    )
    assert run(program) == f"{package / 'kernels.py'} b'x==1'"


def run(program: str) -> str:
    path = [str(Path(compiled.__file__).parents[1])]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = {path!r}\n{program}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_bands_are_the_longest_in_which_files_at_the_threshold_still_meet() -> None:
    assert choose_bands(MinHashConfig()) == (32, 8)
    assert choose_bands(MinHashConfig(bands=25, rows=10)) == (25, 10)
    for threshold in (0.01, 0.3, 0.5, 0.7, 0.85, 0.95, 0.999):
        for permutations in (16, 100, 256):
            bands, rows = choose_bands(MinHashConfig(threshold=threshold, permutations=permutations))
            assert bands * rows <= permutations
            meet, longer = (
                1 - (1 - threshold**r) ** (permutations // r) if r <= permutations else 0
                for r in (rows, rows + 1)
            )
            assert meet >= 0.8 > longer or (rows == 1 and longer < 0.8)


@pytest.mark.parametrize(
    "settings",
    [
        {"bands": 10},
        {"bands": 30, "rows": 10},
        {"ngram": 11},
        {"threshold": 1},
        {"permutations": 4},
        {"seed": -1},
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        MinHashConfig.model_validate(settings)
