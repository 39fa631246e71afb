"""`bigcode plugins`."""

from __future__ import annotations

import click

from bigcode.cli.common import json_option
from bigcode.cli.output import emit_json


@click.group("plugins")
def command() -> None:
    """List the plugins and their components."""


@command.command("list")
@json_option
@click.pass_context
def list_plugins(ctx: click.Context, json_output: bool) -> None:
    """Plugins, their components with behaviour versions, and those that could not be loaded."""
    from bigcode.host.manager import load_host

    host = load_host()
    registry = host.registry
    if json_output:
        emit_json(
            "plugins",
            {
                "plugins": [{"name": n, "distribution": d, "version": v} for n, d, v in host.plugins],
                "components": {
                    n: {"slot": o.component.slot, "version": o.component.version, "plugin": o.plugin}
                    for n, o in registry.offers.items()
                },
                "broken": [
                    {"name": b.plugin, "distribution": b.distribution, "code": b.code, "reason": b.reason}
                    for b in registry.broken
                ],
                "contested": {name: list(who) for name, who in registry.contested.items()},
                "contested_commands": {name: list(who) for name, who in registry.contested_commands.items()},
            },
        )
        return
    for name, distribution, version in host.plugins:
        click.echo(f"{name}  ({distribution} {version})")
        for offer in registry.offers.values():
            if offer.plugin == name:
                c = offer.component
                click.echo(f"    {c.name:<26} {c.slot:<10} behaviour {c.version}  {c.summary}".rstrip())
    for broken in registry.broken:
        click.echo(
            f"warning: {broken.code}  plugin `{broken.plugin}` of {broken.distribution}: {broken.reason}",
            err=True,
        )
        if ctx.obj and ctx.obj.get("debug"):
            click.echo(broken.trace, err=True)
    for what, contested in (("component", registry.contested), ("command", registry.contested_commands)):
        for name, claimants in contested.items():
            claimed = f"{what} `{name}` is claimed by {' and '.join(claimants)}; neither is loaded"
            click.echo(f"warning: E301  {claimed}", err=True)
