"""`bigcode release`."""

from __future__ import annotations

from datetime import date
from typing import Any

import click

from bigcode.cli.common import open_spec, spec_options
from bigcode.cli.output import emit_json, plural, program


@click.command("release")
@spec_options
@click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Date at which the gates are judged; today unless given.",
)
def command(spec: str, workspace: str, env: str, json_output: bool, as_of: Any) -> None:
    """Publish a release: judge its gates, freeze its versions in bigcode.lock, sign its evidence, write its folder.

    A release that was published already is checked against the lock, and stays as it is.
    """
    from bigcode.api.diagnostics import fail
    from bigcode.run.release import publish

    opened = open_spec(spec, workspace, env)
    session = opened.session()
    named = [a for a in opened.addresses() if a.startswith("Release/")]
    addresses = named or [a for a, r in opened.workspace.resources.items() if r.kind == "Release"]
    if len(addresses) != 1:
        raise fail(
            "E003",
            f"there are {len(addresses)} releases here",
            hint="Name one, for example Release/name@1.0.0.",
        )
    done = publish(session, addresses[0], as_of.date() if as_of else date.today())
    if json_output:
        emit_json(
            "release",
            {
                "release": done.address,
                "folder": str(done.folder),
                "root": f"sha256:{done.root}",
                "asOf": done.as_of,
                "gates": [
                    {"id": g.id, "ok": g.ok, "passes": g.passes, "text": g.text, "waiver": g.waiver}
                    for g in done.gates
                ],
                "frozen": list(done.frozen),
                "written": len(done.written),
            },
        )
        return
    for gate in done.gates:
        click.echo(f"gate {gate.id}: {'ok' if gate.ok else 'waived by ' + gate.waiver}: {gate.text}")
    if done.written and done.again:
        click.echo(f"{done.address} is released already; its folder was restored, byte for byte.")
    elif done.again:
        click.echo(f"{done.address} is released already; nothing changed.")
    else:
        click.echo(
            f"{done.address}: {plural(len(done.frozen), 'version')} frozen in bigcode.lock, "
            f"{plural(len(done.written), 'file')} written."
        )
    click.echo(f"Gates:    as of {done.as_of}")
    click.echo(f"Folder:   {done.folder}")
    click.echo(f"Evidence: root digest sha256:{done.root}, signed")
    click.echo(f"Check it: {program()} verify {done.folder}/evidence --data {done.folder}/dataset")
