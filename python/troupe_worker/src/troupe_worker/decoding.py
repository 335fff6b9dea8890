"""A decoding batch with a KV cache. Contexts are prefilled, their rows decode together, finished rows leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache

from .decoder import Decoder
from .sequences import TokenIds, max_new_tokens


@dataclass
class _State:
    """KV cache of B rows, padded on the left to T columns. The attention mask [B, T] is 0 for padding."""

    cache: Any
    mask: Tensor


@dataclass
class Prefilled:
    """C prefilled contexts: logits [C, V] of the token after each context, and the contexts' KV cache."""

    logits: Tensor
    state: _State

    def copy(self) -> Prefilled:
        """Copies the KV cache for `DecodingBatch.append`, which modifies its argument."""
        cache = DynamicCache()
        for index, layer in enumerate(self.state.cache.layers):
            cache.update(layer.keys, layer.values, index)
        return Prefilled(self.logits, _State(cache, self.state.mask))


class DecodingBatch:
    """A batch of rows that decode together; new rows are appended at the end."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._device = next(decoder.model.parameters()).device
        self._state: _State | None = None

    def max_new_tokens(self, context: TokenIds) -> int:
        """Largest number of tokens that the model can generate after a context.

        Raises:
            BadRequest: the context is empty, has a token outside the vocabulary, or fills the context length.
        """
        decoder = self._decoder
        return max_new_tokens(context, vocab_size=decoder.vocab_size, max_positions=decoder.max_positions)

    @torch.no_grad()
    def prefill(self, contexts: Sequence[TokenIds]) -> Prefilled:
        """Runs contexts through the model, padded on the left to the length of the longest context."""
        length = max(len(context) for context in contexts)
        ids = torch.zeros((len(contexts), length), dtype=torch.int64)
        mask = torch.zeros((len(contexts), length), dtype=torch.int64)
        for row, context in enumerate(contexts):
            ids[row, length - len(context) :] = torch.from_numpy(context.astype(np.int64))
            mask[row, length - len(context) :] = 1
        mask = mask.to(self._device)
        cache = DynamicCache()
        output = self._decoder.layers(
            None,
            input_ids=ids.to(self._device),
            attention_mask=mask,
            position_ids=(mask.cumsum(-1) - 1).clamp_min(0),
            past_key_values=cache,
            use_cache=True,
        )
        return Prefilled(self._decoder.logits(output.last_hidden_state[:, -1]), _State(cache, mask))

    @torch.no_grad()
    def append(self, prefilled: Prefilled, rows: Sequence[int]) -> None:
        """Appends rows to the batch. Modifies the cache of `prefilled`, so the caller must not use it afterwards.

        Args:
            rows: for each new row, the index of its prefilled context; several rows may have the same context
        """
        if not rows:
            return
        chosen = torch.tensor(rows, device=self._device)
        cache, mask = prefilled.state.cache, prefilled.state.mask
        cache.batch_select_indices(chosen)
        added = _State(cache, mask[chosen])
        self._state = added if self._state is None else _concatenate(self._state, added)

    @torch.no_grad()
    def step(self, last: Sequence[int]) -> Tensor:
        """Appends a token to every row. Returns the logits [B, V] of each row's next token."""
        state = self._state
        assert state is not None and len(last) == state.mask.shape[0]
        ids = torch.tensor(last, device=self._device)[:, None]
        positions = state.mask.sum(-1, keepdim=True)
        state.mask = torch.cat([state.mask, torch.ones_like(positions)], dim=-1)
        output = self._decoder.layers(
            None,
            input_ids=ids,
            attention_mask=state.mask,
            position_ids=positions,
            past_key_values=state.cache,
            use_cache=True,
        )
        return self._decoder.logits(output.last_hidden_state[:, -1])

    @torch.no_grad()
    def keep_rows(self, rows: Sequence[int]) -> None:
        """Removes all rows except `rows`, and the columns that are padding in all remaining rows."""
        state = self._state
        if state is None or list(rows) == list(range(state.mask.shape[0])):
            return
        if not rows:
            self._state = None
            return
        chosen = torch.tensor(rows, device=self._device)
        mask = state.mask[chosen]
        first = int(mask.sum(0).nonzero()[0])
        state.mask = mask[:, first:]
        for layer in state.cache.layers:
            layer.keys = layer.keys[chosen, :, first:]
            layer.values = layer.values[chosen, :, first:]


def _concatenate(first: _State, second: _State) -> _State:
    """Concatenates the rows of two caches; the cache with fewer columns is padded on the left."""
    width = max(first.mask.shape[-1], second.mask.shape[-1])

    def padded(tensor: Tensor, axis: int) -> Tensor:
        missing = width - tensor.shape[axis]
        if missing == 0:
            return tensor
        shape = list(tensor.shape)
        shape[axis] = missing
        return torch.cat([tensor.new_zeros(shape), tensor], dim=axis)

    for layer, more in zip(first.cache.layers, second.cache.layers, strict=True):
        layer.keys = torch.cat([padded(layer.keys, 2), padded(more.keys, 2)])
        layer.values = torch.cat([padded(layer.values, 2), padded(more.values, 2)])
    return _State(first.cache, torch.cat([padded(first.mask, 1), padded(second.mask, 1)]))
