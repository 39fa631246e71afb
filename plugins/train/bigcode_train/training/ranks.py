"""Ranks, their devices, and what becomes of the others when one is lost.

Each rank holds a lock on a file of its own in a folder that all reach, and writes there how far it has come. The
system takes the lock away when the process ends in whatever way, so that the others can say who is missing.
"""

from __future__ import annotations

import fcntl
import os
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist

from bigcode.api import Problem, fail

LOST = "E809"
"""The code of a rank that is missing, was killed or hangs."""
_MARKS = ("gloo", "nccl", "connection", "timed out", "timeout", "socket", "barrier", "peer", "store")


class Presence:
    """This rank's lock; `mark` notes a step. To be kept as long as the rank works."""

    def __init__(self, folder: Path, rank: int, world: int) -> None:
        self.folder, self.rank, self.world = folder, rank, world
        folder.mkdir(parents=True, exist_ok=True)
        self._file = os.open(folder / f"rank-{rank}", os.O_RDWR | os.O_CREAT, 0o644)
        # Others that look for this rank hold the lock for a moment.
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self.mark(0)

    def mark(self, step: int) -> None:
        os.pwrite(self._file, struct.pack("<q", step), 0)

    def close(self) -> None:
        os.close(self._file)

    def lost(self) -> list[int]:
        """Ranks that are not there: they never came, or ended."""
        return [rank for rank in range(self.world) if rank != self.rank and not self._is_there(rank)]

    def behind(self) -> list[int]:
        """Ranks that are there and have come less far than this one."""
        own = self._step(self.rank)
        return [rank for rank in range(self.world) if rank != self.rank and self._step(rank) < own]

    def _is_there(self, rank: int) -> bool:
        try:
            file = os.open(self.folder / f"rank-{rank}", os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        finally:
            os.close(file)
        return False

    def _step(self, rank: int) -> int:
        try:
            data = (self.folder / f"rank-{rank}").read_bytes()
        except OSError:
            return -1
        return struct.unpack("<q", data)[0] if len(data) == 8 else -1


def choose_device(wish: str, rank: int) -> torch.device:
    """`cpu`, `cuda` or `auto`, which takes a CUDA device where there is one; ranks take devices in turn."""
    if wish == "cuda" or (wish == "auto" and torch.cuda.is_available()):
        return torch.device("cuda", rank % torch.cuda.device_count())
    return torch.device("cpu")


def choose_precision(wish: str, device: torch.device) -> torch.dtype:
    """The type of products: for `auto`, bfloat16 where the device has instructions for it, else float32."""
    if wish == "auto":
        wish = "bf16" if _multiplies_in_bf16(device) else "fp32"
    return torch.bfloat16 if wish == "bf16" else torch.float32


@contextmanager
def join_ranks(presence: Presence | None, device: torch.device, join: float, step: float) -> Iterator[None]:
    """Holds the process group that torchrun's environment describes; does nothing on one rank.

    Ranks wait `join` seconds for one another at the start, and `step` seconds in each exchange. They leave together:
    with gloo, one that goes while another still talks to it aborts that other. Even so the library may abort a
    process that ends in the usual way, so the caller should leave with `os._exit` when all is written.

    Raises:
        Problem: E809 when a rank does not come, naming it.
    """
    if device.type == "cuda":
        torch.cuda.set_device(device)
    if presence is None:
        yield
        return
    # Checkpoints are written over gloo on any device.
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    try:
        dist.init_process_group(backend, timeout=timedelta(seconds=join))
        dist.barrier()
    except (RuntimeError, ValueError) as error:
        missing = _name(presence.lost())
        raise fail(
            LOST,
            f"{missing or 'a rank'} did not join the {presence.world} ranks of the run within {join:g} s",
            hint="Look for it in the log; `joinTimeout` of the trainer's settings is how long ranks wait.",
        ) from error
    _wait_at_most(step)
    try:
        yield
        dist.barrier()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        dist.destroy_process_group()


def explain_loss(error: BaseException, presence: Presence | None, latest: str) -> Problem | None:
    """Who is missing, where an exchange with other ranks failed; None for any other error."""
    if presence is None or not any(mark in str(error).lower() for mark in _MARKS):
        return None
    lost, behind = presence.lost(), presence.behind()
    for _ in range(20):
        # A process that dies lets go of its connections a moment before its lock.
        if lost:
            break
        time.sleep(0.1)
        lost = presence.lost()
    if lost:
        what = f"{_name(lost)} ended while the others were at work"
    elif behind:
        what = f"{_name(behind)} hangs, or was too slow"
    else:
        what = "the ranks lost one another"
    return fail(
        LOST,
        f"{what}; {latest}",
        hint="`bigcode apply` goes on from there. The log says how the rank ended; a kill without a word is often "
        "memory that ran out.",
    )


def sum_over_ranks(value: torch.Tensor, world: int) -> torch.Tensor:
    """The sum over all ranks, on every rank; `value` is changed in place."""
    if world > 1:
        dist.all_reduce(value)
    return value


def share_from_first(value: object, world: int) -> object:
    """What rank 0 holds, on every rank; plain values only."""
    if world == 1:
        return value
    box = [value]
    dist.broadcast_object_list(box, src=0)
    return box[0]


def _wait_at_most(seconds: float) -> None:
    from torch.distributed import distributed_c10d

    for device in ("cpu", "cuda"):
        if torch.device(device) in dist.group.WORLD._device_types:
            distributed_c10d._set_pg_timeout(timedelta(seconds=seconds), dist.group.WORLD)
            return


def _name(ranks: list[int]) -> str:
    return ("rank " if len(ranks) == 1 else "ranks ") * bool(ranks) + ", ".join(map(str, ranks))


def _multiplies_in_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    found = torch.cpu.get_capabilities()
    return bool(found.get("amx_bf16") or found.get("avx512_bf16"))
