"""A plan as lines for a person, and as a comment for a review."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bigcode.cli.render_estimates import estimate_lines
from bigcode.plan.estimates import Estimate
from bigcode.plan.gates import Gate
from bigcode.plan.graph import Graph
from bigcode.plan.survey import Step, Survey

MARKER = "<!-- bigcode plan -->"
LIMIT = 65_000


def plan_lines(
    graph: Graph, found: Survey, states: Sequence[Gate], delta: Any, costs: Sequence[Estimate] = ()
) -> list[str]:
    """Changes first, by resource; then the estimates, the impact, the gates and the sum."""
    lines: list[str] = []
    steps: dict[str, list[Step]] = {}
    for step in found.steps:
        steps.setdefault(step.node.partition("#")[0], []).append(step)
    for address in graph.resources():
        lines += _resource_lines(address, steps.get(address, []), found)
    if costs:
        lines += ["", *estimate_lines(costs)]
    if delta is not None:
        lines += ["", *delta.lines()]
    if states:
        lines += ["", *(_gate_line(g) for g in states)]
    verbs = [s.verb for s in found.steps]
    run, reuse, pinned = (verbs.count(verb) for verb in ("run", "reuse", "pinned"))
    total = f"Plan: {run:,} tasks to run, {reuse:,} reused, {pinned:,} pinned."
    if not found.changes:
        total = f"No changes: {len(verbs):,} tasks are up to date."
        if pinned:
            total = f"No changes: {reuse:,} tasks are up to date, {pinned:,} pinned to earlier data."
    return [*lines, "", total] if lines else [total]


def _resource_lines(address: str, steps: Sequence[Step], found: Survey) -> list[str]:
    if all(s.verb == "reuse" for s in steps):
        return []
    head = "^" if address in found.stale else "~"
    if address not in found.known and any(s.verb == "run" for s in steps):
        head = "+"
    lines = [f"{head} {address}" + ("   pinned: its data has moved on" if address in found.stale else "")]
    by_node: dict[str, list[Any]] = {}
    for step in steps:
        by_node.setdefault(step.node, []).append(step)
    for node, of_node in by_node.items():
        run = [s for s in of_node if s.verb == "run"]
        if run:
            reasons = list(dict.fromkeys(map(_short, dict.fromkeys(s.reason for s in run))))
            some = f"{len(run)} of {len(of_node)}" if run[0].label != "?" else "?"
            lines.append(f"    ~ {node.split('#')[1]:<28} {some:>10}  {'; '.join(reasons[:2])}")
    return lines


def _short(reason: str) -> str:
    if not reason.startswith("upstream("):
        return reason
    names = [n.split("#")[-1] for n in reason[len("upstream(") : -1].split(", ")]
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return f"after {', '.join(names[:2])}{more}"


def _gate_line(gate: Gate) -> str:
    if gate.ok:
        return f"Gate ok       {gate.id}: {gate.text}"
    if gate.waiver:
        return f"Gate waived   {gate.id}: {gate.text} (waived by {gate.waiver})"
    return f"Gate MISSING  {gate.id}: {gate.text}"


def github_comment(
    name: str,
    graph: Graph,
    found: Survey,
    states: Sequence[Gate],
    delta: Any,
    costs: Sequence[Estimate] = (),
) -> str:
    """A comment that starts with a marker, impact first, and stays below the limit of 65,535 characters."""
    head = [MARKER, f"## bigcode plan: {name}", ""]
    impact = ["```", *(delta.lines() if delta else []), "```", ""]
    gates = ["| gate | state | |", "| --- | --- | --- |"]
    gates += [
        f"| {g.id} | {'ok' if g.ok else 'waived' if g.waiver else '**missing**'} | {g.text} |" for g in states
    ]
    body = "\n".join([*head, *impact, *(gates if states else []), ""])
    details = "\n".join(plan_lines(graph, found, (), None, costs))
    room = LIMIT - len(body) - 200
    if len(details) > room:
        details = details[:room].rsplit("\n", 1)[0] + "\n... cut; the plan file has all tasks"
    return f"{body}\n<details><summary>Tasks</summary>\n\n```\n{details}\n```\n</details>\n"
