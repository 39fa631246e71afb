"""`bigcode init`."""

from __future__ import annotations

import os
import re
from datetime import date
from pathlib import Path
from typing import Any

import click

from bigcode.cli.output import program

_NAME = re.compile(r"^[a-z0-9][a-z0-9-]*$")


@click.command("init")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--name", default="", help="Name of the project and its dataset; that of the folder unless given."
)
@click.option(
    "--data",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A table of files, Parquet or JSON lines; a small sample is written unless given.",
)
@click.option("--key", is_flag=True, help="Also make the steward's key and seal the empty opt-out list.")
@click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Date of the opt-out list; today unless given."
)
def command(folder: Path, name: str, data: Path | None, key: bool, as_of: Any) -> None:
    """Write a small workspace to start from: a project, a snapshot, policies, a dataset and its card.

    It is valid as it stands. Apply needs the opt-out list sealed, which --key does.
    """
    from bigcode.host.manager import load_host
    from bigcode.run.starting import workspace_files, write_workspace

    name = name or re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")
    if not _NAME.match(name):
        raise click.UsageError("A name has small letters, digits and hyphens; --name gives one.")
    table = os.path.relpath(data, folder) if data is not None else ""
    day = str(as_of.date() if as_of else date.today())
    write_workspace(folder, workspace_files(load_host().registry, name, day, table))
    if key:
        from bigcode.cli import optout

        optout.key.main([str(folder)], standalone_mode=False)
        optout.seal.main([str(folder)], standalone_mode=False)
    click.echo(f"Wrote a workspace into {folder}.")
    if not key:
        click.echo(
            f"Seal its opt-out list: {program()} optout key {folder} && {program()} optout seal {folder}"
        )
    click.echo(f"Look at it:            {program()} plan {folder}")
