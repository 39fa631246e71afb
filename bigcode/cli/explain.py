"""`bigcode explain`."""

from __future__ import annotations

import re

import click

from bigcode.cli.common import json_option, open_spec, workspace_option
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
    from bigcode.api.diagnostics import fail
    from bigcode.run.explaining import explain_file

    opened = open_spec(dataset, workspace)
    datasets = opened.addresses() or tuple(
        a for a, r in opened.workspace.resources.items() if r.kind == "Dataset"
    )
    if len(datasets) != 1 or not datasets[0].startswith("Dataset/"):
        raise fail(
            "E003",
            f"`{dataset}` names {len(datasets)} datasets",
            hint="Name one, for example Dataset/name@1.0.0.",
        )
    rows = explain_file(opened.session(), datasets[0], file)
    if json_output:
        emit_json("explain", {"file": file, "rows": rows})
        return
    for row in rows:
        click.echo(f"{row['row']}\n    {row['reason']}")
        for name in ("license", "license_source", "language", "split", "seat"):
            if row.get(name):
                click.echo(f"    {name.replace('_', ' ')}: {row[name]}")
        if row.get("similarity"):
            click.echo(f"    similarity: {row['similarity']:.2f}")
        if row.get("also"):
            click.echo(f"    also: {', '.join(row['also'])}")
