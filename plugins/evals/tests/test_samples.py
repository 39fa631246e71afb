"""The held-out sample: even by project, whatever the order of the shards."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bigcode.api import Problem
from bigcode_evals.texts import Document, by_project, sample_by_project


def document(project: str, text: str) -> Document:
    return Document(project, "Python", text, sha256(text.encode()).hexdigest())


documents = st.lists(
    st.builds(document, st.sampled_from(["a/a", "b/b", "c/c"]), st.text(min_size=1, max_size=400)),
    min_size=1,
    unique_by=lambda d: d.digest,
)


@settings(max_examples=50, deadline=None)
@given(found=documents, limit=st.integers(6144, 7000), random=st.randoms())
def test_it_keeps_the_limit_and_does_not_depend_on_the_order(found, limit, random) -> None:  # type: ignore[no-untyped-def]
    sample = sample_by_project(iter(found), limit)
    assert sum(d.bytes for d in sample) <= limit
    for taken in sample:
        whole = next(d for d in found if d.digest == taken.digest)
        assert whole.text.startswith(taken.text)
    assert sample_by_project(iter(random.sample(found, len(found))), limit) == sample


def test_a_large_project_gets_what_the_small_ones_leave() -> None:
    found = [document("small/one", "x" * 100), *(document("large/one", f"{n}" * 900) for n in range(10))]
    sample = by_project(sample_by_project(iter(found), 5000))
    assert {project: sum(d.bytes for d in files) for project, files in sample.items()} == {
        "small/one": 100,
        "large/one": 4900,
    }


def test_projects_of_like_size_get_like_parts() -> None:
    found = [document(f"p/{p}", f"{p}{n}" * 1000) for p in range(4) for n in range(3)]
    sample = by_project(sample_by_project(iter(found), 10000))
    assert [sum(d.bytes for d in files) for files in sample.values()] == [2500] * 4


def test_a_file_is_cut_between_two_characters() -> None:
    (taken,) = sample_by_project(iter([document("a/a", "é" * 3000)]), 4097)
    assert taken.text == "é" * 2048


def test_with_too_many_projects_some_are_left_out() -> None:
    found = [document(f"p/{n}", f"{n:04}" * 2000) for n in range(50)]
    assert len(by_project(sample_by_project(iter(found), 8192))) == 4


def test_an_empty_split_is_refused() -> None:
    with pytest.raises(Problem) as caught:
        sample_by_project(iter([document("a/a", "")]), 100)
    assert [d.code for d in caught.value.diagnostics] == ["E707"]
