"""HumanEval, and the two infilling suites that derive from it line by line.

Sources: Chen et al. 2021, "Evaluating Large Language Models Trained on Code"; Bavarian et al. 2022, "Efficient
Training of Language Models to Fill in the Middle", section 4. The derived suites equal the published files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bigcode_codeevals.suites.sources import Record
from bigcode_codeevals.suites.tasks import TOP_LEVEL, Task, alone


def humaneval(records: Sequence[Record]) -> Iterator[Task]:
    """Functions to complete from their signature and description."""
    for record in records:
        yield Task(
            id=str(record["task_id"]),
            prompt=record["prompt"],
            head=record["prompt"],
            reference=record.get("canonical_solution"),
            entry=record["entry_point"],
            before=alone(record["prompt"]),
            tests=record["test"],
            check="check",
        )


def infilling(records: Sequence[Record], single: bool) -> Iterator[Task]:
    """Every line of a solution that is not blank, or every run of lines that starts and ends with such a one.

    A run that starts at the first line has one more line break before it, as in the published suites.
    """
    suite = "SingleLineInfilling" if single else "MultiLineInfilling"
    for record in records:
        lines = record["canonical_solution"].splitlines(keepends=True)
        full = [place for place, line in enumerate(lines) if line.strip()]
        for first in full:
            for last in [first] if single else [place for place in full if place >= first]:
                head = record["prompt"] + "".join(lines[:first]) + ("" if first else "\n")
                span = f"L{first}" if single else f"L{first}_L{last}"
                tail = "".join(lines[last + 1 :])
                yield Task(
                    id=f"{suite}/{record['task_id']}/{span}",
                    prompt=head,
                    stop=("\n",) if single else TOP_LEVEL,
                    suffix=tail,
                    head=head,
                    tail=tail if not single else _after_line(tail),
                    reference="".join(lines[first : last + 1]),
                    entry=record["entry_point"],
                    before=alone(record["prompt"]),
                    tests=record["test"],
                    check="check",
                )


def _after_line(tail: str) -> str:
    """A line is cut at its break, which the program needs back; a second one changes nothing."""
    return f"\n{tail}"
