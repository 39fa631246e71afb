"""How a model is spread over ranks: whole on each, in shards, in shards within replicas, and by matrices.

Weights, gradients and the optimizer's state are fp32 whatever the products are computed in. In every layout the
gradient that the optimizer sees is the mean over the global batch, summed in fp32.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, parallelize_module
from transformers import PreTrainedModel

from bigcode.api import fail
from bigcode_train.network.network import Network, find_blocks, group_of

_BUCKET = 1 << 23
"""Elements of gradients that are summed over ranks at once."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a rank stands: the global batch is divided into `parts`, of which it computes `part`. `shards` is the
    mesh that weights are spread over (None where each rank holds all), `tensors` that of one matrix."""

    world: int
    parts: int
    part: int
    shards: DeviceMesh | None = None
    tensors: DeviceMesh | None = None


def check_ranks(params: Mapping[str, Any], batch: int, world: int) -> None:
    """Refuse ranks that cannot be shared out as `sharding`, `replicas` and `tensor` say.

    Raises:
        Problem: E811, or E105 for the batch.
    """
    sharding, tensor = params.get("sharding", "none"), params.get("tensor", 1)
    replicas = params.get("replicas", 1) if sharding == "hsdp" else 1
    if tensor > 1 and sharding == "none":
        raise fail("E811", "`tensor` needs weights in shards", hint="Set `sharding: fsdp` beside it.")
    if world % (tensor * replicas):
        raise fail("E811", f"{world} ranks cannot be {replicas} replicas of {tensor} tensor ranks")
    if batch % (world // tensor):
        raise fail("E105", f"{world // tensor} ranks cannot share a batch of {batch} sequences evenly")


def lay_out(params: Mapping[str, Any], rank: int, world: int, device: torch.device) -> Layout:
    """The layout that `sharding`, `replicas` and `tensor` of the params ask for; the process group is there already."""
    sharding, tensor = params.get("sharding", "none"), params.get("tensor", 1)
    replicas = params.get("replicas", 1) if sharding == "hsdp" else 1
    if sharding == "none" or world == 1:
        return Layout(world, world, rank)
    parts = world // tensor
    sizes = {"replicas": replicas, "shards": parts // replicas, "tensors": tensor}
    names = tuple(name for name, size in sizes.items() if size > 1 or name == "shards")
    mesh = init_device_mesh(device.type, tuple(sizes[name] for name in names), mesh_dim_names=names)
    spread = tuple(name for name in names if name != "tensors")
    return Layout(
        world,
        parts,
        rank // tensor,
        mesh[spread] if len(spread) > 1 else mesh["shards"],
        mesh["tensors"] if tensor > 1 else None,
    )


class Whole:
    """The model on each rank. Where products are not fp32, a copy of its weights in their type computes."""

    def __init__(self, network: Network, dtype: torch.dtype, layout: Layout) -> None:
        self.model, self.network, self.world = network.model, network, layout.world
        self._pairs: list[tuple[nn.Parameter, nn.Parameter]] = []
        if dtype != torch.float32:
            self.network = copy.deepcopy(network)
            for weight, twin in zip(network.parameters(), self.network.parameters(), strict=True):
                twin.data = weight.data.to(dtype)
                self._pairs.append((weight, twin))

    def backward(self, loss: Tensor, last: bool) -> None:
        """Add the gradient of a part of this rank's rows; after the `last`, it is that of the global batch."""
        loss.backward()
        for weight, twin in self._pairs:
            if twin.grad is not None:
                gradient, twin.grad = twin.grad, None
                weight.grad = gradient.float() if weight.grad is None else weight.grad.add_(gradient)
        if last and self.world > 1:
            self._sum([p.grad for p in self.model.parameters() if p.grad is not None])

    def publish(self) -> None:
        """Let the weights that the optimizer changed be those that compute."""
        if self._pairs:
            weights, twins = zip(*self._pairs, strict=True)
            torch._foreach_copy_([twin.data for twin in twins], [weight.data for weight in weights])

    def _sum(self, gradients: Iterable[Tensor]) -> None:
        for bucket in _fill_buckets(gradients):
            flat = torch.cat([gradient.flatten() for gradient in bucket])
            dist.all_reduce(flat)
            flat /= self.world
            for gradient, part in zip(bucket, flat.split([g.numel() for g in bucket]), strict=True):
                gradient.copy_(part.view_as(gradient))


