"""A plan as lines for a person, and as a comment for a review."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from bigcode.api.diagnostics import Diagnostic
from bigcode.cli.render_estimates import estimate_lines, name_together
from bigcode.plan.estimates import Estimate
from bigcode.plan.gates import Gate
from bigcode.plan.graph import Graph
from bigcode.plan.survey import Step, Survey

NOTHING: Mapping[str, str] = MappingProxyType({})
MARKER = "<!-- bigcode plan -->"
LIMIT = 65_000


def plan_lines(
    graph: Graph,
    found: Survey,
    states: Sequence[Gate],
    delta: Any,
    costs: Sequence[Estimate] = (),
    doubts: Sequence[Diagnostic] = (),
    orders: Mapping[str, str] = NOTHING,
) -> list[str]:
    """Changes first, by resource; then estimates, doubts about declared numbers, the impact, the gates and the sum."""
    lines: list[str] = []
    steps: dict[str, list[Step]] = {}
    for step in found.steps:
        steps.setdefault(step.node.partition("#")[0], []).append(step)
    for address in graph.resources():
        lines += _resource_lines(address, steps.get(address, []), found, orders)
    if costs:
        lines += ["", *estimate_lines(costs)]
    if doubts:
        lines += ["", *map(str, doubts)]
    if delta is not None:
        lines += ["", *delta.lines()]
    if states:
        lines += ["", *_gate_lines(states)]
    verbs = [s.verb for s in found.steps]
    run, reuse, pinned = (verbs.count(verb) for verb in ("run", "reuse", "pinned"))
    total = f"Plan: {run:,} tasks to run, {reuse:,} reused, {pinned:,} pinned."
    if not found.changes:
        total = f"No changes: {len(verbs):,} tasks are up to date."
        if pinned:
            total = f"No changes: {reuse:,} tasks are up to date, {pinned:,} pinned to earlier data."
    return [*lines, "", total] if lines else [total]


def _resource_lines(
    address: str, steps: Sequence[Step], found: Survey, orders: Mapping[str, str]
) -> list[str]:
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
        if run and node in orders:
            lines.append(f"      {orders[node]}")
    return lines


def _short(reason: str) -> str:
    if not reason.startswith("upstream("):
        return reason
    names = [n.split("#")[-1] for n in reason[len("upstream(") : -1].split(", ")]
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return f"after {', '.join(names[:2])}{more}"


def _gate_lines(states: Sequence[Gate]) -> list[str]:
    """A line for each gate; where there are several releases, those of which the same is said stand behind it."""
    lines: dict[str, list[str]] = {}
    for gate in states:
        lines.setdefault(_gate_line(gate), []).append(gate.release)
    if len({gate.release for gate in states}) < 2:
        return list(lines)
    return [f"{line} [{name_together(list(dict.fromkeys(of)))}]" for line, of in lines.items()]


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
    doubts: Sequence[Diagnostic] = (),
    orders: Mapping[str, str] = NOTHING,
) -> str:
    """A comment that starts with a marker, impact first, and stays below the limit of 65,535 characters."""
    head = [MARKER, f"## bigcode plan: {name}", ""]
    impact = ["```", *(delta.lines() if delta else []), "```", ""]
    gates = _gate_table(states)
    told = [f"- {doubt}".replace("\n", " ") for doubt in doubts]
    body = "\n".join([*head, *impact, *gates, *(["", *told] if told else []), ""])
    details = "\n".join(plan_lines(graph, found, (), None, costs, (), orders))
    room = LIMIT - len(body) - 200
    if len(details) > room:
        details = details[:room].rsplit("\n", 1)[0] + "\n... cut; the plan file has all tasks"
    return f"{body}\n<details><summary>Tasks</summary>\n\n```\n{details}\n```\n</details>\n"


def _gate_table(states: Sequence[Gate]) -> list[str]:
    if not states:
        return []
    rows: dict[str, list[str]] = {}
    for g in states:
        state = "ok" if g.ok else "waived" if g.waiver else "**missing**"
        rows.setdefault(f"| {g.id} | {state} | {g.text} |", []).append(g.release)
    if len({g.release for g in states}) < 2:
        return ["| gate | state | |", "| --- | --- | --- |", *rows]
    named = [f"{row} {name_together(list(dict.fromkeys(of)))} |" for row, of in rows.items()]
    return ["| gate | state | | release |", "| --- | --- | --- | --- |", *named]
