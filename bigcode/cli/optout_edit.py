"""One edit of an opt-out list, and what a steward is told of it: counts and positions, never names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from bigcode.cli.common import open_spec
from bigcode.cli.output import emit_json


def find_lists(spec: str, workspace: str) -> tuple[Any, list[tuple[str, Any, Path]]]:
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


class Edit:
    """One edit of the one list of a workspace: read, change, write with signature and pin."""

    def __init__(self, spec: str, workspace: str, quiet: bool = False) -> None:
        from bigcode.api.diagnostics import Place, fail
        from bigcode.evidence.optout_list import entry_key, new_list, parse_list, upgrade_list

        self.session, lists = find_lists(spec, workspace)
        if len(lists) > 1:
            raise fail(
                "E003",
                "there are several opt-out snapshots",
                hint="Name one: " + ", ".join(a for a, _, _ in lists),
            )
        self.address, self.resource, self.path = lists[0]
        self.scopes = self.resource.spec.scopes
        self.quiet = quiet
        there = self.path.exists()
        self.content = (
            upgrade_list(parse_list(self.path.read_bytes(), Place(str(self.path)))) if there else new_list()
        )
        self.before = len(self.content["entries"])
        self.known = {entry_key(entry) for entry in self.content["entries"]}
        self.added: list[dict[str, Any]] = []

    def withdrawn(self) -> dict[Any, str]:
        from bigcode.evidence.optout_list import entry_key

        return {entry_key(e): e["withdrawn"] for e in self.content["entries"] if e.get("withdrawn")}

    def check(self, entries: list[dict[str, Any]]) -> None:
        """Refuse new entries that have not the form of their scope, by their positions."""
        from bigcode.api.diagnostics import Place
        from bigcode.evidence.optout_list import parse_list

        tried = {**self.content, "entries": entries, "renames": []}
        parse_list(json.dumps(tried).encode(), Place("the new entries"), self.scopes)

    def join(self, entries: list[dict[str, Any]], renames: Any = ()) -> None:
        self.added = entries
        self.content["entries"] = [*self.content["entries"], *entries]
        self.content["renames"] = [*self.content["renames"], *renames]

    def seal(self, summary: dict[str, Any] | None = None, findings: Any = ()) -> None:
        """Write the list and tell what became of it: counts, findings by number, and what new entries name."""
        from bigcode.api.diagnostics import Diagnostic, Place
        from bigcode.evidence.optout_list import parse_list, render_list
        from bigcode.evidence.requests import REASONS

        data = render_list(self.content)
        after = len(parse_list(data, Place(str(self.path)), self.scopes)["entries"])
        told = seal_file(self.session, self.address, self.resource, self.path, data)
        added = after - self.before
        problems = [
            Diagnostic(
                "E404",
                f"record {f.record} {'waits for a person' if f.outcome == 'review' else 'is refused'}: "
                f"{REASONS[f.reason]}",
                severity="question" if f.outcome == "review" else "warning",
            )
            for f in findings
        ]
        if self.quiet:
            listed = [d.as_json() for d in problems]
            emit_json(
                "optout-import", {**(summary or {}), "added": added, "entries": after, "diagnostics": listed}
            )
            return
        for problem in problems:
            click.echo(str(problem), err=True)
        if findings and summary:
            _tell_summary(summary)
        click.echo(
            f"{self.address}: {added:,} {'entry' if added == 1 else 'entries'} added, {after:,} in all."
        )
        click.echo(told)
        tell_reach(self.session, self.address, self.added, self.known)


def _tell_summary(summary: dict[str, Any]) -> None:
    for name, title in (("accepted", "accepted"), ("review", "waiting for a person"), ("refused", "refused")):
        count = summary[name]
        if isinstance(count, dict):
            click.echo(f"{title}: " + (", ".join(f"{n:,} {reason}" for reason, n in count.items()) or "0"))
        else:
            click.echo(f"{title}: {count:,} of {summary['records']:,} records")


def tell_reach(session: Any, address: str, entries: list[dict[str, str]], known: set[Any]) -> None:
    """Say of each entry that is not known how many files it names, by its position among all of them."""
    from bigcode.evidence.consent import entry_key
    from bigcode.run.reach import tell_reach

    new = [(number, e) for number, e in enumerate(entries, 1) if entry_key(e) not in known]
    for line in tell_reach(session, address, [e for _, e in new], [number for number, _ in new]):
        click.echo(line)


def applied_entries(session: Any, resource: Any) -> set[Any]:
    """Entries of the list that the spec pins, where a build has taken it into the store."""
    from bigcode.evidence.consent import entry_key

    pin = resource.spec.pin.removeprefix("sha256:")
    if not pin or not session.store.objects.intact(pin):
        return set()
    return {entry_key(e) for e in json.loads(session.store.objects.get(pin))["entries"]}


def seal_file(session: Any, address: str, resource: Any, path: Path, data: bytes) -> str:
    """Write a list, its signature and its pin; all that can be refused is refused before the first of them."""
    from bigcode.api.canonical import digest
    from bigcode.evidence.consent import replace_file, seal_list, with_pin
    from bigcode.evidence.signing import public_key

    public_key(session.key_path)
    pin, file = f"sha256:{digest(data)}", Path(session.workspace.documents[address].file)
    pinned = None if pin == resource.spec.pin else with_pin(file, pin)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_bytes() != data:
        replace_file(path, data)
    seal_list(path, session.key_path)
    if pinned is None:
        return f"Signed the list of {address}; the pin is unchanged."
    replace_file(file, pinned)
    return f"Sealed {address}: the new pin stands in {file}; have it reviewed."


def counts_of(session: Any, resource: Any, path: Path, as_of: Any) -> dict[str, Any]:
    from bigcode.evidence.optout_counts import count_entries
    from bigcode.evidence.optout_list import upgrade_list

    within = resource.spec.honour_within / 86400
    counts = count_entries(
        upgrade_list(json.loads(path.read_bytes()))["entries"],
        min_levels=resource.spec.min_levels,
        applied=applied_entries(session, resource),
        small_cell=session.workspace.project.spec.small_cell,
        as_of=as_of,
    )
    oldest = counts["oldestWaitingDays"]
    return {**counts, "honourWithinDays": within, "overdue": None if oldest is None else oldest > within}


def tell_counts(counts: dict[str, Any]) -> None:
    """Counts in a line each, where there are any."""
    for name, title in (("scopes", "in force"), ("levels", "by level"), ("pending", "below their level")):
        if counts[name]:
            click.echo(f"  {title}: " + ", ".join(f"{key} {count}" for key, count in counts[name].items()))
    if counts["oldestWaitingDays"] is not None:
        late = ", overdue" if counts["overdue"] else ""
        click.echo(f"  oldest that no build has honoured: {counts['oldestWaitingDays']} days{late}")
