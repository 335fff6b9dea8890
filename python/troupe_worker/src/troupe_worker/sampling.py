"""Batched sampling with a key/value cache. Messages that end leave the batch, waiting ones join it.

A draw depends on the request's stream and the number of the token alone (threefry.py), so neither the
schedule nor the batch changes what is drawn. The distribution is softmax(z / temperature), nothing filtered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache

from .decoder import Decoder
from .errors import BadRequest, WorkerError
from .sequences import Ids, check_context
from .threefry import uniforms

#: Most float64 numbers of one slice of the cumulative sums.
_SLICE = 2**24


@dataclass(frozen=True)
class Request:
    """A context and the stream its message is drawn from: Threefry key and the next draw's number."""

    context: Ids
    key: tuple[int, int]
    counter: int


@dataclass(frozen=True)
class Rules:
    """What ends a message, and how many are decoded together."""

    temperature: float
    max_tokens: int
    end_tokens: frozenset[int]
    slots: int
    #: Padded tokens of contexts run at once.
    token_budget: int


@dataclass(frozen=True)
class Completion:
    """A message that has ended."""

    index: int
    tokens: list[int]
    logp: list[float]
    finish: str


@dataclass
class _Row:
    """A message in the making."""

    index: int
    request: Request
    limit: int
    tokens: list[int] = field(default_factory=list)
    logp: list[float] = field(default_factory=list)


@dataclass
class _State:
    """Keys and values of the rows, padded on the left; `mask` [B, T] says what is real."""

    cache: DynamicCache
    mask: Tensor


