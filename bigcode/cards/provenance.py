"""Where a fact comes from, in one line: what a reader sees who asks how a number was got."""

from __future__ import annotations

import re

from bigcode.api import Fact, Query
from bigcode.cards.format import tidy

_SHOWN_INPUTS = 2
_SHOWN_HEX = 12
_HEX = re.compile(r"^[0-9a-f]{64}$")
_TERM = re.compile(r"\b[a-z]\w*\b")
_SIGNS = str.maketrans({"*": " × ", "/": " ÷ ", "-": " − ", "+": " + "})


def describe(fact: Fact | None) -> str:
    """The kind of a fact and how its value came about."""
    if fact is None:
        return "not measured: nothing recorded this"
    if fact.withheld:
        return "withheld: fewer people than may be counted in public"
    match fact.kind:
        case "measured":
            parts = [
                _describe_query(fact.query) if fact.query else fact.method,
                _describe_inputs(fact.inputs),
            ]
        case "derived":
            parts = [describe_formula(fact), _describe_terms(fact)]
        case "declared":
            parts = [fact.source or "source not stated", f"as of {fact.as_of}" if fact.as_of else ""]
        case "estimated":
            parts = [
                fact.method or "method not stated",
                describe_formula(fact) if fact.formula else "",
                fact.source,
            ]
    if fact.component:
        parts.append(f"by {fact.component}")
    return tidy(f"{fact.kind}: {'; '.join(part for part in parts if part) or 'not described'}")


def describe_formula(fact: Fact) -> str:
    """The formula with its terms by name, relative to the fact's own subject: `energy × grid.intensity`."""
    subject = split_id(fact.id)[0]
    names = {letter: name if owner == subject else f"{owner}/{name}" for letter, owner, name in _terms(fact)}
    if not fact.formula:
        return "no formula"
    spelled = fact.formula.translate(_SIGNS)
    return tidy(_TERM.sub(lambda match: names.get(match[0], match[0]), spelled))


def split_id(fact_id: str) -> tuple[str, str]:
    """`Kind/name@version/rest` as subject and rest; the rest may hold slashes of its own."""
    kind, _, more = fact_id.partition("/")
    name, _, rest = more.partition("/")
    return f"{kind}/{name}", rest


def _terms(fact: Fact) -> list[tuple[str, str, str]]:
    return [(letter, *split_id(fact_id)) for letter, fact_id in fact.terms]


def _describe_query(query: Query) -> str:
    what = f"{query.aggregate} of {query.column}" if query.column else query.aggregate
    pairs = (
        (column, value if isinstance(value, str) else str(value).lower()) for column, value in query.where
    )
    where = ", ".join(f"{column} = {value}" for column, value in pairs)
    return f"{what} over {query.table}" + (f" where {where}" if where else "")


def _describe_terms(fact: Fact) -> str:
    return ", ".join(f"{letter} = {fact_id}" for letter, fact_id in fact.terms)


def _describe_inputs(inputs: tuple[str, ...]) -> str:
    if not inputs:
        return ""
    shown = [item[:_SHOWN_HEX] if _HEX.match(item) else item for item in inputs[:_SHOWN_INPUTS]]
    more = f" and {len(inputs) - _SHOWN_INPUTS} more" if len(inputs) > _SHOWN_INPUTS else ""
    return f"inputs {', '.join(shown)}{more}"
