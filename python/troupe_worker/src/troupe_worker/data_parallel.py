"""Distribution of a call's messages over the ranks of an agent: one process, or several (process_group.py).

All ranks receive the same call. Validation errors are identical on all ranks; work that can fail on a single rank
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
        """Whether the result of this rank is the result of the agent."""

    def raise_on_all_ranks(self) -> AbstractContextManager[None]:
        """A context with a barrier at its end; an error of one rank is raised on all ranks."""

    def independent_work(self, check: Check) -> AbstractContextManager[Check]:
        """As `raise_on_all_ranks`, for long work without collectives.

        The work calls the returned check regularly; it raises also when another rank has failed.
        """

    def local_range(self, count: int) -> range:
        """Indices of the requests of this rank, out of `count`."""

    def local_batches(self, messages: Sequence[Message], token_budget: int) -> Iterator[list[int]]:
        """Batches of this rank as indices of messages; every rank gets equally many, some of them empty."""

    def all_reduce_rows(self, rows: Rows) -> Rows:
        """Sum of the rows over all ranks, each of which has zeros for the messages of the others; a collective."""

    def all_reduce_sum(self, number: float) -> float:
        """Sum of a number over all ranks; a collective."""


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
