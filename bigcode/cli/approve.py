"""`bigcode approve`: sign a decision record, so that the approvals gate counts it."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("approve")
@click.argument("record", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", required=True, help="Your name, as the Project's approvers list it.")
@click.option(
    "--key", type=click.Path(path_type=Path), required=True, help="Your private key file; made if absent."
)
def command(record: Path, name: str, key: Path) -> None:
    """Sign a decision record of governance/decisions with your own key.

    The signature covers the record's id and text; whoever edits the text has to ask again.
    """
    from bigcode.evidence.signing import make_key, sign
    from bigcode.plan.gates import decision_message, read_decision

    decision, found = read_decision(record)
    if decision is None:
        from bigcode.api.diagnostics import raise_errors

        raise_errors(found)
        return
    public = make_key(key)
    value = sign(key, decision_message(decision))
    head, _, body = record.read_text("utf-8")[4:].partition("\n---\n")
    entry = f'  - {{name: "{name}", key: "{public}", value: "{value}"}}'
    if "signatures:" not in head:
        head = f"{head}\nsignatures:"
    lines = [line for line in head.splitlines() if public not in line]
    lines.insert(lines.index("signatures:") + 1, entry)
    record.write_text("---\n" + "\n".join(lines) + "\n---\n" + body, "utf-8")
    click.echo(f"Signed {record} as {name}, key {public}.")
    click.echo("The Project's `approvers` must list this key in a group that the approval asks for.")
