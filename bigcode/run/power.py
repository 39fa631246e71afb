"""What a machine says of the energy that it uses, sampled while a process works.

One meter a node: a thread of the first process on it. Sources are the counters of the processor's packages and
memory (RAPL, in `/sys/class/powercap`) and those of the accelerators (NVML, where its Python module is installed).
Both count a whole machine or board, whoever uses it. Where a machine offers neither, samples hold how busy its
processors and accelerators were, which a nameplate can be multiplied with, and nothing is guessed here.

Times are seconds since the meter started, of a clock that only goes forward.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

POWERCAP = Path("/sys/class/powercap")
_STATES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")


class Source(Protocol):
    """A counter of energy. `read` gives the joules since the source was opened, by the names of its parts."""

    name: str

    def read(self, now: float) -> Mapping[str, float]: ...


class Rapl:
    """Packages, and the memory beside them, of each processor. Their parts (`core`, `uncore`) and the platform
    (`psys`), which count the same energy again, are left out."""

    name = "RAPL"

    def __init__(self, root: Path = POWERCAP) -> None:
        """Open the counters below `root`.

        Raises:
            OSError: when there are none, or this process may not read them (`energy_uj` belongs to root).
        """
        self._zones: dict[str, tuple[Path, int]] = {}
        for zone in sorted(root.glob("intel-rapl:*")):
            kind = (zone / "name").read_text().strip()
            if kind.startswith("package") or kind == "dram":
                limit = int((zone / "max_energy_range_uj").read_text())
                self._zones[f"{kind}:{zone.name.partition(':')[2]}"] = (zone / "energy_uj", limit)
        if not self._zones:
            raise FileNotFoundError(f"no RAPL counters in {root}")
        self._last = {part: int(path.read_text()) for part, (path, _) in self._zones.items()}
        self._joules = dict.fromkeys(self._zones, 0.0)

    def read(self, now: float) -> Mapping[str, float]:
        """Counters start again at zero after `max_energy_range_uj`, within minutes at full load; once between two
        reads is understood."""
        for part, (path, limit) in self._zones.items():
            value = int(path.read_text())
            step = value - self._last[part]
            self._joules[part] += (step if step >= 0 else step + limit) / 1e6
            self._last[part] = value
        return dict(self._joules)


class Nvml:
    """Boards of NVIDIA: by their counters (Volta and later), else by their power, between two reads as straight as
    a line. Only boards that this process sees are counted (`CUDA_VISIBLE_DEVICES`)."""

    name = "NVML"

    def __init__(self, nvml: Any = None, visible: str | None = None) -> None:
        """Open the boards through a module such as `pynvml`.

        Raises:
            ImportError: when there is no such module.
            OSError: when the driver does not answer, or shows no board.
        """
        self._nvml = nvml if nvml is not None else importlib.import_module("pynvml")
        try:
            self._nvml.nvmlInit()
            handles = [
                self._nvml.nvmlDeviceGetHandleByIndex(n) for n in range(self._nvml.nvmlDeviceGetCount())
            ]
        except self._nvml.NVMLError as error:
            raise OSError(f"NVML does not answer: {error}") from error
        self._boards = {f"gpu:{n}": handles[n] for n in self._chosen(handles, visible)}
        if not self._boards:
            raise FileNotFoundError("NVML shows no board")
        self._first: dict[str, float] = {}
        self._watts: dict[str, tuple[float, float]] = {}
        self._joules = dict.fromkeys(self._boards, 0.0)
        for board, handle in self._boards.items():
            try:
                self._first[board] = self._nvml.nvmlDeviceGetTotalEnergyConsumption(handle)
            except self._nvml.NVMLError:
                pass

    def read(self, now: float) -> Mapping[str, float]:
        for board, handle in self._boards.items():
            if board in self._first:
                used = self._nvml.nvmlDeviceGetTotalEnergyConsumption(handle) - self._first[board]
                self._joules[board] = used / 1e3
            else:
                watts = self._nvml.nvmlDeviceGetPowerUsage(handle) / 1e3
                before = self._watts.get(board)
                if before is not None:
                    self._joules[board] += (now - before[0]) * (watts + before[1]) / 2
                self._watts[board] = (now, watts)
        return dict(self._joules)

    def busy(self) -> float:
        """The share of the last moments in which a board computed, as its driver says; the mean of all boards."""
        ask = self._nvml.nvmlDeviceGetUtilizationRates
        rates = [float(ask(handle).gpu) for handle in self._boards.values()]
        return sum(rates) / len(rates) / 100

    def _chosen(self, handles: Sequence[Any], visible: str | None) -> Sequence[int]:
        """Boards by number or identifier; all where nothing is said."""
        said = os.environ.get("CUDA_VISIBLE_DEVICES") if visible is None else visible
        if said is None:
            return range(len(handles))
        names = [str(_text(self._nvml.nvmlDeviceGetUUID(handle))) for handle in handles]
        chosen = []
        for word in filter(None, (part.strip() for part in said.split(","))):
            if word.isdigit():
                chosen += [int(word)] if int(word) < len(handles) else []
            else:
                chosen += [n for n, name in enumerate(names) if name.startswith(word)]
        return chosen


class Load:
    """How busy the processors of the machine were since the last read, and the memory in use (Linux)."""

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self.proc = proc
        self._last = self._ticks()

    def read(self) -> Mapping[str, float]:
        """`cpu` as a share of all processors, `memory` of the machine and `resident` of this process in bytes; what
        cannot be read is left out."""
        found: dict[str, float] = {}
        now = self._ticks()
        if now and self._last and now[1] > self._last[1]:
            found["cpu"] = (now[0] - self._last[0]) / (now[1] - self._last[1])
        self._last = now
        try:
            lines = (self.proc / "meminfo").read_text().splitlines()
            sizes = {name: int(rest.split()[0]) * 1024 for name, _, rest in (x.partition(":") for x in lines)}
            found["memory"] = float(sizes["MemTotal"] - sizes["MemAvailable"])
            pages = int((self.proc / "self" / "statm").read_text().split()[1])
            found["resident"] = float(pages * os.sysconf("SC_PAGE_SIZE"))
        except (OSError, KeyError, ValueError, IndexError):
            pass
        return found

    def _ticks(self) -> tuple[float, float] | None:
        """Ticks in which processors worked, and all of them."""
        try:
            words = (self.proc / "stat").read_text().split("\n", 1)[0].split()[1:]
        except OSError:
            return None
        ticks = dict(zip(_STATES, map(float, words), strict=False))
        return sum(ticks.values()) - ticks.get("idle", 0) - ticks.get("iowait", 0), sum(ticks.values())


@dataclass(frozen=True, slots=True)
class Offered:
    """The sources of a machine, and why it lacks the others."""

    sources: tuple[Source, ...]
    lacking: tuple[str, ...]


OPENERS: tuple[Callable[[], Source], ...] = (Rapl, Nvml)


def open_sources(openers: Sequence[Callable[[], Source]] = OPENERS) -> Offered:
    """All sources that this machine offers; what goes wrong with one is a reason and no more."""
    sources, lacking = [], []
    for opener in openers:
        try:
            sources.append(opener())
        except Exception as error:
            lacking.append(f"{getattr(opener, 'name', 'source')}: {type(error).__name__}")
    return Offered(tuple(sources), tuple(lacking))


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
