"""How well a detector of personal data does on a labelled set, and whether that is good enough for a policy.

Pure: tables in, counts out. What is compared are places and entities, never the values themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import sqrt
from typing import Any, Literal

import pyarrow as pa

ALPHA = BETA = 0.8
"""Share of the label, and of the finding, that both must have in common."""


@dataclass(frozen=True, slots=True)
class Score:
    """Counts of one entity, or of one kind of one entity.

    `found` and `missed` count positive labels. `false_planted` counts findings on labels that only look like one
    (`planted` of them there were), `misplaced` those that touch a positive label without agreeing with it (another
    entity, or too little in common, or a second finding on it), `false_elsewhere` those on text without a label.
    Of the last, some may be true: a set need not label all that its files hold. Kinds are properties of labels, so
    that scores of a kind have no `false_elsewhere`.
    """

    found: int = 0
    missed: int = 0
    planted: int = 0
    false_planted: int = 0
    misplaced: int = 0
    false_elsewhere: int = 0

    @property
    def positives(self) -> int:
        return self.found + self.missed

    @property
    def claimed(self) -> int:
        """Findings on labels."""
        return self.found + self.false_planted + self.misplaced

    @property
    def recall(self) -> float | None:
        """found / positives; None when there was nothing to find."""
        return _share(self.found, self.positives)

    @property
    def precision(self) -> float | None:
        """found / findings on labels; None without findings on labels."""
        return _share(self.found, self.claimed)

    @property
    def precision_everywhere(self) -> float | None:
        """found / all findings, those on unlabelled text counted as false: a lower estimate."""
        return _share(self.found, self.claimed + self.false_elsewhere)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall; None where neither is known, zero when nothing was found."""
        return _share(2 * self.found, self.claimed + self.positives)

    @property
    def recall_interval(self) -> tuple[float, float]:
        return wilson(self.found, self.positives)

    @property
    def precision_interval(self) -> tuple[float, float]:
        return wilson(self.found, self.claimed)

    @property
    def precision_everywhere_interval(self) -> tuple[float, float]:
        return wilson(self.found, self.claimed + self.false_elsewhere)


@dataclass(frozen=True, slots=True)
class Measured:
    """Scores by entity, and by (entity, kind); both in the order of their keys."""

    entities: Mapping[str, Score] = field(default_factory=dict)
    kinds: Mapping[tuple[str, str], Score] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Gate:
    """What a policy asks for one entity.

    `basis` says what is compared: `lower`, the lower bound of the interval at 95 %, so that a small set does not
    pass by luck, or `point`, the estimate itself. `everywhere` counts findings on unlabelled text as false, too.
    """

    entity: str
    precision: float = 0.0
    recall: float = 0.0
    basis: Literal["lower", "point"] = "lower"
    everywhere: bool = False


def measure(labels: pa.Table, findings: pa.Table, alpha: float = ALPHA, beta: float = BETA) -> Measured:
    """Compare findings with labels, row by row.

    `labels` has the column labels (list<struct<start, end, entity, kind, positive>>), `findings` the column pii
    (list<struct<start, end, entity, ...>>), both with one row per text, in the same order; a null list is an empty one.

    A finding agrees with a label of its entity when their common bytes are at least `alpha` of the label and `beta`
    of the finding (the rule, and the .8, of the evaluation of BigCode's own detectors). Each label is found by at
    most one finding and each finding finds at most one label: labels in the order of the text take the first
    agreeing finding that is left. A finding that agrees with no label is counted at the first label that it
    touches: a positive one makes it misplaced, a negative one falsely found; it counts for its own entity.

    Raises:
        ValueError: if the tables differ in their number of rows.
    """
    if labels.num_rows != findings.num_rows:
        raise ValueError(f"labels of {labels.num_rows} texts and findings of {findings.num_rows}")
    counts: dict[tuple[str, str], dict[str, int]] = {}

    def count(entity: str, kind: str, what: str) -> None:
        for key in ((entity, ""), (entity, kind)) if kind else ((entity, ""),):
            of = counts.setdefault(key, {})
            of[what] = of.get(what, 0) + 1

    for given, got in zip(labels["labels"].to_pylist(), findings["pii"].to_pylist(), strict=True):
        _compare(_sorted(given), _sorted(got), alpha, beta, count)
    scores = {key: Score(**counts[key]) for key in sorted(counts)}
    return Measured(
        {entity: score for (entity, kind), score in scores.items() if not kind},
        {key: score for key, score in scores.items() if key[1]},
    )


def _sorted(items: Iterable[Mapping[str, Any]] | None) -> list[Mapping[str, Any]]:
    return sorted(items or (), key=lambda item: (item["start"], item["end"], item["entity"]))


def _compare(
    labels: list[Mapping[str, Any]], findings: list[Mapping[str, Any]], alpha: float, beta: float, count: Any
) -> None:
    """Count what one text gives. Both lists are sorted, and both are short: files hold few findings."""
    left = list(range(len(findings)))
    for label in labels:
        if not label["positive"]:
            count(label["entity"], label["kind"], "planted")
            continue
        match = next((i for i in left if _agree(findings[i], label, alpha, beta)), None)
        count(label["entity"], label["kind"], "missed" if match is None else "found")
        if match is not None:
            left.remove(match)
    for index in left:
        finding = findings[index]
        touched = next(
            (x for x in labels if finding["start"] < x["end"] and x["start"] < finding["end"]), None
        )
        if touched is None:
            count(finding["entity"], "", "false_elsewhere")
        else:
            count(finding["entity"], touched["kind"], "misplaced" if touched["positive"] else "false_planted")


def _agree(finding: Mapping[str, Any], label: Mapping[str, Any], alpha: float, beta: float) -> bool:
    common = min(finding["end"], label["end"]) - max(finding["start"], label["start"])
    if finding["entity"] != label["entity"] or common <= 0:
        return False
    longest = max(alpha * (label["end"] - label["start"]), beta * (finding["end"] - finding["start"]))
    return bool(common >= longest)


def passes(measured: Measured, gate: Gate) -> bool:
    """Whether the entity's precision and recall reach what the gate asks.

    What was not measured does not pass, unless the gate asks nothing of it.
    """
    score = measured.entities.get(gate.entity, Score())
    precision = score.precision_everywhere if gate.everywhere else score.precision
    bounds = score.precision_everywhere_interval if gate.everywhere else score.precision_interval
    return _reaches(precision, bounds[0], gate.precision, gate.basis) and _reaches(
        score.recall, score.recall_interval[0], gate.recall, gate.basis
    )


def _reaches(estimate: float | None, lower: float, wanted: float, basis: str) -> bool:
    if wanted <= 0:
        return True
    return estimate is not None and (lower if basis == "lower" else estimate) >= wanted


def wilson(hits: int, total: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """The score interval of a share: (c - h, c + h), c = (p + z^2/2n) / (1 + z^2/n) and
    h = z sqrt(p(1-p)/n + z^2/4n^2) / (1 + z^2/n); z is the normal quantile, 1.96 for 95 %.

    (0, 1) when nothing was counted. Source: E. B. Wilson, Probable inference, the law of succession, and
    statistical inference, JASA 22 (1927), 209-212.
    """
    if not total:
        return 0.0, 1.0
    share = hits / total
    middle = share + z * z / (2 * total)
    spread = z * sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def _share(part: int, total: int) -> float | None:
    return part / total if total else None
