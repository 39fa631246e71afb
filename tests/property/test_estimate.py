"""More text and more files never cost less."""

from __future__ import annotations

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from bigcode.plan.costs import Line, Machine, Size, estimate, read_costs

counts = st.integers(1, 100_000)
amounts = st.floats(1.0, 1e15)
sizes = st.builds(Size, amounts, amounts, counts, counts, counts, counts)


def lines_of(size: Size) -> list[Line]:
    return estimate(read_costs().model, size, Machine())


def no_less(more: float, less: float) -> bool:
    return more >= less * (1 - 1e-9)


@given(sizes, st.floats(1, 1000), st.floats(1, 1000))
def test_more_text_and_more_files_in_the_same_parts_take_no_less(
    size: Size, text: float, files: float
) -> None:
    larger = dataclasses.replace(size, bytes=size.bytes * text, files=size.files * files)
    for less, more in zip(lines_of(size), lines_of(larger), strict=True):
        assert no_less(more.core_hours, less.core_hours)
        assert no_less(more.hours, less.hours)
        assert no_less(more.task_bytes, less.task_bytes)
        assert all(no_less(more.over[limit], factor) for limit, factor in less.over.items())
    for step in read_costs().model.steps:
        assert no_less(step.stored_bytes(larger), step.stored_bytes(size))


@given(sizes, st.sampled_from(["shards", "blobs", "buckets", "written"]), st.integers(1, 50))
def test_more_parts_take_no_less_work_and_no_fewer_objects(size: Size, part: str, times: int) -> None:
    finer = dataclasses.replace(size, **{part: getattr(size, part) * times})
    for less, more in zip(lines_of(size), lines_of(finer), strict=True):
        assert no_less(more.core_hours, less.core_hours)
        assert no_less(more.objects, less.objects)
        assert more.tasks >= less.tasks
