"""`bigcode bundle`."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import click

from bigcode.cli.common import open_spec, spec_options
from bigcode.cli.output import emit_json, program


@click.command("bundle")
@spec_options
@click.option(
    "--output",
    "-o",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder to write; must be new or a bundle.",
)
@click.option("--sign", is_flag=True, help="Sign the root with the steward's key of the store.")
def command(spec: str, workspace: str, env: str, json_output: bool, output: Path, sign: bool) -> None:
    """Write a folder with all evidence: specs, facts, actions, verdict tables, cards and their traces."""
    from bigcode.evidence.bundle import LIST, ROOT, SIGNATURE, root_of, signature_bytes
    from bigcode.evidence.signing import public_key
    from bigcode.evidence.signing import sign as sign_with
    from bigcode.run.bundling import bundle_files
    from bigcode.run.planning import survey_applied

    session = open_spec(spec, workspace, env).session()
    survey_applied(session)
    files = bundle_files(session)
    if sign:
        value = sign_with(session.key_path, files[ROOT])
        files[SIGNATURE] = signature_bytes(public_key(session.key_path), value)
    if output.exists() and any(output.iterdir()) and not (output / LIST).exists():
        raise click.UsageError(f"{output} is not empty and is no bundle; name another folder.")
    write_folder(output, files)
    root = root_of(files)
    if json_output:
        emit_json("bundle", {"output": str(output), "root": f"sha256:{root}", "files": len(files)})
        return
    click.echo(f"{output}: {len(files)} files, root digest sha256:{root}")
    click.echo(f"Check it: {program()} verify {output}")


def write_folder(output: Path, files: dict[str, bytes]) -> None:
    """Write beside the place and swap, so that no half bundle is ever seen."""
    staged = output.with_name(f".{output.name}.staged")
    shutil.rmtree(staged, ignore_errors=True)
    for name, data in files.items():
        path = staged / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    shutil.rmtree(output, ignore_errors=True)
    os.replace(staged, output)
