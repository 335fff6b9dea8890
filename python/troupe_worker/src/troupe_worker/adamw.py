"""AdamW as in src/engine/onnx/weights/adamw.ts: float32 state, float64 arithmetic, decoupled weight decay.

torch.optim.AdamW is not used because it rounds every intermediate result to float32 and its fused variant adds
epsilon elsewhere, so its state would differ from the ONNX engine's in the last bits.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from .errors import BadRequest

#: Number of elements per chunk of an update; limits the size of the float64 temporaries.
_CHUNK = 2**22


@dataclass(frozen=True)
class AdamWParams:
    """Hyperparameters of a step, as in src/engine/engine.ts. An infinite `max_grad_norm` disables clipping."""

    learning_rate: float
    beta1: float
    beta2: float
    epsilon: float
    weight_decay: float
    max_grad_norm: float

    @staticmethod
    def read(value: dict[str, object]) -> AdamWParams:
        """Reads the parameters of a `step` call. If `max_grad_norm` is None, it is infinite.

        Raises:
            BadRequest: a number is missing or not finite.
        """

        def number(name: str) -> float:
            found = value.get(name)
            if not isinstance(found, (int, float)) or not math.isfinite(found):
                raise BadRequest(f"step {name}: expected a number, got {found!r}")
            return float(found)

        names = ("learning_rate", "beta1", "beta2", "epsilon", "weight_decay")
        norm = math.inf if value.get("max_grad_norm") is None else number("max_grad_norm")
        return AdamWParams(**{name: number(name) for name in names}, max_grad_norm=norm)


@dataclass(frozen=True)
class AdamWTensors:
    """A parameter, its gradient and its first and second moment; all are float32 and have the same shape."""

    weights: Tensor
    gradient: Tensor
    m: Tensor
    v: Tensor
    #: Whether weight decay applies to the parameter.
    decay: bool


def adamw_step(tensors: AdamWTensors, params: AdamWParams, *, step: int, scale: float) -> None:
    """Updates the weights and moments in place: theta <- theta - lr (mhat / (sqrt(vhat) + eps) + wd theta).

    Args:
        step: number of this step, from 1
        scale: factor by which the gradient is multiplied to clip its norm
    """
    correction1 = 1 / (1 - params.beta1**step)
    correction2 = 1 / (1 - params.beta2**step)
    shrink = 1 - params.learning_rate * (params.weight_decay if tensors.decay else 0)
    flat = [tensor.view(-1) for tensor in (tensors.weights, tensors.gradient, tensors.m, tensors.v)]
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
    """Computes the sum of the squares of all elements in float64."""
    total = 0.0
    for tensor in tensors:
        for part in tensor.view(-1).split(_CHUNK):
            total += float(part.double().square().sum())
    return total


def norm_of_squares(total: float) -> float:
    """L2 norm from the sum of squares of all elements; NaN or infinite if any element is NaN or infinite."""
    return math.sqrt(total) if total >= 0 else math.nan
