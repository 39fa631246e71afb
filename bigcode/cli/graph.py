"""`bigcode graph`."""

from __future__ import annotations

import click

from bigcode.cli.common import open_spec, spec_options
from bigcode.cli.output import emit_json


@click.command("graph")
@spec_options
@click.option("--dot", is_flag=True, help="Graphviz text.")
def command(spec: str, workspace: str, env: str, json_output: bool, dot: bool) -> None:
    """Print the nodes of each resource and what they read."""
    from bigcode.plan.graph import sources
    from bigcode.plan.keys import recipe_keys

    opened = open_spec(spec, workspace, env)
    graph = opened.session().graph(opened.addresses())
    if json_output:
        recipes = recipe_keys(graph)
        nodes = {
            n.id: {
                "component": n.component,
                "behaviour": n.behaviour,
                "recipe": recipes[n.id],
                "shape": n.shape,
                "reads": sources(n),
                "partitions": len(n.partitions) or None,
            }
            for n in graph.nodes.values()
        }
        emit_json("graph", {"nodes": nodes})
    elif dot:
        edges = [f'  "{s}" -> "{n.id}";' for n in graph.nodes.values() for s in sources(n)]
        click.echo("\n".join(["digraph bigcode {", "  rankdir=LR; node [shape=box];", *edges, "}"]))
    else:
        for address in graph.resources():
            click.echo(address)
            for node in graph.of(address):
                own = [s.removeprefix(address) for s in dict.fromkeys(sources(node))]
                reads = f"  <- {', '.join(own)}" if own else ""
                click.echo(f"    #{node.step}{reads}")
