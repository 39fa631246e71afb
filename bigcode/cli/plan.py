"""`bigcode plan`."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import click

from bigcode.cli.common import env_option, open_spec, spec_argument, workspace_option
from bigcode.cli.output import emit_json
from bigcode.cli.render_plan import github_comment, plan_lines


@click.command("plan")
@spec_argument
@workspace_option
@env_option
@click.option("--json", "json_output", is_flag=True, help="One JSON document on stdout.")
@click.option(
    "--impact", is_flag=True, help="Run the cheap judgements into scratch and print the governance impact."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "github"]),
    default="text",
    help="github: a comment for a review; implies --impact.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Write the plan to a file for `bigcode apply`.")
@click.option(
    "--slurm",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write the script that apply submits for each Model that Slurm launches.",
)
@click.option("--retrain", is_flag=True, help="Plan for `apply --retrain`; the plan file keeps it.")
@click.option("--exit-code", is_flag=True, help="Exit 4 when something would change.")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), help="Date for the gates; today unless given.")
def command(
    spec: str,
    workspace: str,
    env: str,
    json_output: bool,
    impact: bool,
    form: str,
    out: Path | None,
    slurm: Path | None,
    retrain: bool,
    exit_code: bool,
    as_of: Any,
) -> int:
    """Show what an apply would do and why, what it would cost, and the gates. Writes nothing but --out and
    --slurm."""
    from bigcode.plan.gates import gates
    from bigcode.plan.planfile import write_plan
    from bigcode.run.planning import doubts_of, estimates_of, gate_facts, orders_of, plan_of, slurm_scripts

    opened = open_spec(spec, workspace, env)
    session = opened.session()
    graph, found, value = plan_of(session, env, opened.addresses(), retrain)
    when = as_of.date() if as_of else date.today()
    states = gates(opened.workspace, when, gate_facts(found.results))
    costs, doubts = estimates_of(session, graph, found), doubts_of(session, graph, found)
    orders = orders_of(session, graph, found)
    scripts = slurm_scripts(opened.workspace, opened.addresses()) if slurm is not None else {}
    delta = None
    if impact or form == "github":
        from bigcode.run.preview import preview

        delta = preview(session, graph, found)
    if out is not None:
        write_plan(out, value)
    if slurm is not None:
        slurm.mkdir(parents=True, exist_ok=True)
        for name, text in scripts.items():
            (slurm / name).write_text(text)
    if json_output:
        emit_json(
            "plan",
            {
                **value,
                "gates": [
                    {
                        "release": g.release,
                        "id": g.id,
                        "ok": g.ok,
                        "passes": g.passes,
                        "text": g.text,
                        "waiver": g.waiver,
                    }
                    for g in states
                ],
                "impact": delta.as_json() if delta else None,
                "estimates": [estimate.as_json() for estimate in costs],
                "orders": orders,
                "warnings": [doubt.as_json() for doubt in doubts],
                "scripts": [str(slurm / name) for name in scripts] if slurm else [],
            },
        )
    elif form == "github":
        click.echo(github_comment(opened.workspace.name, graph, found, states, delta, costs, doubts, orders))
    else:
        click.echo("\n".join(plan_lines(graph, found, states, delta, costs, doubts, orders)))
        if out is not None:
            click.echo(f"Saved: {out} ({value['digest'][:12]})")
        for name in scripts:
            click.echo(f"Saved: {slurm}/{name}, which apply submits with its job file")
    return 4 if exit_code and found.changes else 0
