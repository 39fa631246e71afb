"""What the Review resources of a workspace say, read together: decisions by dataset, and withdrawals over versions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from bigcode.api.diagnostics import Diagnostic, Place


@dataclass(frozen=True, slots=True)
class Said:
    """One decision of a Review.

    `saw` holds digests of what was looked at: the decision is about that and nothing else; none for whatever the case
    is about. `place` is where it stands.
    """

    queue: str
    case: str
    decide: str
    saw: tuple[str, ...]
    reason: str
    by: str
    date: str
    resource: str
    place: Place

    def contradicts(self, other: Said) -> bool:
        """Whether both are about the same and differ."""
        if (self.queue, self.case) != (other.queue, other.case) or self.decide == other.decide:
            return False
        return not self.saw or not other.saw or bool(set(self.saw) & set(other.saw))


def decisions_about(workspace: Any, address: str) -> list[Said]:
    """Decisions of the Reviews that name a dataset, in the order of their addresses."""
    return [said for dataset, said in _all_decisions(workspace) if dataset == address]


def withdrawals(workspace: Any, address: str) -> dict[str, Said]:
    """Contents that do not stand in a dataset, by digest, with the decision that took them out.

    A withdrawal holds for all later versions of the dataset and for what supersedes it, until a Review of one of these
    says `keep`: from there on the content may come back.
    """
    said: dict[str, list[Said]] = {}
    for dataset, decision in _all_decisions(workspace):
        if decision.queue == "withdrawal":
            said.setdefault(dataset, []).append(decision)
    return _withdrawn(workspace, address, said, {}) if said else {}


def check_reviews(workspace: Any) -> Iterable[Diagnostic]:
    """E209 for each pair of decisions about the same thing that contradict each other, in one file or in two."""
    known: dict[tuple[str, str, str], list[Said]] = {}
    for dataset, said in _all_decisions(workspace):
        before = known.setdefault((dataset, said.queue, said.case), [])
        for other in before:
            if said.contradicts(other):
                yield Diagnostic(
                    "E209",
                    f"the case `{said.case}` of the queue {said.queue} is decided as `{said.decide}` by {said.by} here "
                    f"({said.resource}), and as `{other.decide}` by {other.by} in {other.place} ({other.resource})",
                    said.place,
                    "Two decisions about the same text cannot both hold: take one of them out.",
                )
        before.append(said)


def _all_decisions(workspace: Any) -> Iterator[tuple[str, Said]]:
    for name, resource in workspace.resources.items():
        if resource.kind != "Review":
            continue
        spec = resource.spec
        try:
            dataset = workspace.address_of(spec.dataset)
        except KeyError:
            continue
        for number, d in enumerate(spec.decisions):
            place = workspace.place(name, "spec", "decisions", number)
            yield (
                dataset,
                Said(d.queue, d.case, d.decide, d.saw, d.reason, spec.by, str(spec.date), name, place),
            )


def _withdrawn(
    workspace: Any, address: str, said: dict[str, list[Said]], known: dict[str, dict[str, Said]]
) -> dict[str, Said]:
    if address not in known:
        # An entry at once, so that versions that name each other come to an end; that is told elsewhere.
        known[address] = {}
        found: dict[str, Said] = {}
        for earlier in _forerunners(workspace, address):
            found |= _withdrawn(workspace, earlier, said, known)
        for decision in said.get(address, ()):
            if decision.decide == "remove":
                found[decision.case] = decision
            else:
                found.pop(decision.case, None)
        known[address] = found
    return known[address]


def _forerunners(workspace: Any, address: str) -> list[str]:
    """The version before, and what the version supersedes."""
    versions = sorted(workspace.versions(address), key=_order_of)
    at = versions.index(address)
    found = versions[max(at - 1, 0) : at]
    superseded = getattr(workspace.resources[address].spec, "supersedes", None)
    if superseded:
        try:
            found.append(workspace.address_of(superseded))
        except KeyError:
            return found
    return found


def _order_of(address: str) -> tuple[tuple[int, int, str], ...]:
    """Versions by their numbers; what is appended to one (`1.0.0-rc1`) comes before it."""
    parts = re.findall(r"\d+|[A-Za-z]+", address.partition("@")[2])
    return (*((1, int(p), "") if p.isdecimal() else (-1, 0, p) for p in parts), (0, 0, ""))
