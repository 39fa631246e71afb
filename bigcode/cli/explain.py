"""`bigcode explain`."""

from __future__ import annotations

import re
from typing import Any

import click

from bigcode.cli.common import json_option, one_dataset, open_spec, workspace_option
from bigcode.cli.output import emit_json


@click.command("explain")
@click.argument("topic", nargs=-1, required=True)
@workspace_option
@json_option
def command(topic: tuple[str, ...], workspace: str, json_output: bool) -> None:
    """Say why: DATASET HOST/OWNER/REPO:PATH for a file, an address with #NODE, or a diagnostic CODE."""
    from bigcode.api.codes import CODES
    from bigcode.api.diagnostics import fail

    if len(topic) == 1 and topic[0] in CODES:
        code = CODES[topic[0]]
        if json_output:
            emit_json(
                "explain", {"code": topic[0], "title": code.title, "exit": code.exit, "text": code.explain}
            )
        else:
            click.echo(f"{topic[0]}  {code.title} (exit {code.exit})\n\n{code.explain}")
        return
    if len(topic) == 1 and re.fullmatch(r"E\d{3}", topic[0]):
        raise fail("E004", f"there is no code {topic[0]}")
    if len(topic) == 1 and "#" in topic[0]:
        _explain_node(topic[0], workspace, json_output)
    elif len(topic) == 2:
        _explain_file(topic[0], topic[1], workspace, json_output)
    else:
        raise fail("E004", f"`{' '.join(topic)}` is no code, no node and no file of a dataset")


def _explain_node(name: str, workspace: str, json_output: bool) -> None:
    from bigcode.api.diagnostics import fail
    from bigcode.run.planning import survey_session

    session = open_spec("", workspace).session()
    graph, found = survey_session(session)
    if name not in graph.nodes:
        raise fail("E004", f"there is no node `{name}`", hint="`bigcode graph` prints them.")
    node = graph.nodes[name]
    steps = [s for s in found.steps if s.node == name]
    if json_output:
        emit_json(
            "explain",
            {
                "node": name,
                "component": node.component,
                "behaviour": node.behaviour,
                "identity": node.identity,
                "tasks": [[s.label, s.verb, s.reason] for s in steps],
            },
        )
        return
    click.echo(f"{name}: {node.component}, behaviour {node.behaviour}, {node.shape}")
    for edge in node.inputs:
        click.echo(f"    reads {edge.name} from {edge.node}")
    for step in steps:
        reason = f": {step.reason}" if step.reason else ""
        click.echo(f"    {step.label or 'whole'}: {step.verb}{reason}")


def _explain_file(dataset: str, file: str, workspace: str, json_output: bool) -> None:
    from bigcode.run.explaining import explain_file

    opened = open_spec(dataset, workspace)
    address = one_dataset(opened, "")
    rows = explain_file(opened.session(), address, file)
    if json_output:
        emit_json("explain", {"dataset": address, "file": file, "rows": rows})
        return
    for number, row in enumerate(rows):
        if number:
            click.echo()
        _tell_file(row)
    _tell_components(rows[0]["components"])


