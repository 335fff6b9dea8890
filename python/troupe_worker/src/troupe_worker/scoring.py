"""Whole-sequence passes: log-probabilities, gradients, exact divergences. The head runs over a few tokens
at a time, so of `[tokens, vocabulary]` only a slice exists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from .division import ALONE, Division
from .parameters import ParameterStore, Tensors
from .sequences import Batch, Message, Rows, batch_of

#: Most numbers of one slice of the head's output, on a CPU and on a GPU.
_SLICE, _GPU_SLICE = 2**24, 2**27


class Passes(Protocol):
    """What a scorer needs of a model, and where gradients are left: `Decoder`, or one of several ranks."""

    @property
    def vocab_size(self) -> int: ...

    def layers(self, weights: Tensors | None, **inputs: Any) -> Any:
        """Transformers' output object, `last_hidden_state` [B, T, D], with a snapshot's weights where given."""

    def logits(self, hidden: Tensor, weights: Tensors | None = None) -> Tensor:
        """[M, D] -> [M, V] in float32; after `layers` with the same weights."""

    def collect_head(self, parameters: ParameterStore) -> None:
        """Adds what a pass back through `logits` left to the sums."""

    def collect(self, parameters: ParameterStore) -> None:
        """Adds what is left after the pass back through `layers`."""


class Scorer:
    """`check` is called between batches and ends a call that is no longer wanted by raising."""

    def __init__(
        self, decoder: Passes, parameters: ParameterStore, *, token_budget: int, division: Division = ALONE
    ) -> None:
        self._decoder = decoder
        self._parameters = parameters
        self._token_budget = token_budget
        self._division = division
        most = _SLICE if parameters.device.type == "cpu" else _GPU_SLICE
        self._slice = max(1, most // decoder.vocab_size)

    @torch.no_grad()
    def forward(self, messages: Sequence[Message], temperature: float, check: Callable[[], None]) -> Rows:
        """Log-probability of every token written, per message [T]."""
        rows = _empty(messages)
        for batch in self._batches(messages, check):
            hidden = self._hidden(batch)
            values = [
                _chosen(self._logp(hidden[part], temperature), batch.targets[part])
                for part in self._slices(hidden)
            ]
            _scatter(batch, values, rows)
        return self._division.joined(rows)

    def backward(
        self,
        messages: Sequence[Message],
        cotangents: Rows,
        temperature: float,
        *,
        kl: tuple[str, float] | None,
        check: Callable[[], None],
    ) -> tuple[Rows, Rows | None]:
        """Adds d/dweights of sum(cotangent * logp) + weight * sum KL(new || reference) to the sums.

        Raises:
            WorkerError: cancelled half-way; the sums are marked as broken.
        """
        logp, divergence = _empty(messages), _empty(messages)
        try:
            for batch in self._batches(messages, check):
                factors = np.concatenate([np.zeros(0), *(cotangents[index] for index in batch.members)])
                cotangent = torch.from_numpy(factors.astype(np.float32)).to(batch.input_ids.device)
                values, kls = self._backward_batch(batch, cotangent, temperature, kl)
                self._decoder.collect(self._parameters)
                _scatter(batch, values, logp)
                _scatter(batch, kls, divergence)
        except BaseException:
            self._parameters.break_gradients()
            raise
        return self._division.joined(logp), self._division.joined(divergence) if kl else None

    @torch.no_grad()
    def divergence(
        self, messages: Sequence[Message], snapshot: str, temperature: float, check: Callable[[], None]
    ) -> tuple[Rows, Rows, Rows]:
        """KL(new || cur), KL(cur || new) and total variation at every own token state, nats."""
        weights = self._parameters.weights(snapshot)
        results = (_empty(messages), _empty(messages), _empty(messages))
        for batch in self._batches(messages, check):
            # the reference first: ranks swap weights for it
            cur, new = self._hidden(batch, weights), self._hidden(batch)
            parts: list[tuple[Tensor, Tensor, Tensor]] = []
            for part in self._slices(new):
                p = self._logp(new[part], temperature)
                q = self._logp(cur[part], temperature, weights)
                tv = (p.exp() - q.exp()).abs().sum(-1, dtype=torch.float64) / 2
                parts.append((_kl(p, q), _kl(q, p), tv))
            for place, rows in enumerate(results):
                _scatter(batch, [part[place] for part in parts], rows)
        joined = [self._division.joined(rows) for rows in results]
        return joined[0], joined[1], joined[2]

    @torch.no_grad()
    def distributions(
        self,
        messages: Sequence[Message],
        temperature: float,
        *,
        snapshot: str | None,
        check: Callable[[], None],
        announce: Callable[[int, Tensor], None],
    ) -> None:
        """Log-probabilities of the whole vocabulary at every own token state, announced per message [T, V]."""
        weights = self._parameters.weights(snapshot)
        for batch in self._batches(messages, check):
            hidden = self._hidden(batch, weights)
            for index, (start, end) in zip(batch.members, batch.bounds, strict=True):
                announce(index, self._logp(hidden[start:end], temperature, weights))

    def _backward_batch(
        self, batch: Batch, cotangent: Tensor, temperature: float, kl: tuple[str, float] | None
    ) -> tuple[list[Tensor], list[Tensor]]:
        """The head's gradient by hand, slice by slice, then one pass back through the layers."""
        reference, weights = None, None
        if kl is not None:
            weights = self._parameters.weights(kl[0])
            with torch.no_grad():
                reference = self._hidden(batch, weights)
        hidden = self._hidden(batch)
        hidden_gradient = torch.empty_like(hidden)
        logp: list[Tensor] = []
        divergence: list[Tensor] = []
        for part in self._slices(hidden):
            piece = hidden[part].detach().requires_grad_(True)
            logits = self._decoder.logits(piece)
            with torch.no_grad():
                row = torch.log_softmax(logits.detach() / temperature, dim=-1)
                p = row.exp()
                chosen = cotangent[part][:, None]
                slope = -chosen * p  # d sum(c logp) / d scores = c (onehot - p)
                slope.scatter_add_(1, batch.targets[part][:, None], chosen)
                if reference is not None and kl is not None:
                    difference = row - self._logp(reference[part], temperature, weights)
                    own = (p * difference).sum(-1, dtype=torch.float64)
                    slope += kl[1] * p * (difference - own[:, None].float())
                    divergence.append(own)
                logp.append(_chosen(row, batch.targets[part]))
            torch.autograd.backward(logits, slope / temperature)
            # the head's gradient sums over slices in float32, whatever it computes with
            self._decoder.collect_head(self._parameters)
            assert piece.grad is not None
            hidden_gradient[part] = piece.grad
        hidden.backward(hidden_gradient)
        return logp, divergence

    def _hidden(self, batch: Batch, weights: Tensors | None = None) -> Tensor:
        """States that write a token [M, D]."""
        output = self._decoder.layers(weights, input_ids=batch.input_ids, use_cache=False)
        states: Tensor = output.last_hidden_state
        return states.reshape(-1, states.shape[-1])[batch.places]

    def _logp(self, hidden: Tensor, temperature: float, weights: Tensors | None = None) -> Tensor:
        return torch.log_softmax(self._decoder.logits(hidden, weights) / temperature, dim=-1)

    def _slices(self, hidden: Tensor) -> Iterator[slice]:
        for start in range(0, hidden.shape[0], self._slice):
            yield slice(start, start + self._slice)

    def _batches(self, messages: Sequence[Message], check: Callable[[], None]) -> Iterator[Batch]:
        for members in self._division.batches(messages, self._token_budget):
            with self._division.agreed():
                check()
            yield batch_of(messages, members, self._parameters.device)


def _kl(p: Tensor, q: Tensor) -> Tensor:
    """sum p (log p - log q) over the vocabulary, of log-probabilities; exactly 0 where both are equal."""
    return (p.exp() * (p - q)).sum(-1, dtype=torch.float64)


def _chosen(logp: Tensor, targets: Tensor) -> Tensor:
    return logp.gather(1, targets[:, None])[:, 0]


def _empty(messages: Sequence[Message]) -> Rows:
    return [np.zeros(len(message.tokens), dtype=np.float32) for message in messages]


def _scatter(batch: Batch, values: Sequence[Tensor], rows: Rows) -> None:
    """What slices gave into the rows of their messages; nothing where there was nothing to give."""
    if not values:
        return
    flat = torch.cat(list(values)).detach().float().cpu().numpy()
    for index, (start, end) in zip(batch.members, batch.bounds, strict=True):
        rows[index][:] = flat[start:end]
