"""What a program may use."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one program. `memory` and `cpu` (seconds) count for each of its processes; `disk` for its folder, which is
    held in memory; `output` for one answer in bytes, of which four times as many may come in all."""

    memory: int = 512 * 2**20
    processes: int = 4
    cpu: int = 5
    wall: float = 15.0
    disk: int = 16 * 2**20
    file: int = 8 * 2**20
    output: int = 4 * 2**20
