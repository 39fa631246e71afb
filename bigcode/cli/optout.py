"""`bigcode optout`: edit, seal and check opt-out lists. Names are read and written here and nowhere else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from bigcode.cli.common import json_option, open_spec, spec_argument, workspace_option
from bigcode.cli.output import emit_json


def _lists(spec: str, workspace: str) -> tuple[Any, list[tuple[str, Any, Path]]]:
    from bigcode.api.diagnostics import fail
    from bigcode.evidence.consent import list_path

    opened = open_spec(spec, workspace)
    session = opened.session()
    wanted = opened.addresses()
    found = [
        (address, resource, list_path(opened.workspace, resource))
        for address, resource in opened.workspace.resources.items()
        if resource.kind == "OptOutSnapshot" and (not wanted or address in wanted)
    ]
    if not found:
        raise fail("E003", "there is no OptOutSnapshot here")
    return session, found


@click.group("optout")
def command() -> None:
    """Edit, seal and check opt-out lists."""


@command.command("key")
@spec_argument
@workspace_option
def key(spec: str, workspace: str) -> None:
    """Make the steward's key of the store and sign pinned lists; says nothing when all is there."""
    from bigcode.api.canonical import digest
    from bigcode.api.diagnostics import Problem
    from bigcode.evidence.consent import check_signature, seal_list, signature_path
    from bigcode.evidence.signing import make_key

    session, lists = _lists(spec, workspace)
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


@command.command("add")
@spec_argument
@click.argument("values", nargs=-1, required=True)
@click.option(
    "--scope",
    type=click.Choice(["owner", "repository", "path", "blob", "commit-author", "issue-author"]),
    default="owner",
)
@click.option("--host", default="", help="Only on this host.")
@workspace_option
def add(spec: str, values: tuple[str, ...], scope: str, host: str, workspace: str) -> None:
    """Add entries to a list and seal it again."""
    _add(spec, workspace, [{"scope": scope, "value": v, "host": host} for v in values])


@command.command("import")
@spec_argument
@click.argument("file", type=click.File("r"))
@click.option(
    "--scope",
    type=click.Choice(["owner", "repository", "path", "blob", "commit-author", "issue-author"]),
    default="owner",
)
@workspace_option
def import_(spec: str, file: Any, scope: str, workspace: str) -> None:
    """Add the lines of a text file to a list and seal it again; `-` reads standard input."""
    lines = [line.strip() for line in file if line.strip() and not line.startswith("#")]
    _add(spec, workspace, [{"scope": scope, "value": v, "host": ""} for v in lines])


def _add(spec: str, workspace: str, entries: list[dict[str, str]]) -> None:
    from bigcode.api.diagnostics import Place, fail
    from bigcode.evidence.consent import entry_key, new_list, parse_list, render_list

    session, lists = _lists(spec, workspace)
    if len(lists) > 1:
        raise fail(
            "E003",
            "there are several opt-out snapshots",
            hint="Name one: " + ", ".join(a for a, _, _ in lists),
        )
    address, resource, path = lists[0]
    content = parse_list(path.read_bytes(), Place(str(path))) if path.exists() else new_list()
    before, known = len(content["entries"]), {entry_key(e) for e in content["entries"]}
    scopes = resource.spec.scopes
    parse_list(json.dumps({**content, "entries": entries}).encode(), Place("the new entries"), scopes)
    content["entries"] = [*content["entries"], *entries]
    data = render_list(content)
    after = len(parse_list(data, Place(str(path)), scopes)["entries"])
    told = _seal(session, address, resource, path, data)
    click.echo(
        f"{address}: {after - before:,} {'entry' if after - before == 1 else 'entries'} added, {after:,} in all."
    )
    click.echo(told)
    _tell_reach(session, address, entries, known)


def _tell_reach(session: Any, address: str, entries: list[dict[str, str]], known: set[Any]) -> None:
    """Say of each entry that is not known how many files it names, by its position among all of them."""
    from bigcode.evidence.consent import entry_key
    from bigcode.run.reach import tell_reach

    new = [(number, e) for number, e in enumerate(entries, 1) if entry_key(e) not in known]
    for line in tell_reach(session, address, [e for _, e in new], [number for number, _ in new]):
        click.echo(line)


