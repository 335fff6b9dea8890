"""Passes over whole sequences through a model that is dealt out among ranks (sharding.py)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from .decoder import Decoder
from .parameters import ParameterStore, Tensors
from .ranks import Ranks
from .sharding import Sharded, Shards


class ShardedPasses:
    """All ranks call alike, those that have no message of their own with an empty batch. See `Passes`."""

    def __init__(
        self, sharded: Sharded, ranks: Ranks, *, decoder: Decoder, trained: Mapping[str, nn.Parameter]
    ) -> None:
        """Args:
        decoder: of the hollow twin, for what it has found out
        trained: what is trained, by its names in the store
        """
        self._entry = sharded.entry
        self._head = sharded.head
        self._sources = trained
        self._ranks = ranks
        self._pieces = Shards(ranks)
        self.vocab_size = decoder.vocab_size
        self._softcap = decoder.softcap
        #: Of the head's parameters that are trained: names in the store by names in the head.
        self._head_names = {key: name for key, name in decoder.head_names.items() if name in trained}
        #: Whole head of the last reference, and that of the pass under way, which gathers gradients by slices.
        self._reference: Tensors = {}
        self._leaves: dict[str, Tensor] = {}
        self._sums: Tensors = {}

    def layers(self, weights: Tensors | None, **inputs: Any) -> Any:
        self._entry.reshard()  # what it was put together from may have changed since
        self._leaves = {}
        if weights is None:
            return self._entry(**inputs)
        self._exchange(weights)
        try:
            output = self._entry(**inputs)
            self._reference = {key: own.detach().clone() for key, own in self._heads(weights)}
            if self._reference:
                self._entry.reshard()
        finally:
            self._exchange(weights)
        return output

    def logits(self, hidden: Tensor, weights: Tensors | None = None) -> Tensor:
        if weights is not None:
            own = self._reference
        elif torch.is_grad_enabled():
            own = self._own_head()
        else:
            own = {}
        logits = torch.func.functional_call(self._head, own, (hidden,)) if own else self._head(hidden)
        logits = logits.float()
        return logits if self._softcap is None else torch.tanh(logits / self._softcap) * self._softcap

    def collect_head(self, parameters: ParameterStore) -> None:
        """Slices add up in float32, whatever they compute in."""
        for key, leaf in self._leaves.items():
            if leaf.grad is None:
                continue
            self._sums[key].add_(leaf.grad)
            leaf.grad = None

    def collect(self, parameters: ParameterStore) -> None:
        parameters.collect_gradients()
        sums, self._sums, self._leaves = self._sums, {}, {}
        for key, name in self._head_names.items():
            source = self._sources[name]
            # a rank without a message of its own has nothing to add
            total = sums[key] if key in sums else torch.zeros(source.shape, device=source.device)
            parameters.add_gradient(name, self._ranks.total_rows(total))

    def _own_head(self) -> dict[str, Tensor]:
        """The head as leaves of its own: its gradients must not mix with those that FSDP gathers by itself."""
        if not self._leaves:
            self._leaves = {
                key: parameter.detach().requires_grad_(True)
                for key, parameter in self._head.named_parameters()
                if key in self._head_names
            }
            self._sums = {key: torch.zeros_like(leaf, dtype=torch.float32) for key, leaf in self._leaves.items()}
        return self._leaves

    def _heads(self, weights: Tensors) -> Iterator[tuple[str, Tensor]]:
        for key, parameter in self._head.named_parameters():
            if self._head_names.get(key) in weights:
                yield key, parameter

    @torch.no_grad()
    def _exchange(self, weights: Tensors) -> None:
        """Current weights and a snapshot's change places; twice is as if nothing had happened."""
        for name, other in weights.items():
            own = self._pieces.own(self._sources[name])
            kept = own.clone()
            own.copy_(other)
            other.copy_(kept)
