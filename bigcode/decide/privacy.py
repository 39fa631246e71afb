"""Privacy verdicts: what is masked, and which files go because of what they hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

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


def decide(observations: pa.Table, actions: Mapping[str, Action]) -> pa.Table:
    """Columns `privacy_reasons` (list) and `spans`: byte ranges to be replaced, in order.

    An entity that the policy does not name is left alone.
    """
    reasons: list[list[str]] = []
    spans: list[list[dict[str, object]]] = []
    for found in observations["pii"].to_pylist():
        dropped: set[str] = set()
        kept: list[dict[str, object]] = []
        for item in found or ():
            rule = actions.get(item["entity"])
            if rule is None or item["score"] < rule.min_score or rule.action == "keep":
                continue
            if rule.action == "drop":
                dropped.add(f"privacy.{item['entity'].lower().replace('_', '-')}")
                continue
            replacement = f"<{item['entity']}>" if rule.action == "mask" else item["surrogate"]
            kept.append(
                {
                    "start": item["start"],
                    "end": item["end"],
                    "entity": item["entity"],
                    "replacement": replacement,
                }
            )
        reasons.append(sorted(dropped))
        spans.append(kept)
    return pa.table(
        {"privacy_reasons": pa.array(reasons, pa.list_(pa.string())), "spans": pa.array(spans, SPANS)}
    )
