"""Labelled samples for measuring a detector, and the measure.

Invented values are put into given carrier files on lines of their own, with the place of each known. Scores on
such a set say how a detector fares with forms that its makers know of; they are no estimate for real secrets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from random import Random

from bigcode_pii.config import Entity
from bigcode_pii.findings import Finding
from bigcode_pii.invented import NEGATIVES, POSITIVES


@dataclass(frozen=True, slots=True)
class Label:
    """Bytes `start` to `end` of a sample; `entity` is None for a value that a detector must leave alone."""

    start: int
    end: int
    entity: Entity | None
    kind: str


@dataclass(frozen=True, slots=True)
class Sample:
    """A carrier file with values put in."""

    content: bytes
    labels: tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """Counts and shares of one entity, or of one kind; intervals are Wilson's at 95 %.

    `precision` counts what the detector took for the entity among planted values; `precision_all` counts hits
    on the carriers' own text as false, too, though some of them are true.
    """

    found: int
    missed: int
    false_planted: int
    false_carrier: int

    @property
    def recall(self) -> float:
        return _share(self.found, self.found + self.missed)

    @property
    def precision(self) -> float:
        return _share(self.found, self.found + self.false_planted)

    @property
    def precision_all(self) -> float:
        return _share(self.found, self.found + self.false_planted + self.false_carrier)

    @property
    def recall_interval(self) -> tuple[float, float]:
        return wilson_interval(self.found, self.found + self.missed)

    @property
    def precision_interval(self) -> tuple[float, float]:
        return wilson_interval(self.found, self.found + self.false_planted)


def build_samples(
    carriers: Iterable[bytes], seed: int, positives: int = 3, negatives: int = 5
) -> list[Sample]:
    """One sample for each carrier (UTF-8) with so many values put in; entities, and their kinds, are drawn evenly.

    Carriers that hold private keys of their own are better left out: a line planted into one is covered by it.
    """
    rng = Random(seed)
    kinds: dict[Entity, list[str]] = {}
    for entity, kind in sorted(POSITIVES):
        kinds.setdefault(entity, []).append(kind)
    traps = sorted(NEGATIVES)
    samples = []
    for carrier in carriers:
        chosen: list[tuple[Entity | None, str, tuple[str, str, str]]] = []
        for entity in (rng.choice(sorted(kinds)) for _ in range(positives)):
            kind = rng.choice(kinds[entity])
            chosen.append((entity, kind, POSITIVES[entity, kind](rng)))
        for kind in (rng.choice(traps) for _ in range(negatives)):
            chosen.append((None, kind, NEGATIVES[kind](rng)))
        rng.shuffle(chosen)
        samples.append(_plant(carrier, chosen, rng))
    return samples


def _plant(
    carrier: bytes, chosen: Sequence[tuple[Entity | None, str, tuple[str, str, str]]], rng: Random
) -> Sample:
    lines = carrier.splitlines(keepends=True)
    if lines and not lines[-1].endswith(b"\n"):
        lines[-1] += b"\n"
    places = sorted(rng.randint(0, len(lines)) for _ in chosen)
    parts: list[bytes] = []
    labels: list[Label] = []
    size = done = 0
    for place, (entity, kind, (before, value, after)) in zip(places, chosen, strict=True):
        text = b"".join(lines[done:place]) + b" " * rng.choice((0, 2, 4)) + before.encode()
        start = size + len(text)
        labels.append(Label(start, start + len(value.encode()), entity, kind))
        parts.append(text + value.encode() + after.encode() + b"\n")
        size += len(parts[-1])
        done = place
    return Sample(b"".join([*parts, *lines[done:]]), tuple(labels))


def measure(
    detect: Callable[[bytes], Sequence[Finding]], samples: Iterable[Sample], by_kind: bool = False
) -> dict[str, Score]:
    """Scores by entity, or with `by_kind` by `entity/kind` (there without the carriers' own text).

    A finding counts for a label of its entity when they share 80 % of the bytes of each (the rule of BigCode's
    evaluation of PII detectors).
    """
    counts: dict[str, list[int]] = {}

    def count(key: str, which: int) -> None:
        counts.setdefault(key, [0, 0, 0, 0])[which] += 1

    for sample in samples:
        findings = detect(sample.content)
        used: set[Finding] = set()
        for label in sample.labels:
            if label.entity is None:
                continue
            match = next((f for f in findings if f.entity == label.entity and _agree(f, label)), None)
            key = f"{label.entity}/{label.kind}" if by_kind else label.entity
            count(key, 1 if match is None else 0)
            if match is not None:
                used.add(match)
        for finding in findings:
            if finding in used:
                continue
            touched = next(
                (x for x in sample.labels if finding.start < x.end and x.start < finding.end), None
            )
            if by_kind and touched is not None:
                count(f"{finding.entity}/{touched.kind}", 2)
            elif not by_kind:
                count(finding.entity, 3 if touched is None else 2)
    return {key: Score(*counts[key]) for key in sorted(counts)}


def _agree(finding: Finding, label: Label, share: float = 0.8) -> bool:
    common = min(finding.end, label.end) - max(finding.start, label.start)
    return common >= share * max(finding.end - finding.start, label.end - label.start)


def _share(part: int, total: int) -> float:
    return part / total if total else 0.0


def wilson_interval(hits: int, total: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """The interval of a share after Wilson (1927); (0, 1) when nothing was counted."""
    if not total:
        return 0.0, 1.0
    share = hits / total
    middle = share + z * z / (2 * total)
    spread = z * sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)