class Sampler:
    """One call of `sample`: from the first context to the last token."""

    def __init__(
        self,
        decoder: Decoder,
        rules: Rules,
        *,
        check: Callable[[], None],
        announce: Callable[[list[Completion]], None],
    ) -> None:
        self._decoder = decoder
        self._rules = rules
        self._check = check
        self._announce = announce
        self._device = next(decoder.model.parameters()).device
        self._rows: list[_Row] = []
        self._state: _State | None = None

    @torch.no_grad()
    def run(self, requests: Sequence[Request]) -> None:
        """Announces every message once, as it ends.

        Raises:
            BadRequest: a context is empty, not the model's, or leaves no room for a message.
        """
        waiting = [self._row(index, request) for index, request in enumerate(requests)]
        waiting.reverse()
        while waiting or self._rows:
            self._check()
            free = self._rules.slots - len(self._rows)
            # joining copies the cache, so it waits until a quarter of the slots is free
            if waiting and 4 * free >= self._rules.slots:
                self._admit([waiting.pop() for _ in range(min(free, len(waiting)))])
            if self._rows:
                self._step()

    def _row(self, index: int, request: Request) -> _Row:
        check_context(request.context, self._decoder.vocab_size)
        room = self._decoder.max_positions - len(request.context)
        if room < 1:
            raise BadRequest(
                f"a context of {len(request.context)} tokens leaves no room for a message; "
                f"the model takes {self._decoder.max_positions} (max_position_embeddings)"
            )
        return _Row(index, request, min(self._rules.max_tokens, room))

    def _admit(self, rows: list[_Row]) -> None:
        """Runs contexts, equal ones once, draws first tokens, and lets the messages join the batch."""
        groups: dict[bytes, list[_Row]] = {}
        for row in rows:
            groups.setdefault(row.request.context.tobytes(), []).append(row)
        pending = sorted(groups.values(), key=lambda group: len(group[0].request.context))
        while pending:
            self._check()
            length = len(pending[-1][0].request.context)
            count = max(1, self._rules.token_budget // length)
            self._prefill(pending[-count:], length)
            del pending[-count:]

    def _prefill(self, groups: list[list[_Row]], length: int) -> None:
        ids = torch.zeros((len(groups), length), dtype=torch.int64)
        mask = torch.zeros((len(groups), length), dtype=torch.int64)
        for place, group in enumerate(groups):
            context = torch.from_numpy(group[0].request.context.astype(np.int64))
            ids[place, length - len(context) :] = context
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
        logits = self._decoder.logits(output.last_hidden_state[:, -1])
        rows = [row for group in groups for row in group]
        source = torch.tensor([g for g, group in enumerate(groups) for _ in group], device=self._device)
        alive = self._draw(logits, rows, source)
        if not alive:
            return
        chosen = source[torch.tensor(alive, device=self._device)]
        cache.batch_select_indices(chosen)
        joined = _State(cache, mask[chosen])
        self._state = joined if self._state is None else _join(self._state, joined)
        self._rows += [rows[row] for row in alive]

    def _step(self) -> None:
        """One more token of every row."""
        state = self._state
        assert state is not None
        ids = torch.tensor([[row.tokens[-1]] for row in self._rows], device=self._device)
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
        logits = self._decoder.logits(output.last_hidden_state[:, -1])
        rows = torch.arange(len(self._rows), device=self._device)
        alive = self._draw(logits, self._rows, rows)
        if len(alive) < len(self._rows):
            self._keep(alive)

    def _keep(self, alive: list[int]) -> None:
        """Drops the other rows, and the columns that only they used."""
        self._rows = [self._rows[row] for row in alive]
        if not alive:
            self._state = None
            return
        state = self._state
        assert state is not None
        chosen = torch.tensor(alive, device=self._device)
        mask = state.mask[chosen]
        first = int(mask.sum(0).nonzero()[0])
        state.mask = mask[:, first:]
        for layer in state.cache.layers:
            layer.keys = layer.keys[chosen, :, first:]
            layer.values = layer.values[chosen, :, first:]

    def _draw(self, logits: Tensor, rows: list[_Row], source: Tensor) -> list[int]:
        """Draws a token for every row from `logits[source]`; returns the rows that go on."""
        requests = [row.request for row in rows]
        key0, key1 = (np.array([request.key[word] for request in requests], np.uint32) for word in (0, 1))
        counters = np.array(
            [(row.request.counter + len(row.tokens)) & 0xFFFFFFFF for row in rows], np.uint32
        )
        u = torch.from_numpy(uniforms(key0, key1, counters)).to(self._device)
        tokens, logp = _draw_tokens(logits, source, u, self._rules.temperature)
        alive: list[int] = []
        ended: list[Completion] = []
        for place, (row, token, value) in enumerate(zip(rows, tokens, logp, strict=True)):
            row.tokens.append(token)
            row.logp.append(value)
            stopped = token in self._rules.end_tokens
            if stopped or len(row.tokens) >= row.limit:
                finish = "stop" if stopped else "length"
                ended.append(Completion(row.index, row.tokens, row.logp, finish))
            else:
                alive.append(place)
        if ended:
            self._announce(ended)
        return alive


def _draw_tokens(
    logits: Tensor, source: Tensor, uniform: Tensor, temperature: float
) -> tuple[list[int], list[float]]:
    """Inverse-CDF draws in float64, as src/engine/draw-token.ts makes them."""
    tokens: list[int] = []
    logps: list[float] = []
    size = max(1, _SLICE // logits.shape[-1])
    for start in range(0, len(source), size):
        z = logits[source[start : start + size]].double()
        scaled = (z - z.max(-1, keepdim=True).values) / temperature
        weights = scaled.exp()
        sums = weights.cumsum(-1)
        total = sums[:, -1:]
        if not bool(torch.isfinite(total).all()):
            raise WorkerError(
                "expected logits that are numbers, got NaN; the weights are damaged, restore or load good ones"
            )
        target = uniform[start : start + size, None] * total
        found = torch.searchsorted(sums, target, right=True)
        # rounding at the end of the sum must not pick an impossible token
        places = torch.arange(z.shape[-1], device=z.device)
        last = torch.where(weights > 0, places, -1).max(-1, keepdim=True).values
        token = torch.minimum(found, last)
        logp = scaled.gather(1, token) - total.log()
        tokens += token[:, 0].tolist()
        logps += logp[:, 0].tolist()
    return tokens, logps


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
