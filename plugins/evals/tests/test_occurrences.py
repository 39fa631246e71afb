"""How often strings occur in shards: all of them in one pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random

from bigcode.api import Config
from bigcode.testing.context import JobContext
from bigcode_evals.occurrences import count_occurrences

Write = Callable[[str, Sequence[Mapping[str, str]]], Mapping[str, Path]]


def context(tmp_path: Path, shard: Write, texts: Sequence[str]) -> JobContext:
    return JobContext(
        config=Config(),
        scratch=tmp_path,
        inputs={"train": shard("t.parquet", [{"content": t} for t in texts])},
    )


def test_counts_are_those_of_a_plain_search(tmp_path: Path, shard: Write) -> None:
    rng = Random(0)
    texts = ["".join(rng.choices("ab c\n", k=400)) for _ in range(40)] + ["x" * 30, "", "été = 1\n"]
    wanted = [t[i : i + n] for t in texts[:6] for i, n in ((3, 4), (10, 8), (20, 12), (50, 40))]
    wanted += ["xxxxxxxxxx", "never there", "été", "", texts[0]]
    found = count_occurrences(context(tmp_path, shard, texts), "train", [w.encode() for w in wanted], 2**30)
    plain = [sum(sum(t.startswith(w, i) for i in range(len(t))) for t in texts) if w else 0 for w in wanted]
    assert list(found.counts) == plain
    assert found.read == sum(len(t.encode()) for t in texts) + len(texts) - 1


def test_a_string_does_not_reach_from_one_document_into_the_next(tmp_path: Path, shard: Write) -> None:
    ctx = context(tmp_path, shard, ["the end of one", "begins another"])
    assert count_occurrences(ctx, "train", [b"of onebegins"], 2**30).counts == (0,)


def test_no_more_than_the_limit_is_read(tmp_path: Path, shard: Write) -> None:
    ctx = context(tmp_path, shard, ["first document", "second document"])
    found = count_occurrences(ctx, "train", [b"document"], 16)
    assert (found.counts, found.read) == ((1,), 16)


def test_short_strings_may_be_asked_for_as_words(tmp_path: Path, shard: Write) -> None:
    ctx = context(tmp_path, shard, ["bob = 1\nbobby = bob\nx_bob = kabob\n"])
    wanted = [b"bob", b"bobby = bob"]
    assert count_occurrences(ctx, "train", wanted, 2**30).counts == (5, 1)
    assert count_occurrences(ctx, "train", wanted, 2**30, words=True).counts == (2, 1)
