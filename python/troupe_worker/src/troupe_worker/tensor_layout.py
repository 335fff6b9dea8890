"""Layout of a model's tensors in this process: complete, or the rows of one rank (sharding.py)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor


class TensorLayout(Protocol):
    """Converts between complete tensors and the part of them in this process, like DTensor."""

    def to_local(self, tensor: Tensor) -> Tensor:
        """The local part of a parameter or its gradient; shares its memory."""

    def full_tensor(self, local: Tensor, shape: Sequence[int]) -> Tensor:
        """The complete tensor of that shape; a collective."""

    def local_shard(self, full: Tensor) -> Tensor:
        """The local part of a complete tensor."""

    def all_reduce_sum(self, number: float) -> float:
        """Sum of a number over all ranks; a collective."""

    @property
    def is_rank_zero(self) -> bool:
        """Whether this process writes files."""


class Unsharded:
    """The complete tensors are in this process."""

    is_rank_zero = True

    def to_local(self, tensor: Tensor) -> Tensor:
        return tensor.detach()

    def full_tensor(self, local: Tensor, shape: Sequence[int]) -> Tensor:
        return local

    def local_shard(self, full: Tensor) -> Tensor:
        return full

    def all_reduce_sum(self, number: float) -> float:
        return number


UNSHARDED = Unsharded()
