"""Files that share a band are linked, linked files are groups, and neither depends on how the input comes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from hashlib import sha256
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bigcode.testing.context import StageContext
from bigcode.testing.corpus import build_corpus, tables_of
from bigcode_dedup.config import MinHashConfig
from bigcode_dedup.minhash import MinHashClusters, jaccard

BANDS = 4
STAGE = MinHashClusters(MinHashConfig(permutations=16, bands=BANDS, rows=4))


def table_of(contents: Sequence[bytes]) -> pa.Table:
    blobs = [sha256(content).hexdigest() for content in contents]
    return pa.table({"blob": pa.array(blobs, pa.string()), "content": pa.array(contents, pa.binary())})


def groups_of(contents: Sequence[bytes], **settings: object) -> dict[bytes, str]:
    stage = MinHashClusters(MinHashConfig.model_validate(settings))
    sketches = stage.map(table_of(contents), StageContext())
    links = stage.link([sketches], 0, 1, StageContext())
    result = stage.reduce([links], StageContext())
    group_of = dict(zip(result["blob"].to_pylist(), result["cluster"].to_pylist(), strict=True))
    return {c: group_of[sha256(c).hexdigest()] for c in contents if sha256(c).hexdigest() in group_of}


def program(seed: int, words: int = 200) -> list[str]:
    rng = random.Random(seed)
    return [rng.choice("abcdefgh") + str(rng.randrange(500)) for _ in range(words)]


def banded(rows: Sequence[tuple[str, Sequence[int] | None]]) -> pa.Table:
    """Sketches by hand: a blob and its band hashes, spread over their whole range."""
    bands = [
        None if keys is None else (np.array(keys, np.uint64) * np.uint64(0x9E3779B97F4A7C15)).tobytes()
        for _, keys in rows
    ]
    return pa.table(
        {"blob": pa.array([blob for blob, _ in rows], pa.string()), "bands": pa.array(bands, pa.binary())}
    )


def pairs(table: pa.Table) -> list[tuple[str, str]]:
    return list(zip(table["left"].to_pylist(), table["right"].to_pylist(), strict=True))


def groups(table: pa.Table) -> dict[str, str]:
    return dict(zip(table["blob"].to_pylist(), table["cluster"].to_pylist(), strict=True))


def plain_groups(rows: Sequence[tuple[str, Sequence[int] | None]]) -> dict[str, str]:
    """Groups as one would find them by hand: merge while two groups have members with a common band."""
    found = [({blob}, set(keys)) for blob, keys in rows if keys is not None]
    merged = True
    while merged:
        merged = False
        for i, j in [(a, b) for a in range(len(found)) for b in range(a)]:
            if found[i][1] & found[j][1]:
                found[j] = (found[i][0] | found[j][0], found[i][1] | found[j][1])
                del found[i]
                merged = True
                break
    return {blob: min(blobs) for blobs, _ in found if len(blobs) > 1 for blob in blobs}


BANDED = st.lists(st.none() | st.lists(st.integers(0, 40), min_size=BANDS, max_size=BANDS), max_size=20).map(
    lambda keys: [(f"blob{i:02}", row) for i, row in enumerate(keys)]
)


@settings(max_examples=60, deadline=None)
@given(rows=BANDED, parts=st.integers(1, 5), seed=st.integers(0, 9))
def test_groups_are_the_connected_files_however_the_input_is_ordered_and_cut(
    rows: list[tuple[str, list[int] | None]], parts: int, seed: int
) -> None:
    expected = plain_groups(rows)
    random.Random(seed).shuffle(rows)
    tables = [banded(rows[i : i + 7]) for i in range(0, len(rows), 7)]
    links = [STAGE.link(tables, part, parts, StageContext()) for part in range(parts)]
    result = STAGE.reduce(links, StageContext())
    assert groups(result) == expected
    assert all(a < b for a, b in pairwise(result["blob"].to_pylist()))
    for table in links:
        assert all(left < right for left, right in pairs(table))
        assert all(a < b for a, b in pairwise(pairs(table)))


def test_files_that_share_a_band_are_linked_as_a_chain() -> None:
    table = banded([(name, [1, i, 10 + i, 20 + i]) for i, name in enumerate("dacb", 2)])
    assert pairs(STAGE.link([table], 0, 1, StageContext())) == [("a", "b"), ("b", "c"), ("c", "d")]


def test_a_pair_that_shares_many_bands_is_given_once() -> None:
    table = banded([("a", [1, 2, 3, 4]), ("b", [1, 2, 3, 5])])
    assert pairs(STAGE.link([table], 0, 1, StageContext())) == [("a", "b")]


def test_a_blob_that_comes_twice_is_no_group_of_its_own() -> None:
    table = banded([("a", [1, 2, 3, 4]), ("a", [1, 2, 3, 4])])
    assert pairs(STAGE.link([table, table], 0, 1, StageContext())) == []


def test_hashes_that_differ_in_their_low_bits_alone_are_different() -> None:
    keys = [
        [1 << 63, 2 << 61, 3 << 61, 7 << 60],
        [(1 << 63) + 1, (2 << 61) + 1, (3 << 61) + 1, (7 << 60) + 1],
    ] * 2
    data = [np.array(k, np.uint64).tobytes() for k in keys]
    table = pa.table({"blob": ["a", "b", "c", "d"], "bands": pa.array(data, pa.binary())})
    for parts in (1, 3):
        links = [STAGE.link([table], part, parts, StageContext()) for part in range(parts)]
        assert groups(STAGE.reduce(links, StageContext())) == {"a": "a", "c": "a", "b": "b", "d": "b"}


def test_near_copies_share_a_group_named_after_its_smallest_blob() -> None:
    base, other = " ".join(program(3)).encode(), " ".join(program(4)).encode()
    near = base.replace(b" ", b"\n", 20) + b" tail"
    found = groups_of([base, near, other])
    assert set(found) == {base, near}
    assert set(found.values()) == {min(sha256(c).hexdigest() for c in (base, near))}


def test_files_of_few_words_are_in_no_group() -> None:
    few = b"a b c d e f g h i"
    assert groups_of([few, few + b"\n", few + b" "]) == {}


def test_a_chain_of_versions_is_one_group_whose_ends_are_unlike() -> None:
    versions, words = [], program(6, 300)
    for version in range(6):
        words = list(words)
        words[version * 40 : version * 40 + 20] = [f"v{version}_{i}" for i in range(20)]
        versions.append(" ".join(words).encode())
    assert len(set(groups_of(versions).values())) == 1
    stage = MinHashClusters(MinHashConfig())
    ends = stage.shingle(table_of([versions[0], versions[-1]]), StageContext())["shingles"].to_pylist()
    assert jaccard(*ends) < stage.threshold == 0.7


def test_groups_of_the_corpus_join_releases_forks_and_near_copies() -> None:
    by_path = {(r["owner"], r["revision"], r["path"]): r["content"].encode() for r in build_corpus()}
    found = groups_of(list(by_path.values()))
    assert found[by_path["alpha", "1.0", "alpha/grid.py"]] == found[by_path["scratch", "main", "ways.py"]]
    assert found[by_path["alpha", "2.0", "alpha/tree.py"]] == found[by_path["forker", "2.0", "alpha/tree.py"]]
    assert by_path["widgets", "5.0.1", "src/hull.ts"] not in found


def test_the_bands_of_signed_files_spread_over_all_parts() -> None:
    stage = MinHashClusters(MinHashConfig())
    base = program(8)
    contents = [" ".join([*base, f"tail{i}"]).encode() for i in range(3)]
    sketches = stage.map(table_of(contents), StageContext())
    assert sum(stage.link([sketches], part, 4, StageContext()).num_rows > 0 for part in range(4)) >= 3


@pytest.mark.parametrize("contents", [None, [], [b"x"]], ids=["no table", "an empty table", "nothing signed"])
def test_nothing_to_link_gives_empty_tables(contents: list[bytes] | None) -> None:
    sketches = [] if contents is None else [STAGE.map(table_of(contents), StageContext())]
    links = STAGE.link(sketches, 0, 1, StageContext())
    assert (links.num_rows, links.column_names) == (0, ["left", "right"])
    for tables in ([], [links]):
        result = STAGE.reduce(tables, StageContext())
        assert (result.num_rows, result.column_names) == (0, ["blob", "cluster"])


def test_rows_of_a_corpus_may_come_in_any_order() -> None:
    stage = MinHashClusters(MinHashConfig())
    sketches = stage.map(tables_of()["blob"], StageContext())
    expected = stage.link([sketches], 0, 1, StageContext())
    assert expected.num_rows > 3
    rows = list(range(sketches.num_rows))
    for seed in range(3):
        random.Random(seed).shuffle(rows)
        shuffled = sketches.take(rows)
        parts = [shuffled.slice(i, 7) for i in range(0, len(rows), 7)]
        assert stage.link(parts, 0, 1, StageContext()).equals(expected)
