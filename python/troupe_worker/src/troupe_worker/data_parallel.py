"""Distributes the messages of a call over the ranks of an agent: one process, or several (process_group.py).

All ranks receive every call, so all of them raise the same validation errors. Work that can fail on a single rank
runs inside `raise_on_all_ranks` or `independent_work`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from .sequences import Message, Rows, length_grouped_batches

Check = Callable[[], None]


class DataParallel(Protocol):
    """The process group of an agent, as seen from one rank."""

    @property
    def world_size(self) -> int:
        """Number of ranks."""

    @property
    def is_rank_zero(self) -> bool:
        """Whether this is rank 0, whose result is the result of the agent."""

    def raise_on_all_ranks(self) -> AbstractContextManager[None]:
        """Returns a context that ends with a barrier, where all ranks raise the error of a rank that failed."""

    def independent_work(self, check: Check) -> AbstractContextManager[Check]:
        """Like `raise_on_all_ranks`, for long work without collectives.

        The context returns a new check function, which the work must call regularly. The function calls `check`
        and raises an error if another rank has failed.
        """

    def local_range(self, count: int) -> range:
        """Returns which of `count` requests this rank runs, as a range of indices."""

    def local_batches(self, messages: Sequence[Message], token_budget: int) -> Iterator[list[int]]:
        """Yields the batches of this rank, as lists of message indices.

        Every rank gets the same number of batches; some may be empty.
        """

    def all_reduce_rows(self, rows: Rows) -> Rows:
        """Combines the rows of all ranks by summing them; a collective.

        Each rank must pass zeros for the messages that other ranks computed.
        """

    def all_reduce_sum(self, number: float) -> float:
        """Sums a number over all ranks; a collective."""


class SingleProcess:
    """A group of one process."""

    world_size = 1
    is_rank_zero = True

    def raise_on_all_ranks(self) -> AbstractContextManager[None]:
        return nullcontext()

    def independent_work(self, check: Check) -> AbstractContextManager[Check]:
        return nullcontext(check)

    def local_range(self, count: int) -> range:
        return range(count)

    def local_batches(self, messages: Sequence[Message], token_budget: int) -> Iterator[list[int]]:
        return iter(length_grouped_batches(messages, range(len(messages)), token_budget))

    def all_reduce_rows(self, rows: Rows) -> Rows:
        return rows

    def all_reduce_sum(self, number: float) -> float:
        return number


SINGLE_PROCESS = SingleProcess()
