"""Spans in bytes, tags of tokens, and counts of agreement."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from bigcode.decide.detection import Score as Reference
from bigcode.decide.detection import measure
from bigcode.decide.detection import wilson as reference_wilson
from bigcode_train.classifier.spans import (
    IGNORED,
    OUTSIDE,
    Span,
    add_scores,
    byte_offsets,
    count_agreement,
    cut_windows,
    join_tags,
    tag_names,
    tag_tokens,
    trim,
    wilson,
)

ENTITIES = ("EMAIL", "KEY")
PLACES = np.array([[i * 3, i * 3 + 3] for i in range(12)])
SPAN = st.builds(
    lambda start, size, entity, positive: Span(start, start + size, entity, 1.0, positive),
    st.integers(0, 30), st.integers(1, 12), st.sampled_from(ENTITIES), st.booleans(),
)  # fmt: skip


@given(st.text(max_size=50))
def test_offsets_count_bytes(text: str) -> None:
    assert byte_offsets(text).tolist() == [len(text[:i].encode()) for i in range(len(text) + 1)]


@given(st.integers(0, 400), st.integers(1, 60), st.data())
def test_each_token_is_one_windows_own(count: int, room: int, data: st.DataObject) -> None:
    windows = list(cut_windows(count, room, data.draw(st.integers(0, room - 1))))
    assert [windows[0].first, windows[-1].last] == [0, count]
    assert all(a.last == b.first for a, b in pairwise(windows))
    assert all(w.start <= w.first <= w.last <= w.end <= w.start + room for w in windows)


def test_a_token_that_shares_a_byte_with_a_label_has_its_tag() -> None:
    spans = [
        Span(4, 11, "EMAIL"),
        Span(11, 12, "KEY"),
        Span(20, 25, "KEY", positive=False),
        Span(27, 29, "OTHER"),
        Span(30, 33, ""),
    ]
    tags = tag_tokens(PLACES, spans, ENTITIES)
    assert tag_names(ENTITIES) == ("O", "B-EMAIL", "I-EMAIL", "B-KEY", "I-KEY")
    # The key's only token belongs to the e-mail, which comes first; look-alikes and other entities are outside.
    assert tags.tolist() == [0, 1, 2, 2, 0, 0, 0, 0, 0, 0, IGNORED, 0]


def test_neighbours_of_one_entity_stay_apart() -> None:
    spans = [Span(0, 6, "KEY"), Span(6, 12, "KEY")]
    tags = tag_tokens(PLACES, spans, ENTITIES)
    assert [s[:3] for s in join_tags(tags, np.ones(12), PLACES, ENTITIES)] == [(0, 6, "KEY"), (6, 12, "KEY")]


@given(st.lists(SPAN, max_size=4))
def test_tags_give_back_spans_that_cover_the_labels(spans: list[Span]) -> None:
    apart = [
        s
        for i, s in enumerate(sorted(spans))
        if s.positive and all(t.end + 3 <= s.start for t in sorted(spans)[:i])
    ]
    tags = tag_tokens(PLACES, apart, ENTITIES)
    found = list(join_tags(tags, np.ones(12), PLACES, ENTITIES))
    assert len(found) == len([s for s in apart if s.start < 36])
    for got, label in zip(found, apart, strict=False):
        assert (got.entity, got.start, got.end) == (
            label.entity,
            label.start // 3 * 3,
            min(36, -(-label.end // 3) * 3),
        )
    assert ((tags > OUTSIDE) == (tags != OUTSIDE)).all()


def test_white_space_at_the_ends_is_no_part_of_a_span() -> None:
    assert trim(b" \t ab \n", Span(0, 7, "KEY")) == Span(3, 5, "KEY")
    assert trim(b"   ", Span(0, 3, "KEY")) is None


@settings(deadline=None)
@given(st.lists(st.tuples(st.lists(SPAN, max_size=4), st.lists(SPAN, max_size=4)), max_size=4))
def test_counts_are_those_of_the_gates_of_a_policy(texts: list[tuple[list[Span], list[Span]]]) -> None:
    labels = [[{**s._asdict(), "kind": ""} for s in given] for given, _ in texts]
    findings = [[s._replace(positive=True)._asdict() for s in got] for _, got in texts]
    table = {"labels": pa.array(labels, _LIST), "pii": pa.array(findings, _LIST)}
    expected = measure(pa.table({"labels": table["labels"]}), pa.table({"pii": table["pii"]})).entities
    scores = add_scores(
        count_agreement(given, [s._replace(positive=True) for s in got], 0.8) for given, got in texts
    )
    for entity in ENTITIES:
        theirs = expected.get(entity, Reference())
        mine = scores.get(entity)
        found, missed, wrong, on = (
            (mine.found, mine.missed, mine.wrong, mine.wrong_on_labels) if mine else (0, 0, 0, 0)
        )
        assert (found, missed) == (theirs.found, theirs.missed)
        assert on == theirs.false_planted + theirs.misplaced
        assert wrong == on + theirs.false_elsewhere
        if mine and theirs.f1 is not None and not theirs.false_elsewhere:
            assert abs(mine.f1 - theirs.f1) < 1e-12


def test_strict_wants_the_same_bounds() -> None:
    label, near = Span(10, 20, "EMAIL"), Span(10, 21, "EMAIL")
    assert count_agreement([label], [near], 0.8)["EMAIL"].found == 1
    assert count_agreement([label], [near], 1.0)["EMAIL"].found == 0
    assert count_agreement([label], [label], 1.0)["EMAIL"].found == 1


@given(st.integers(0, 50), st.integers(0, 50))
def test_intervals(hits: int, more: int) -> None:
    assert np.allclose(wilson(hits, hits + more), reference_wilson(hits, hits + more))
    score = count_agreement([Span(0, 5, "KEY")] * 1, [Span(0, 5, "KEY")], 0.8)["KEY"]
    low, high = score.f1_interval
    assert 0 < low < score.f1 <= high == 1.0


_LIST = pa.list_(
    pa.struct(
        [("start", pa.int64()), ("end", pa.int64()), ("entity", pa.string()), ("score", pa.float64()),
         ("positive", pa.bool_()), ("kind", pa.string())]
    )
)  # fmt: skip
