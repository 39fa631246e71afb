"""Consistency of facts: units that exist, formulas that recompute, ledgers that reconcile, inputs that are there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from bigcode.api.diagnostics import Diagnostic
from bigcode.api.facts import Fact
from bigcode.api.units import parse_unit
from bigcode.evidence.derive import recompute

# A fact names its own tolerance, and a wide one would let any value pass.
WIDEST_TOLERANCE = 1e-6


def check_facts(facts: Mapping[str, Fact], present: Collection[str] | None = None) -> list[Diagnostic]:
    """All findings over a set of facts.

    Args:
        present: digests that the evidence holds or lists; measured facts must trace to them.
    """
    found: list[Diagnostic] = []
    for fact in facts.values():
        found += _check_one(fact, facts, present)
    found += _reconcile(facts)
    return found


def _check_one(
    fact: Fact, facts: Mapping[str, Fact], present: Collection[str] | None
) -> Iterable[Diagnostic]:
    try:
        parse_unit(fact.unit)
    except ValueError as error:
        yield Diagnostic("E603", f"{fact.id}: {error}")
        return
    if fact.kind == "derived":
        if not 0 <= fact.tolerance <= WIDEST_TOLERANCE:
            yield Diagnostic(
                "E602", f"{fact.id} allows itself a tolerance of {fact.tolerance}, above {WIDEST_TOLERANCE}"
            )
        yield from recompute(fact, facts)
    if fact.kind == "declared" and not (fact.source and fact.as_of):
        yield Diagnostic("E613", f"{fact.id} is declared without source and as-of date")
    if fact.kind == "estimated" and not fact.method:
        yield Diagnostic("E613", f"{fact.id} is estimated without a method")
    if present is not None:
        for digest in fact.inputs:
            if digest not in present:
                yield Diagnostic(
                    "E605", f"{fact.id} was taken from {digest[:12]}, which the evidence does not hold"
                )


def _reconcile(facts: Mapping[str, Fact]) -> Iterable[Diagnostic]:
    """Files in = kept + dropped by reason, for every dataset."""
    for fact_id, fact in facts.items():
        if not fact_id.endswith("/files.in"):
            continue
        subject = fact_id.removesuffix("/files.in")
        kept = facts.get(f"{subject}/files.kept")
        dropped = [f for i, f in facts.items() if i.startswith(f"{subject}/files.dropped{{")]
        total = sum(int(f.value or 0) for f in (*dropped, *([kept] if kept else [])))
        if total != fact.value:
            yield Diagnostic("E608", f"{subject}: {fact.value} files in, {total} kept or dropped")
