"""What of a model's numbers is in this process: all of them, or the rows of one rank (sharding.py)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor


class Pieces(Protocol):
    """How tensors are dealt out."""

    def own(self, tensor: Tensor) -> Tensor:
        """What of a parameter or its gradient is here; live."""

    def whole(self, own: Tensor, shape: Sequence[int]) -> Tensor:
        """All of it, from what each has."""

    def share(self, whole: Tensor) -> Tensor:
        """What of a whole tensor belongs here."""

    def total(self, number: float) -> float:
        """The sum of what each has found in its own."""

    @property
    def keeps_files(self) -> bool:
        """Whether files are written here."""


class Undivided:
    """All of them."""

    keeps_files = True

    def own(self, tensor: Tensor) -> Tensor:
        return tensor.detach()

    def whole(self, own: Tensor, shape: Sequence[int]) -> Tensor:
        return own

    def share(self, whole: Tensor) -> Tensor:
        return whole

    def total(self, number: float) -> float:
        return number


UNDIVIDED = Undivided()
