"""The command line: a lazy table, so that `--help` loads nothing of what the commands need."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from gc import set_threshold
from typing import Any

import click

COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("Write a small workspace to start from.", "init"),
    "schema": ("Print JSON Schemas of the kinds, for editors.", "schema"),
    "validate": ("Check the specs of a workspace.", "validate"),
    "plan": ("Show what an apply would do, and why.", "plan"),
    "apply": ("Build what the specs declare, as drafts.", "apply"),
    "release": ("Publish: check the gates, freeze, sign, write to the targets.", "release"),
    "approve": ("Sign a decision record for the approvals gate.", "approve"),
    "bundle": ("Write a folder with all evidence, for checking elsewhere.", "bundle"),
    "verify": ("Check a bundle, or the workspace's own evidence, offline.", "verify"),
    "card": ("Print a card, or check written cards against their facts.", "card"),
    "diff": ("Compare the verdicts of two states of a dataset.", "diff"),
    "history": ("List the runs of the store, or read the log of one.", "history"),
    "scaling": ("Fit a scaling law to small runs.", "scaling"),
    "graph": ("Print the graph of nodes.", "graph"),
    "show": ("Show a resource with its facts.", "show"),
    "explain": ("Say why: a file's verdict, a node, or a diagnostic code.", "explain"),
    "review": ("List and decide what no rule settles; withdraw a file.", "review"),
    "search": ("Find a text in what is released, or for stewards in what was collected.", "search"),
    "optout": ("Edit, seal and check opt-out lists.", "optout"),
    "plugins": ("List the plugins and their components.", "plugins"),
    "gc": ("Free the store of what nothing needs.", "gc"),
    "purge": ("Erase contents for good.", "purge"),
}


class Commands(click.Group):
    """Commands by name; those of plugins are looked up when no core command has the name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in COMMANDS:
            module = importlib.import_module(f"bigcode.cli.{COMMANDS[name][1]}")
            command: click.Command = module.command
            return command
        from bigcode.api.components import load_object
        from bigcode.host.manager import load_host

        added = load_host().registry.commands.get(name)
        return load_object(added.target) if added else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (summary, _) in COMMANDS.items()])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(package_name="bigcode", prog_name="bigcode", message="%(prog)s %(version)s")
@click.pass_context
def group(ctx: click.Context, debug: bool) -> None:
    """Build code models from specs under review, with evidence that anyone can check offline.

    SPEC is a workspace folder, a file in one, or an address such as Dataset/name@1.0.0.
    """
    found = ctx.ensure_object(dict)
    found["debug"] = debug or found.get("debug", False)


def main(argv: list[str] | None = None) -> None:
    """Run a command and exit. Diagnostics go to stderr, results to stdout; the exit code is that of the gravest."""
    sys.exit(run(sys.argv[1:] if argv is None else argv))


def script() -> None:
    """The console script: `main`, and then out at once.

    Threads of Arrow's pool can abort the interpreter while it shuts down ("terminate called without an active
    exception"), which would turn a good result into exit 134. Everything is written and closed by then.
    """
    code = run(sys.argv[1:])
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def run(argv: list[str]) -> int:
    """Run a command and return its exit code."""
    from bigcode.api.diagnostics import Problem

    debug = "--debug" in argv
    # Large graphs are many small values that live to the end; looking at them again and again finds no garbage.
    set_threshold(200_000, 20, 100)
    try:
        result: Any = group.main(
            [a for a in argv if a != "--debug"], standalone_mode=False, obj={"debug": debug}
        )
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return 2
    except Problem as problem:
        if debug:
            import traceback

            traceback.print_exc()
        _report(problem, argv)
        return problem.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted. Finished work is kept; run the command again to go on.", err=True)
        return 130
    except BrokenPipeError:
        return 0
    except OSError as error:
        if debug:
            raise
        where = f"{error.filename}: " if error.filename else ""
        click.echo(
            f"E502  {where}{error.strerror or error}\n    Look at the permissions and the space of the disk.",
            err=True,
        )
        return 1
    except Exception as error:
        if debug:
            raise
        click.echo(
            f"E502  {type(error).__name__}: {error}\n    This is a fault of bigcode. `--debug` shows the traceback.",
            err=True,
        )
        return 1


def _report(problem: Any, argv: list[str]) -> None:
    # Tasks that fail alike, such as downloads from an index that is away, are one diagnostic.
    seen = list({str(d): d for d in problem.diagnostics}.values())
    if "--json" in argv:
        from bigcode.cli.output import emit_json

        emit_json("diagnostics", {"diagnostics": [d.as_json() for d in seen], "exit": problem.exit_code})
    for diagnostic in seen[:50]:
        click.echo(str(diagnostic), err=True)
    if len(seen) > 50:
        click.echo(f"... and {len(seen) - 50} more", err=True)
