"""A batch of messages in the making with a key/value cache: contexts come in, tokens go through, rows leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache

from .decoder import Decoder
from .sequences import Ids, room_behind


@dataclass
class _State:
    """Keys and values of the rows, padded on the left; `mask` [B, T] says what is real."""

    cache: Any
    mask: Tensor


@dataclass
class Prefilled:
    """Contexts that were run: logits of each one's first token [C, V], and what rows start from."""

    logits: Tensor
    state: _State

    def copy(self) -> Prefilled:
        """One that can be used up while this one is kept."""
        cache = DynamicCache()
        for place, layer in enumerate(self.state.cache.layers):
            cache.update(layer.keys, layer.values, place)
        return Prefilled(self.logits, _State(cache, self.state.mask))


class DecodingBatch:
    """Rows are numbered from 0; those that are joined go to the end."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._device = next(decoder.model.parameters()).device
        self._state: _State | None = None

    def room(self, context: Ids) -> int:
        """Tokens that fit behind a context.

        Raises:
            BadRequest: it is empty, not the model's, or leaves no room.
        """
        decoder = self._decoder
        return room_behind(context, vocab_size=decoder.vocab_size, max_positions=decoder.max_positions)

    @torch.no_grad()
    def prefill(self, contexts: Sequence[Ids]) -> Prefilled:
        """Runs contexts through the model, padded on the left to the longest."""
        length = max(len(context) for context in contexts)
        ids = torch.zeros((len(contexts), length), dtype=torch.int64)
        mask = torch.zeros((len(contexts), length), dtype=torch.int64)
        for place, context in enumerate(contexts):
            ids[place, length - len(context) :] = torch.from_numpy(context.astype(np.int64))
            mask[place, length - len(context) :] = 1
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
    def join(self, prefilled: Prefilled, rows: Sequence[int]) -> None:
        """Appends a row for each named context; one may be named often. Uses up what was prefilled."""
        if not rows:
            return
        chosen = torch.tensor(rows, device=self._device)
        cache, mask = prefilled.state.cache, prefilled.state.mask
        cache.batch_select_indices(chosen)
        joined = _State(cache, mask[chosen])
        self._state = joined if self._state is None else _join(self._state, joined)

    @torch.no_grad()
    def step(self, last: Sequence[int]) -> Tensor:
        """Puts a token behind every row; logits of the next [B, V]."""
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
    def keep(self, rows: Sequence[int]) -> None:
        """Drops the other rows, and the columns that only they used."""
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


def _join(first: _State, second: _State) -> _State:
    """Both batches in one, the narrower padded on the left."""
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
