"""Where the runs of a scaling ladder come from: finished Models of a workspace, or a table."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

from bigcode.api.diagnostics import Diagnostic, Place, Problem, fail
from bigcode.api.facts import Fact
from bigcode.plan.ladder import Run
from bigcode.spec.workspace import Workspace

_LOSSES = {"bits_per_byte": "bit/B", "loss": "nat/token"}
"""Columns of a table that hold the loss, with their unit."""


def runs_of_workspace(
    workspace: Workspace, facts: Mapping[str, Fact]
) -> tuple[list[Run], str, list[Diagnostic]]:
    """Causal language models that were trained from nothing, with the unit of their loss and remarks.

    Bits per byte of an Evaluation are taken where every finished model has them, else the final loss of training.

    Args:
        facts: recorded facts by full id.
    """
    found = [a for a, r in workspace.resources.items() if r.kind == "Model" and _plain(r.spec)]
    finished = [a for a in found if _number(facts, f"{a}/parameters") and _number(facts, f"{a}/tokens.seen")]
    bits = {a: held for a in finished if (held := _bits(workspace, facts, a)) is not None}
    remarks: list[Diagnostic] = []
    if finished and len(bits) == len(finished):
        losses, unit = {a: value for a, (value, _) in bits.items()}, "bit/B"
        if len({held for _, held in bits.values()}) > 1:
            remarks.append(
                _remark("the models were measured on different held-out data", "Losses do not compare then.")
            )
    else:
        losses = {a: value for a in finished if (value := _number(facts, f"{a}/loss.final"))}
        unit = "nat/token"
        if len({workspace.address_of(workspace.resources[a].spec.tokenizer) for a in losses}) > 1:
            hint = "Evaluate all of them: bits per byte compare."
            remarks.append(_remark("losses per token of different tokenizers do not compare", hint))
    runs = [
        Run(a, _number(facts, f"{a}/parameters"), _number(facts, f"{a}/tokens.seen"), losses[a])
        for a in losses
    ]
    return runs, unit, remarks


def _plain(spec: object) -> bool:
    return (
        getattr(spec, "task", "") == "causal-lm"
        and getattr(spec, "base", None) is None
        and getattr(spec, "checkpoint", None) is None
    )


def _bits(workspace: Workspace, facts: Mapping[str, Fact], model: str) -> tuple[float, str] | None:
    """Bits per byte of a model, and the dataset that they were measured on."""
    for address, resource in workspace.resources.items():
        if resource.kind != "Evaluation" or workspace.address_of(resource.spec.model) != model:
            continue
        held = resource.spec.held_out or workspace.resources[model].spec.data[0].dataset
        if value := _number(facts, f"{address}/bits_per_byte.model"):
            return value, workspace.address_of(held)
    return None


def _number(facts: Mapping[str, Fact], name: str) -> float:
    fact = facts.get(name)
    return float(fact.value) if fact is not None and isinstance(fact.value, int | float) else 0.0


def runs_of_table(path: Path) -> tuple[list[Run], str]:
    """Runs of a CSV file with the columns `parameters`, `tokens`, and `loss` or `bits_per_byte`; `name` is optional.

    Raises:
        Problem: E106 for a column that is missing, E105 for values that are no numbers, E108 for another encoding.
    """
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise fail("E108", "the table is not UTF-8 text", Place(str(path))) from error
    rows = csv.DictReader(text.splitlines())
    columns = [(name or "").strip() for name in rows.fieldnames or ()]
    rows.fieldnames = columns
    losses = [name for name in _LOSSES if name in columns]
    missing = [name for name in ("parameters", "tokens") if name not in columns]
    if missing or len(losses) != 1:
        wanted = missing or [" or ".join(_LOSSES)]
        raise fail(
            "E106",
            f"the table lacks {' and '.join(wanted)}"
            if missing or not losses
            else "the table has two columns of loss",
            Place(str(path)),
            "Its columns are name (optional), parameters, tokens, and loss or bits_per_byte.",
        )
    return list(_read_rows(rows, losses[0], path)), _LOSSES[losses[0]]


def _read_rows(rows: Iterable[Mapping[str, str | None]], loss: str, path: Path) -> list[Run]:
    found, wrong = [], []
    for line, row in enumerate(rows, 2):
        try:
            values = [float(row[name] or "") for name in ("parameters", "tokens", loss)]
        except (ValueError, TypeError):
            wrong.append(
                Diagnostic("E105", "parameters, tokens and loss are numbers", Place(str(path), line))
            )
            continue
        found.append(Run(row.get("name") or f"line {line}", *values))
    if wrong:
        raise Problem(*wrong)
    return found


def _remark(message: str, hint: str) -> Diagnostic:
    return Diagnostic("E610", message, None, hint, "warning")
