"""Signatures are datasketch's; clusters join what is alike and do not depend on the order of the input."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from hashlib import sha256
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from datasketch import MinHash
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bigcode.testing.context import StageContext
from bigcode.testing.corpus import build_corpus, tables_of
from bigcode_dedup.config import MinHashConfig
from bigcode_dedup.minhash import MinHashClusters, choose_bands
from bigcode_dedup.shingles import hash_shingle


def table_of(contents: Sequence[bytes]) -> pa.Table:
    blobs = [sha256(content).hexdigest() for content in contents]
    return pa.table({"blob": pa.array(blobs, pa.string()), "content": pa.array(contents, pa.binary())})


def signatures(contents: Sequence[bytes], **settings: object) -> list[bytes | None]:
    stage = MinHashClusters(MinHashConfig.model_validate(settings))
    return stage.map(table_of(contents), StageContext())["signature"].to_pylist()


def shingles(content: bytes, ngram: int = 5) -> list[bytes]:
    words = re.findall(rb"[A-Za-z0-9_]+", content)
    return [b" ".join(words[i : i + ngram]) for i in range(len(words) - ngram + 1)]


def by_datasketch(content: bytes, permutations: int = 256, seed: int = 1, ngram: int = 5) -> bytes:
    sketch = MinHash(num_perm=permutations, seed=seed, hashfunc=hash_shingle, scheme="affine32")
    for shingle in shingles(content, ngram):
        sketch.update(shingle)
    return sketch.hashvalues.astype("<u4").tobytes()


def clusters(contents: Sequence[bytes], **settings: object) -> dict[bytes, str]:
    stage = MinHashClusters(MinHashConfig.model_validate(settings))
    result = stage.reduce([stage.map(table_of(contents), StageContext())], StageContext())
    cluster_of = dict(zip(result["blob"].to_pylist(), result["cluster"].to_pylist(), strict=True))
    return {c: cluster_of[sha256(c).hexdigest()] for c in contents if sha256(c).hexdigest() in cluster_of}


def program(seed: int, words: int = 200) -> list[str]:
    rng = random.Random(seed)
    return [rng.choice("abcdefgh") + str(rng.randrange(500)) for _ in range(words)]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(max_size=300) | st.text("ab_1 \n.é", max_size=300).map(str.encode), max_size=6))
def test_a_signature_is_what_datasketch_computes_from_the_same_shingles(contents: list[bytes]) -> None:
    got = signatures(contents, minTokens=5, permutations=64, seed=3)
    for content, signature in zip(contents, got, strict=True):
        if len(re.findall(rb"[A-Za-z0-9_]+", content)) < 5:
            assert signature is None
        else:
            assert signature == by_datasketch(content, permutations=64, seed=3)


def test_the_files_of_the_corpus_have_the_signatures_of_datasketch() -> None:
    contents = [row["content"].encode() for row in build_corpus()]
    for content, signature in zip(contents, signatures(contents), strict=True):
        assert signature is None or signature == by_datasketch(content)


def test_a_file_larger_than_a_batch_and_a_block_has_the_same_signature() -> None:
    rng = random.Random(5)
    long = " ".join(f"w{rng.randrange(10**6)}" for _ in range(120_000)).encode()
    short = b"one two three four five six seven eight nine ten eleven"
    got = signatures([short, long, b"", short + b" twelve"], permutations=16)
    sketch = MinHash(num_perm=16, seed=1, hashfunc=int, scheme="affine32")
    sketch.update_batch([hash_shingle(s) for s in shingles(long)])
    assert got[1] == sketch.hashvalues.astype("<u4").tobytes()
    assert got[0] == by_datasketch(short, 16)
    assert got[2] is None
    assert got[3] == by_datasketch(short + b" twelve", 16)


def test_a_signature_is_four_bytes_for_each_permutation() -> None:
    text = " ".join(program(1)).encode()
    assert [len(s or b"") for p in (16, 256) for s in signatures([text], permutations=p)] == [64, 1024]


def test_files_of_few_words_have_no_signature_and_so_no_cluster() -> None:
    few, enough = b"a b c d e f g h i", b"a b c d e f g h i j"
    assert [s is None for s in signatures([few, enough, b"", b"{}()\n"])] == [True, False, True, True]
    assert clusters([few, few + b"\n", few + b" "]) == {}


def test_agreement_of_signatures_estimates_the_share_of_common_shingles() -> None:
    base = program(2, 400)
    for changed in (0, 4, 10, 25):
        other = list(base)
        for place in range(changed):
            other[place * 15 + 7] = f"changed{place}"
        one, two = " ".join(base).encode(), " ".join(other).encode()
        exact = len(set(shingles(one)) & set(shingles(two))) / len(set(shingles(one)) | set(shingles(two)))
        a, b = (np.frombuffer(s or b"", "<u4") for s in signatures([one, two]))
        deviation = (exact * (1 - exact) / 256) ** 0.5
        assert abs(float(np.mean(a == b)) - exact) <= 4 * deviation


def test_near_copies_share_a_cluster_named_after_its_smallest_blob() -> None:
    base, other = " ".join(program(3)).encode(), " ".join(program(4)).encode()
    near = base.replace(b" ", b"\n", 20) + b" tail"
    found = clusters([base, near, other])
    assert set(found) == {base, near}
    assert set(found.values()) == {min(sha256(c).hexdigest() for c in (base, near))}


def test_a_chain_of_versions_is_one_cluster_and_members_carry_their_signatures() -> None:
    versions, words = [], program(6, 300)
    for version in range(6):
        words = list(words)
        words[version * 40 : version * 40 + 4] = [f"v{version}_{i}" for i in range(4)]
        versions.append(" ".join(words).encode())
    stage = MinHashClusters(MinHashConfig())
    sketches = stage.map(table_of(versions), StageContext())
    result = stage.reduce([sketches], StageContext())
    assert result.num_rows == 6
    assert len(set(result["cluster"].to_pylist())) == 1
    given_signatures = dict(zip(sketches["blob"].to_pylist(), sketches["signature"].to_pylist(), strict=True))
    assert (
        dict(zip(result["blob"].to_pylist(), result["signature"].to_pylist(), strict=True))
        == given_signatures
    )


def test_clusters_of_the_corpus_join_releases_forks_and_near_copies() -> None:
    by_path = {(r["owner"], r["revision"], r["path"]): r["content"].encode() for r in build_corpus()}
    found = clusters(list(by_path.values()))
    assert found[by_path["alpha", "1.0", "alpha/grid.py"]] == found[by_path["scratch", "main", "ways.py"]]
    assert found[by_path["alpha", "2.0", "alpha/tree.py"]] == found[by_path["forker", "2.0", "alpha/tree.py"]]
    assert by_path["widgets", "5.0.1", "src/hull.ts"] not in found


def test_rows_of_a_reduce_are_sorted_and_do_not_depend_on_the_order_of_tables() -> None:
    stage = MinHashClusters(MinHashConfig())
    sketches = stage.map(tables_of()["blob"], StageContext())
    rows = list(range(sketches.num_rows))
    expected = stage.reduce([sketches], StageContext())
    assert all(a < b for a, b in pairwise(expected["blob"].to_pylist()))
    for seed in range(3):
        random.Random(seed).shuffle(rows)
        shuffled = sketches.take(rows)
        parts = [shuffled.slice(i, 7) for i in range(0, len(rows), 7)]
        assert stage.reduce(parts, StageContext()).equals(expected)


def test_nothing_to_reduce_gives_an_empty_table() -> None:
    stage = MinHashClusters(MinHashConfig())
    for tables in (
        [],
        [stage.map(table_of([]), StageContext())],
        [stage.map(table_of([b"x"]), StageContext())],
    ):
        result = stage.reduce(tables, StageContext())
        assert (result.num_rows, result.column_names) == (0, ["blob", "cluster", "signature"])


def test_bands_are_those_of_bigcode_unless_set() -> None:
    assert choose_bands(MinHashConfig()) == (25, 10)
    assert choose_bands(MinHashConfig(bands=20, rows=5)) == (20, 5)


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
