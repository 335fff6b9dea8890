"""Shards a model's weights over the ranks of an agent with PyTorch's FSDP2.

Every rank stores a part of the rows of every tensor, in float32. Each decoder layer is one FSDP unit, which is
resharded right after its forward pass. The embedding, the last norm and the head form the root unit. It stays
unsharded between forward and backward pass, because the head runs over slices of the tokens in between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .checkpoint import copy_sharing_tensors
from .decoder import split_head
from .errors import BadModel, WorkerError
from .process_group import AgentProcessGroup


class RowShards:
    """The layout of tensors whose rows are split over the ranks; implements `TensorLayout`."""

    def __init__(self, group: AgentProcessGroup) -> None:
        self._group = group
        self.is_rank_zero = group.is_rank_zero

    def to_local(self, tensor: Tensor) -> Tensor:
        distributed: Any = tensor.detach()
        local: Tensor = distributed.to_local()
        return local

    def full_tensor(self, local: Tensor, shape: Sequence[int]) -> Tensor:
        return self._group.all_gather_rows(local, shape)

    def local_shard(self, full: Tensor) -> Tensor:
        return self._group.local_rows(full)

    def all_reduce_sum(self, number: float) -> float:
        return self._group.all_reduce_sum(number)


@dataclass(frozen=True)
class ShardedModel:
    """A model with sharded weights."""

    #: The root FSDP module, whose forward pass runs the decoder layers.
    root: Any
    head: nn.Module
    #: The sharded parameters, by their names in the model.
    parameters: Mapping[str, nn.Parameter]
    #: A copy of the model whose parameters are empty; `GatheredWeights` fills them to sample.
    empty_model: nn.Module
    #: Compute dtype of each parameter, by its name in the model.
    dtypes: Mapping[str, torch.dtype]


class _Root(nn.Module):
    """A module that contains all parameters of the model, but whose forward pass runs only the decoder layers."""

    def __init__(self, model: Any, layers: nn.Module) -> None:
        super().__init__()
        self.model = model
        self._run = (layers,)  # a tuple hides the layers from nn.Module, which would register them twice

    def forward(self, **inputs: Any) -> Any:
        return self._run[0](**inputs)


def require_shardable(model: Any, where: str) -> None:
    """Checks that a model can be sharded.

    Raises:
        BadModel: the model is a mixture of experts; its ranks could use different experts and then run different
            collectives.
        WorkerError: PyTorch is too old.
    """
    from torch.distributed.fsdp import FSDPModule

    if not hasattr(FSDPModule, "set_force_sum_reduction_for_comms"):
        raise WorkerError(
            f"an agent of several ranks needs PyTorch 2.8 or newer, got {torch.__version__}", "package"
        )
    if any(name.rsplit(".", 1)[-1] == "experts" for name, _ in model.named_modules()):
        raise BadModel(
            f"{where}: {type(model).__name__} routes tokens to experts, which may differ between ranks; "
            "expected a model without experts for an agent of several ranks, set ray.gpus_per_agent to 1"
        )


def shard(
    model: Any,
    group: AgentProcessGroup,
    *,
    device: torch.device,
    compute: torch.dtype,
    trained: frozenset[str] | None,
    where: str,
) -> ShardedModel:
    """Shards a model layer by layer, so that a rank needs memory only for its shard and one complete layer.

    Args:
        model: the model on the CPU, with memory-mapped weights if possible
        compute: dtype of forward and backward passes
        trained: names of the trained parameters, which are sharded in float32; all other parameters are frozen and
            sharded in the dtype `compute`. None: all parameters are trained.
        where: folder of the model, for error messages
    """
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    names = {id(parameter): name for name, parameter in model.named_parameters()}
    empty_model = copy_sharing_tensors(model)
    policy = MixedPrecisionPolicy(
        param_dtype=compute if trained is None and compute != torch.float32 else None,
        reduce_dtype=torch.float32,
        cast_forward_inputs=False,
    )
    dtypes: dict[str, torch.dtype] = {}

    def shard_module(module: nn.Module, *, reshard_after_forward: bool) -> Any:
        originals = [parameter for parameter in module.parameters() if id(parameter) in names]
        for parameter in originals:
            name = names[id(parameter)]
            is_trained = trained is None or name in trained
            dtypes[name] = compute if trained is None or not is_trained else torch.float32
            shard_dtype = torch.float32 if is_trained else compute
            parameter.data = parameter.data.to(device=device, dtype=shard_dtype).contiguous()
            parameter.requires_grad_(is_trained)
        sharded: Any = fully_shard(
            module, mesh=group.mesh, reshard_after_forward=reshard_after_forward, mp_policy=policy
        )
        for parameter in originals:
            # `empty_model` shares the original parameter, which is not used any more. Free its memory.
            parameter.data = parameter.data.new_empty(0)
        # Sum the gradients over the ranks instead of averaging them, with a reduction that Gloo supports.
        sharded.set_gradient_divide_factor(1.0)
        sharded.set_force_sum_reduction_for_comms(True)
        return sharded

    layers, head = split_head(model, where)
    for layer in _decoder_layers(model, layers, where):
        shard_module(layer, reshard_after_forward=True)
    root = shard_module(_Root(model, layers), reshard_after_forward=False)
    return ShardedModel(root, head, dict(model.named_parameters()), empty_model, dtypes)


def _decoder_layers(model: Any, layers: nn.Module, where: str) -> nn.ModuleList:
    count = model.config.get_text_config(decoder=True).num_hidden_layers
    for module in layers.modules():
        if isinstance(module, nn.ModuleList) and len(module) == count:
            return module
    raise BadModel(f"{where}: {type(model).__name__} has no ModuleList of its {count} layers to shard over ranks")


class GatheredWeights:
    """Gathers the complete model on every rank for sampling; implements `SamplingWeights`.

    With FSDP, every layer would be gathered again for every token. This class gathers all weights once, in the
    compute dtype, into an ordinary module.
    """

    def __init__(self, sharded: ShardedModel, layout: RowShards) -> None:
        self.module = sharded.empty_model
        self._layout = layout
        self._sources = sharded.parameters
        self._dtypes = sharded.dtypes
        self._targets = dict(sharded.empty_model.named_parameters())
        self.is_unsharded = False

    @torch.no_grad()
    def unshard(self) -> None:
        if self.is_unsharded:
            return
        self.is_unsharded = True
        for name, target in self._targets.items():
            source = self._sources[name]
            local = self._layout.to_local(source).to(self._dtypes[name])
            target.data = self._layout.full_tensor(local, source.shape)

    def reshard(self) -> None:
        if not self.is_unsharded:
            return
        self.is_unsharded = False
        for target in self._targets.values():
            target.data = target.data.new_empty(0)
