"""`bigcode optout`: edit, seal and check opt-out lists. Names are read and written here and nowhere else."""

from __future__ import annotations

import json
from typing import Any

import click

from bigcode.cli.common import json_option, spec_argument, workspace_option
from bigcode.cli.optout_edit import (
    Edit,
    applied_entries,
    counts_of,
    find_lists,
    seal_file,
    tell_counts,
    tell_reach,
)
from bigcode.cli.optout_receipt import receipt
from bigcode.cli.output import emit_json


@click.group("optout")
def command() -> None:
    """Edit, seal and check opt-out lists."""


command.add_command(receipt)


@command.command("key")
@spec_argument
@workspace_option
def key(spec: str, workspace: str) -> None:
    """Make the steward's key of the store and sign pinned lists; says nothing when all is there."""
    from bigcode.api.canonical import digest
    from bigcode.api.diagnostics import Problem
    from bigcode.evidence.consent import check_signature, seal_list, signature_path
    from bigcode.evidence.signing import make_key

    session, lists = find_lists(spec, workspace)
    fresh = not session.key_path.exists()
    if fresh:
        session.store.prepare()
        make_key(session.key_path)
        click.echo(f"Made a key: {session.key_path}")
    trusted = session.trusted_keys()
    for address, resource, path in lists:
        pin = f"sha256:{digest(path.read_bytes())}" if path.exists() else ""
        if not pin or pin != resource.spec.pin or not (fresh or not signature_path(path).exists()):
            continue
        try:
            check_signature(path, pin, resource.spec.signers or trusted)
        except Problem:
            if resource.spec.signers and not set(trusted) & set(resource.spec.signers):
                click.echo(
                    f"The list of {address} is not signed: `signers` does not name the key of this store."
                )
                continue
            seal_list(path, session.key_path)
            click.echo(f"Signed the list of {address}: it is the pinned one.")


_scope_option = click.option(
    "--scope",
    type=click.Choice(["owner", "repository", "path", "blob", "commit-author", "issue-author"]),
    default="owner",
)
_since_option = click.option(
    "--since", type=click.DateTime(["%Y-%m-%d"]), help="Day on which the request was received."
)
_level_option = click.option(
    "--level",
    type=click.IntRange(0, 5),
    default=1,
    help="How well the identity is proven: 0 claimed to 5 counsel.",
)


@command.command("add")
@spec_argument
@click.argument("values", nargs=-1, required=True)
@_scope_option
@click.option("--host", default="", help="Only on this host.")
@_level_option
@_since_option
@click.option("--kind", type=click.Choice(["wish", "tombstone", "opt-in"]), default="wish")
@click.option(
    "--purpose", "purposes", multiple=True, help="Only for this purpose, such as `train`; repeatable."
)
@workspace_option
def add(spec: str, values: tuple[str, ...], workspace: str, **said: Any) -> None:
    """Add entries to a list and seal it again. What was withdrawn counts again."""
    from bigcode.evidence.optout_list import entry_key, renew

    edit = Edit(spec, workspace)
    entries = [_entry(value, **said) for value in values]
    edit.check(entries)
    edit.content = renew(edit.content, [entry_key(entry) for entry in entries])
    edit.join(entries)
    edit.seal()


def _entry(value: str, **said: Any) -> dict[str, Any]:
    """What was said on the command line, without what goes without saying."""
    given = {**said, "since": said["since"].date().isoformat() if said["since"] else ""}
    usual = {"level": 1, "since": "", "kind": "wish", "purposes": ()}
    fields = {name: given[name] for name in usual if name in given and given[name] != usual[name]}
    fields |= {"purposes": list(given["purposes"])} if fields.get("purposes") else {}
    return {"scope": said["scope"], "value": value, "host": said["host"], **fields}


@command.command("import")
@spec_argument
@click.argument("file", type=click.File("r", encoding="utf-8", errors="replace"))
@_scope_option
@click.option("--host", default="", help="Only on this host.")
@_level_option
@_since_option
@workspace_option
@json_option
def import_(spec: str, file: Any, workspace: str, json_output: bool, **said: Any) -> None:
    """Add requests to a list and seal it again; `-` reads standard input.

    FILE holds a name a line, of one scope, or records in JSON: decisions or issues in the shape of
    bigcode-project/opt-out-v2, or typed entries. A record that is no plain list of names waits for a person: it is
    told by its number.
    """
    from bigcode.evidence.requests import looks_like_records, read_requests

    text = file.read()
    edit = Edit(spec, workspace, quiet=json_output)
    if not looks_like_records(text):
        lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
        entries = [_entry(line, **said) for line in lines]
        edit.check(entries)
        edit.join(entries)
        edit.seal({"records": len(lines), "accepted": len(lines), "review": {}, "refused": {}})
        return
    since = said["since"].date().isoformat() if said["since"] else ""
    requests = read_requests(
        text, host=said["host"], since=since, scopes=edit.scopes, withdrawn=edit.withdrawn()
    )
    edit.join([dict(entry) for entry in requests.entries], requests.renames)
    edit.seal({"records": requests.records, **requests.outcomes()}, requests.findings)


