"""Detectors are measured by hand-countable rules, and gates compare what was measured."""

from __future__ import annotations

from math import isclose
from typing import Any

import pyarrow as pa
import pytest

from bigcode.decide.detection import Gate, Measured, Score, measure, passes, wilson

LABELS = pa.list_(
    pa.struct(
        [
            ("start", pa.int64()),
            ("end", pa.int64()),
            ("entity", pa.string()),
            ("kind", pa.string()),
            ("positive", pa.bool_()),
        ]
    )
)
FINDINGS = pa.list_(pa.struct([("start", pa.int64()), ("end", pa.int64()), ("entity", pa.string())]))
Span = tuple[Any, ...]


def compare(labels: list[list[Span]], findings: list[list[Span]]) -> Measured:
    """Labels are (start, end, entity, kind, positive), findings (start, end, entity), a list per text."""
    return measure(
        pa.table(
            {
                "labels": pa.array(
                    [[dict(zip(LABELS.value_type.names, x, strict=True)) for x in row] for row in labels],
                    LABELS,
                )
            }
        ),
        pa.table(
            {
                "pii": pa.array(
                    [[dict(zip(FINDINGS.value_type.names, x, strict=True)) for x in row] for row in findings],
                    FINDINGS,
                )
            }
        ),
    )


MAIL = (0, 10, "EMAIL", "plain", True)
KEY = (20, 30, "KEY", "aws", True)
UUID = (40, 50, "KEY", "uuid", False)


def test_each_finding_and_each_label_is_counted_once() -> None:
    measured = compare([[MAIL, KEY, UUID]], [[(0, 10, "EMAIL"), (40, 50, "KEY"), (80, 90, "EMAIL")]])
    assert measured.entities == {
        "EMAIL": Score(found=1, false_elsewhere=1),
        "KEY": Score(missed=1, planted=1, false_planted=1),
    }
    assert measured.kinds == {
        ("EMAIL", "plain"): Score(found=1),
        ("KEY", "aws"): Score(missed=1),
        ("KEY", "uuid"): Score(planted=1, false_planted=1),
    }


@pytest.mark.parametrize(
    ("finding", "found"),
    [
        ((0, 10, "EMAIL"), True),
        ((0, 8, "EMAIL"), True),  # .8 of the label, all of the finding
        ((0, 7, "EMAIL"), False),
        ((0, 12, "EMAIL"), True),  # all of the label, .83 of the finding
        ((0, 13, "EMAIL"), False),  # .77 of the finding
        ((2, 12, "EMAIL"), True),  # .8 of both
        ((3, 13, "EMAIL"), False),
        ((0, 10, "KEY"), False),
    ],
)
def test_four_fifths_of_both_and_the_same_entity_make_a_match(finding: Span, found: bool) -> None:
    measured = compare([[MAIL]], [[finding]])
    assert measured.entities["EMAIL"].found == int(found)
    assert sum(score.misplaced for score in measured.entities.values()) == int(not found)


def test_a_wrong_entity_counts_against_the_one_that_claimed_it() -> None:
    measured = compare([[KEY]], [[(20, 30, "PASSWORD")]])
    assert measured.entities == {"KEY": Score(missed=1), "PASSWORD": Score(misplaced=1)}
    assert measured.kinds["PASSWORD", "aws"] == Score(misplaced=1)


def test_one_finding_over_two_labels_finds_at_most_one() -> None:
    near = [(0, 10, "KEY", "a", True), (10, 20, "KEY", "b", True)]
    assert compare([near], [[(0, 20, "KEY")]]).entities["KEY"] == Score(missed=2, misplaced=1)
    assert compare([near], [[(0, 11, "KEY"), (0, 11, "KEY")]]).entities["KEY"] == Score(
        found=1, missed=1, misplaced=1
    )


def test_rows_are_compared_with_their_own_rows() -> None:
    measured = compare([[MAIL], [], [MAIL]], [[], [(0, 10, "EMAIL")], [(0, 10, "EMAIL")]])
    assert measured.entities == {"EMAIL": Score(found=1, missed=1, false_elsewhere=1)}
    with pytest.raises(ValueError, match="labels of 1 texts and findings of 2"):
        compare([[]], [[], []])
    nothing = pa.table({"labels": pa.array([None], LABELS)}), pa.table({"pii": pa.array([None], FINDINGS)})
    assert measure(*nothing) == Measured()


def test_shares_are_those_of_the_counts() -> None:
    score = Score(found=6, missed=2, planted=9, false_planted=1, misplaced=1, false_elsewhere=4)
    assert score.recall == 6 / 8
    assert score.precision == 6 / 8
    assert score.precision_everywhere == 6 / 12
    assert score.f1 == pytest.approx(0.75)
    assert Score(found=3, missed=1, false_planted=3).f1 == pytest.approx(2 * 0.5 * 0.75 / 1.25)
    assert (Score().recall, Score().precision, Score().f1) == (None, None, None)
    assert Score(missed=2).f1 == 0.0


@pytest.mark.parametrize(
    ("hits", "total", "low", "high"),
    [
        (0, 0, 0.0, 1.0),
        (10, 10, 0.7225, 1.0),
        (0, 10, 0.0, 0.2775),
        # 81 of 263 is the worked example of Newcombe, Statistics in Medicine 17 (1998), table I.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_intervals_are_wilsons(hits: int, total: int, low: float, high: float) -> None:
    found = wilson(hits, total)
    assert isclose(found[0], low, abs_tol=5e-5)
    assert isclose(found[1], high, abs_tol=5e-5)


def test_a_gate_compares_the_lower_bound_or_the_estimate() -> None:
    measured = Measured({"KEY": Score(found=10, false_elsewhere=10)})  # lower bound of 10 of 10 is .7225
    assert passes(measured, Gate("KEY", precision=0.72, recall=0.72))
    assert not passes(measured, Gate("KEY", precision=0.73))
    assert not passes(measured, Gate("KEY", recall=0.73))
    assert passes(measured, Gate("KEY", precision=1.0, recall=1.0, basis="point"))
    assert not passes(measured, Gate("KEY", precision=0.51, basis="point", everywhere=True))
    assert passes(measured, Gate("KEY", precision=0.5, basis="point", everywhere=True))


def test_what_was_not_measured_does_not_pass() -> None:
    assert not passes(Measured(), Gate("NAME", recall=0.1, basis="point"))
    assert not passes(Measured({"NAME": Score(missed=3)}), Gate("NAME", precision=0.1))
    assert passes(Measured(), Gate("NAME"))
