"""Samples tokens in float64, like src/engine/sampling/draw-token.ts and draw-filtered.ts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .errors import WorkerError
from .threefry import uniforms

#: Maximum number of float64 values of the cumulative sums that are computed at once.
_SLICE = 2**24


@dataclass(frozen=True)
class RandomStream:
    """A counter-based random stream: Threefry key and position of the next random number."""

    key: tuple[int, int]
    counter: int


def next_uniforms(streams: Sequence[RandomStream], device: torch.device) -> Tensor:
    """Returns the next uniform random number of every stream, float64 [rows]."""
    words = [np.array([stream.key[word] for stream in streams], np.uint32) for word in (0, 1)]
    counters = np.array([stream.counter & 0xFFFFFFFF for stream in streams], np.uint32)
    return torch.from_numpy(uniforms(words[0], words[1], counters)).to(device)


def sample_tokens(
    logits: Tensor, source: Tensor, uniform: Tensor, temperature: Tensor
) -> tuple[list[int], list[float]]:
    """Samples from softmax(logits[source] / temperature) by inverse transform sampling.

    Args:
        logits: [C, V]
        source: for each sampled row, the index of its logits, 0 .. C - 1 [rows]
        uniform: random numbers in [0, 1) [rows]
        temperature: temperature of each row, > 0 [rows]

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
    """Returns the most likely token (the lowest id if several are equal) and its log-probability at temperature 1.

    Args:
        logits: [V]
    """
    token = int(logits.argmax())
    return token, float(_log_softmax(logits, 1.0)[token])


def sample_top_p(logits: Tensor, uniform: float, *, temperature: float, top_p: float) -> tuple[int, float]:
    """Samples a token from the nucleus. Returns the token and its log-probability in the unfiltered distribution.

    Args:
        logits: [V]
    """
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
    """Returns the log-probability of `token` at temperature 1, and the `count` most likely tokens with theirs.

    Args:
        logits: [V]
    """
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
    """For each row, finds the index of the first cumulative sum above `uniform` times the total [rows, 1]."""
    found = torch.searchsorted(sums, uniform[:, None] * sums[:, -1:], right=True)
    # Limit the index to the last token of positive weight, because rounded sums could select a token of weight 0.
    indices = torch.arange(weights.shape[-1], device=weights.device)
    last = torch.where(weights > 0, indices, -1).max(-1, keepdim=True).values
    return torch.minimum(found, last)
