"""The journal of a run: an event a line. It names nodes, digests and counts, never people."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

SYNCED = ("ref",)
"""Events that stand on the disk before the run goes on; of the others the last may be lost with the power."""


class Journal:
    """`runs/<number>-<random>/journal.jsonl`; the folder is made with the first event."""

    def __init__(self, base: Path) -> None:
        runs = base / "runs"
        numbers = [int(n.split("-")[0]) for n in os.listdir(runs) if n[:6].isdigit()] if runs.exists() else []
        self.id = f"{max(numbers, default=0) + 1:06d}-{secrets.token_hex(4)}"
        self.folder = runs / self.id

    def write(self, event: str, **values: Any) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "journal.jsonl").open("a") as stream:
            stream.write(json.dumps({"event": event, **values}, sort_keys=True) + "\n")
            stream.flush()
            if event in SYNCED:
                os.fsync(stream.fileno())
