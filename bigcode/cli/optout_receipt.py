"""`bigcode optout receipt`: what was done for one request, signed, for the person who asked."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from bigcode.cli.common import json_option, spec_argument, workspace_option
from bigcode.cli.optout_edit import find_lists
from bigcode.cli.output import emit_json

_WHY = {
    "common: licence-text": "common property: the text of a licence",
    "common: tiny": "common property: a few bytes, which are nobody's",
    "common: generated": "common property: written by a generator",
    "common: many-owners": "common property: many unrelated owners hold it as their own",
    "contested": "contested: who wrote it first is not clear; recorded, and decided by a person",
    "review": "only a part of it is the same; put before a person",
    "kept": "a person looked at it and decided that it stays",
}


@click.command("receipt")
@spec_argument
@click.argument("value")
@click.option(
    "--scope",
    type=click.Choice(["owner", "repository", "path", "blob", "commit-author", "issue-author"]),
    default="owner",
)
@click.option("--host", default="", help="The host of the entry.")
@click.option(
    "--names", is_flag=True, help="Names of files and of the request, also where output is no terminal."
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write it to a file with names; outside of git.",
)
@workspace_option
@json_option
def receipt(
    spec: str,
    value: str,
    scope: str,
    host: str,
    names: bool,
    output: Path | None,
    workspace: str,
    json_output: bool,
) -> None:
    """Say what the last apply did for a request: files removed, copies removed, what stays and why, and digests.

    VALUE is that of the entry, `NAME` or `OWNER/REPOSITORY`. The receipt is signed with the key of the store. It names
    files on a terminal, with --names and in --output alone, and is kept nowhere.
    """
    from bigcode.evidence.consent import replace_file
    from bigcode.evidence.receipt import seal_receipt
    from bigcode.run.receipt import Request, write_receipt
    from bigcode.spec.locate import repository_root

    session, lists = find_lists(spec, workspace)
    if len(lists) > 1:
        raise click.UsageError("There are several opt-out snapshots; name one as SPEC.")
    if output is not None:
        folder = output.resolve().parent
        inside = session.workspace.root.resolve() in (folder, *folder.parents)
        if inside or repository_root(folder) is not None:
            raise click.UsageError("A receipt names a person: write it outside of the workspace and of git.")
    shown = names or output is not None or sys.stdout.isatty()
    said = write_receipt(session, lists[0][0], Request(scope, value, host), names=shown)
    sealed = seal_receipt(said, session.key_path)
    if output is not None:
        text = (
            json.dumps(sealed, indent=2, sort_keys=True, ensure_ascii=False)
            if json_output
            else render(sealed)
        )
        replace_file(output, f"{text.rstrip()}\n".encode())
        click.echo(f"Receipt: {output}")
    elif json_output:
        emit_json("optout-receipt", sealed)
    else:
        click.echo(render(sealed))


def render(sealed: dict[str, Any]) -> str:
    """A receipt as Markdown; the signature is over its JSON form."""
    said = sealed["receipt"]
    request, listed = said["request"], said["list"]
    about = f"`{request['value']}`" if "value" in request else f"(key `{request['key']}`)"
    where = f" on {request['host']}" if request.get("host") else ""
    lines = [
        f"# {said['project']}: receipt for an opt-out",
        "",
        f"- Request: {request['scope']} {about}{where}",
        f"- Received: {', '.join(request['received']) or 'no day is recorded'}",
        f"- State: {request['state']}",
        f"- List: {listed['address']} as of {listed['asOf']}, sha256 `{listed['sha256']}`",
    ]
    for dataset in said["datasets"]:
        lines += ["", f"## {dataset['dataset']}{' (released)' if dataset['released'] else ''}", ""]
        lines += (
            _dataset(dataset, listed["copies"])
            if dataset["honoured"]
            else ["Not honoured in what was built."]
        )
    lines += ["", "## What was made from these datasets", ""]
    lines += [f"- {made['resource']}: {made['state']}" for made in said["made"]] or ["- nothing"]
    if any(made["state"].startswith("stale") for made in said["made"]):
        lines += [
            "",
            "What is stale was made while the data held the files; the next one is made without them.",
        ]
    if said["releases"]:
        lines += ["", "## Releases", ""]
        lines += [f"- {r['release']}, as of {r['asOf']}: root `{r['root']}`" for r in said["releases"]]
    signature = sealed["signature"]
    lines += [
        "",
        "## Signature",
        "",
        f"- sha256 of the receipt's canonical JSON (`--json`): `{sealed['sha256']}`",
        f"- key: `{signature['key']}`",
        f"- Ed25519 signature: `{signature['value']}`",
    ]
    return "\n".join(lines)


def _dataset(said: dict[str, Any], strength: str) -> list[str]:
    own, copies = said["own"], said["copies"]
    removed = ", ".join(f"{count:,} {name}" for name, count in copies["removed"].items()) or "none"
    lines = [f"- Files that the request names: {own['files']:,}; left out for it: {own['removed']:,}"]
    lines += [f"  - left out anyway, as {reason}: {count:,}" for reason, count in own["outAnyway"].items()]
    lines += [f"- Copies elsewhere that were removed (sought as {strength}): {removed}"]
    lines += [f"  - left out anyway, as {reason}: {count:,}" for reason, count in copies["outAnyway"].items()]
    lines += [f"- Seats left empty, so that no other copy steps in: {said['seats']:,}"]
    lines += ["- Copies elsewhere that stay:" if copies["stays"] else "- Copies elsewhere that stay: none"]
    lines += [f"  - {count:,}: {_WHY.get(why, why)}" for why, count in copies["stays"].items()]
    lines += [
        "- Digests: " + ", ".join(f"{name} `{value}`" for name, value in sorted(said["digests"].items()))
    ]
    if "names" in own:
        lines += ["", "Files that the request names:", "", *(f"- `{name}`" for name in own["names"])]
    if copies.get("names"):
        lines += ["", "Copies elsewhere:", ""]
        lines += [f"- `{c['file']}`: {c['outcome']} ({c['strength']})" for c in copies["names"]]
    return lines
