"""`bigcode verify`."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from bigcode.cli.common import open_spec, spec_options
from bigcode.cli.output import emit_json


@click.command("verify")
@spec_options
@click.option("--data", type=click.Path(path_type=Path), help="A dataset folder whose files are checked too.")
@click.option(
    "--trust",
    multiple=True,
    metavar="KEY",
    help="Public key (hex, or a file that holds it) that must have signed.",
)
@click.option(
    "--level",
    type=click.IntRange(0, 2),
    default=2,
    show_default=True,
    help="0 digests, 1 facts and cards, 2 queries.",
)
def command(
    spec: str,
    workspace: str,
    env: str,
    json_output: bool,
    data: Path | None,
    trust: tuple[str, ...],
    level: int,
) -> int:
    """Check a bundle folder, or the evidence of a workspace, offline. Exit 8 when something does not match."""
    from bigcode.cards.audit import check_cards
    from bigcode.evidence.bundle import LIST, Bundle, read_bundle
    from bigcode.evidence.erased import erasure_in
    from bigcode.evidence.verify import verify

    erasure_of = None
    folder = Path(spec) if spec else None
    if (folder is not None and (folder / LIST).exists()) or (
        folder is not None and folder.is_dir() and (folder / "ROOT").exists()
    ):
        bundle = read_bundle(folder)
    else:
        from bigcode.run.bundling import bundle_files
        from bigcode.run.planning import survey_applied

        session = open_spec(spec, workspace, env).session()
        survey_applied(session)
        bundle = Bundle(bundle_files(session))
        erasure_of = partial(erasure_in, session.store.objects.tombstones)
    keys = tuple(Path(k).read_text().strip() if Path(k).is_file() else k for k in trust)
    verdict = verify(bundle, level=level, cards=check_cards, trust=keys, data=data, erasure_of=erasure_of)
    if json_output:
        emit_json(
            "verify",
            {
                "ok": verdict.ok,
                "checked": verdict.checked,
                "unchecked": verdict.unchecked,
                "findings": [f.as_json() for f in verdict.findings],
            },
        )
    else:
        for line in verdict.checked:
            click.echo(f"ok   {line}")
        for line in verdict.unchecked:
            click.echo(f"--   not verified: {line}")
        for finding in verdict.findings:
            click.echo(str(finding), err=True)
        click.echo("Verified." if verdict.ok else "Not verified: see the findings.")
    return 0 if verdict.ok else 8
