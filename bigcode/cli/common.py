"""Options that commands share, and the way from SPEC to a session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from bigcode.run.session import Session
    from bigcode.spec.locate import Target
    from bigcode.spec.workspace import Workspace

spec_argument = click.argument("spec", required=False, default="")
workspace_option = click.option(
    "-w", "--workspace", default="", metavar="DIR", help="Workspace of an address."
)
env_option = click.option(
    "--env", default="", metavar="NAME", help="Overlay env/NAME.yaml: Runtime fields only."
)
json_option = click.option("--json", "json_output", is_flag=True, help="One JSON document on stdout.")


def spec_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """SPEC, -w, --env and --json."""
    for decorate in (json_option, env_option, workspace_option, spec_argument):
        function = decorate(function)
    return function


@dataclass(frozen=True)
class Opened:
    """What SPEC means: its workspace, and the addresses it names (none for the whole workspace)."""

    target: Target
    workspace: Workspace
    host: Any

    def session(self) -> Session:
        from bigcode.run.session import open_session

        return open_session(self.workspace, self.host)

    def addresses(self) -> tuple[str, ...]:
        from bigcode.api.diagnostics import fail

        if self.target.address:
            try:
                return (self.workspace.address_of(self.target.address),)
            except KeyError as error:
                known = ", ".join(self.workspace.resources)
                raise fail(
                    "E003", f"`{self.target.address}` is not in this workspace", hint=f"Here: {known}."
                ) from error
        if self.target.file is not None:
            shown = self.target.file.resolve()
            from pathlib import Path

            found = tuple(a for a, d in self.workspace.documents.items() if Path(d.file).resolve() == shown)
            if not found:
                raise fail(
                    "E003",
                    f"`{self.target.file}` declares no resource",
                    hint="Name the workspace, or a spec in it.",
                )
            return found
        return ()


def open_spec(spec: str, workspace: str, env: str = "") -> Opened:
    """Find and check a workspace.

    Raises:
        Problem: E001 or E002 for SPEC, and every error of the specs.
    """
    from bigcode.host.manager import load_host
    from bigcode.spec.locate import locate
    from bigcode.spec.workspace import load_workspace

    target = locate(spec, workspace)
    host = load_host()
    return Opened(target, load_workspace(target.root, host.registry, env), host)


def one_dataset(opened: Opened, named: str, *, main: bool = True) -> str:
    """The dataset that a command means: the one that is named, or the only one, or, for what changes nothing, the
    newest of those that are named like the project.

    Raises:
        Problem: E003.
    """
    from bigcode.api.diagnostics import fail

    here = [a for a, r in opened.workspace.resources.items() if r.kind == "Dataset"]
    wanted = [named] if named else [a for a in opened.addresses() if a in here] or here
    if len(wanted) > 1 and main:
        name = opened.workspace.project.metadata.name
        wanted = [a for a in wanted if opened.workspace.get(a).metadata.name == name][-1:] or wanted
    if len(wanted) != 1:
        raise fail("E003", f"there are {len(here)} datasets", hint=f"Name one of them: {', '.join(here)}.")
    try:
        address: str = opened.workspace.address_of(wanted[0])
    except KeyError as error:
        raise fail("E003", f"`{wanted[0]}` is not here", hint=f"Here: {', '.join(here)}.") from error
    if address not in here:
        raise fail("E003", f"`{wanted[0]}` is no dataset", hint=f"Here: {', '.join(here)}.")
    return address
