"""`bigcode schema`."""

from __future__ import annotations

import difflib
import json
from pathlib import Path

import click


@click.command("schema")
@click.argument("kind", required=False)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write KIND.schema.json files into a folder.",
)
def command(kind: str | None, output: Path | None) -> None:
    """Print the JSON Schema of a kind, or list the kinds."""
    from bigcode.api.diagnostics import fail
    from bigcode.spec.kinds import KINDS
    from bigcode.spec.schema import json_schema

    if kind is not None and kind not in KINDS:
        near = difflib.get_close_matches(kind, KINDS, n=1)
        hint = f"Did you mean `{near[0]}`?" if near else "Kinds: " + ", ".join(KINDS) + "."
        raise fail("E201", f"unknown kind `{kind}`", hint=hint)
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        for name in [kind] if kind else KINDS:
            (output / f"{name}.schema.json").write_text(
                json.dumps(json_schema(name), indent=2) + "\n", "utf-8"
            )
    elif kind is None:
        click.echo("\n".join(KINDS))
    else:
        click.echo(json.dumps(json_schema(kind), indent=2))
