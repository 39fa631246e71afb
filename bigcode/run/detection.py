"""How well the detectors of personal data do, measured on labelled sets that stand on files of the snapshot."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from bigcode.api.canonical import canonical
from bigcode.api.components import load_object
from bigcode.api.facts import Fact
from bigcode.decide.detection import Measured, Score, measure
from bigcode.run.observe import distinct_texts
from bigcode.run.task import Inputs, Output, Task, TaskContext

_METHOD = "labels against findings, {rule}; interval after Wilson at ninety-five percent"


def measure_detector(inputs: Inputs, task: Task, ctx: TaskContext) -> Output:
    """Precision and recall by entity on each labelled set, with intervals.

    Carriers are the files of one partition whose digests come first: a sample that nobody chose.
    """
    said = task.params
    blobs = distinct_texts(inputs)
    detector = _load(said["detector"])
    report: dict[str, Any] = {}
    for described in said["sets"]:
        labels = _load(described)
        labelled = labels.build(blobs.slice(0, labels.carriers), ctx)
        texts = pa.table({"blob": [str(i) for i in range(labelled.num_rows)], "content": labelled["content"]})
        found = detector.run(texts, ctx)
        measured = measure(labelled, found)
        report[labels.name] = _as_json(measured)
        for entity, score in measured.entities.items():
            _record(ctx, task, labels.name, entity, score)
    return {"measured": [("", canonical(report))]}


def _load(described: dict[str, Any]) -> Any:
    config = load_object(described["config_class"]).model_validate(dict(described["config"]))
    return load_object(described["factory"])(config)


def _record(ctx: TaskContext, task: Task, name: str, entity: str, score: Score) -> None:
    """Facts `pii.recall{entity=..., set=...}` and `pii.precision{...}`; none where nothing was there to find."""
    for what, value, bounds in (
        ("recall", score.recall, score.recall_interval),
        ("precision", score.precision, score.precision_interval),
        ("precision-everywhere", score.precision_everywhere, score.precision_everywhere_interval),
    ):
        if value is None or not score.positives:
            continue
        ctx.fact(
            Fact(
                f"pii.{what}{{entity={entity},set={name}}}",
                round(value, 6),
                kind="estimated",
                label=f"{what.capitalize().replace('-', ' ')} on {name}: {entity}",
                method=_METHOD.format(rule="a common part of four fifths of both counts as found"),
                interval=(round(bounds[0], 6), round(bounds[1], 6)),
                component=task.node,
            )
        )
    ctx.fact(
        Fact(
            f"pii.labels{{entity={entity},set={name}}}",
            score.positives,
            "finding",
            label=f"Labelled findings in {name}: {entity}",
            method="positive labels of the set",
            component=task.node,
        )
    )


def _as_json(measured: Measured) -> dict[str, Any]:
    def counts(score: Score) -> dict[str, int]:
        return {name: getattr(score, name) for name in score.__slots__}

    return {
        "entities": {entity: counts(score) for entity, score in measured.entities.items()},
        "kinds": {f"{entity}/{kind}": counts(score) for (entity, kind), score in measured.kinds.items()},
    }
