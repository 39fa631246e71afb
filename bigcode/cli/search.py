"""`bigcode search`."""

from __future__ import annotations

from itertools import islice

import click

from bigcode.cli.common import env_option, json_option, one_dataset, open_spec, workspace_option
from bigcode.cli.output import emit_json, plural, say

LONGEST = 160
"""Characters of a line that are printed."""


@click.command("search")
@click.argument("spec")
@click.argument("dataset")
@click.argument("pattern")
@workspace_option
@env_option
@json_option
@click.option("--regex", is_flag=True, help="PATTERN is a regular expression of RE2, not a text.")
@click.option("--raw", is_flag=True, help="For stewards: search what was collected, opted-out files too.")
@click.option("--limit", type=click.IntRange(min=0), default=100, show_default=True, help="0 for all lines.")
def command(
    spec: str,
    dataset: str,
    pattern: str,
    workspace: str,
    env: str,
    json_output: bool,
    regex: bool,
    raw: bool,
    limit: int,
) -> None:
    """Say where PATTERN stands: in the released shards of DATASET, or with --raw in what was collected.

    Of what was collected, places and verdicts are printed and no text. Nothing of a search is written anywhere.
    """
    from bigcode.run.search import pattern_of, search_raw, search_released

    opened = open_spec(spec, workspace, env)
    session = opened.session()
    address = one_dataset(opened, dataset)
    wanted = pattern_of(pattern, regex)
    if raw:
        hits = search_raw(session, address, wanted)
        say("For stewards alone: this is the text as it was collected. Pass nothing on of what it tells.")
    else:
        hits = search_released(session, address, wanted)
    count = hidden = 0
    rows = []
    for hit in islice(hits, limit or None):
        count += 1
        hidden += hit.opted_out
        if json_output:
            row = {"place": hit.place, "line": hit.line, "verdict": hit.verdict, "optedOut": hit.opted_out}
            rows.append(row if raw else {**row, "text": hit.text})
            continue
        mark = "  [opted out]" if hit.opted_out else ""
        text = f"  {hit.text.strip()[:LONGEST]}" if hit.text else ""
        click.echo(f"{hit.place}:{hit.line}  {hit.verdict}{mark}{text}")
    cut = bool(limit) and count == limit and next(hits, None) is not None
    if json_output:
        emit_json("search", {"dataset": address, "raw": raw, "complete": not cut, "hits": rows})
        return
    more = f", {hidden:,} of them in opted-out files" if hidden else ""
    say(f"{plural(count, 'line')}{more}." + (" There are more: see --limit." if cut else ""))
