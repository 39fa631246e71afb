"""`bigcode validate`."""

from __future__ import annotations

import click

from bigcode.cli.common import open_spec, spec_options
from bigcode.cli.output import emit_json, plural


@click.command("validate")
@spec_options
def command(spec: str, workspace: str, env: str, json_output: bool) -> None:
    """Check the specs of a workspace: all errors at once, each with its place."""
    from bigcode.api.diagnostics import raise_errors
    from bigcode.run.retire import check_lifecycles

    opened = open_spec(spec, workspace, env)
    raise_errors(check_lifecycles(opened.workspace))
    opened.session().graph()
    kinds: dict[str, int] = {}
    for resource in opened.workspace.resources.values():
        kinds[resource.kind] = kinds.get(resource.kind, 0) + 1
    if json_output:
        emit_json(
            "validate",
            {
                "workspace": opened.workspace.name,
                "kinds": kinds,
                "resources": list(opened.workspace.resources),
            },
        )
        return
    click.echo(
        f"{opened.workspace.name}: {plural(len(opened.workspace.resources), 'resource')} "
        f"of {plural(len(kinds), 'kind')}, no errors."
    )
