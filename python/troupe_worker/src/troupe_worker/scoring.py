"""Teacher-forced passes over complete messages: log-probabilities, gradients and exact divergences.

The head runs over slices of the tokens, so that logits [tokens, vocabulary] exist only for one slice at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from .data_parallel import SINGLE_PROCESS, DataParallel
from .parameters import ParameterStore, Tensors
from .sequences import Batch, Message, Rows, collate

#: Maximum number of logits (tokens times vocabulary size) of a slice, on a CPU and on a GPU.
_CPU_SLICE, _GPU_SLICE = 2**24, 2**27


class ScoringModel(Protocol):
    """A model that is split into layers and head. D is the width of a hidden state, V the vocabulary size."""

    @property
    def vocab_size(self) -> int: ...

    def layers(self, weights: Tensors | None, **inputs: Any) -> Any:
        """Runs the decoder layers, with the weights of a snapshot if given.

        Returns:
            Transformers' output object with `last_hidden_state` [B, T, D].
        """

    def logits(self, hidden: Tensor, weights: Tensors | None = None) -> Tensor:
        """Converts hidden states [M, D] to logits [M, V] in float32. `layers` must have run with these weights."""

    def accumulate_head_gradients(self, parameters: ParameterStore) -> None:
        """Adds the gradients of a backward pass through `logits` to the accumulated gradients."""

    def accumulate_gradients(self, parameters: ParameterStore) -> None:
        """Adds the remaining gradients to the accumulated gradients, after the backward pass through `layers`."""


class Scorer:
    """Scores messages in batches. `check` is called before every batch; it raises an error to cancel the call."""

    def __init__(
        self,
        model: ScoringModel,
        parameters: ParameterStore,
        *,
        token_budget: int,
        data_parallel: DataParallel = SINGLE_PROCESS,
    ) -> None:
        self._model = model
        self._parameters = parameters
        self._token_budget = token_budget
        self._data_parallel = data_parallel
        limit = _CPU_SLICE if parameters.device.type == "cpu" else _GPU_SLICE
        self._slice = max(1, limit // model.vocab_size)

    @torch.no_grad()
    def forward(self, messages: Sequence[Message], temperature: float, check: Callable[[], None]) -> Rows:
        """Log-probability of every token of each message, nats [T]."""
        rows = _zeros(messages)
        for batch in self._batches(messages, check):
            hidden = self._hidden(batch)
            values = [
                _target_logp(self._logp(hidden[tokens], temperature), batch.targets[tokens])
                for tokens in self._slices(hidden)
            ]
            _scatter(batch, values, rows)
        return self._data_parallel.all_reduce_rows(rows)

    def backward(
        self,
        messages: Sequence[Message],
        cotangents: Rows,
        temperature: float,
        *,
        kl: tuple[str, float] | None,
        check: Callable[[], None],
    ) -> tuple[Rows, Rows | None]:
        """Accumulates the gradient of sum(cotangent * logp) + weight * sum KL(new || reference).

        Args:
            cotangents: one number per token of each message [T]
            kl: name of the snapshot of the reference model, and weight of the KL term; None: no KL term

        Returns:
            Per message the log-probabilities [T] and, with `kl`, KL(new || reference) at every token [T], nats.

        Raises:
            WorkerError: the call was cancelled or failed; the accumulated gradients are then invalid.
        """
        logp, divergence = _zeros(messages), _zeros(messages)
        try:
            for batch in self._batches(messages, check):
                factors = np.concatenate([np.zeros(0), *(cotangents[index] for index in batch.message_indices)])
                cotangent = torch.from_numpy(factors.astype(np.float32)).to(batch.input_ids.device)
                values, kls = self._backward_batch(batch, cotangent, temperature, kl)
                self._model.accumulate_gradients(self._parameters)
                _scatter(batch, values, logp)
                _scatter(batch, kls, divergence)
        except BaseException:
            self._parameters.invalidate_gradients()
            raise
        all_reduce_rows = self._data_parallel.all_reduce_rows
        return all_reduce_rows(logp), all_reduce_rows(divergence) if kl else None

    @torch.no_grad()
    def divergence(
        self, messages: Sequence[Message], snapshot: str, temperature: float, check: Callable[[], None]
    ) -> tuple[Rows, Rows, Rows]:
        """Computes KL(new || cur), KL(cur || new) (nats) and total variation at every token of each message [T].

        Args:
            snapshot: name of the snapshot with the weights of `cur`; `new` is the model with its present weights
        """
        weights = self._parameters.weights(snapshot)
        results = (_zeros(messages), _zeros(messages), _zeros(messages))
        for batch in self._batches(messages, check):
            # Run the snapshot first: a sharded model frees its gathered head at the end of a pass with a snapshot.
            cur, new = self._hidden(batch, weights), self._hidden(batch)
            slices: list[tuple[Tensor, Tensor, Tensor]] = []
            for tokens in self._slices(new):
                p = self._logp(new[tokens], temperature)
                q = self._logp(cur[tokens], temperature, weights)
                tv = (p.exp() - q.exp()).abs().sum(-1, dtype=torch.float64) / 2
                slices.append((_kl(p, q), _kl(q, p), tv))
            for index, rows in enumerate(results):
                _scatter(batch, [values[index] for values in slices], rows)
        summed = [self._data_parallel.all_reduce_rows(rows) for rows in results]
        return summed[0], summed[1], summed[2]

    @torch.no_grad()
    def distributions(
        self,
        messages: Sequence[Message],
        temperature: float,
        *,
        snapshot: str | None,
        check: Callable[[], None],
        on_distribution: Callable[[int, Tensor], None],
    ) -> None:
        """Computes the log-probabilities of the whole vocabulary at every token.

        Args:
            snapshot: name of the snapshot whose weights are used; None: the current weights
            on_distribution: receives the index of each message and its log-probabilities [T, V]
        """
        weights = self._parameters.weights(snapshot)
        for batch in self._batches(messages, check):
            hidden = self._hidden(batch, weights)
            for index, (start, end) in zip(batch.message_indices, batch.bounds, strict=True):
                on_distribution(index, self._logp(hidden[start:end], temperature, weights))

    def _backward_batch(
        self, batch: Batch, cotangent: Tensor, temperature: float, kl: tuple[str, float] | None
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Computes the loss gradient for the logits in closed form, slice by slice, and backpropagates it."""
        reference, weights = None, None
        if kl is not None:
            weights = self._parameters.weights(kl[0])
            with torch.no_grad():
                reference = self._hidden(batch, weights)
        hidden = self._hidden(batch)
        hidden_gradient = torch.empty_like(hidden)
        logp: list[Tensor] = []
        divergence: list[Tensor] = []
        for tokens in self._slices(hidden):
            hidden_slice = hidden[tokens].detach().requires_grad_(True)
            logits = self._model.logits(hidden_slice)
            with torch.no_grad():
                row = _log_softmax(logits.detach() / temperature)
                p = row.exp()
                weight = cotangent[tokens][:, None]
                # The gradient of sum(c logp) with respect to z = logits / temperature is c (onehot - p): c are the
                # cotangents, onehot marks the target, and p = softmax(z).
                slope = -weight * p
                slope.scatter_add_(1, batch.targets[tokens][:, None], weight)
                if reference is not None and kl is not None:
                    difference = row - self._logp(reference[tokens], temperature, weights)
                    token_kl = (p * difference).sum(-1, dtype=torch.float64)
                    slope += kl[1] * p * (difference - token_kl[:, None].float())
                    divergence.append(token_kl)
                logp.append(_target_logp(row, batch.targets[tokens]))
            torch.autograd.backward(logits, slope / temperature)
            # Accumulate after every slice: the accumulators are float32, even if the head computes in bfloat16.
            self._model.accumulate_head_gradients(self._parameters)
            assert hidden_slice.grad is not None
            hidden_gradient[tokens] = hidden_slice.grad
        hidden.backward(hidden_gradient)
        return logp, divergence

    def _hidden(self, batch: Batch, weights: Tensors | None = None) -> Tensor:
        """Returns the hidden states [M, D] that predict the tokens of the messages."""
        output = self._model.layers(weights, input_ids=batch.input_ids, use_cache=False)
        states: Tensor = output.last_hidden_state
        return states.reshape(-1, states.shape[-1])[batch.positions]

    def _logp(self, hidden: Tensor, temperature: float, weights: Tensors | None = None) -> Tensor:
        return _log_softmax(self._model.logits(hidden, weights) / temperature)

    def _slices(self, hidden: Tensor) -> Iterator[slice]:
        for start in range(0, hidden.shape[0], self._slice):
            yield slice(start, start + self._slice)

    def _batches(self, messages: Sequence[Message], check: Callable[[], None]) -> Iterator[Batch]:
        for indices in self._data_parallel.local_batches(messages, self._token_budget):
            with self._data_parallel.raise_on_all_ranks():
                check()
            yield collate(messages, indices, self._parameters.device)


