"""Runs forward and backward passes over complete messages through a sharded model (sharding.py)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from .decoder import Decoder
from .parameters import ParameterStore, Tensors
from .process_group import AgentProcessGroup
from .sharding import RowShards, ShardedModel


class ShardedScoringModel:
    """A sharded model for scoring and training; implements `ScoringModel`.

    All ranks must make the same calls. A rank without messages passes an empty batch.
    """

    def __init__(
        self,
        sharded: ShardedModel,
        group: AgentProcessGroup,
        *,
        decoder: Decoder,
        trained: Mapping[str, nn.Parameter],
    ) -> None:
        """
        Args:
            decoder: decoder of the gathered model; only its configuration is used
            trained: trained parameters by their names in the parameter store
        """
        self._root = sharded.root
        self._head = sharded.head
        self._trained = trained
        self._group = group
        self._layout = RowShards(group)
        self.vocab_size = decoder.vocab_size
        self._softcap = decoder.softcap
        #: Names of the head's trained parameters in the parameter store, by their names in the head.
        self._head_names = {key: name for key, name in decoder.head_names.items() if name in trained}
        #: Complete parameters of the head in the last snapshot with which `layers` ran.
        self._snapshot_head: Tensors = {}
        #: Complete parameters of the head in the current pass, and their gradients summed over slices.
        self._head_leaves: dict[str, Tensor] = {}
        self._head_gradients: Tensors = {}

    def layers(self, weights: Tensors | None, **inputs: Any) -> Any:
        # drop the gathered weights, because the shards may have changed after they were gathered
        self._root.reshard()
        self._head_leaves = {}
        if weights is None:
            return self._root(**inputs)
        self._swap(weights)
        try:
            output = self._root(**inputs)
            self._snapshot_head = {key: full.detach().clone() for key, full in self._head_parameters(weights)}
            if self._snapshot_head:
                self._root.reshard()
        finally:
            self._swap(weights)
        return output

    def logits(self, hidden: Tensor, weights: Tensors | None = None) -> Tensor:
        if weights is not None:
            replaced = self._snapshot_head
        elif torch.is_grad_enabled():
            replaced = self._leaves_of_head()
        else:
            replaced = {}
        logits = torch.func.functional_call(self._head, replaced, (hidden,)) if replaced else self._head(hidden)
        logits = logits.float()
        return logits if self._softcap is None else torch.tanh(logits / self._softcap) * self._softcap

    def accumulate_head_gradients(self, parameters: ParameterStore) -> None:
        for key, leaf in self._head_leaves.items():
            if leaf.grad is None:
                continue
            self._head_gradients[key].add_(leaf.grad)  # sums in float32, even if the head computes in bfloat16
            leaf.grad = None

    def accumulate_gradients(self, parameters: ParameterStore) -> None:
        parameters.accumulate_gradients()
        gradients, self._head_gradients, self._head_leaves = self._head_gradients, {}, {}
        for key, name in self._head_names.items():
            source = self._trained[name]
            # A rank without messages has no gradients of the head and contributes zeros.
            full = gradients[key] if key in gradients else torch.zeros(source.shape, device=source.device)
            parameters.add_gradient(name, self._group.reduce_scatter_rows(full))

    def _leaves_of_head(self) -> dict[str, Tensor]:
        """Returns detached copies of the head's parameters.

        With the parameters themselves, FSDP would reduce their gradients over the ranks after every slice.
        """
        if not self._head_leaves:
            self._head_leaves = {
                key: parameter.detach().requires_grad_(True)
                for key, parameter in self._head.named_parameters()
                if key in self._head_names
            }
            self._head_gradients = {
                key: torch.zeros_like(leaf, dtype=torch.float32) for key, leaf in self._head_leaves.items()
            }
        return self._head_leaves

    def _head_parameters(self, weights: Tensors) -> Iterator[tuple[str, Tensor]]:
        for key, parameter in self._head.named_parameters():
            if self._head_names.get(key) in weights:
                yield key, parameter

    @torch.no_grad()
    def _swap(self, weights: Tensors) -> None:
        """Exchanges the current weights with those of a snapshot, in place."""
        for name, snapshot in weights.items():
            current = self._layout.to_local(self._trained[name])
            saved = current.clone()
            current.copy_(snapshot)
            snapshot.copy_(saved)
