"""What a reason was decided on: the rule, and the values of the columns that it read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

_COLUMNS = {
    "license": ("license_ids", "license_scores"),
    "privacy": ("pii",),
    "contamination": ("contaminated",),
    "duplicate": ("bytes",),
    "split": (),
    "quality": ("language",),
}
_BOUNDS = ("above", "below", "equals")


def reads_of(reasons: Iterable[str], rules: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Columns of the observations that some reasons read."""
    found: set[str] = set()
    for reason in reasons:
        kind, _, name = reason.partition(".")
        found |= set(_COLUMNS.get(kind, ()))
        if kind == "quality" and name in rules:
            found |= set(_columns(rules[name]))
    return found


def _columns(rule: Mapping[str, Any]) -> list[str]:
    """Columns that a rule names, also where it is made of several conditions."""
    found = [rule["column"]] if isinstance(rule.get("column"), str) else []
    for value in rule.values():
        if isinstance(value, list | tuple):
            for part in value:
                if isinstance(part, Mapping):
                    found += _columns(part)
    return found


def told(
    row: Mapping[str, Any], observed: Mapping[str, Any], rules: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """Values by name for one verdict: no content, and of personal data only what kind was found how often."""
    kind, _, name = str(row["reason"]).partition(".")
    out: dict[str, Any] = {}
    if kind == "quality" and name in rules:
        rule = rules[name]
        for column in _columns(rule):
            out[column] = observed.get(column)
        out["rule"] = ", ".join(f"{b} {rule[b]}" for b in _BOUNDS if rule.get(b) is not None) or name
    elif kind == "license":
        out["license"] = row["license"]
        out["source"] = row["license_source"]
        ids, scores = observed.get("license_ids") or (), observed.get("license_scores") or ()
        out["found"] = [f"{i} {s:.2f}" for i, s in zip(ids, scores, strict=False)]
    elif kind == "privacy":
        out["found"] = dict(sorted(Counter(f["entity"] for f in observed.get("pii") or ()).items()))
    elif kind == "contamination":
        out["suites"] = sorted(observed.get("contaminated") or ())
    elif kind == "duplicate":
        out["similarity"] = round(row["similarity"] or 0.0, 4)
        out["of"] = row["seat"]
    elif kind == "kept":
        out["language"], out["license"], out["split"] = row["language"], row["license"], row["split"]
    return {k: v for k, v in out.items() if v not in (None, "", [], {})}
