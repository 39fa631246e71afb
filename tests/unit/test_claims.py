"""A claim that compares two results prints only where both were measured alike and the difference says so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bigcode.api import Fact
from bigcode_evals.claims import Claim, facts_of, judge

OURS, THEIRS = "Evaluation/ours@1.0.0", "Evaluation/theirs@1.0.0"
MEASURE = "pass_at_1{suite=humaneval}"
MATCHES = Claim("humaneval", f"{OURS}/{MEASURE}", f"{THEIRS}/{MEASURE}", "matches", margin=0.05)


def results(
    ours: tuple[float, float, float],
    theirs: tuple[float, float, float],
    harness: tuple[str, str] = ("a", "a"),
) -> dict[str, Fact]:
    facts = []
    for subject, (value, low, high), digest in ((OURS, ours, harness[0]), (THEIRS, theirs, harness[1])):
        facts.append(Fact(f"{subject}/{MEASURE}", value, interval=(low, high)))
        facts.append(Fact(f"{subject}/harness{{suite=humaneval}}", digest, "text"))
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
    [("is better than", "holds"), ("is no worse than", "holds"), ("matches", "does not hold")],
)
def test_of_bits_per_byte_less_is_better(relation: str, verdict: str) -> None:
    claim = replace(MATCHES, relation=relation, lower=True)  # type: ignore[arg-type]
    assert judge(claim, results((0.20, 0.19, 0.21), (0.40, 0.39, 0.41))).verdict == verdict


def test_no_worse_allows_the_margin_and_no_more() -> None:
    claim = replace(MATCHES, relation="is no worse than")
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


def test_what_a_card_prints_is_facts_that_name_both_results_and_no_digit_in_words() -> None:
    verdict, gap = facts_of(judge(MATCHES, results((0.30, 0.28, 0.32), (0.31, 0.29, 0.33))))
    assert (verdict.id, verdict.value) == ("claim.verdict{claim=humaneval}", "holds")
    assert (gap.kind, gap.unit) == ("estimated", "1")
    for fact in (verdict, gap):
        assert fact.inputs == (MATCHES.left, MATCHES.right)
        assert not any(c.isdigit() for c in fact.label + fact.method)
    assert len(facts_of(judge(MATCHES, {}))) == 1
