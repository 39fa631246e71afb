"""Claims that compare the results of two evaluations: what can be said, and what cannot.

Pure: facts in, a judgement out. What a card prints of a claim is a fact itself, which anybody can judge again from
the specs and the two results. A claim holds only where both results are there with intervals, were made by the same
harness (equal digests) in one unit, and the interval of their difference says so. The results are taken to be
independent.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import Any, Literal

from bigcode.api import Diagnostic, Fact
from bigcode.api.resource import REF

Relation = Literal["matches", "is-no-worse-than", "is-better-than"]
Verdict = Literal["holds", "does not hold", "cannot be told", "not comparable", "not measured"]

_CLAIMED = re.compile(r"^Evaluation/[^/]+/claim[.{]")
_MEMBER = re.compile(r"^(?P<group>[^{}]+)\{(?P<keys>[^{}]*)\}$")


@dataclass(frozen=True, slots=True)
class Claim:
    """`left` and `right` are full ids of facts, for example `Evaluation/ours@1.0.0/pass_at_1{suite=humaneval}`.

    `margin` is in the unit of the facts: the difference that does not count. `lower` says that less is better. `suite`
    names the harness of facts whose id names none. `ours` and `theirs` say whose results they are.
    """

    id: str
    left: str
    right: str
    relation: Relation
    margin: float = 0.0
    lower: bool = False
    suite: str = ""
    ours: str = ""
    theirs: str = ""

    @property
    def sentence(self) -> str:
        """The claim in words."""
        said = f"{self.ours} {self.relation.replace('-', ' ')} {self.theirs} on {_relative(self.left)}"
        return f"{said}, give or take {self.margin:g}" if self.margin else said


@dataclass(frozen=True, slots=True)
class Judgement:
    """`why` is a sentence without digits. `gap` is left - right with its interval, in `unit`, where it is known."""

    claim: Claim
    verdict: Verdict
    why: str
    gap: float | None = None
    interval: tuple[float, float] | None = None
    unit: str = "1"
    harness: str = ""

    @property
    def prints(self) -> bool:
        """Whether a card may print the claim."""
        return self.verdict == "holds"


def judge(claim: Claim, facts: Mapping[str, Fact]) -> Judgement:
    """What the facts say of a claim.

    `matches`: the interval of the difference lies within the margin on both sides (equivalence, Schuirmann 1987, by
    inclusion of the interval). `is-no-worse-than`: within it on the worse side. `is-better-than`: over it on the
    better side. Where the interval contradicts the claim it does not hold; where it does neither, it cannot be told.
    """
    left, right = facts.get(claim.left), facts.get(claim.right)
    for side, fact in (("this", left), ("the other", right)):
        if (missing := _lack(side, fact)) is not None:
            return Judgement(claim, *missing)
    a, b = _result(left), _result(right)
    if a.unit != b.unit:
        return Judgement(claim, "not comparable", "the results are in different units")
    if _relative(claim.left) != _relative(claim.right):
        return Judgement(claim, "not comparable", "the results are of different measures")
    harness = _harness(claim, claim.left, facts)
    if harness is None or _harness(claim, claim.right, facts) is None:
        return Judgement(claim, "not comparable", "a result names no harness")
    if harness != _harness(claim, claim.right, facts):
        return Judgement(claim, "not comparable", "the results were made by different harnesses")
    gap, interval = a.value - b.value, _difference(a, b)
    verdict = _verdict(claim, interval)
    said = {
        "holds": "the interval of the difference supports it",
        "does not hold": "the interval of the difference contradicts it",
        "cannot be told": "the interval of the difference is too wide",
    }
    return Judgement(claim, verdict, said[verdict], gap, interval, a.unit, harness)


def facts_of(judgement: Judgement) -> tuple[Fact, ...]:
    """Facts that a card prints for a claim, under full ids of the evaluation that makes it: what may be said, the
    verdict, and the difference where it is known."""
    claim = judgement.claim
    group = f"{{claim={claim.id}}}"
    subject, terms = _subject(claim.left), (("a", claim.left), ("b", claim.right))
    said = claim.sentence if judgement.prints else f"not shown: {judgement.why}"
    facts = [
        Fact(f"{subject}/claim{group}", said, "text", label="Claim", terms=terms, method=judgement.why),
        Fact(
            f"{subject}/claim.verdict{group}",
            judgement.verdict,
            "text",
            label="Verdict on the claim",
            terms=terms,
            method=judgement.why,
        ),
    ]
    if judgement.gap is not None:
        facts.append(
            Fact(
                f"{subject}/claim.difference{group}",
                judgement.gap,
                judgement.unit,
                "estimated",
                "Difference of the two results",
                formula="a - b",
                terms=terms,
                method="interval after Newcombe, Zou and Donner from both intervals",
                interval=judgement.interval,
            )
        )
    return tuple(facts)


def claim_facts(resources: Mapping[str, Mapping[str, Any]], facts: Mapping[str, Fact]) -> dict[str, Fact]:
    """The facts of all claims that evaluations make, by full id.

    Args:
        resources: resources as plain JSON by address; those of other kinds may be among them.
        facts: by full id; what they hold of claims is not read.
    """
    specs = {a: r["spec"] for a, r in sorted(resources.items()) if a.startswith("Evaluation/")}
    results = {i: fact for i, fact in facts.items() if not _CLAIMED.match(i)}
    return {
        fact.id: fact
        for address, spec in specs.items()
        for said in spec.get("claims", ())
        for fact in facts_of(judge(_claim(address, said, specs), results))
    }


def check_claims(
    resources: Mapping[str, Mapping[str, Any]], facts: Mapping[str, Fact]
) -> tuple[Collection[str], Iterable[Diagnostic]]:
    """The ids of the facts that claims give, judged anew, and E602 for each that is there in another form."""
    judged = claim_facts(resources, facts)
    found = [
        Diagnostic("E602", f"{fact_id} is not what its two results give")
        for fact_id, fact in judged.items()
        if fact_id not in facts or facts[fact_id].as_json() != fact.as_json()
    ]
    return judged.keys(), found


def _claim(address: str, said: Mapping[str, Any], specs: Mapping[str, Mapping[str, Any]]) -> Claim:
    than = _resolved(said["than"], specs)
    models = [f"{specs[a]['model']} ({a})" if a in specs else a for a in (address, than)]
    return Claim(
        said["id"],
        f"{address}/{said['fact']}",
        f"{than}/{said['fact']}",
        said["relation"],
        said["margin"],
        said["lower"],
        said["suite"],
        *models,
    )


def _resolved(reference: str, addresses: Iterable[str]) -> str:
    """The address that a reference without version stands for, where it is one."""
    match = REF.match(reference)
    found = [a for a in addresses if a.startswith(f"{reference}@")]
    return found[0] if match and match["version"] is None and len(found) == 1 else reference


def _verdict(claim: Claim, interval: tuple[float, float]) -> Verdict:
    # From here on more is better.
    low, high = (-interval[1], -interval[0]) if claim.lower else interval
    margin = claim.margin
    if claim.relation == "is-better-than":
        holds, fails = low > margin, high <= margin
    elif claim.relation == "is-no-worse-than":
        holds, fails = low >= -margin, high < -margin
    else:
        holds, fails = low >= -margin and high <= margin, low > margin or high < -margin
    return "holds" if holds else "does not hold" if fails else "cannot be told"


@dataclass(frozen=True, slots=True)
class _Result:
    value: float
    low: float
    high: float
    unit: str


def _lack(side: str, fact: Fact | None) -> tuple[Verdict, str] | None:
    """Why a fact cannot stand in a claim."""
    if fact is None or not isinstance(fact.value, int | float) or fact.withheld:
        return "not measured", f"{side} result is not measured"
    if fact.kind == "declared":
        return "not comparable", f"{side} result is declared, and was not measured here"
    if fact.interval is None:
        return "not comparable", f"{side} result has no interval"
    return None


def _result(fact: Fact | None) -> _Result:
    if fact is None or fact.interval is None or not isinstance(fact.value, int | float):
        raise ValueError("a fact without a number or an interval")
    low, high = fact.interval
    return _Result(fact.value, low, high, fact.unit)


def _difference(a: _Result, b: _Result) -> tuple[float, float]:
    """The interval of a - b from both (Newcombe 1998, method 10; Zou and Donner 2008)."""
    gap = a.value - b.value
    low = sqrt((a.value - a.low) ** 2 + (b.high - b.value) ** 2)
    high = sqrt((a.high - a.value) ** 2 + (b.value - b.low) ** 2)
    return gap - low, gap + high


def _subject(fact_id: str) -> str:
    return "/".join(fact_id.split("/", 2)[:2])


def _relative(fact_id: str) -> str:
    """The id without its subject."""
    return fact_id.split("/", 2)[-1]


def _harness(claim: Claim, fact_id: str, facts: Mapping[str, Fact]) -> str | None:
    """The digest of the harness that made a result: of the suite that its id names, or else of the claim's."""
    member = _MEMBER.match(_relative(fact_id))
    keys = dict(pair.split("=", 1) for pair in member["keys"].split(",") if "=" in pair) if member else {}
    suite = keys.get("suite") or claim.suite
    found = facts.get(f"{_subject(fact_id)}/harness{{suite={suite}}}")
    return str(found.value) if found is not None and found.value else None
