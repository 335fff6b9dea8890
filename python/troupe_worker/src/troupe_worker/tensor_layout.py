"""Layout of a model's tensors in this process: complete tensors, or this rank's rows of each (sharding.py)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor


class TensorLayout(Protocol):
    """Converts between complete tensors and this process's (local) part of them, like PyTorch's DTensor."""

    def to_local(self, tensor: Tensor) -> Tensor:
        """Returns the local part of a parameter or a gradient, without copying it."""

    def full_tensor(self, local: Tensor, shape: Sequence[int]) -> Tensor:
        """Gathers the complete tensor, which has the given shape; a collective."""

    def local_shard(self, full: Tensor) -> Tensor:
        """Returns the local part of a complete tensor."""

    def all_reduce_sum(self, number: float) -> float:
        """Sums a number over all ranks; a collective."""

    @property
    def is_rank_zero(self) -> bool:
        """Whether this process is rank 0, which writes files."""


class Unsharded:
    """The layout of a model that is not sharded: this process has complete tensors."""

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
