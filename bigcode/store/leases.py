"""Who is at work on a store: runs share it, and what takes things away wants it alone.

On one machine the kernel's file locks say so, and a process that dies holds nothing. A store that several machines
reach also holds `leases/<id>.json`; of a machine that is away only a person can say whether its run has ended.
"""

from __future__ import annotations

import fcntl
import json
import os
import platform
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from bigcode.api.canonical import canonical, digest
from bigcode.api.diagnostics import fail
from bigcode.store.store import Store

_ALONE = "alone.json"


@contextmanager
def working(store: Store) -> Iterator[None]:
    """Share the store for the length of a run; waits while a `gc` or `purge` of this machine ends.

    Raises:
        Problem: E505 while another machine has the store alone.
    """
    handle = _open(store)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
        if _ALONE in _standing(store):
            hint = f"Run the command again when it is done; if that machine died, remove leases/{_ALONE}."
            raise fail("E505", "another machine is cleaning the store", hint=hint)
        name = _enter(store, f"{secrets.token_hex(8)}.json")
        try:
            yield
        finally:
            _leave(store, name)
    finally:
        os.close(handle)


@contextmanager
def alone(store: Store) -> Iterator[bool]:
    """Have the store alone; False while a run is at work, and the block then shares it."""
    handle = _open(store)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        _standing(store)
        name = _enter(store, _ALONE)
        try:
            # The own entry comes first, so that of two that begin at once at least one sees the other.
            others = [n for n in _standing(store) if n != _ALONE]
            yield bool(name or store.files.local) and not others
        finally:
            _leave(store, name)
    finally:
        os.close(handle)


def _open(store: Store) -> int:
    folder = store.base / "leases"
    folder.mkdir(parents=True, exist_ok=True)
    lock = "lock" if store.files.local else f"{digest(store.url.encode())[:16]}.lock"
    try:
        # Whoever may share the store may hold the lock; the umask says who that is.
        return os.open(folder / lock, os.O_RDWR | os.O_CREAT, 0o666)
    except PermissionError:
        # It is somebody else's. To hold it, reading is enough.
        return os.open(folder / lock, os.O_RDONLY)


def _enter(store: Store, name: str) -> str:
    """Put the entry that other machines see; empty where there is none or the name is taken."""
    if store.files.local:
        return ""
    entry = canonical({"machine": platform.node(), "process": os.getpid()})
    return name if store.files.put_if_absent(f"leases/{name}", entry) else ""


def _leave(store: Store, name: str) -> None:
    if name:
        store.files.remove(f"leases/{name}")


def _standing(store: Store) -> list[str]:
    """Entries of other machines, and of living processes of this one; those of dead ones are taken away."""
    if store.files.local:
        return []
    found = []
    for name in store.files.names("leases"):
        said = json.loads(store.files.read(f"leases/{name}") or b"{}")
        if said.get("machine") == platform.node() and not os.path.exists(f"/proc/{said.get('process')}"):
            store.files.remove(f"leases/{name}")
        else:
            found.append(name)
    return found
