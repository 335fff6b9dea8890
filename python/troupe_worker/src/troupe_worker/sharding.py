"""A model whose weights are dealt out among ranks, with PyTorch's FSDP2: every rank keeps some rows of every
tensor in float32, and what a layer computes with is put together when it is its turn.

A decoder layer is a group that is put together and given back at once; embedding, last norm and head are another,
which stays together from a pass through the layers to the pass back, because the head runs in slices in between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from .checkpoint import twin
from .decoder import cut
from .errors import BadModel, WorkerError
from .ranks import Ranks


class Shards:
    """The rows of one rank; see `Pieces`."""

    def __init__(self, ranks: Ranks) -> None:
        self._ranks = ranks
        self.keeps_files = ranks.speaks

    def own(self, tensor: Tensor) -> Tensor:
        local: Any = tensor.detach()
        found: Tensor = local.to_local()
        return found

    def whole(self, own: Tensor, shape: Sequence[int]) -> Tensor:
        return self._ranks.whole(own, shape)

    def share(self, whole: Tensor) -> Tensor:
        return self._ranks.share(whole)

    def total(self, number: float) -> float:
        return self._ranks.total(number)


@dataclass(frozen=True)
class Sharded:
    """A model after its weights were dealt out."""

    #: What the passes go through: runs the layers, and has the whole model for its parameters.
    entry: Any
    head: nn.Module
    #: Those that FSDP keeps, by their names in the module.
    parameters: Mapping[str, nn.Parameter]
    #: The same model without its numbers, for `WholeWeights`.
    hollow: nn.Module
    #: What tensors compute in, by their names in the module.
    dtypes: Mapping[str, torch.dtype]


class _Entry(nn.Module):
    """The whole model, of which a pass runs the layers alone."""

    def __init__(self, model: Any, layers: nn.Module) -> None:
        super().__init__()
        self.model = model
        self._run = (layers,)  # in a tuple: it is in the model already

    def forward(self, **inputs: Any) -> Any:
        return self._run[0](**inputs)


def require_shardable(model: Any, where: str) -> None:
    """
    Raises:
        BadModel: its layers are not all alike for every rank.
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
            "expected a model without them for an agent of several ranks, set ray.gpus_per_agent to 1"
        )


def shard(
    model: Any,
    ranks: Ranks,
    *,
    device: torch.device,
    compute: torch.dtype,
    trained: frozenset[str] | None,
    where: str,
) -> Sharded:
    """Deals the weights out, a layer at a time, so that no rank ever has more of them than a layer and its own.

    Args:
        model: on the host, its weights still those of the mapped file where they can be
        compute: what passes compute in
        trained: names of parameters that are trained where the others stay as they are, in `compute`; None: all,
            with float32 pieces whatever they compute in
    """
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    names = {id(parameter): name for name, parameter in model.named_parameters()}
    hollow = twin(model)
    policy = MixedPrecisionPolicy(
        param_dtype=compute if trained is None and compute != torch.float32 else None,
        reduce_dtype=torch.float32,
        cast_forward_inputs=False,
    )
    dtypes: dict[str, torch.dtype] = {}

    def deal(module: nn.Module, *, keep: bool) -> Any:
        originals = [parameter for parameter in module.parameters() if id(parameter) in names]
        for parameter in originals:
            name = names[id(parameter)]
            is_trained = trained is None or name in trained
            dtypes[name] = compute if trained is None or not is_trained else torch.float32
            kept = torch.float32 if is_trained else compute
            parameter.data = parameter.data.to(device=device, dtype=kept).contiguous()
            parameter.requires_grad_(is_trained)
        sharded: Any = fully_shard(module, mesh=ranks.mesh, reshard_after_forward=not keep, mp_policy=policy)
        for parameter in originals:
            parameter.data = parameter.data.new_empty(0)
        # sums, not means; in a way that Gloo has too
        sharded.set_gradient_divide_factor(1.0)
        sharded.set_force_sum_reduction_for_comms(True)
        return sharded

    layers, head = cut(model, where)
    for layer in _decoder_layers(model, layers, where):
        deal(layer, keep=False)
    entry = deal(_Entry(model, layers), keep=True)
    return Sharded(entry, head, dict(model.named_parameters()), hollow, dtypes)


def _decoder_layers(model: Any, layers: nn.Module, where: str) -> nn.ModuleList:
    count = model.config.get_text_config(decoder=True).num_hidden_layers
    for module in layers.modules():
        if isinstance(module, nn.ModuleList) and len(module) == count:
            return module
    raise BadModel(f"{where}: {type(model).__name__} has no list of its {count} layers to deal out among ranks")


class WholeWeights:
    """The whole model on every rank, for as long as messages are drawn: a token at a time, layers cannot be put
    together for each. It is an ordinary module, in what the passes compute in."""

    def __init__(self, sharded: Sharded, pieces: Shards) -> None:
        self.module = sharded.hollow
        self._pieces = pieces
        self._sources = sharded.parameters
        self._dtypes = sharded.dtypes
        self._targets = dict(sharded.hollow.named_parameters())
        self.is_open = False

    @torch.no_grad()
    def open(self) -> None:
        """All ranks together."""
        if self.is_open:
            return
        self.is_open = True
        for name, target in self._targets.items():
            source = self._sources[name]
            own = self._pieces.own(source).to(self._dtypes[name])
            target.data = self._pieces.whole(own, source.shape)

    def close(self) -> None:
        """Gives the memory back; each rank by itself."""
        if not self.is_open:
            return
        self.is_open = False
        for target in self._targets.values():
            target.data = target.data.new_empty(0)
