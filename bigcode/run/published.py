"""A release folder as it was published: whether it still is what the lock says, and the gates it was let through."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from bigcode.api.canonical import key_of
from bigcode.api.diagnostics import Diagnostic
from bigcode.evidence.bundle import ROOT
from bigcode.evidence.erased import erased_files
from bigcode.plan.gates import Gate
from bigcode.run.drafts import MANIFEST

RECORD = "release.json"
"""In a release folder: the date, the gates with their states, the root of the evidence and the key that signed it."""
_HINT = (
    "A published release does not change. Restore the folder from a copy; `bigcode release` restores it where specs, "
    "lock, decisions and store are those of its day."
)


def damage_of(folder: Path, entry: Mapping[str, str]) -> list[Diagnostic]:
    """What of a folder is not what was published: E605 for what is gone, E604 for other bytes, E606 for additions.

    Args:
        entry: what the lock keeps of the release: `root` and `manifest`, in hex.
    """
    try:
        manifest: dict[str, str] = json.loads((folder / MANIFEST).read_text("utf-8"))
        held = key_of(manifest)
    except OSError:
        return [
            Diagnostic("E605", f"{folder} was released and is not there, or has no {MANIFEST}", hint=_HINT)
        ]
    except (ValueError, RecursionError):
        held = ""
    if held != entry["manifest"]:
        return [Diagnostic("E604", f"{folder}/{MANIFEST} is not that of the release", hint=_HINT)]
    found = []
    erased = erased_files(folder)
    for name, sha in sorted((n, erased.get(n, sha)) for n, sha in manifest.items()):
        path = folder / name
        if not sha and not path.exists():
            continue
        if path.is_symlink() or not path.is_file():
            found.append(Diagnostic("E605", f"{path} was released and is not there", hint=_HINT))
        elif _digest(path) != sha:
            found.append(Diagnostic("E604", f"{path} is not the file that was released", hint=_HINT))
    if not found and (folder / "evidence" / ROOT).read_text("utf-8").strip() != f"sha256:{entry['root']}":
        found.append(Diagnostic("E604", f"{folder}/evidence/{ROOT} is not the root in the lock", hint=_HINT))
    added = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_symlink() or p.is_file()}
    for name in sorted(added - set(manifest)):
        if not Path(name).name.startswith("."):
            hint = "Move it elsewhere: a published folder holds what was published."
            found.append(Diagnostic("E606", f"{folder / name} is no part of the release", hint=hint))
    return found


def recorded_gates(folder: Path, address: str) -> list[Gate]:
    """The gates of a published release as they were when it was published."""
    record = json.loads((folder / RECORD).read_text("utf-8"))
    return [
        Gate(address, gate["id"], gate["state"] == "ok", gate["text"], waiver=gate["waiver"])
        for gate in record["gates"]
    ]


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
