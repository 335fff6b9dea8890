"""Samples tokens in float64, like src/engine/sampling/draw-token.ts and draw-filtered.ts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .errors import WorkerError
from .threefry import uniforms

#: Largest number of float64 values of a slice of the cumulative sums.
_SLICE = 2**24


@dataclass(frozen=True)
class RandomStream:
    """A counter-based random stream: Threefry key and position of the next random number."""

    key: tuple[int, int]
    counter: int


def next_uniforms(streams: Sequence[RandomStream], device: torch.device) -> Tensor:
    """The next uniform random number of every stream, float64 [rows]."""
    words = [np.array([stream.key[word] for stream in streams], np.uint32) for word in (0, 1)]
    counters = np.array([stream.counter & 0xFFFFFFFF for stream in streams], np.uint32)
    return torch.from_numpy(uniforms(words[0], words[1], counters)).to(device)


def sample_tokens(
    logits: Tensor, source: Tensor, uniform: Tensor, temperature: Tensor
) -> tuple[list[int], list[float]]:
    """Samples from softmax(logits[source] / temperature) by inverse transform sampling.

    Args:
        logits: [C, V]
        source: index of the logits of each row [rows]
        uniform: random numbers in [0, 1) [rows]
        temperature: > 0 [rows]

    Returns:
        Tokens and their log-probabilities, nats [rows].

    Raises:
        WorkerError: a logit is NaN.
    """
    tokens: list[int] = []
    logps: list[float] = []
    size = max(1, _SLICE // logits.shape[-1])
    for start in range(0, len(source), size):
        rows = slice(start, start + size)
        scaled = _scaled(logits[source[rows]], temperature[rows])
        weights = scaled.exp()
        sums = weights.cumsum(-1)
        total = sums[:, -1:]
        if not bool(torch.isfinite(total).all()):
            raise WorkerError(
                "expected finite logits, got NaN; the weights are corrupted, restore a snapshot or a checkpoint"
            )
        token = _inverse_cdf(weights, sums, uniform[rows])
        logp = scaled.gather(1, token) - total.log()
        tokens += token[:, 0].tolist()
        logps += logp[:, 0].tolist()
    return tokens, logps


def greedy_token(logits: Tensor) -> tuple[int, float]:
    """The most likely token, the lowest id on ties, and its log-probability at temperature 1. logits [V]."""
    token = int(logits.argmax())
    return token, float(_log_softmax(logits, 1.0)[token])


def sample_top_p(logits: Tensor, uniform: float, *, temperature: float, top_p: float) -> tuple[int, float]:
    """Nucleus sampling. Returns the token and its log-probability in the unfiltered distribution. logits [V]."""
    logp = _log_softmax(logits, temperature)
    order = logp.sort(descending=True, stable=True)
    mass = order.values.exp().cumsum(0)
    size = min(int((mass < top_p).sum()) + 1, len(mass))
    nucleus = order.indices[:size].sort().values
    weights = logp[nucleus].exp()[None]
    u = torch.tensor([uniform], dtype=torch.float64, device=logits.device)
    token = int(nucleus[_inverse_cdf(weights, weights.cumsum(-1), u)[0, 0]])
    return token, float(logp[token])


def top_logprobs(logits: Tensor, token: int, count: int) -> tuple[float, list[tuple[int, float]]]:
    """Log-probabilities at temperature 1: of `token`, and the `count` largest in descending order. logits [V]."""
    logp = _log_softmax(logits, 1.0)
    order = logp.sort(descending=True, stable=True).indices[:count] if count else logp.new_zeros(0).long()
    return float(logp[token]), [(int(other), float(logp[other])) for other in order]


def _scaled(logits: Tensor, temperature: Tensor | float) -> Tensor:
    z = logits.double()
    divisor = temperature[:, None] if isinstance(temperature, Tensor) else temperature
    return (z - z.max(-1, keepdim=True).values) / divisor


def _log_softmax(logits: Tensor, temperature: float) -> Tensor:
    scaled = _scaled(logits, temperature)
    return scaled - scaled.exp().sum().log()


def _inverse_cdf(weights: Tensor, sums: Tensor, uniform: Tensor) -> Tensor:
    """Index of the first cumulative sum that exceeds `uniform` times the total [rows, 1]."""
    found = torch.searchsorted(sums, uniform[:, None] * sums[:, -1:], right=True)
    # rounding of the last sums must not select a token of probability 0
    indices = torch.arange(weights.shape[-1], device=weights.device)
    last = torch.where(weights > 0, indices, -1).max(-1, keepdim=True).values
    return torch.minimum(found, last)
