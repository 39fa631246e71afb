"""How long a run held its devices, over all its attempts: work that a crash threw away used energy as well."""

from __future__ import annotations

import json
import time
from pathlib import Path

from bigcode_train.training.checkpoint import replace_text


class Stopwatch:
    """Runs from its making. `mark` writes the time of this attempt to `folder`, one file an attempt."""

    def __init__(self, folder: Path, world: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.world = world
        self._start = time.perf_counter()
        past = [
            json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("attempt-*.json"))
        ]
        self._past_seconds = sum(attempt["seconds"] for attempt in past)
        self._past_device_seconds = sum(attempt["seconds"] * attempt["world"] for attempt in past)
        self._path = folder / f"attempt-{len(past):04d}.json"

    @property
    def now(self) -> float:
        """Seconds of this attempt."""
        return time.perf_counter() - self._start

    def mark(self) -> tuple[float, float]:
        """Note the time of this attempt, and return that of all attempts: wall seconds, and device seconds, which
        are the wall seconds of each attempt times its number of ranks."""
        now = self.now
        replace_text(self._path, json.dumps({"seconds": now, "world": self.world}) + "\n")
        return self._past_seconds + now, self._past_device_seconds + now * self.world
