"""A case of a review queue, and which decisions of Review resources are about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bigcode.run.session import Session
from bigcode.spec.reviews import Said, decisions_about, withdrawals

Saw = Mapping[str, tuple[str, ...]]
Decided = Mapping[tuple[str, str], list[Said]]


@dataclass(frozen=True, slots=True)
class Case:
    """`cases` are the names under which it can be decided, the first being its own, and `saw` the digests of what a
    decision under each name is about. `decisions` hold; `lapsed` were about other texts under the same name. `name` is
    the file of a copy, which only a person who can read the sealed list is shown."""

    queue: str
    cases: tuple[str, ...]
    evidence: Mapping[str, Any]
    saw: Saw = field(default_factory=dict)
    decisions: Mapping[str, Said] = field(default_factory=dict)
    lapsed: Mapping[str, Said] = field(default_factory=dict)
    name: str = ""

    def as_json(self, *, names: bool) -> dict[str, Any]:
        shown = {"name": self.name} if names and self.name else {}
        return {
            "queue": self.queue,
            "case": self.cases[0],
            "cases": list(self.cases),
            "saw": {name: list(self.saw[name]) for name in self.saw},
            "state": "decided" if self.decisions else "open",
            "decisions": {case: _told(said) for case, said in self.decisions.items()},
            "lapsed": {case: _told(said) for case, said in self.lapsed.items()},
            **self.evidence,
            **shown,
        }


def _told(said: Said) -> dict[str, str]:
    return {
        "decide": said.decide, "by": said.by, "date": said.date, "resource": said.resource, "reason": said.reason,
    }  # fmt: skip


def decisions_of(session: Session, address: str) -> Decided:
    """Decisions by queue and case about a dataset; withdrawals also from earlier versions of it."""
    found: dict[tuple[str, str], list[Said]] = {}
    for said in decisions_about(session.workspace, address):
        found.setdefault((said.queue, said.case), []).append(said)
    for case, said in withdrawals(session.workspace, address).items():
        found[said.queue, case] = [said]
    return found


def make_case(
    queue: str, names: Iterable[str], evidence: Mapping[str, Any], decided: Decided, saw: Saw, name: str = ""
) -> Case:
    """A case with the decisions about it; `saw` may tell of more names than the case goes by."""
    holding: dict[str, Said] = {}
    lapsed: dict[str, Said] = {}
    for case, digests in saw.items():
        for said in decided.get(("licence" if queue == "conflicts" else queue, case), ()):
            holds = not said.saw or set(digests) <= set(said.saw)
            (holding if holds else lapsed)[case] = said
    return Case(queue, tuple(names), evidence, saw, holding, lapsed, name)
