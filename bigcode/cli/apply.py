"""`bigcode apply`."""

from __future__ import annotations

import time
from contextlib import nullcontext
from typing import Any

import click

from bigcode.cli.common import open_spec, spec_options
from bigcode.cli.output import duration, emit_json, plural, program, progress, say


@click.command("apply")
@spec_options
@click.option("--retrain", is_flag=True, help="Train again what is pinned to data that has moved on.")
def command(spec: str, workspace: str, env: str, json_output: bool, retrain: bool) -> None:
    """Build what the specs declare: datasets, models, evaluations, cards, as drafts.

    SPEC may also be a plan file that `bigcode plan --out` wrote; a stale one is refused. A plan
    retrains if it was made with `bigcode plan --retrain`.
    """
    from bigcode.plan.planfile import read_plan
    from bigcode.run.apply import Apply
    from bigcode.run.planning import check_plan, retrainable

    plan = read_plan(spec) if spec.endswith(".json") else None
    if plan and retrain and not plan["retrain"]:
        raise click.UsageError(
            f"`{spec}` was made without --retrain, and nobody reviewed what that trains; "
            "`bigcode plan SPEC --retrain --out plan.json` makes one that has it."
        )
    opened = open_spec(plan["workspace"] if plan else spec, workspace, plan["env"] if plan else env)
    session = opened.session()
    targets = tuple(plan["targets"]) if plan else opened.addresses()
    anew = retrainable(opened.workspace) if (plan["retrain"] if plan else retrain) else frozenset()
    if plan:
        check_plan(plan, session)
    started = time.perf_counter()
    shown = progress(json_output)
    with shown if hasattr(shown, "__enter__") else nullcontext():
        outcome = Apply(session, shown, targets, anew).run()
    seconds = time.perf_counter() - started
    if json_output:
        emit_json(
            "apply",
            {
                "ran": outcome.ran,
                "reused": outcome.reused,
                "moved": outcome.moved,
                "stale": sorted(outcome.stale),
                "seconds": dict(outcome.seconds),
                "warnings": [w.as_json() for w in outcome.warnings],
                "root": f"sha256:{outcome.root}" if outcome.root else None,
            },
        )
        return
    _tell(outcome, session, seconds, targets)


def _tell(outcome: Any, session: Any, seconds: float, targets: tuple[str, ...]) -> None:
    for finding in outcome.ledger.findings:
        say(str(finding))
    if outcome.ran:
        click.echo(
            f"Applied {session.workspace.name}: {plural(outcome.ran, 'task')} run, "
            f"{outcome.reused:,} reused, in {duration(seconds)}."
        )
    else:
        click.echo(
            f"Nothing to do: all {plural(outcome.reused, 'task')} of {session.workspace.name} "
            f"are up to date ({duration(seconds)})."
        )
    if outcome.stale:
        click.echo(f"Pinned, and their data has moved on since: {', '.join(sorted(outcome.stale))}.")
        click.echo("`bigcode apply --retrain` follows it.")
    if targets:
        return
    if outcome.cards:
        click.echo(f"Cards:    {_relative(session.cards_folder)}/")
    releases = [r.metadata.name for r in session.workspace.resources.values() if r.kind == "Release"]
    for name in releases:
        click.echo(f"Release:  {_relative(session.releases_folder / name)}/ (draft)")
    click.echo(f"Bundle:   root digest sha256:{outcome.root}")
    where = _relative(session.workspace.root)
    click.echo(f"Check it: {program()} bundle {where} --output bundle && {program()} verify bundle")


def _relative(path: Any) -> str:
    from pathlib import Path

    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
