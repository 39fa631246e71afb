"""Quality verdicts: the rules of the spec over observation columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from bigcode.api.diagnostics import fail


@dataclass(frozen=True, slots=True)
class Rule:
    """A file is dropped as `quality.<id>` when its column is above, below or equal to the bound."""

    id: str
    column: str
    above: float | None = None
    below: float | None = None
    equals: bool | str | None = None
    languages: tuple[str, ...] = ()


def decide(observations: pa.Table, rules: Sequence[Rule], include: Sequence[str]) -> pa.Table:
    """Column `quality_reasons`: all rules that the file breaks, in the order of the spec, `quality.language` first.

    Raises:
        KeyError: when a rule names a column that no observer wrote.
        Problem: E105 when a rule compares a column with a value of another type.
    """
    reasons: list[list[str]] = [[] for _ in range(observations.num_rows)]
    language = observations["language"].combine_chunks()
    known = (
        pc.is_in(language, pa.array(list(include), pa.string())) if include else pc.not_equal(language, "")
    )
    _mark(reasons, pc.invert(known), "quality.language")
    for rule in rules:
        column = observations[rule.column].combine_chunks()
        try:
            broken = _breaks(column, rule)
        except pa.ArrowNotImplementedError as error:
            compared = f"the column `{rule.column}`, which is {column.type}, with another type"
            message = f"quality rule `{rule.id}` compares {compared}"
            raise fail(
                "E105", message, hint="Numbers go with above and below, text and booleans with equals."
            ) from error
        if rule.languages:
            broken = pc.and_(broken, pc.is_in(language, pa.array(list(rule.languages), pa.string())))
        _mark(reasons, broken, f"quality.{rule.id}")
    return pa.table({"quality_reasons": pa.array(reasons, pa.list_(pa.string()))})


def _breaks(column: pa.Array, rule: Rule) -> pa.Array:
    tests = []
    if rule.above is not None:
        tests.append(pc.greater(column, rule.above))
    if rule.below is not None:
        tests.append(pc.less(column, rule.below))
    if rule.equals is not None:
        tests.append(pc.equal(column, rule.equals))
    # The type is said: an empty list would make a column of nulls.
    out = pa.array([False] * len(column), pa.bool_())
    for test in tests:
        out = pc.or_(out, pc.fill_null(test, False))
    return out


def _mark(reasons: list[list[str]], mask: pa.Array, reason: str) -> None:
    for index in pc.indices_nonzero(mask).to_pylist():
        reasons[index].append(reason)