def _tell_file(row: dict[str, Any]) -> None:
    click.echo(click.style(row["row"], bold=True))
    kept = row["reason"] == "kept"
    click.echo(
        "    " + click.style("kept" if kept else row["reason"], fg="green" if kept else "red", bold=True)
    )
    if row.get("also"):
        click.echo(f"    also: {', '.join(row['also'])}")
    for reason in row["reasons"]:
        _line(reason["reason"], _told(reason))
    if row.get("split"):
        _line("split", row["split"])
    _tell_licenses(row["licenses"])
    flags = [name for name, value in row["languages"].items() if value is True]
    _line("language", ", ".join([row["languages"]["language"] or "unknown", *flags]))
    for rule in row["quality"]:
        if not rule["broken"]:
            _line(f"quality.{rule['rule']}", f"passed: {_told(rule)}")
    for entity in row["pii"]:
        bound = f", threshold {entity['threshold']:g}" if entity["threshold"] is not None else ""
        said = (
            f"{entity['count']:,} to {entity['action']}"
            if bound
            else f"{entity['count']:,}, not in the policy"
        )
        _line(f"pii {entity['entity']}", f"{said} (best score {entity['score']:.2f}{bound})")
    for task in row["contamination"]:
        _line("contamination", task)
    for signal in row["signals"]:
        _line("signal", f"{signal['kind']} says {signal['says']}")
    if row["purged"]:
        _line("purged", f"its text was erased as of {row['purged']['asOf']}: {row['purged']['reason']}")
    where = row["provenance"]
    _line("content", f"{where['bytes']:,} bytes, sha256 {where['sha256']}")
    _line("", where["swhid"])
    if where["unit"]:
        _line("collected as", where["unit"])


def _line(name: str, value: str) -> None:
    click.echo(f"    {name:<24} {value}" if name else f"    {'':<24} {value}")


def _told(reason: dict[str, Any]) -> str:
    """What a reason rests on, in a line."""
    if "drops" in reason:
        bounds = " or ".join(f"{name} {bound}" for name, bound in reason["drops"].items())
        value = reason["value"]
        shown = f"{value:.4g}" if isinstance(value, float) else value
        return f"{reason['column']} is {shown}; dropped when {bounds}"
    if "include" in reason:
        wanted = ", ".join(reason["include"]) or "any that is recognised"
        return f"language is {reason['value'] or 'unknown'}; included: {wanted}"
    if "expression" in reason:
        return _told_license(reason)
    if "entities" in reason:
        return ", ".join(f"{e['count']:,} {e['entity']} to {e['action']}" for e in reason["entities"])
    if reason.get("kept"):
        return f"repeats {reason['kept']}, similarity {reason['similarity']:.2f}"
    if reason.get("similarity"):
        return f"a held-out file repeats it, similarity {reason['similarity']:.2f}"
    if "strength" in reason:
        return f"a copy of a listed file: {reason['strength']}, {reason['containment']:.0%} of it"
    if reason.get("tasks"):
        return ", ".join(reason["tasks"])
    if "scope" in reason:
        return f"the list names it, scope {reason['scope']}"
    return str(reason.get("told") or reason.get("decided") or "")


def _told_license(said: dict[str, Any]) -> str:
    source = f"from the {said['source']}" if said["source"] else "no statement is near enough or sure enough"
    category = said["category"] if said["category"] != "unknown" else ""
    more = [category or "", "unclear: waits for a review" if said["unclear"] else ""]
    return ", ".join([f"{said['expression'] or 'no expression'}, {source}", *filter(None, more)])


def _tell_licenses(said: dict[str, Any]) -> None:
    _line("license", _told_license(said))
    for found in said["detected"]:
        ids = ", ".join(f"{name} {score:.2f}" for name, score in found["ids"].items()) or "nothing recognised"
        unclear = ", unclear" if found["unclear"] else ""
        role = f"{found['role']} in {found['path']}" if found["role"] else found["path"]
        _line(f"  {found['where']}", f"{role}: {ids}{unclear}")
        for match in told_matches(found["evidence"]):
            _line("", match)
    for case, decision in said["decisions"].items():
        _line("  review", f"{case}: {decision}")


def told_matches(evidence: list[dict[str, Any]], most: int = 6) -> list[str]:
    """The matches of each detector, a line each, those alike once."""
    told = list(dict.fromkeys(f"{e['detector']}: {e['id']} {e['score']:.2f}" for e in evidence))
    return [*told[:most], *([f"and {len(told) - most:,} more"] if len(told) > most else [])]


def _tell_components(found: list[dict[str, Any]]) -> None:
    click.echo()
    for component in found:
        click.echo(f"    {component['step']:<24} {component['component']} {component['behaviour']}")
