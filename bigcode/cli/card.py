"""`bigcode card`."""

from __future__ import annotations

import click

from bigcode.cli.common import open_spec, spec_options
from bigcode.cli.output import emit_json, plural


@click.command("card")
@spec_options
@click.option(
    "--check", is_flag=True, help="Compare the written cards with the facts; exit 8 when one differs."
)
@click.option("--html", is_flag=True, help="Print the page instead of the Markdown.")
def command(spec: str, workspace: str, env: str, json_output: bool, check: bool, html: bool) -> int:
    """Print a card from recorded facts, or check the written ones."""
    from bigcode.api.diagnostics import fail
    from bigcode.run.cards import current_cards

    opened = open_spec(spec, workspace, env)
    session = opened.session()
    cards = current_cards(session)
    named = [a for a in opened.addresses() if a in cards]
    if check:
        return _check(session, {a: cards[a] for a in named} if named else cards, json_output)
    if len(named or cards) != 1:
        raise fail("E003", f"there are {len(cards)} cards here", hint="Name one: " + ", ".join(cards) + ".")
    files = cards[named[0] if named else next(iter(cards))]
    ending = ".html" if html else ".md"
    text = next(data for name, data in files.items() if name.endswith(ending)).decode()
    if json_output:
        emit_json("card", {"files": {n: d.decode() for n, d in files.items()}})
    else:
        click.echo(text, nl=False)
    return 0


def _check(session: object, cards: dict[str, dict[str, bytes]], json_output: bool) -> int:
    folder = session.cards_folder  # type: ignore[attr-defined]
    differing = []
    for files in cards.values():
        for name, data in files.items():
            path = folder / name
            if not path.exists() or path.read_bytes() != data:
                differing.append(str(path))
    if json_output:
        emit_json("card-check", {"ok": not differing, "differing": differing})
    elif differing:
        for path in differing:
            click.echo(
                f"E609  {path} is not what the facts give\n    Run `bigcode apply`, which writes the cards again.",
                err=True,
            )
    else:
        click.echo(f"{plural(len(cards), 'card')} as the facts give them.")
    return 8 if differing else 0