@command.command("remove")
@spec_argument
@click.argument("values", nargs=-1, required=True)
@_scope_option
@click.option("--host", default="", help="The host of the entry.")
@click.option("--kind", type=click.Choice(["wish", "opt-in"]), default="wish")
@click.option(
    "--withdrawn",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Day on which the person took the wish back. Nothing is removed without it.",
)
@workspace_option
def remove(
    spec: str, values: tuple[str, ...], scope: str, host: str, kind: str, withdrawn: Any, workspace: str
) -> None:
    """Record that wishes were taken back, and seal the list again. The entries stay in the list."""
    from bigcode.api.diagnostics import fail
    from bigcode.evidence.optout_list import entry_key, withdraw

    if not withdrawn:
        raise fail(
            "E404",
            "an entry goes only when the person who asked takes it back",
            hint="Say when: `--withdrawn YYYY-MM-DD`. A snapshot fetched anew is no reason.",
        )
    edit = Edit(spec, workspace)
    keys = [entry_key({"scope": scope, "value": value, "host": host, "kind": kind}) for value in values]
    edit.content = withdraw(edit.content, keys, withdrawn.date().isoformat())
    edit.seal()


@command.command("rename")
@spec_argument
@click.argument("old")
@click.argument("new")
@click.option("--host", default="", help="Only on this host.")
@workspace_option
def rename(spec: str, old: str, new: str, host: str, workspace: str) -> None:
    """Record that an owner or a repository goes by two names: an entry for one is for both."""
    edit = Edit(spec, workspace)
    edit.join([], [{"host": host, "from": old, "to": new}])
    edit.seal()


@command.command("seal")
@spec_argument
@workspace_option
def seal(spec: str, workspace: str) -> None:
    """Pin the lists in their specs and sign them with the steward's key."""
    from bigcode.api.diagnostics import Place, fail
    from bigcode.evidence.optout_list import entry_key, parse_list

    session, lists = find_lists(spec, workspace)
    for address, resource, path in lists:
        if not path.exists():
            raise fail("E401", f"there is no list at {path}", hint="`bigcode optout add` starts one.")
        data = path.read_bytes()
        entries = parse_list(data, Place(str(path)), resource.spec.scopes)["entries"]
        applied = applied_entries(session, resource)
        lost = len(applied - {entry_key(entry) for entry in entries})
        click.echo(seal_file(session, address, resource, path, data))
        if lost:
            click.echo(
                f"Entries that a build has honoured and that the list holds no longer: {lost:,}. Their files come "
                "back. `bigcode optout remove` records a wish that was taken back.",
                err=True,
            )
        tell_reach(session, address, entries, applied)


@command.command("status")
@spec_argument
@workspace_option
@json_option
@click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Day to which the oldest waiting request ages."
)
def status(spec: str, workspace: str, json_output: bool, as_of: Any) -> int:
    """Whether each list is there, pinned and signed, and what it holds in counts. Exit 3 when one is not usable."""
    from bigcode.api.diagnostics import Problem
    from bigcode.evidence.consent import open_list

    session, lists = find_lists(spec, workspace)
    problems: dict[str, Problem | None] = {}
    for address, resource, _ in lists:
        try:
            open_list(session.workspace, address, resource, session.trusted_keys())
            problems[address] = None
        except Problem as problem:
            problems[address] = problem
    found = [diagnostic for problem in problems.values() if problem for diagnostic in problem.diagnostics]
    day = as_of.date() if as_of else None
    counts = {
        address: counts_of(session, resource, path, day)
        for address, resource, path in lists
        if problems[address] is None
    }
    if json_output:
        emit_json(
            "optout",
            {
                "lists": list(problems),
                "usable": {a: p is None for a, p in problems.items()},
                "counts": counts,
                "ok": not found,
                "diagnostics": [d.as_json() for d in found],
            },
        )
    else:
        for address, resource, path in lists:
            pin = f"{resource.spec.pin[:19]}..." if resource.spec.pin else "not pinned"
            state = "sealed" if problems[address] is None else "not usable"
            click.echo(f"{address}: as of {resource.spec.as_of}, {pin}, {state}")
            if problems[address] is None:
                tell_counts(counts[address])
                entries = json.loads(path.read_bytes())["entries"]
                tell_reach(session, address, entries, applied_entries(session, resource))
        for diagnostic in found:
            click.echo(str(diagnostic), err=True)
    return max((p.exit_code for p in problems.values() if p), default=0)
