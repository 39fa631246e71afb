"""What the training data's decontamination says of a suite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bigcode.api import Diagnostic, Fact, ProcessContext
from bigcode_codeevals.refusals import MAYBE_KNOWN


@dataclass(frozen=True, slots=True)
class Standing:
    """`says` is `yes` (files that held tasks were taken out), `no`, or `not recorded`; `taken_out` counts them."""

    says: str
    taken_out: int | None = None


def standing(ctx: ProcessContext, names: Sequence[str], digest: str) -> Standing:
    """Look the suite up in the record of the training data.

    The record is the parameter `decontamination` of the process: a list with an entry for each dataset of the
    mixture, `{"dataset": address, "suites": [{"name": ..., "sha256": ...}]}`, of which the suites are those that
    its policy takes out. A suite is known by the digest of its file, or by a name of `names` for one without. Facts
    of the input `verdicts` say how many files each reason took out.
    """
    record = ctx.params.get("decontamination")
    if not record:
        return Standing("not recorded")
    found = [_found(entry, names, digest) for entry in record]
    if not all(found):
        return Standing("no")
    reasons = {f"contamination.{name}" for name in found}
    counts = [
        int(fact.value)
        for fact in ctx.facts("verdicts")
        if isinstance(fact.value, int)
        and any(f"files.dropped{{reason={reason}}}" in fact.id for reason in reasons)
    ]
    return Standing("yes", sum(counts) if counts else None)


def tell(ctx: ProcessContext, held: Standing, name: str) -> Sequence[Fact]:
    """Facts about it, and a warning where the result may owe something to memory."""
    if held.says != "yes":
        why = (
            "its training data names no decontamination"
            if held.says == "not recorded"
            else "the training data was not decontaminated against it"
        )
        ctx.warn(
            Diagnostic(
                MAYBE_KNOWN,
                f"the suite {name} may be known to the model: {why}",
                hint="Name the suite in Dataset.decontamination of each dataset that the model learns from.",
                severity="warning",
            )
        )
    facts = [
        Fact(
            f"decontaminated{{suite={name}}}",
            held.says,
            "text",
            label="Training data decontaminated against the suite",
        )
    ]
    if held.taken_out is not None:
        facts.append(
            Fact(
                f"decontaminated.files{{suite={name}}}",
                held.taken_out,
                "file",
                label="Training files taken out for holding its tasks",
            )
        )
    return facts


def _found(entry: Mapping[str, Any], names: Sequence[str], digest: str) -> str:
    for suite in entry.get("suites", ()):
        pinned = suite.get("sha256", "")
        if pinned == digest or (not pinned and suite.get("name") in names):
            return str(suite["name"])
    return ""