def _applied_entries(session: Any, resource: Any) -> set[Any]:
    """Entries of the list that the spec pins, where a build has taken it into the store."""
    from bigcode.evidence.consent import entry_key

    pin = resource.spec.pin.removeprefix("sha256:")
    if not pin or not session.store.objects.intact(pin):
        return set()
    return {entry_key(e) for e in json.loads(session.store.objects.get(pin))["entries"]}


@command.command("seal")
@spec_argument
@workspace_option
def seal(spec: str, workspace: str) -> None:
    """Pin the lists in their specs and sign them with the steward's key."""
    from bigcode.api.diagnostics import Place, fail
    from bigcode.evidence.consent import parse_list

    session, lists = _lists(spec, workspace)
    for address, resource, path in lists:
        if not path.exists():
            raise fail("E401", f"there is no list at {path}", hint="`bigcode optout add` starts one.")
        data = path.read_bytes()
        entries = parse_list(data, Place(str(path)), resource.spec.scopes)["entries"]
        click.echo(_seal(session, address, resource, path, data))
        _tell_reach(session, address, entries, _applied_entries(session, resource))


def _seal(session: Any, address: str, resource: Any, path: Path, data: bytes) -> str:
    """Write a list, its signature and its pin; all that can be refused is refused before the first of them."""
    from bigcode.api.canonical import digest
    from bigcode.evidence.consent import replace_file, seal_list
    from bigcode.evidence.signing import public_key

    public_key(session.key_path)
    pin, file = f"sha256:{digest(data)}", Path(session.workspace.documents[address].file)
    pinned = None if pin == resource.spec.pin else _with_pin(file, pin)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_bytes() != data:
        replace_file(path, data)
    seal_list(path, session.key_path)
    if pinned is None:
        return f"Signed the list of {address}; the pin is unchanged."
    replace_file(file, pinned)
    return f"Sealed {address}: the new pin stands in {file}; have it reviewed."


def _with_pin(path: Path, pin: str) -> bytes:
    """The bytes of a spec file with `pin` set and every other character as it is.

    Raises:
        Problem: E402 when the spec is written in a form that has no place for it.
    """
    from bigcode.api.diagnostics import Place, fail
    from bigcode.spec.text import parse_document, replace_scalar

    data = path.read_bytes()
    mark, text = data[:3] if data[:3] == b"\xef\xbb\xbf" else b"", data.decode("utf-8-sig")
    document, _ = parse_document(text, str(path))
    assert document is not None, "the workspace was loaded from this file"
    if ("spec", "pin") in document.raws:
        text = replace_scalar(text, document, ("spec", "pin"), f'"{pin}"')
    else:
        source = document.keys["spec", "source"]
        lines = text.splitlines(keepends=True)
        ending = "\r\n" if lines[0].endswith("\r\n") else "\n"
        lines.insert(source.line - 1, f'{" " * (source.column - 1)}pin: "{pin}"{ending}')
        text = "".join(lines)
    again, found = parse_document(text, str(path))
    if (
        again is None
        or found
        or again.value != {**document.value, "spec": {**document.value["spec"], "pin": pin}}
    ):
        raise fail(
            "E402",
            "the pin cannot be written into the spec",
            Place(str(path)),
            f'Write `pin: "{pin}"` into it by hand.',
        )
    return mark + text.encode()


@command.command("status")
@spec_argument
@workspace_option
@json_option
def status(spec: str, workspace: str, json_output: bool) -> int:
    """Whether each list is there, pinned and signed. Exit 3 when one is not usable."""
    from bigcode.api.diagnostics import Problem
    from bigcode.evidence.consent import open_list

    session, lists = _lists(spec, workspace)
    problems: dict[str, Problem | None] = {}
    for address, resource, _ in lists:
        try:
            open_list(session.workspace, address, resource, session.trusted_keys())
            problems[address] = None
        except Problem as problem:
            problems[address] = problem
    found = [diagnostic for problem in problems.values() if problem for diagnostic in problem.diagnostics]
    if json_output:
        emit_json(
            "optout",
            {
                "lists": list(problems),
                "usable": {a: p is None for a, p in problems.items()},
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
                entries = json.loads(path.read_bytes())["entries"]
                _tell_reach(session, address, entries, _applied_entries(session, resource))
        for diagnostic in found:
            click.echo(str(diagnostic), err=True)
    return max((p.exit_code for p in problems.values() if p), default=0)
