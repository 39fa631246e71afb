"""`bigcode apply`."""

from __future__ import annotations

import time
from contextlib import nullcontext
from typing import Any

import click

from bigcode.cli.common import one_dataset, open_spec, spec_options
from bigcode.cli.output import duration, emit_json, plural, program, progress, say


@click.command("apply")
@spec_options
@click.option("--retrain", is_flag=True, help="Train again what is pinned to data that has moved on.")
@click.option("--refetch", is_flag=True, help="Ask again for the sources that could not be had.")
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    metavar="N",
    help="Judge N sources (or N files, where there is one source) of a dataset, and print the outcome.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Which sample is drawn.")
def command(
    spec: str,
    workspace: str,
    env: str,
    json_output: bool,
    retrain: bool,
    refetch: bool,
    sample: int | None,
    seed: int,
) -> None:
    """Build what the specs declare: datasets, models, evaluations, cards, as drafts.

    SPEC may also be a plan file that `bigcode plan --out` wrote; a stale one is refused. A plan
    retrains if it was made with `bigcode plan --retrain`.

    With --sample nothing is built: references, drafts and cards stay as they are.
    """
    from bigcode.plan.planfile import read_plan
    from bigcode.run.apply import Apply
    from bigcode.run.planning import check_plan, retrainable

    if sample is not None:
        if retrain or refetch or spec.endswith(".json"):
            raise click.UsageError("--sample goes with a spec, and with --seed alone.")
        _sample(open_spec(spec, workspace, env), sample, seed, json_output)
        return
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
        outcome = Apply(session, shown, targets, anew, refetch=refetch).run()
    seconds = time.perf_counter() - started
    if json_output:
        emit_json(
            "apply",
            {
                "ran": outcome.ran,
                "reused": outcome.reused,
                "moved": outcome.moved,
                "stale": sorted(outcome.stale),
                "askedAgain": outcome.asked_again,
                "seconds": dict(outcome.seconds),
                "warnings": [w.as_json() for w in outcome.warnings],
                "root": f"sha256:{outcome.root}" if outcome.root else None,
            },
        )
        return
    _tell(outcome, session, seconds, targets)


def _sample(opened: Any, count: int, seed: int, json_output: bool) -> None:
    from bigcode.run.sampling import run_sample

    address = one_dataset(opened, "")
    started = time.perf_counter()
    shown = progress(json_output)
    with shown if hasattr(shown, "__enter__") else nullcontext():
        found = run_sample(opened.session(), shown, address, count, seed)
    if json_output:
        emit_json(
            "sample",
            {
                "dataset": address,
                "seed": seed,
                "sources": list(found.drawn),
                "files": found.files,
                "reasons": {
                    reason: {"files": n, "bytes": size} for reason, (n, size) in found.reasons.items()
                },
                "rows": found.rows,
            },
        )
        return
    what = f"{len(found.drawn):,} of {plural(found.of, 'source')}" if found.drawn else "one source"
    click.echo(
        f"A sample of {address} (seed {seed}): {plural(found.files, 'file')} of {what}, "
        f"in {duration(time.perf_counter() - started)}."
    )
    for reason, (files, size) in found.reasons.items():
        click.echo(f"{files:>8,}  {reason:<28} {size:>12,} bytes" if size else f"{files:>8,}  {reason}")
    for reason, rows in found.rows.items():
        click.echo(f"\n{reason}")
        for row in rows:
            more = [f"{name} {_short(value)}" for name, value in row.items() if name != "row"]
            click.echo(f"    {row['row']}" + (f"  ({', '.join(more)})" if more else ""))
    click.echo("\nNothing was built: references, drafts and cards are as they were.")


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.2f}"
    return "+".join(value) if isinstance(value, list) else str(value)


def _tell(outcome: Any, session: Any, seconds: float, targets: tuple[str, ...]) -> None:
    for finding in outcome.ledger.findings:
        say(str(finding))
    if outcome.asked_again:
        click.echo(f"{plural(len(outcome.asked_again), 'source')} asked for again.")
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
