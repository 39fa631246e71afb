"""Ranks and their devices."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.distributed as dist


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
def join_ranks(world: int, device: torch.device) -> Iterator[None]:
    """Holds the process group that torchrun's environment describes; does nothing on one rank.

    Ranks leave together: with gloo, one that goes while another still talks to it aborts that other.
    """
    if device.type == "cuda":
        torch.cuda.set_device(device)
    if world == 1:
        yield
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield
        dist.barrier()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        dist.destroy_process_group()


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


def _multiplies_in_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    found = torch.cpu.get_capabilities()
    return bool(found.get("amx_bf16") or found.get("avx512_bf16"))
