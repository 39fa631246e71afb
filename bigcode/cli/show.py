"""`bigcode show`."""

from __future__ import annotations

import click

from bigcode.cli.common import open_spec, spec_options
from bigcode.cli.output import emit_json


@click.command("show")
@spec_options
def command(spec: str, workspace: str, env: str, json_output: bool) -> None:
    """Show a resource: its spec, its references and its facts."""
    from bigcode.api.resource import plain
    from bigcode.run.records import ledger_of, recorded_results

    opened = open_spec(spec, workspace, env)
    session = opened.session()
    wanted = opened.addresses() or tuple(opened.workspace.resources)
    graph = session.graph()
    applied = all(session.store.refs.read(a).value is not None for a in graph.resources())
    results = recorded_results(graph, session.store) if applied else {}
    ledger = ledger_of(opened.workspace, graph, results, set())
    if json_output:
        emit_json(
            "show",
            {
                "resources": {
                    a: {
                        "spec": plain(opened.workspace.resources[a].spec),
                        "facts": [f.as_json() for f in ledger.of(a).values()],
                    }
                    for a in wanted
                }
            },
        )
        return
    for address in wanted:
        resource = opened.workspace.resources[address]
        click.echo(f"{address}   {opened.workspace.documents[address].file}")
        if resource.metadata.owners:
            click.echo(f"    owners: {', '.join(resource.metadata.owners)}")
        for fact in ledger.of(address).values():
            value = (
                "withheld"
                if fact.withheld
                else "not measured"
                if fact.value is None
                else f"{fact.value:,}"
                if isinstance(fact.value, int)
                else fact.value
            )
            unit = "" if fact.unit in ("1", "text", "date") else f" {fact.unit}"
            click.echo(f"    {fact.id.removeprefix(address + '/'):<44} {value}{unit}   {fact.kind}")
    if not applied:
        click.echo("Nothing is measured yet: run `bigcode apply`.", err=True)
