"""`bigcode purge`."""

from __future__ import annotations

from datetime import date
from pathlib import Path
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

_NOUNS = {
    "blobs": ("table of contents rewritten", "tables of contents rewritten"),
    "rows": ("table of files rewritten", "tables of files rewritten"),
    "seen": ("table of observations rewritten", "tables of observations rewritten"),
    "told": ("table of declarations rewritten", "tables of declarations rewritten"),
    "notices": ("part of the notices rewritten", "parts of the notices rewritten"),
    "loose": ("table of texts rewritten", "tables of texts rewritten"),
    "archive": ("download erased", "downloads erased"),
    "derived": ("object made of the text erased", "objects made of the text erased"),
    "download": ("other download dropped", "other downloads dropped"),
}


@click.command("purge")
@spec_argument
@click.argument("dataset", required=False, default="")
@workspace_option
@env_option
@json_option
@click.option(
    "--rows",
    metavar="optout|FILE",
    help="optout: all that an opt-out took away; else a file with a row a line: an id, a keyed id or a SHA-256.",
)
@click.option(
    "--decision",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A decision record of kind purge that names the rows.",
)
@click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Date for the tombstones; today unless given."
)
@click.option("--dry-run", is_flag=True, help="Say what would go, and change nothing.")
def command(
    spec: str,
    dataset: str,
    workspace: str,
    env: str,
    json_output: bool,
    rows: str | None,
    decision: Path | None,
    as_of: Any,
    dry_run: bool,
) -> None:
    """Erase contents for good: from objects, shards, downloads, caches and release folders.

    What was opted out has to be applied first, so that no dataset keeps it. Results, facts and cards stand; a
    tombstone says of each erased object why and as of when, and what is erased is never stored again.
    """
    from bigcode.run.purge import OPTOUT, purge, read_order, read_rows

    if (rows is None) == (decision is None):
        raise click.UsageError("Say which rows: either --rows or --decision.")
    opened = open_spec(spec, workspace, env)
    session = opened.session()
    address = one_dataset(opened, dataset, main=False)
    if decision is not None:
        wanted, reason = read_order(session, address, decision)
    else:
        wanted = None if rows == OPTOUT else read_rows(Path(str(rows)))
        reason = "opt-out" if wanted is None else "order of the steward"
    day = str(as_of.date() if as_of else date.today())
    targets, done = purge(session, address, wanted, reason, day, dry_run=dry_run)
    if json_output:
        emit_json(
            "purge",
            {
                "dataset": address,
                "dryRun": dry_run,
                "asOf": day,
                "reason": reason,
                "files": targets.files,
                "contents": len(targets.blobs),
                "shared": targets.shared,
                "objects": done.objects,
                "bytes": done.bytes,
                "caches": done.caches,
                "outputs": done.files,
                "models": done.models,
            },
        )
        return
    click.echo(
        f"{address}: {plural(targets.files, 'file')}, {plural(len(targets.blobs), 'content')} to erase."
    )
    if targets.shared:
        click.echo(f"{plural(targets.shared, 'content')} stay, since other files hold the same.")
    if targets.near:
        click.echo(
            f"{plural(targets.near, 'near-copy').replace('copys', 'copies')} by others stay in the snapshot."
        )
    for what, (one, many) in _NOUNS.items():
        if done.objects.get(what):
            click.echo(f"{done.objects[what]:>8,} {one if done.objects[what] == 1 else many}")
    if done.caches:
        click.echo(
            f"{done.caches:>8,} cached or unfinished {'thing' if done.caches == 1 else 'things'} dropped"
        )
    for path in done.files:
        click.echo(f"Rewritten: {path}")
    for model in done.models:
        click.echo(
            f"{model} was trained on it and stands; `bigcode apply --retrain` follows the current data."
        )
    if not done.objects:
        click.echo("Nothing of it is in the store.")
    elif dry_run:
        click.echo("Nothing was changed.")
    else:
        click.echo(
            "Erased. Copies that were given out are out of reach: announce the removal to whoever has them."
        )
