"""Draws in float64, as src/engine/sampling/draw-token.ts and draw-filtered.ts make them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .errors import WorkerError
from .threefry import uniforms

#: Most float64 numbers of one slice of the cumulative sums.
_SLICE = 2**24


@dataclass(frozen=True)
class Stream:
    """Threefry key and the number of the next draw."""

    key: tuple[int, int]
    counter: int


def draw(streams: Sequence[Stream], device: torch.device) -> Tensor:
    """One uniform of every stream."""
    words = [np.array([stream.key[word] for stream in streams], np.uint32) for word in (0, 1)]
    counters = np.array([stream.counter & 0xFFFFFFFF for stream in streams], np.uint32)
    return torch.from_numpy(uniforms(words[0], words[1], counters)).to(device)


def draw_tokens(
    logits: Tensor, source: Tensor, uniform: Tensor, temperature: Tensor
) -> tuple[list[int], list[float]]:
    """Inverse-CDF draws from softmax(logits[source] / temperature), temperature [rows]."""
    tokens: list[int] = []
    logps: list[float] = []
    size = max(1, _SLICE // logits.shape[-1])
    for start in range(0, len(source), size):
        part = slice(start, start + size)
        scaled = _scaled(logits[source[part]], temperature[part])
        weights = scaled.exp()
        sums = weights.cumsum(-1)
        total = sums[:, -1:]
        if not bool(torch.isfinite(total).all()):
            raise WorkerError(
                "expected logits that are numbers, got NaN; the weights are damaged, restore or load good ones"
            )
        token = _invert(weights, sums, uniform[part])
        logp = scaled.gather(1, token) - total.log()
        tokens += token[:, 0].tolist()
        logps += logp[:, 0].tolist()
    return tokens, logps


def likeliest(logits: Tensor) -> tuple[int, float]:
    """Of equals the lowest id; its log-probability at temperature 1. logits [V]."""
    token = int(logits.argmax())
    return token, float(_log_softmax(logits, 1.0)[token])


def draw_nucleus(logits: Tensor, uniform: float, *, temperature: float, top_p: float) -> tuple[int, float]:
    """From the fewest likeliest tokens that together have probability `top_p`; the log-probability is that in the
    full softmax. logits [V]."""
    logp = _log_softmax(logits, temperature)
    order = logp.sort(descending=True, stable=True)
    mass = order.values.exp().cumsum(0)
    size = min(int((mass < top_p).sum()) + 1, len(mass))
    nucleus = order.indices[:size].sort().values
    weights = logp[nucleus].exp()[None]
    u = torch.tensor([uniform], dtype=torch.float64, device=logits.device)
    token = int(nucleus[_invert(weights, weights.cumsum(-1), u)[0, 0]])
    return token, float(logp[token])


def rank(logits: Tensor, token: int, count: int) -> tuple[float, list[tuple[int, float]]]:
    """The token's log-probability at temperature 1, and the likeliest tokens in falling order. logits [V]."""
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


def _invert(weights: Tensor, sums: Tensor, uniform: Tensor) -> Tensor:
    """The first place whose cumulative sum exceeds the uniform's share [rows, 1]."""
    found = torch.searchsorted(sums, uniform[:, None] * sums[:, -1:], right=True)
    # rounding at the end of the sum must not pick an impossible token
    places = torch.arange(weights.shape[-1], device=weights.device)
    last = torch.where(weights > 0, places, -1).max(-1, keepdim=True).values
    return torch.minimum(found, last)
