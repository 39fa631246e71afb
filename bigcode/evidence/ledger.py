"""All facts of a workspace: what actions recorded, what specs declare, under full ids."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from bigcode.api.diagnostics import Diagnostic
from bigcode.api.facts import Fact
from bigcode.api.resource import Resource, plain
from bigcode.evidence.claims import claim_facts
from bigcode.store.actions import Action

_FULL = re.compile(r"^[A-Z][A-Za-z]+/[^/]+@[^/]+/")


@dataclass(frozen=True)
class Ledger:
    """`facts` by full id; `declared` holds declared values that a measured one stands before."""

    facts: Mapping[str, Fact]
    declared: Mapping[str, Fact] = field(default_factory=dict)
    findings: tuple[Diagnostic, ...] = ()

    @cached_property
    def _by_address(self) -> Mapping[str, dict[str, Fact]]:
        found: dict[str, dict[str, Fact]] = {}
        for fact_id, fact in self.facts.items():
            found.setdefault("/".join(fact_id.split("/", 2)[:2]), {})[fact_id] = fact
        return found

    def of(self, address: str) -> dict[str, Fact]:
        """Facts of a resource by full id."""
        return dict(self._by_address.get(address, {}))


def full_id(resource: str, name: str) -> str:
    """`resource/name`, unless the name is a full id already."""
    return name if _FULL.match(name) else f"{resource}/{name}"


def qualify(resource: str, fact: Fact) -> Fact:
    """A fact of an action with full ids, for itself and for what its formula reads."""
    return replace(
        fact,
        id=full_id(resource, fact.id),
        terms=tuple((letter, full_id(resource, name)) for letter, name in fact.terms),
    )


def collect(recorded: Iterable[tuple[str, Action]], resources: Mapping[str, Resource]) -> Ledger:
    """The ledger of a workspace: what was recorded, what is declared, and what follows for claims of evaluations.

    Args:
        recorded: actions with the address of the resource that they belong to.
    """
    facts: dict[str, Fact] = {}
    findings: list[Diagnostic] = []
    for resource, action in recorded:
        for raw in action.facts:
            fact = qualify(resource, raw)
            known = facts.get(fact.id)
            if known is not None and known.value != fact.value:
                findings.append(
                    Diagnostic("E601", f"{fact.id} has two values: {known.value} and {fact.value}")
                )
            facts[fact.id] = fact
    declared: dict[str, Fact] = {}
    for address, resource_ in resources.items():
        for item in resource_.spec.facts:
            fact = Fact(
                f"{address}/{item.id}",
                item.value,
                item.unit,
                "declared",
                item.label,
                source=item.source,
                as_of=item.as_of,
            )
            if fact.id in facts:
                declared[fact.id] = fact
                if facts[fact.id].value != fact.value:
                    findings.append(
                        Diagnostic(
                            "E610",
                            f"{fact.id}: declared {fact.value}, measured {facts[fact.id].value}",
                            severity="warning",
                            hint="Both are shown; the measured value is printed.",
                        )
                    )
            else:
                facts[fact.id] = fact
    claiming = {a: {"spec": plain(r.spec)} for a, r in resources.items() if r.kind == "Evaluation"}
    facts |= claim_facts(claiming, facts)
    return Ledger(dict(sorted(facts.items())), declared, tuple(findings))
