"""The meter of a process node: a thread that samples energy and load, a file of samples, and the facts they give.

A node of a run that is spread over machines has a meter on each; attempts that a crash ended count too. The file has
lines of three kinds: one that says how an attempt is metered, samples, and one that ends an attempt. An attempt
without its end was cut off: what it used after its last sample is not known.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from bigcode.api.facts import Fact
from bigcode.run.power import Load, Nvml, Offered, open_sources

SAMPLES = "power.jsonl"
OUTPUT = "power"
_SECOND = 1.0
_SLOWEST = 30.0
_BEFORE_SLOWER = 3600
"""Samples after which the interval is doubled: the file of a month stays below ten megabytes."""
_GAP = 3.0
"""Intervals between two samples from which the time between them is a gap."""
_TOLD = 10.0
"""Seconds between two points of the journal."""
_JOULES = 3.6e6


class Recorder(Protocol):
    """The part of a process's context that is told what was metered."""

    rank: int

    def fact(self, fact: Fact) -> None: ...

    def point(self, series: str, step: int, values: Mapping[str, float]) -> None: ...

    def save(self, output: str, path: Path, name: str = "") -> None: ...


class Meter:
    """Samples from `start` to `stop` into `path`; nothing that goes wrong in it reaches the work."""

    def __init__(
        self,
        path: Path,
        told: Callable[[int, Mapping[str, float]], None] = lambda step, values: None,
        *,
        offered: Callable[[], Offered] = open_sources,
        load: Load | None = None,
        interval: float = _SECOND,
        clock: Callable[[], float] = time.perf_counter,
        done: threading.Event | None = None,
    ) -> None:
        self.path, self.interval = path, interval
        self._told, self._offered, self._load, self._clock = told, offered, load or Load(), clock
        self._past = sum(attempt.seconds for attempt in read_attempts([path]))
        self._done = done or threading.Event()
        self._thread = threading.Thread(target=self._work, name="bigcode-meter", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the attempt with a last sample."""
        self._done.set()
        self._thread.join(10.0)

    def _work(self) -> None:
        try:
            self._sample()
        except Exception as error:
            self._write({"error": type(error).__name__})

    def _sample(self) -> None:
        if self.path.exists() and not self.path.read_bytes().endswith(b"\n"):
            with self.path.open("a", encoding="utf-8") as stream:
                stream.write("\n")
        found = self._offered()
        began = self._clock()
        names = [source.name for source in found.sources]
        self._write({"sources": names, "lacking": list(found.lacking), "interval": self.interval})
        count, told = 0, 0.0
        while True:
            last = count > 0 and self._done.wait(self.interval)
            now = self._clock() - began
            sample: dict[str, Any] = {"t": round(now, 6)}
            joules = {part: j for source in found.sources for part, j in source.read(now).items()}
            if joules:
                sample["joules"] = {part: round(j, 3) for part, j in joules.items()}
            values = dict(self._load.read())
            for source in found.sources:
                if isinstance(source, Nvml):
                    values["gpu"] = source.busy()
            sample |= {name: round(value, 4) for name, value in values.items()}
            self._write(sample)
            if values and (last or now - told >= _TOLD):
                used = {"joules": sum(joules.values())} if joules else {}
                self._told(int(self._past + now), {**values, **used, "seconds": self._past + now})
                told = now
            count += 1
            if last:
                self._write({"end": round(now, 6)})
                return
            if count % _BEFORE_SLOWER == 0 and self.interval < _SLOWEST:
                self.interval = min(_SLOWEST, self.interval * 2)
                self._write({"interval": self.interval})

    def _write(self, line: Mapping[str, Any]) -> None:
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")


@dataclass
class Attempt:
    """What the samples of one attempt on one machine come to. `seconds` of it, `gaps` of which have no sample near;
    `busy` is the mean load of the processors and of the accelerators by their name."""

    sources: tuple[str, ...]
    seconds: float = 0.0
    gaps: float = 0.0
    ended: bool = False
    samples: int = 0
    joules: dict[str, float] = field(default_factory=dict)
    busy: dict[str, float] = field(default_factory=dict)


def read_attempts(paths: Sequence[Path]) -> list[Attempt]:
    """The attempts in files of samples; lines that a crash tore are left out."""
    found: list[Attempt] = []
    for path in paths:
        current: Attempt | None = None
        interval, before = _SECOND, 0.0
        for line in _lines(path):
            if "sources" in line:
                current = Attempt(tuple(line["sources"]))
                found.append(current)
                before = 0.0
            interval = line.get("interval", interval)
            if current is None or "t" not in line:
                if current is not None and "end" in line:
                    current.ended = True
                continue
            passed = line["t"] - before
            if passed > _GAP * interval:
                current.gaps += passed - interval
            for name in ("cpu", "gpu"):
                if name in line:
                    current.busy[name] = current.busy.get(name, 0.0) + line[name] * passed
            current.joules |= line.get("joules", {})
            current.seconds, before = line["t"], line["t"]
            current.samples += 1
    for attempt in found:
        attempt.busy = {n: v / attempt.seconds for n, v in attempt.busy.items() if attempt.seconds}
    return found


def facts_of(paths: Sequence[Path], step: str) -> Iterator[Fact]:
    """What the samples of a node come to; `step` tells the nodes of a resource apart.

    Energy is there only where every attempt on every machine was metered by the same sources.
    """
    attempts = [attempt for attempt in read_attempts(paths) if attempt.samples]
    seconds = sum(attempt.seconds for attempt in attempts)
    if not seconds:
        return
    group = f"{{step={step}}}"
    sources = {attempt.sources for attempt in attempts}
    said = " and ".join(next(iter(sources))) if len(sources) == 1 else ""
    method = f"{said} counters of the whole machine" if said else "no counter of energy"
    if said:
        joules = sum(sum(attempt.joules.values()) for attempt in attempts)
        yield Fact(f"meter.energy{group}", joules / _JOULES, "kWh", label="Metered energy", method=method)
    yield Fact(f"meter.source{group}", said or "none", "text", label="What metered the energy")
    covered = 1 - sum(attempt.gaps for attempt in attempts) / seconds
    cut = sum(not attempt.ended for attempt in attempts)
    yield Fact(f"meter.covered{group}", covered, "1", label="Share of the time with samples near")
    yield Fact(
        f"meter.cut{group}", cut, "1", label="Attempts that were cut off", method="their end is not metered"
    )
    for name, words in (("cpu", "the processors"), ("gpu", "the accelerators")):
        if all(name in attempt.busy for attempt in attempts):
            busy = sum(attempt.busy[name] * attempt.seconds for attempt in attempts) / seconds
            yield Fact(
                f"meter.busy{{step={step},of={name}}}",
                busy,
                "1",
                label=f"Load of {words}",
                method="mean over the samples, whole machine",
            )


@contextmanager
def metering(folder: Path, step: str, ctx: Recorder) -> Iterator[None]:
    """Meter what is done meanwhile, on each machine by its first process. Where it succeeds, the first rank records
    the facts and saves the samples of all machines whose files are in `folder`, as the output `power`."""
    meter = None
    if os.environ.get("LOCAL_RANK", "0") == "0":
        machine = os.environ.get("GROUP_RANK", "0")
        path = folder / (SAMPLES if machine == "0" else f"{machine}-{SAMPLES}")
        meter = Meter(path, lambda second, values: ctx.point("system", second, values))
        meter.start()
    try:
        yield
    finally:
        if meter is not None:
            meter.stop()
    if ctx.rank == 0:
        paths = sorted(folder.glob(f"*{SAMPLES}"))
        for fact in facts_of(paths, step):
            ctx.fact(fact)
        for path in paths:
            ctx.save(OUTPUT, path)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict):
            yield line
