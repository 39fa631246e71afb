"""Which workspace, and which resource of it, a SPEC means."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from bigcode.api.diagnostics import fail
from bigcode.api.resource import REF

_PROJECT = re.compile(
    rb"^(?:\xef\xbb\xbf)?[\"']?kind[\"']?:[ \t]*[\"']?Project[\"']?[ \t]*(?:#.*)?\r?$", re.MULTILINE
)
_IGNORED = {"node_modules", "__pycache__"}
_SEALED = "bundle.json"
"""The list that a bundle's folder holds."""


@dataclass(frozen=True, slots=True)
class Target:
    """A workspace folder and, where SPEC named one, an address or a file in it."""

    root: Path
    address: str = ""
    file: Path | None = None


def locate(spec: str, workspace: str = "") -> Target:
    """Find what SPEC names: a workspace, a file in one, or an address (workspace from `-w` or the current folder).

    Raises:
        Problem: E001 when it names nothing, E002 when it names several workspaces.
    """
    if spec and REF.match(spec) and not Path(spec).exists():
        return Target(_only(Path(workspace or ".")), spec)
    path = Path(spec or workspace or ".")
    if path.is_file():
        return Target(_enclosing(path.parent, spec), file=path)
    if path.is_dir():
        return Target(_only(path))
    raise fail(
        "E001", f"`{spec}` is no folder, no file and no address", hint="An address reads Kind/name@version."
    )


def _only(folder: Path) -> Path:
    if not folder.is_dir():
        raise fail("E001", f"there is no folder `{folder}`")
    roots = sorted(set(_workspaces(folder)))
    if len(roots) == 1:
        return roots[0]
    if len(roots) > 1:
        listed = ", ".join(_shown(root) for root in roots)
        raise fail("E002", f"`{folder}` holds several workspaces: {listed}", hint="Name one of them.")
    return _enclosing(folder, str(folder))


def _enclosing(folder: Path, spec: str) -> Path:
    for candidate in (folder, *folder.resolve().parents):
        if any(_declares_project(path) for path in sorted(candidate.glob("*.y*ml"))):
            return candidate
        if (candidate / ".git").exists():
            break
    raise fail("E001", f"`{spec}` is not in a workspace", hint="A workspace is a folder with one Project.")


def _workspaces(folder: Path) -> list[Path]:
    return [path.parent for path in yaml_files(folder) if _declares_project(path)]


def yaml_files(folder: Path) -> list[Path]:
    """The YAML files below a folder, sorted by folder and name. Hidden ones are left out, and so are the copies of
    specs that a bundle holds, which are evidence and declare nothing."""
    found = []
    for base, folders, files in os.walk(folder):
        if _SEALED in files:
            folders[:] = []
            continue
        folders[:] = sorted(f for f in folders if f not in _IGNORED and not f.startswith("."))
        found += [
            Path(base) / n for n in sorted(files) if n.endswith((".yaml", ".yml")) and not n.startswith(".")
        ]
    return found


def _declares_project(path: Path) -> bool:
    """Whether a file says `kind: Project`. What cannot be read declares nothing here; loading it says why."""
    try:
        return path.is_file() and _PROJECT.search(path.read_bytes()) is not None
    except OSError:
        return False


def repository_root(folder: Path) -> Path | None:
    """The root of the Git checkout around a folder, if there is one."""
    for candidate in (folder.resolve(), *folder.resolve().parents):
        if (candidate / ".git").exists():
            return candidate
    return None


def _shown(path: Path) -> str:
    try:
        return str(Path(os.path.abspath(path)).relative_to(Path.cwd()))
    except ValueError:
        return str(path)
