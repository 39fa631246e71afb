"""The judge of deduplications agrees with a double loop over sets."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import quality


def text(*words: int) -> str:
    return " ".join(f"word{number}" for number in words)


FILES = {
    "a": text(*range(40)),
    "b": text(*range(38), 98, 99),
    "c": text(*range(20), *range(100, 120)),
    "d": text(*range(40)),
    "e": text(*range(500, 540)),
    "f": text(1, 2, 3),
    "g": text(1, 2, 3),
}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    rows = [{"repository": "r", "revision": "1", "path": name, "content": FILES[name]} for name in FILES]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "00000.parquet")
    return tmp_path


def shingles(name: str) -> set[tuple[str, ...]]:
    words = re.findall("[A-Za-z0-9_]+", FILES[name])
    return {tuple(words[i : i + 5]) for i in range(len(words) - 4)} if len(words) >= 10 else set()


def decisions(**removed: str) -> dict[str, str]:
    return {f"r/1/{name}": removed.get(name, "kept") for name in FILES}


def all_pairs(corpus: Path, least: float = 0.55) -> quality.Pairs:
    return quality.find_pairs(corpus, {f"r/1/{name}" for name in FILES}, least)


def test_pairs_are_those_of_a_double_loop(corpus):
    pairs = all_pairs(corpus, 0.2)
    found = {
        (pairs.ids[left][-1], pairs.ids[right][-1]): similarity
        for left, right, similarity in zip(pairs.left, pairs.right, pairs.similarity, strict=True)
    }
    sets = {name: shingles(name) for name in FILES}
    expected = {
        (a, b): len(sets[a] & sets[b]) / len(sets[a] | sets[b])
        for a in FILES
        for b in FILES
        if a != b and len(sets[a] & sets[b]) >= 0.2 * max(1, len(sets[a] | sets[b]))
    }
    assert found == pytest.approx(expected)


def test_a_removal_is_justified_by_a_kept_file_over_the_threshold(corpus):
    found = quality.judge(all_pairs(corpus), decisions(b="removed", d="removed"), 0.7)
    assert (found["removed"], found["unjustified"], found["missed"]) == (2, 0, 0)


def test_a_removal_beside_removed_files_alone_is_unjustified(corpus):
    found = quality.judge(all_pairs(corpus), decisions(a="removed", b="removed", d="removed"), 0.7)
    assert found["unjustified"] == 3


def test_a_removal_of_what_resembles_nothing_is_unjustified(corpus):
    found = quality.judge(all_pairs(corpus), decisions(b="removed", d="removed", e="removed"), 0.7)
    assert found["unjustified"] == 1


def test_both_of_two_kept_twins_are_missed(corpus):
    found = quality.judge(all_pairs(corpus), decisions(b="removed"), 0.7)
    assert (found["missed"], found["sampled_kept"]) == (2, 4)


def test_files_of_a_few_words_count_for_nothing(corpus):
    pairs = all_pairs(corpus)
    assert {pairs.ids[index] for index in pairs.sampled} == {f"r/1/{name}" for name in "abcde"}


def test_decisions_over_another_corpus_are_refused(corpus):
    with pytest.raises(LookupError):
        quality.judge(all_pairs(corpus), {"r/1/a": "kept"}, 0.7)
