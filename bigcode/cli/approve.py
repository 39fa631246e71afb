"""`bigcode approve`: sign a decision record, so that the approvals gate counts it."""

from __future__ import annotations

import json
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

    The signature covers all that the record says; whoever edits it has to ask again.
    """
    from bigcode.api.diagnostics import Place, fail, raise_errors
    from bigcode.evidence.consent import replace_file
    from bigcode.evidence.signing import make_key, sign
    from bigcode.plan.gates import decision_message, read_decision

    decision, found = read_decision(record)
    raise_errors(found)
    assert decision is not None
    missing = [name for name in ("kind", "workspace", "subject") if not decision.front.get(name)]
    if missing:
        hint = "Say what is approved: kind: release, workspace: demo, subject: Release/demo@1.0.0."
        told = f"the record names no {' and no '.join(missing)}, so no gate would count it"
        raise fail("E209", told, Place(str(record)), hint)
    public = make_key(key)
    value = sign(key, decision_message(decision))
    head, _, body = record.read_text("utf-8")[4:].partition("\n---\n")
    entry = f'  - {{name: {json.dumps(name, ensure_ascii=False)}, key: "{public}", value: "{value}"}}'
    lines = [line for line in head.splitlines() if public not in line]
    if "signatures" not in decision.front:
        lines.append("signatures:")
    if "signatures:" not in lines:
        raise fail("E209", "the signatures of the record are not a list of lines", Place(str(record)),
                   "Write `signatures:` on a line of its own, with the signatures below it.")  # fmt: skip
    lines.insert(lines.index("signatures:") + 1, entry)
    replace_file(record, ("---\n" + "\n".join(lines) + "\n---\n" + body).encode())
    click.echo(f"Signed {record} as {name}, key {public}.")
    click.echo("The Project's `approvers` must list this key in a group that the approval asks for.")
