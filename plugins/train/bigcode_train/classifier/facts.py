"""What a card prints about a token classifier: what it learnt from, how well it finds, and what it cost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bigcode.api import Fact
from bigcode_train.classifier.config import TokenClassifierConfig
from bigcode_train.classifier.labelled import Labelled, LabelledSet
from bigcode_train.classifier.loop import Development
from bigcode_train.classifier.predict import Scores
from bigcode_train.classifier.pseudo import is_sure
from bigcode_train.classifier.spans import Score, wilson

_RULES = {
    "partial": "four fifths of the label and of the finding in common",
    "strict": "the same bounds",
}


@dataclass
class Round:
    """One model: its course and how the development part judged it, and the pseudo-labels that it was given."""

    steps: int = 0
    tokens: int = 0
    windows: int = 0
    first_loss: float = 0.0
    last_loss: float = 0.0
    development: Development = field(default_factory=Development)
    pseudo: tuple[Labelled, ...] = ()


def score_facts(scores: Scores, labelled: LabelledSet) -> Iterator[Fact]:
    """Precision, recall and F1 by entity on the held-out part, with intervals, for both ways of matching.

    Precision counts findings on unlabelled text as wrong, whether or not they are; `precision-on-labels` leaves
    those out, for sets that do not label all that their files hold.
    """
    for match, rule in _RULES.items():
        for entity, score in scores[match].items():
            group = f"{{entity={entity}}}" if match == "partial" else f"{{entity={entity},match={match}}}"
            for name, label, value, bounds in _rates(score):
                if value is None:
                    continue
                yield Fact(
                    f"{name}{group}",
                    round(value, 6),
                    kind="estimated",
                    label=f"{label} on held-out files of {labelled.name}: {entity}",
                    method=f"findings against labels, {rule} counts as found; interval after Wilson at "
                    "ninety-five percent",
                    interval=(round(bounds[0], 6), round(bounds[1], 6)),
                )


def _rates(score: Score) -> Iterator[tuple[str, str, float | None, tuple[float, float]]]:
    claimed, positives = score.found + score.wrong, score.found + score.missed
    on_labels = score.found + score.wrong_on_labels
    yield "precision", "Precision", _share(score.found, claimed), wilson(score.found, claimed)
    yield (
        "precision-on-labels",
        "Precision where labels are",
        _share(score.found, on_labels),
        wilson(score.found, on_labels),
    )
    yield "recall", "Recall", _share(score.found, positives), wilson(score.found, positives)
    yield "f1", "F-measure", score.f1 if positives else None, score.f1_interval


def labelled_facts(
    labelled: LabelledSet, rounds: Sequence[Round], chosen: int, config: TokenClassifierConfig
) -> Iterator[Fact]:
    """How many files and labels of each entity were in which part, and what rounds of pseudo-labels added."""
    for part, items in labelled.parts.items():
        yield Fact(
            f"labelled.files{{part={part}}}", len(items), "file", label=f"Labelled files, {part} part",
            method="a keyed digest of the file decides its part",
        )  # fmt: skip
        for entity, count in _count(items, config).items():
            yield Fact(
                f"labels{{entity={entity},part={part}}}",
                count,
                "finding",
                label=f"Labels, {part} part: {entity}",
            )
    yield Fact(
        "labelled.withdrawn",
        labelled.withdrawn,
        "file",
        label="Labelled texts taken out because of an opt-out",
    )
    for number, each in enumerate(rounds):
        group = f"{{round={number}}}"
        if each.development.best is not None:
            yield Fact(
                f"development.f1{group}", round(each.development.best[0], 6), label="F-measure on the development part",
                method="over all entities, partial matches count as found",
            )  # fmt: skip
        if number:
            yield Fact(f"pseudo.files{group}", len(each.pseudo), "file", label="Files with pseudo-labels")
            for entity in config.entities:
                sure = sum(
                    s.entity == entity and is_sure(s, config) for item in each.pseudo for s in item.spans
                )
                yield Fact(
                    f"pseudo.labels{{entity={entity},round={number}}}", sure, "finding",
                    label=f"Pseudo-labels: {entity}",
                )  # fmt: skip
    yield Fact("round", chosen, label="Round whose model is handed over")


def _count(items: Sequence[Labelled], config: TokenClassifierConfig) -> Mapping[str, int]:
    return {
        entity: sum(s.positive and s.entity == entity for item in items for s in item.spans)
        for entity in config.entities
    }


def _share(part: int, total: int) -> float | None:
    return part / total if total else None
