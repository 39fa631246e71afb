"""`bigcode history`."""

from __future__ import annotations

from typing import Any

import click

from bigcode.cli.common import env_option, json_option, open_spec, spec_argument, workspace_option
from bigcode.cli.output import duration, emit_json, plural


@click.command("history")
@spec_argument
@click.argument("run", required=False, default="")
@workspace_option
@env_option
@json_option
@click.option(
    "--log", is_flag=True, help="Every line of a run's journal; of the last run unless one is named."
)
@click.option(
    "--last", type=click.IntRange(min=1), default=20, show_default=True, help="How many runs are listed."
)
def command(spec: str, run: str, workspace: str, env: str, json_output: bool, log: bool, last: int) -> None:
    """List the runs of the store, or show one: RUN is its number, the start of its id, or `last`."""
    from bigcode.run.history import events_of, find_run, runs

    store = open_spec(spec, workspace, env).session().store
    if log or run:
        found = find_run(store, run or "last")
        events = events_of(store, found) if log else []
        if json_output:
            emit_json("history", {"run": found.as_json(), **({"log": events} if log else {})})
        else:
            click.echo("\n".join([*_about(found), *map(_line, events)]))
        return
    known = runs(store)[-last:]
    if json_output:
        emit_json("history", {"runs": [r.as_json() for r in known]})
        return
    for one in known:
        spent = f"{plural(one.tasks, 'task')}, {duration(sum(one.seconds.values()))}"
        moved = ", ".join(address for address, _ in one.moved[:3]) + (" ..." if len(one.moved) > 3 else "")
        line = f"{one.id}  {one.started or one.ended}  {one.who:<10} {one.state:<10} {spent:<22} {moved}"
        click.echo(line.rstrip())
    if not known:
        click.echo("No run has done anything yet.")


def _about(run: Any) -> list[str]:
    lines = [f"{run.id}  {run.state}"]
    when = f"{run.started} to {run.ended}" if run.started else f"last line written {run.ended}"
    lines.append(f"    when      {when}")
    if run.command:
        lines.append(f"    command   {run.command}")
        lines.append(f"    who       {run.who}, workspace {run.workspace}")
    lines.append(f"    tasks     {run.tasks:,}")
    for node, seconds in sorted(run.seconds.items(), key=lambda item: -item[1]):
        lines.append(f"    {duration(seconds):>9} {node}")
    lines += [f"    moved     {address} to generation {number}" for address, number in run.moved]
    lines += [f"    failed    {f['node']}: {f['code']} {f['message']}" for f in run.failures]
    return lines


def _line(event: dict[str, Any]) -> str:
    kind = event.get("event", "?")
    rest = {k: v for k, v in event.items() if k != "event"}
    if kind == "task":
        return f"task    {event['node']} {event['partition']}".rstrip() + f"  {event['key'][:12]}"
    if kind == "ref":
        return f"ref     {event['address']} generation {event['generation']}"
    if kind == "node":
        return f"node    {event['node']}  {event['ran']} run, {event['reused']} reused, {duration(event['seconds'])}"
    return f"{kind:<7} " + ", ".join(f"{k} {v}" for k, v in sorted(rest.items()))
