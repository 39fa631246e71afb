"""Decontamination: files that hold tasks of the suites on which models are evaluated."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from bigcode.decide.columns import lists_from, parents_of


def decide(observations: pa.Table, suites: Sequence[str]) -> pa.Table:
    """Column `contamination_reasons`: `contamination.<suite>` for each suite of the policy that the file holds.

    Args:
        observations: needs contaminated (list of names of suites).
        suites: those that count; all when empty.
    """
    lists = observations["contaminated"].combine_chunks()
    rows, names = parents_of(lists), pc.list_flatten(lists)
    if suites:
        counts = pc.is_in(names, value_set=pa.array(list(suites), pa.string()))
        rows, names = rows[counts.to_numpy(zero_copy_only=False)], names.filter(counts)
    reasons = pc.binary_join_element_wise("contamination.", names.cast(pa.string()), "")
    return pa.table({"contamination_reasons": lists_from(rows, reasons, len(lists))})
