"""`bigcode diff`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from bigcode.cli.common import (
    env_option,
    json_option,
    one_dataset,
    open_spec,
    spec_argument,
    workspace_option,
)
from bigcode.cli.output import emit_json, plural


@click.command("diff")
@spec_argument
@click.argument("dataset", required=False, default="")
@workspace_option
@env_option
@json_option
@click.option(
    "--against",
    default="",
    metavar="GENERATION|RELEASE|PLAN",
    help="A generation, Release/NAME@VERSION, `plan` or a plan file. Else: what is pending, or the state before.",
)
@click.option(
    "--rows", type=click.IntRange(min=0), default=3, show_default=True, help="Examples of each change."
)
def command(
    spec: str, dataset: str, workspace: str, env: str, json_output: bool, against: str, rows: int
) -> None:
    """Compare two states of a dataset: how many files changed their reason, and which, with what the rule read.

    Files that an opt-out touches are counted and never shown.
    """
    from bigcode.plan.planfile import read_plan
    from bigcode.run.difference import compare, sides
    from bigcode.run.planning import check_plan

    opened = open_spec(spec, workspace, env)
    session = opened.session()
    address = one_dataset(opened, dataset)
    if against.endswith(".json"):
        check_plan(read_plan(against), session)
        against = "plan"
    with sides(session, address, against) as (before, after):
        found = compare(session, address, before, after, rows=rows)
    if json_output:
        emit_json("diff", found.as_json())
        return
    click.echo("\n".join(_lines(found)))


def _lines(found: Any) -> Iterator[str]:
    changed = sum(found.moves.values())
    yield f"{found.dataset}: {found.before} -> {found.after}"
    yield f"{plural(changed, 'file')} changed, {found.same:,} did not."
    for (was, now), count in found.moves.items():
        yield ""
        yield f"{count:>8,}  {was} -> {now}"
        for example in found.examples.get((was, now), ()):
            yield f"          {example.file}"
            for label, read in (("before", example.read_before), ("after", example.read_after)):
                if read:
                    yield f"              {label:<7} {_values(read)}"


def _values(read: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_plain(value)}" for name, value in read.items())


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, dict):
        return " ".join(f"{k}:{v}" for k, v in value.items())
    if isinstance(value, list):
        return " ".join(map(str, value))
    return str(value)
