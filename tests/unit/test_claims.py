"""A claim that compares two results prints only where both were measured alike and the difference says so."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import ValidationError

from bigcode.api import Fact
from bigcode.api.canonical import canonical, digest
from bigcode.api.resource import identity, references
from bigcode.evidence.bundle import Bundle, seal
from bigcode.evidence.claims import Claim, check_claims, claim_facts, judge
from bigcode.evidence.verify import verify
from bigcode.spec.kinds.evaluation import EvaluationSpec
from bigcode.store.actions import Action

OURS, THEIRS = "Evaluation/ours@1.0.0", "Evaluation/theirs@1.0.0"
MEASURE = "pass_at_1{suite=humaneval}"
MATCHES = Claim("humaneval", f"{OURS}/{MEASURE}", f"{THEIRS}/{MEASURE}", "matches", margin=0.05)


def results(
    ours: tuple[float, float, float],
    theirs: tuple[float, float, float],
    harness: tuple[str, str] = ("a", "a"),
) -> dict[str, Fact]:
    facts = []
    for subject, (value, low, high), made in ((OURS, ours, harness[0]), (THEIRS, theirs, harness[1])):
        facts.append(Fact(f"{subject}/{MEASURE}", value, interval=(low, high)))
        facts.append(Fact(f"{subject}/harness{{suite=humaneval}}", made, "text"))
    return {fact.id: fact for fact in facts}


def test_results_match_where_their_difference_is_sure_to_be_small() -> None:
    judged = judge(MATCHES, results((0.30, 0.28, 0.32), (0.31, 0.29, 0.33)))
    assert (judged.verdict, judged.prints) == ("holds", True)
    assert judged.gap == pytest.approx(-0.01)
    assert judged.interval == pytest.approx((-0.01 - 0.0283, -0.01 + 0.0283), abs=1e-4)


def test_wide_intervals_are_no_match_though_they_overlap() -> None:
    judged = judge(MATCHES, results((0.30, 0.20, 0.40), (0.31, 0.21, 0.41)))
    assert (judged.verdict, judged.prints) == ("cannot be told", False)


def test_results_that_are_apart_do_not_match() -> None:
    assert judge(MATCHES, results((0.50, 0.48, 0.52), (0.31, 0.29, 0.33))).verdict == "does not hold"


@pytest.mark.parametrize(
    ("relation", "verdict"),
    [("is-better-than", "holds"), ("is-no-worse-than", "holds"), ("matches", "does not hold")],
)
def test_of_bits_per_byte_less_is_better(relation: str, verdict: str) -> None:
    claim = replace(MATCHES, relation=relation, lower=True)  # type: ignore[arg-type]
    assert judge(claim, results((0.20, 0.19, 0.21), (0.40, 0.39, 0.41))).verdict == verdict


def test_no_worse_allows_the_margin_and_no_more() -> None:
    claim = replace(MATCHES, relation="is-no-worse-than")
    assert judge(claim, results((0.29, 0.28, 0.30), (0.30, 0.29, 0.31))).verdict == "holds"
    assert judge(claim, results((0.20, 0.19, 0.21), (0.30, 0.29, 0.31))).verdict == "does not hold"


def test_results_of_different_harnesses_are_not_compared() -> None:
    judged = judge(MATCHES, results((0.30, 0.28, 0.32), (0.31, 0.29, 0.33), ("a", "b")))
    assert (judged.verdict, judged.gap) == ("not comparable", None)


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({"value": None}, "not measured"),
        ({"interval": None}, "not comparable"),
        ({"kind": "declared"}, "not comparable"),
        ({"unit": "%"}, "not comparable"),
    ],
)
def test_a_result_that_is_missing_declared_or_without_interval_supports_nothing(
    change: dict[str, object], verdict: str
) -> None:
    facts = results((0.30, 0.28, 0.32), (0.31, 0.29, 0.33))
    facts[MATCHES.right] = replace(facts[MATCHES.right], **change)  # type: ignore[arg-type]
    assert judge(MATCHES, facts).verdict == verdict


def test_a_result_without_harness_or_of_another_measure_is_not_compared() -> None:
    facts = results((0.30, 0.28, 0.32), (0.31, 0.29, 0.33))
    del facts[f"{THEIRS}/harness{{suite=humaneval}}"]
    assert judge(MATCHES, facts).verdict == "not comparable"
    other = f"{THEIRS}/pass_at_10{{suite=humaneval}}"
    facts = results((0.30, 0.28, 0.32), (0.31, 0.29, 0.33))
    facts[other] = facts[MATCHES.right]
    assert judge(replace(MATCHES, right=other), facts).verdict == "not comparable"


def test_a_measure_that_names_no_suite_takes_that_of_the_claim() -> None:
    facts = {}
    for subject in (OURS, THEIRS):
        facts[f"{subject}/bits_per_byte.model"] = Fact("b", 2.0, "bit/B", interval=(1.9, 2.1))
        facts[f"{subject}/harness{{suite=evals.bits-per-byte}}"] = Fact("h", "a", "text")
    claim = Claim(
        "bits", f"{OURS}/bits_per_byte.model", f"{THEIRS}/bits_per_byte.model", "matches", 0.2, lower=True
    )
    assert judge(claim, facts).verdict == "not comparable"
    assert judge(replace(claim, suite="evals.bits-per-byte"), facts).verdict == "holds"


SPECS = {
    OURS: {
        "spec": {
            "model": "Model/ours",
            "claims": [
                {
                    "id": "humaneval",
                    "fact": MEASURE,
                    "than": "Evaluation/theirs",
                    "relation": "matches",
                    "margin": 0.05,
                    "lower": False,
                    "suite": "",
                }
            ],
        }
    },
    THEIRS: {"spec": {"model": "Model/theirs"}},
    "Model/ours@1.0.0": {"spec": {"claims": "of another kind"}},
}
CLOSE = results((0.30, 0.28, 0.32), (0.31, 0.29, 0.33))
SAID = f"{OURS}/claim{{claim=humaneval}}"


def test_a_claim_of_a_spec_becomes_facts_that_name_both_results() -> None:
    facts = claim_facts(SPECS, CLOSE)
    assert sorted(facts) == [
        f"{OURS}/claim.difference{{claim=humaneval}}",
        f"{OURS}/claim.verdict{{claim=humaneval}}",
        SAID,
    ]
    assert facts[SAID].value == (
        f"Model/ours ({OURS}) matches Model/theirs ({THEIRS}) on {MEASURE}, give or take 0.05"
    )
    for fact in facts.values():
        assert dict(fact.terms) == {"a": f"{OURS}/{MEASURE}", "b": f"{THEIRS}/{MEASURE}"}
        assert not any(c.isdigit() for c in fact.label + fact.method)
        assert Fact.from_json(fact.as_json()) == fact


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({}, "this result is not measured"),
        (
            results((0.3, 0.2, 0.4), (0.31, 0.21, 0.41)),
            "the interval of the difference is too wide",
        ),
        (
            results((0.3, 0.28, 0.32), (0.31, 0.29, 0.33), ("a", "b")),
            "the results were made by different harnesses",
        ),
    ],
)
def test_a_claim_that_does_not_hold_says_why_and_nothing_else(facts: dict[str, Fact], why: str) -> None:
    assert claim_facts(SPECS, facts)[SAID].value == f"not shown: {why}"


def test_facts_of_claims_are_judged_again_and_another_one_is_found() -> None:
    judged = claim_facts(SPECS, CLOSE)
    known, found = check_claims(SPECS, CLOSE | judged)
    assert (sorted(known), list(found)) == (sorted(judged), [])
    for changed in (
        CLOSE,
        CLOSE | judged | {SAID: replace(judged[SAID], value="ours is better")},
        judged | results((0.3, 0.2, 0.4), (0.31, 0.21, 0.41)),
    ):
        assert {d.code for d in check_claims(SPECS, changed)[1]} == {"E602"}


def test_a_claim_about_a_claim_is_not_measured() -> None:
    loop = {**SPECS, OURS: {"spec": {**SPECS[OURS]["spec"]}}}  # type: ignore[dict-item]
    loop[OURS]["spec"]["claims"] = [
        {**SPECS[OURS]["spec"]["claims"][0], "fact": "claim.difference{claim=humaneval}"}  # type: ignore[index]
    ]
    facts = CLOSE | claim_facts(SPECS, CLOSE)
    assert claim_facts(loop, facts)[SAID].value == "not shown: this result is not measured"


def bundle(*changed: Fact) -> Bundle:
    """The evidence of two evaluations, the facts of which were recorded, and of the claim of one of them."""
    files = {}
    refs = {}
    for address in (OURS, THEIRS):
        recorded = [replace(f, id=i.removeprefix(f"{address}/")) for i, f in CLOSE.items() if address in i]
        key = digest(address.encode())
        action = Action(key, "evals", 1, "", {}, {}, {}, tuple(recorded))
        files[f"actions/{key}.json"] = canonical(action.as_json())
        refs[address] = {f"{address}#suite.0": {"": key}}
    facts = CLOSE | claim_facts(SPECS, CLOSE) | {fact.id: fact for fact in changed}
    kinds = {a: {**r, "kind": a.split("/")[0]} for a, r in SPECS.items() if a in (OURS, THEIRS)}
    files["facts.jsonl"] = b"".join(canonical(fact.as_json()) + b"\n" for fact in facts.values())
    files["declared.jsonl"] = b""
    files["names.json"] = canonical({"resources": kinds, "glossary": [], "labels": []})
    files["refs.json"], files["objects.json"] = canonical(refs), canonical({})
    return Bundle(seal(files, "two"))


def test_verify_judges_the_claims_of_a_bundle_again() -> None:
    said = claim_facts(SPECS, CLOSE)[SAID]
    assert verify(bundle(), level=1, cards=lambda *_: ()).findings == []
    for forged in (replace(said, value="ours is better"), replace(said, id=f"{OURS}/claim{{claim=another}}")):
        assert not verify(bundle(forged), level=1, cards=lambda *_: ()).ok


CLAIM = {"id": "x", "fact": MEASURE, "than": "Evaluation/theirs", "relation": "matches", "margin": 0.05}
SPEC = {"model": "Model/ours", "suites": [{"uses": "evals.bits-per-byte"}]}


def test_claims_are_prose_and_enter_no_key() -> None:
    spec = EvaluationSpec.model_validate({**SPEC, "claims": [CLAIM]})
    assert identity(spec) == identity(EvaluationSpec.model_validate(SPEC))
    assert [text for _, text, _ in references(spec)] == ["Model/ours", "Evaluation/theirs"]


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ([{**CLAIM, "margin": 0}], "needs a margin"),
        ([CLAIM, CLAIM], "two claims have one id"),
        ([{**CLAIM, "than": "Model/theirs@x/y"}], "a reference reads"),
        ([{**CLAIM, "relation": "beats"}], "relation"),
    ],
)
def test_a_spec_tells_what_is_wrong_with_a_claim(claims: list[object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        EvaluationSpec.model_validate({**SPEC, "claims": claims})
