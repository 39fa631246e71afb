"""`bigcode gc`."""

from __future__ import annotations

from datetime import date
from typing import Any

import click

from bigcode.cli.common import open_spec, spec_options
from bigcode.cli.output import emit_json, plural, say

_NOUNS = {
    "object": ("object", "objects"),
    "action": ("result", "results"),
    "index": ("shortcut that led nowhere", "shortcuts that led nowhere"),
    "memory": ("remembered value, its component unused", "remembered values, their components unused"),
    "scratch": ("folder of unfinished work", "folders of unfinished work"),
    "quarantine": ("damaged object", "damaged objects"),
    "temporary": ("half-written file", "half-written files"),
}


@click.command("gc")
@spec_options
@click.option(
    "--keep-generations",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="States of each resource that stay.",
)
@click.option(
    "--older-than", type=click.IntRange(min=0), metavar="DAYS", help="Only what was written before that."
)
@click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Date that DAYS count back from; today unless given."
)
@click.option("--dry-run", is_flag=True, help="Say what would go, and take nothing.")
def command(
    spec: str,
    workspace: str,
    env: str,
    json_output: bool,
    keep_generations: int,
    older_than: int | None,
    as_of: Any,
    dry_run: bool,
) -> None:
    """Free the store of what no reference, release or run needs.

    What a published release names stays, and so do the last generations of every resource and what their models
    were trained on. While a run is at work, only what no run can want goes.
    """
    from bigcode.run.sweep import collect_garbage

    if as_of and older_than is None:
        raise click.UsageError("--as-of says what --older-than counts from; give both.")
    session = open_spec(spec, workspace, env).session()
    before = None if older_than is None else moment(as_of.date() if as_of else date.today(), older_than)
    done = collect_garbage(session, keep=keep_generations, before=before, dry_run=dry_run)
    sums = {kind: [g for g in done.items if g.kind == kind] for kind in _NOUNS}
    if json_output:
        emit_json(
            "gc",
            {
                "dryRun": dry_run,
                "busy": done.busy,
                "kept": done.kept,
                "bytes": done.bytes,
                "swept": {
                    k: {"count": len(items), "bytes": sum(i.bytes for i in items)}
                    for k, items in sums.items()
                },
            },
        )
        return
    for kind, items in sums.items():
        if items:
            noun = _NOUNS[kind][len(items) != 1]
            click.echo(f"{len(items):>8,} {noun:<44} {size(sum(i.bytes for i in items)):>10}")
    named = f"{plural(done.references, 'reference')} and {plural(done.releases, 'release')}"
    verb = "Would free" if dry_run else "Freed"
    click.echo(f"{verb} {size(done.bytes)}; {plural(done.kept, 'object')} of {named} stay.")
    if done.busy:
        say("A run is at work: results and objects were left alone. Run `bigcode gc` again when it is done.")


def moment(as_of: date, days: int) -> float:
    """The end of the day that lies `days` before a date, in UTC, as seconds since the epoch."""
    from datetime import UTC, datetime, timedelta

    end = datetime(as_of.year, as_of.month, as_of.day, tzinfo=UTC) + timedelta(days=1 - days)
    return end.timestamp()


def size(count: float) -> str:
    """Bytes in a unit that a person reads."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
