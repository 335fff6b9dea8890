"""AdamW as src/engine/onnx/weights/adamw.ts has it: float32 state, float64 arithmetic, decoupled decay.

torch.optim.AdamW is not used: it rounds every intermediate to float32, adds epsilon in another place when
fused, and its state cannot be exchanged with the embedded engine's to the last bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from .errors import BadRequest

#: Numbers worked on at once: bounds the float64 temporaries of an embedding.
_CHUNK = 2**22


@dataclass(frozen=True)
class AdamWParams:
    """As in src/engine/engine.ts; an infinite norm arrives as None."""

    learning_rate: float
    beta1: float
    beta2: float
    epsilon: float
    weight_decay: float
    max_grad_norm: float

    @staticmethod
    def read(value: dict[str, object]) -> AdamWParams:
        """Checks what came over the wire."""

        def number(name: str) -> float:
            found = value.get(name)
            if not isinstance(found, (int, float)) or not math.isfinite(found):
                raise BadRequest(f"step {name}: expected a number, got {found!r}")
            return float(found)

        names = ("learning_rate", "beta1", "beta2", "epsilon", "weight_decay")
        norm = math.inf if value.get("max_grad_norm") is None else number("max_grad_norm")
        return AdamWParams(**{name: number(name) for name in names}, max_grad_norm=norm)


@dataclass(frozen=True)
class Slot:
    """One parameter's numbers, all float32 and of one shape."""

    weights: Tensor
    gradient: Tensor
    m: Tensor
    v: Tensor
    decay: bool


def adamw_step(slot: Slot, params: AdamWParams, *, step: int, scale: float) -> None:
    """theta <- theta - lr (mhat / (sqrt(vhat) + eps) + wd theta), in place, the gradient scaled first."""
    correction1 = 1 / (1 - params.beta1**step)
    correction2 = 1 / (1 - params.beta2**step)
    shrink = 1 - params.learning_rate * (params.weight_decay if slot.decay else 0)
    flat = [tensor.view(-1) for tensor in (slot.weights, slot.gradient, slot.m, slot.v)]
    for start in range(0, flat[0].numel(), _CHUNK):
        weights, gradient, m, v = (tensor[start : start + _CHUNK] for tensor in flat)
        g = gradient.double() * scale
        first = params.beta1 * m.double() + (1 - params.beta1) * g
        second = params.beta2 * v.double() + (1 - params.beta2) * g * g
        m.copy_(first)
        v.copy_(second)
        change = (params.learning_rate * first * correction1) / (torch.sqrt(second * correction2) + params.epsilon)
        weights.copy_(weights.double() * shrink - change)


def sum_of_squares(tensors: Iterable[Tensor]) -> float:
    """Over all entries, in float64."""
    total = 0.0
    for tensor in tensors:
        for part in tensor.view(-1).split(_CHUNK):
            total += float(part.double().square().sum())
    return total


def norm_of_squares(total: float) -> float:
    """L2 norm from the sum of squares; NaN or infinity if any entry is."""
    return math.sqrt(total) if total >= 0 else math.nan