def _log_softmax(z: Tensor) -> Tensor:
    """Log-softmax over the vocabulary [M, V].

    `torch.log_softmax` sums a row in a few float32 accumulators on a CPU: over 262,144 words its results are up to
    6e-5 nats too large. `torch.logsumexp` sums in blocks.
    """
    return z - z.logsumexp(-1, keepdim=True)


def _kl(p: Tensor, q: Tensor) -> Tensor:
    """KL divergence sum p (log p - log q) from log-probabilities [M, V]; exactly 0 for equal distributions."""
    return (p.exp() * (p - q)).sum(-1, dtype=torch.float64)


def _target_logp(logp: Tensor, targets: Tensor) -> Tensor:
    return logp.gather(1, targets[:, None])[:, 0]


def _zeros(messages: Sequence[Message]) -> Rows:
    return [np.zeros(len(message.tokens), dtype=np.float32) for message in messages]


def _scatter(batch: Batch, values: Sequence[Tensor], rows: Rows) -> None:
    """Copies the values of a batch, computed slice by slice, to the rows of their messages."""
    if not values:
        return
    flat = torch.cat(list(values)).detach().float().cpu().numpy()
    for index, (start, end) in zip(batch.message_indices, batch.bounds, strict=True):
        rows[index][:] = flat[start:end]
