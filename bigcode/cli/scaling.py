"""`bigcode scaling`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bigcode.cli.common import env_option, json_option, open_spec, spec_argument, workspace_option
from bigcode.cli.output import emit_json, say

if TYPE_CHECKING:
    from bigcode.api.facts import Fact
    from bigcode.plan.ladder import Ladder

_BEYOND = 100
"""A budget so many times the largest run is told to be far off."""


@click.command("scaling")
@spec_argument
@workspace_option
@env_option
@json_option
@click.option(
    "--runs",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="CSV with parameters, tokens, and loss or bits_per_byte, in place of the workspace's finished models.",
)
@click.option(
    "--budget",
    "budgets",
    type=click.FloatRange(min=0, min_open=True),
    multiple=True,
    metavar="FLOP",
    help="Operations to spend; may be given several times. Ten and a hundred times the largest run unless given.",
)
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Write an SVG of runs and law.")
def command(
    spec: str,
    workspace: str,
    env: str,
    json_output: bool,
    runs: Path | None,
    budgets: tuple[float, ...],
    plot: Path | None,
) -> None:
    """Fit a scaling law to small runs, and say which size is best for a budget.

    Five runs or more are asked for, of several sizes and several numbers of tokens.
    """
    from bigcode.plan.ladder import fit_ladder
    from bigcode.plan.ladder_runs import runs_of_table, runs_of_workspace

    remarks: list[Any] = []
    if runs is not None:
        found, unit = runs_of_table(runs)
    else:
        opened = open_spec(spec, workspace, env)
        found, unit, remarks = runs_of_workspace(opened.workspace, _recorded(opened))
    try:
        ladder = fit_ladder(found, unit)
    except ImportError as error:
        raise click.ClickException("the fit needs scipy: install bigcode[data]") from error
    largest = max(6 * r.parameters * r.tokens for r in ladder.runs)
    wanted = budgets or (10 * largest, 100 * largest)
    if plot is not None:
        from bigcode.plan.ladder_plot import draw_ladder

        plot.write_text(draw_ladder(ladder, max(wanted)), "utf-8")
    for remark in (*remarks, *ladder.remarks):
        say(str(remark))
    if json_output:
        emit_json("scaling", _document(ladder, wanted))
    else:
        click.echo("\n".join(_lines(ladder, wanted, largest)))
        if plot is not None:
            say(f"Drawn: {plot}")


def _recorded(opened: Any) -> dict[str, Fact]:
    """Facts of the models and evaluations that are finished, whatever else of the workspace is."""
    from bigcode.evidence.ledger import qualify

    store = opened.session().store
    facts: dict[str, Fact] = {}
    for address, resource in opened.workspace.resources.items():
        if resource.kind not in ("Model", "Evaluation"):
            continue
        value = store.refs.read(address).value or {"nodes": {}}
        for keys in value["nodes"].values():
            for action in filter(None, map(store.actions.get, keys.values())):
                for fact in action.facts:
                    qualified = qualify(address, fact)
                    facts[qualified.id] = qualified
    return facts


def _lines(ladder: Ladder, budgets: tuple[float, ...], largest: float) -> list[str]:
    from bigcode.plan.reconcile import show
    from bigcode.plan.scaling import FITS, PRIOR, optimum

    lines = [f"{len(ladder.runs)} runs, loss in {ladder.unit}"]
    lines += [
        f"    {r.name:<40} {show(r.parameters):>12} parameters {show(r.tokens):>12} tokens {r.loss:>9.4f}"
        for r in ladder.runs
    ]
    lines.append("L(N, D) = E + A/N^a + B/D^b")
    lines += [
        f"    {name:<3} {show(value):>12}{_band(band)}" for name, (value, band) in ladder.constants().items()
    ]
    lines.append(f"    the runs differ from it by {ladder.residual:.2%} (root of the mean square)")
    for budget in budgets:
        best, sizes, tokens = ladder.best(budget)
        far = (
            "" if budget <= _BEYOND * largest * 1.001 else f", {budget / largest:,.0f} times the largest run"
        )
        lines.append(f"For {show(budget)} FLOP{far}")
        lines.append(f"    {'this ladder':<20} {show(best.parameters):>12} parameters{_band(sizes)}")
        lines.append(f"    {'':<20} {show(best.tokens):>12} tokens{_band(tokens)}")
        for fit in FITS:
            other = optimum(fit, budget)
            lines.append(
                f"    {fit.name:<20} {show(other.parameters):>12} parameters, {show(other.tokens)} tokens"
            )
    lines.append(f"Each published law is {PRIOR}.")
    return lines


def _band(band: tuple[float, float] | None) -> str:
    from bigcode.plan.ladder import LEVEL
    from bigcode.plan.reconcile import show

    return f"   {LEVEL:.0%} of draws {show(band[0])} to {show(band[1])}" if band else ""


def _document(ladder: Ladder, budgets: tuple[float, ...]) -> dict[str, Any]:
    from bigcode.plan.scaling import FITS, optimum

    def size(best: Any, sizes: Any = None, tokens: Any = None) -> dict[str, Any]:
        return {
            "parameters": best.parameters,
            "tokens": best.tokens,
            "parametersInterval": sizes,
            "tokensInterval": tokens,
        }

    return {
        "unit": ladder.unit,
        "runs": [
            {"name": r.name, "parameters": r.parameters, "tokens": r.tokens, "loss": r.loss}
            for r in ladder.runs
        ],
        "constants": {
            name: {"value": value, "interval": band} for name, (value, band) in ladder.constants().items()
        },
        "residual": ladder.residual,
        "remarks": [remark.as_json() for remark in ladder.remarks],
        "optima": [
            {
                "flops": budget,
                "ladder": size(*ladder.best(budget)),
                "published": {fit.name: size(optimum(fit, budget)) for fit in FITS},
            }
            for budget in budgets
        ],
    }
