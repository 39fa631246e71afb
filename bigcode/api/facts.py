"""Facts: the only things that a card may print.

A fact is *measured* (a query over an object), *derived* (a formula over facts), *declared* (a source and an
as-of date) or *estimated* (a method and an interval). Ids read `subject/name`, for example
`Dataset/demo@1.0.0/files.kept`; a member of a group adds `{key=value}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

FactKind = Literal["measured", "derived", "declared", "estimated"]
Value = int | float | str | None


@dataclass(frozen=True, slots=True)
class Query:
    """An aggregate over a named table, small enough to be run again by anybody.

    `aggregate` is `count`, `sum`, `min`, `max` or `distinct`; `column` is what it is taken of (none for
    `count`; several, with commas between, for `distinct`); `where` holds column equals value, all of which must hold.
    """

    table: str
    aggregate: Literal["count", "sum", "min", "max", "distinct"]
    column: str = ""
    where: tuple[tuple[str, str | int | bool | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Fact:
    """One value with its unit and where it comes from.

    `inputs` are digests of the objects a measured fact was taken from, or the ids of the facts that a formula
    reads. `formula` names them by the letters of `terms`. `withheld` marks a count of people below the small
    cell: its value is None and cards print `withheld`.
    """

    id: str
    value: Value
    unit: str = "1"
    kind: FactKind = "measured"
    label: str = ""
    query: Query | None = None
    formula: str = ""
    terms: tuple[tuple[str, str], ...] = ()
    inputs: tuple[str, ...] = ()
    source: str = ""
    as_of: str = ""
    method: str = ""
    interval: tuple[float, float] | None = None
    tolerance: float = 0.0
    withheld: bool = False
    component: str = ""

    def as_json(self) -> dict[str, Any]:
        """The fact as plain JSON, without the fields that are empty."""
        out: dict[str, Any] = {"id": self.id, "kind": self.kind, "unit": self.unit, "value": self.value}
        if self.query is not None:
            query = self.query
            out["query"] = {"table": query.table, "aggregate": query.aggregate}
            if query.column:
                out["query"]["column"] = query.column
            if query.where:
                out["query"]["where"] = [list(pair) for pair in query.where]
        if self.terms:
            out["terms"] = dict(self.terms)
        if self.inputs:
            out["inputs"] = list(self.inputs)
        if self.interval:
            out["interval"] = list(self.interval)
        for name in ("label", "formula", "source", "as_of", "method", "tolerance", "withheld", "component"):
            if value := getattr(self, name):
                out[name] = value
        return out

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Fact:
        query = data.get("query")
        rest = {k: v for k, v in data.items() if k not in ("query", "terms", "inputs", "interval")}
        return cls(
            **rest,
            query=Query(
                query["table"],
                query["aggregate"],
                query.get("column", ""),
                tuple((k, v) for k, v in query.get("where", ())),
            )
            if query
            else None,
            terms=tuple(sorted(data.get("terms", {}).items())),
            inputs=tuple(data.get("inputs", ())),
            interval=tuple(data["interval"]) if "interval" in data else None,
        )


@dataclass(frozen=True, slots=True)
class Series:
    """Points of a curve that a card plots, for example the loss by step; every point is traced to `digest`."""

    id: str
    x_label: str
    y_label: str
    points: tuple[tuple[float, float], ...]
    digest: str = ""
    meta: Mapping[str, str] = field(default_factory=dict)