class Sharded:
    """The model in shards, gathered layer by layer when it computes."""

    def __init__(self, network: Network, dtype: torch.dtype, layout: Layout, device: torch.device) -> None:
        assert layout.shards is not None
        self.model, self.network = network.model, network
        if layout.tensors is not None:
            _split_matrices(network.model, layout.tensors)
        policy = MixedPrecisionPolicy(
            param_dtype=None if dtype == torch.float32 else dtype, reduce_dtype=torch.float32
        )
        for block in find_blocks(network.model):
            fully_shard(block.to(device), mesh=layout.shards, mp_policy=policy)
        fully_shard(network.to(device), mesh=layout.shards, mp_policy=policy)

    def backward(self, loss: Tensor, last: bool) -> None:
        assert isinstance(self.network, FSDPModule)
        self.network.set_requires_gradient_sync(last)
        loss.backward()

    def publish(self) -> None:
        """Shards are cast when they are gathered."""


def spread_network(
    network: Network, dtype: torch.dtype, layout: Layout, device: torch.device
) -> Whole | Sharded:
    """Put a network, which is whole and on the CPU, on its devices.

    Raises:
        Problem: E811 when a layout asks for matrices to be shared and the model has no way to.
    """
    if layout.shards is None:
        network.to(device)
        return Whole(network, dtype, layout)
    return Sharded(network, dtype, layout, device)


def whole_weights(spread: Whole | Sharded) -> Mapping[str, Tensor]:
    """The weights of the whole model by name; from shards on the CPU, and on ranks other than the first none. To be
    called on all ranks."""
    if isinstance(spread, Whole):
        return spread.model.state_dict()
    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    return get_model_state_dict(spread.model, options=options)


def check_tensor(model: PreTrainedModel, tensor: int) -> None:
    """Refuse `tensor` ranks for one matrix where the model cannot be split that way.

    Raises:
        Problem: E811.
    """
    if tensor == 1:
        return
    config = model.config
    plan = getattr(config, "base_model_tp_plan", None) or {}
    strange = sorted(set(plan.values()) - {"colwise", "rowwise"})
    if not plan or strange:
        said = f"its plan has {', '.join(strange)}" if strange else "the library has no plan for it"
        raise fail(
            "E811",
            f"the matrices of `{config.model_type}` cannot be shared by {tensor} ranks: {said}",
            hint="Set `tensor: 1`; `sharding: fsdp` spreads the weights as well. Llama and Starcoder2 have a plan.",
        )
    heads = config.num_attention_heads
    keys = getattr(config, "num_key_value_heads", heads)
    if heads % tensor or keys % tensor:
        raise fail("E811", f"{tensor} ranks cannot share {heads} heads and {keys} heads of keys evenly")


def gradient_norms(named: Iterable[tuple[str, nn.Parameter]]) -> tuple[float, dict[str, float]]:
    """The norm of the whole gradient, and that of each group of weights, the same on every rank."""
    groups: dict[str, int] = {}
    parts: dict[tuple[Any, ...], list[tuple[int, Tensor]]] = {}
    for name, weight in named:
        index = groups.setdefault(group_of(name), len(groups))
        gradient, where = weight.grad, ()
        if gradient is None:
            continue
        if isinstance(gradient, DTensor):
            mesh = gradient.device_mesh
            dims = (d for d, placement in enumerate(gradient.placements) if placement.is_shard())
            where = tuple(mesh.get_group(dim) for dim in dims)
            gradient = gradient.to_local()
        parts.setdefault(where, []).append((index, gradient))
    device = next((part[0][1].device for part in parts.values()), torch.device("cpu"))
    squares = torch.zeros(len(groups), dtype=torch.float64, device=device)
    for where, found in parts.items():
        norms = torch.stack(torch._foreach_norm([gradient for _, gradient in found])).double().square()
        sums = torch.zeros_like(squares)
        sums.index_add_(0, torch.tensor([index for index, _ in found], device=device), norms)
        for group in where:
            dist.all_reduce(sums, group=group)
        squares += sums
    values = [*squares.sqrt().tolist(), squares.sum().sqrt().item()]
    return values[-1], dict(zip(groups, values, strict=False))


def scale_gradients(weights: Iterable[nn.Parameter], factor: float) -> None:
    gradients = [
        p.grad.to_local() if isinstance(p.grad, DTensor) else p.grad for p in weights if p.grad is not None
    ]
    torch._foreach_mul_(gradients, factor)


def _split_matrices(model: PreTrainedModel, mesh: DeviceMesh) -> None:
    styles = {"colwise": ColwiseParallel, "rowwise": RowwiseParallel}
    plan = {name: styles[style]() for name, style in model.config.base_model_tp_plan.items()}
    parallelize_module(model.base_model, mesh, plan)


def _fill_buckets(gradients: Iterable[Tensor]) -> Iterable[list[Tensor]]:
    bucket: list[Tensor] = []
    held = 0
    for gradient in gradients:
        bucket.append(gradient)
        held += gradient.numel()
        if held >= _BUCKET:
            yield bucket
            bucket, held = [], 0
    if bucket:
        yield bucket
