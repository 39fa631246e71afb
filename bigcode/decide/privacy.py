"""Privacy verdicts: what is masked, and which files go because of what they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bigcode.decide.columns import lists_from, parents_of

SPANS = pa.list_(
    pa.struct(
        [("start", pa.int64()), ("end", pa.int64()), ("entity", pa.string()), ("replacement", pa.string())]
    )
)


@dataclass(frozen=True, slots=True)
class Action:
    """`mask` writes `<ENTITY>`, `surrogate` the detector's stand-in, `drop` drops the file, `keep` does nothing."""

    action: str
    min_score: float = 0.5


def decide(observations: pa.Table, actions: Mapping[str, Action], withdrawn: Sequence[str] = ()) -> pa.Table:
    """Columns `privacy_reasons` (list) and `spans`: byte ranges to be replaced, in order.

    An entity that the policy does not name is left alone.

    Args:
        withdrawn: digests of files that a review took out, because of a secret found after release for example.
    """
    found = observations["pii"].combine_chunks()
    count = len(found)
    rows, values = parents_of(found), pc.list_flatten(found)
    entity = pc.struct_field(values, "entity") if len(values) else pa.array([], pa.string())
    rules = [actions.get(name, _KEEP) for name in pc.unique(entity).to_pylist()]
    kind = pc.index_in(entity, value_set=pc.unique(entity)).to_numpy(zero_copy_only=False).astype(np.int64)
    least = np.array([rule.min_score for rule in rules])[kind] if len(values) else np.zeros(0)
    done = np.array([rule.action for rule in rules], object)[kind] if len(values) else np.zeros(0, object)
    counts = (
        pc.struct_field(values, "score").to_numpy(zero_copy_only=False) if len(values) else np.zeros(0)
    ) >= least
    dropped = {
        (int(row), f"privacy.{name.lower().replace('_', '-')}")
        for row, name in zip(
            rows[counts & (done == "drop")].tolist(),
            entity.filter(pa.array(counts & (done == "drop"))).to_pylist(),
            strict=True,
        )
    }
    if withdrawn:
        taken = pc.is_in(observations["blob"], value_set=pa.array(sorted(withdrawn), pa.string()))
        dropped |= {(row, "privacy.withdrawn") for row in pc.indices_nonzero(taken).to_pylist()}
    ordered = sorted(dropped)
    reasons = lists_from(
        np.array([row for row, _ in ordered], np.int64), pa.array([r for _, r in ordered], pa.string()), count
    )
    shown = counts & ((done == "mask") | (done == "surrogate"))
    return pa.table(
        {
            "privacy_reasons": reasons,
            "spans": _spans(rows[shown], values.filter(pa.array(shown)), done[shown], count),
        }
    )


_KEEP = Action("keep")


def _spans(rows: NDArray[np.int64], values: pa.Array, done: NDArray[np.object_], count: int) -> pa.Array:
    if not len(values):
        return pa.array([[]] * count, SPANS)
    name = pc.struct_field(values, "entity")
    replacement = pc.if_else(
        pa.array(done == "mask"),
        pc.binary_join_element_wise("<", name, ">", ""),
        pc.struct_field(values, "surrogate"),
    )
    spans = pa.StructArray.from_arrays(
        [pc.struct_field(values, "start"), pc.struct_field(values, "end"), name, replacement],
        fields=list(SPANS.value_type),
    )
    return lists_from(rows, spans, count)
