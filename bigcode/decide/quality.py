"""Quality verdicts: the rules of the spec over observation columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bigcode.api.diagnostics import fail
from bigcode.decide.columns import label_masks, lists_from, parents_of


@dataclass(frozen=True, slots=True)
class Rule:
    """A file is dropped as `quality.<id>` when its column is above, below or equal to the bound."""

    id: str
    column: str
    above: float | None = None
    below: float | None = None
    equals: bool | str | None = None
    languages: tuple[str, ...] = ()
    """Languages that the rule is for; all when empty."""
    except_languages: tuple[str, ...] = ()
    """Languages that the rule is not for."""


def decide(observations: pa.Table, rules: Sequence[Rule], include: Sequence[str]) -> pa.Table:
    """Column `quality_reasons`: all rules that the file breaks, in the order of the spec, `quality.language` first.

    Raises:
        KeyError: when a rule names a column that no observer wrote.
        Problem: E105 when a rule compares a column with a value of another type.
    """
    names = ["quality.language", *(f"quality.{rule.id}" for rule in rules)]
    masks = [np.zeros(observations.num_rows, np.int64) for _ in range(0, len(names), _BITS)]
    language = observations["language"].combine_chunks()
    known = (
        pc.is_in(language, pa.array(list(include), pa.string())) if include else pc.not_equal(language, "")
    )
    _mark(masks, pc.invert(known), 0)
    for number, rule in enumerate(rules, 1):
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
        if rule.except_languages:
            spared = pc.is_in(language, pa.array(list(rule.except_languages), pa.string()))
            broken = pc.and_not(broken, spared)
        _mark(masks, broken, number)
    return pa.table({"quality_reasons": _lists(masks, names)})


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


_BITS = 62
"""Rules to a mask."""


def _mark(masks: list[NDArray[np.int64]], broken: pa.Array, number: int) -> None:
    flags = pc.fill_null(broken, False).to_numpy(zero_copy_only=False)
    masks[number // _BITS] |= flags.astype(np.int64) << (number % _BITS)


def _lists(masks: list[NDArray[np.int64]], names: Sequence[str]) -> pa.Array:
    parts = [label_masks(mask, names[i * _BITS : (i + 1) * _BITS]) for i, mask in enumerate(masks)]
    if len(parts) == 1:
        return parts[0]
    rows = np.concatenate([parents_of(part) for part in parts])
    order = np.argsort(rows, kind="stable")
    values = pa.concat_arrays([pc.list_flatten(part) for part in parts]).take(pa.array(order))
    return lists_from(rows[order], values, len(masks[0]))
