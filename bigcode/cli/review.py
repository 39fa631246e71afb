"""`bigcode review`: cases that no rule settles, and what a person decides about them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from bigcode.cli.common import json_option, one_dataset, open_spec, spec_argument, workspace_option
from bigcode.cli.explain import told_matches
from bigcode.cli.output import emit_json, plural


class _Queues(click.Group):
    """`review SPEC` lists; `review decide` and `review withdraw` write."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        first = next((a for a in args if not a.startswith("-")), "")
        if first not in self.commands and not {"-h", "--help"} & set(args):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group("review", cls=_Queues)
def command() -> None:
    """List and decide the cases of a dataset that no rule settles: `review SPEC [DATASET]` is `review list`."""


@command.command("list")
@spec_argument
@click.argument("dataset", required=False, default="")
@click.option(
    "--queue", "queues", multiple=True, type=click.Choice(["licence", "copies", "conflicts", "withdrawal"])
)
@click.option("--names", is_flag=True, help="Names of disputed copies, also where output is no terminal.")
@workspace_option
@json_option
def list_(
    spec: str, dataset: str, queues: tuple[str, ...], names: bool, workspace: str, json_output: bool
) -> None:
    """Open and decided cases, with the evidence of the last apply."""
    from bigcode.run.review import QUEUES, find_cases

    opened = open_spec(spec, workspace)
    address = one_dataset(opened, dataset)
    cases = find_cases(opened.session(), address, queues or QUEUES)
    waiting = sum(not case.decisions for case in cases)
    if json_output:
        told = [case.as_json(names=names) for case in cases]
        emit_json("review", {"dataset": address, "open": waiting, "cases": told})
        return
    click.echo(f"{address}: {plural(waiting, 'open case')}, {len(cases) - waiting:,} decided.")
    shown = names or sys.stdout.isatty()
    for queue in queues or QUEUES:
        mine = [case for case in cases if case.queue == queue]
        if mine:
            click.echo(f"\n{click.style(queue, bold=True)} ({len(mine):,})")
        for case in sorted(mine, key=lambda c: bool(c.decisions)):
            _tell(case, shown)


def _tell(case: Any, names: bool) -> None:
    click.echo(f"  {case.cases[0]}" + (f"  ({case.name})" if names and case.name else ""))
    for line in _evidence(case):
        click.echo(f"      {line}")
    for other in case.cases[1:4]:
        click.echo(f"      also: {other}")
    if len(case.cases) > 4:
        click.echo(f"      and {len(case.cases) - 4:,} more")
    for said in case.lapsed.values():
        told = f"another text was decided: {said.decide}, by {said.by} on {said.date} ({said.resource})"
        click.echo(f"      {click.style(told, fg='yellow')}")
    for name, said in case.decisions.items():
        about = "" if name == case.cases[0] else f" for {name}"
        reason = f": {said.reason}" if said.reason else ""
        told = f"decided{about}: {said.decide}, by {said.by} on {said.date} ({said.resource}){reason}"
        click.echo(f"      {click.style(told, fg='green')}")


def _evidence(case: Any) -> list[str]:
    said = case.evidence
    if case.queue == "licence":
        ids = ", ".join(f"{name} {score:.2f}" for name, score in said["ids"].items()) or "nothing recognised"
        categories = f" ({', '.join(sorted(set(said['categories'])))})" if said["categories"] else ""
        role = f"{said['role'] or 'file'} {said['text'][:12]}, {plural(said['files'], 'file')} hang on it"
        return [role, f"stated: {ids}{categories}", *told_matches(said["evidence"])]
    if case.queue == "copies" and said:
        asked = "its origin is not clear" if said["why"] == "origin" else "it holds only a part"
        return [f"{said['strength']}, {said['containment']:.0%} of the text: {asked}"]
    if case.queue == "conflicts":
        return [
            f"{f['file']} ({f['license']}) is {f['otherLicense']} in {f['other'] or 'a file that is not told'}"
            for f in said["files"][:5]
        ]
    if case.queue == "withdrawal":
        return [f"{plural(said['files'], 'file')}, {said['kept']:,} kept by the last apply"]
    return []


_by = click.option("--by", required=True, help="Who decides.")
_date = click.option("--date", "day", required=True, type=click.DateTime(["%Y-%m-%d"]), help="When.")
_reason = click.option("--reason", default="", help="Why; it stands in the spec.")


@command.command("decide")
@click.argument("spec")
@click.argument("dataset")
@click.argument("case")
@click.argument("decision")
@_by
@_date
@_reason
@click.option("--queue", default="", type=click.Choice(["", "licence", "copies", "withdrawal"]))
@workspace_option
def decide(
    spec: str,
    dataset: str,
    case: str,
    decision: str,
    by: str,
    day: Any,
    reason: str,
    queue: str,
    workspace: str,
) -> None:
    """Record what a person decided about a CASE: an SPDX expression or `deny` for licences, else keep or remove.

    The decision is about the texts as they are now: when one changes, the case is queued again.
    """
    from bigcode.run.deciding import choose_case, record_decision

    opened = open_spec(spec, workspace)
    address = one_dataset(opened, dataset)
    session = opened.session()
    found, saw = choose_case(session, address, case, queue)
    said = {"queue": found, "case": case, "saw": saw, "decide": decision, "reason": reason}
    path = record_decision(session, address, said, by, day.date().isoformat())
    click.echo(f"Recorded in {_shown(path)}: {case} is decided as {decision}.")
    click.echo("The next `bigcode apply` judges by it; have the file reviewed like any spec.")


@command.command("withdraw")
@click.argument("spec")
@click.argument("dataset")
@click.argument("file")
@click.option("--kind", required=True, type=click.Choice(["secret", "malware", "licence", "other"]))
@_by
@_date
@_reason
@workspace_option
def withdraw(
    spec: str, dataset: str, file: str, kind: str, by: str, day: Any, reason: str, workspace: str
) -> None:
    """Take a FILE out for a secret or malware that was found in it, and write a notice to those who have the data.

    FILE is HOST/OWNER/REPO:PATH. Nothing of what the file holds is printed or written.
    """
    from bigcode.run.deciding import record_decision
    from bigcode.run.withdrawing import find_content, find_holders, write_notice

    opened = open_spec(spec, workspace)
    address = one_dataset(opened, dataset)
    session, date = opened.session(), day.date().isoformat()
    content = find_content(session, address, file)
    holders = find_holders(session, content)
    said = {"queue": "withdrawal", "case": content.blob, "decide": "remove", "reason": reason or kind}
    path = record_decision(session, address, said, by, date, released=True)
    notice = write_notice(session, address, content, kind, date, holders)
    click.echo(f"Recorded in {_shown(path)}: {content.blob} goes.")
    for holder in holders:
        told = {"yes": "holds it", "no": "does not hold it", "unknown": "its files are not here: not checked"}
        click.echo(f"  {holder.address:<40} {holder.state:<9} {told[holder.holds]}")
    datasets = {h.address for h in holders if h.holds == "yes" and h.address.startswith("Dataset/")}
    if datasets - {address}:
        click.echo(
            "A decision is for one dataset and its later versions: withdraw the file from the others, too."
        )
    click.echo(f"Notice: {_shown(notice)}")
    click.echo(
        "Next: `bigcode apply` drops it (privacy.withdrawn). Then `bigcode purge --rows FILE` erases it, with"
    )
    click.echo("a FILE that holds this line:")
    click.echo(f"  {content.blob}")


def _shown(path: Path) -> str:
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
