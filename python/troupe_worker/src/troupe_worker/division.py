"""How the work of a call is divided: not at all, or among the ranks of an agent (ranks.py).

All ranks are given the same call. What they refuse for the call's sake alone, they refuse alike; what may go wrong
on one of them alone is done in `agreed` or `apart`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from .sequences import Message, Rows, groups

Check = Callable[[], None]


class Division(Protocol):
    """The share of one process in the work of an agent."""

    @property
    def size(self) -> int:
        """Processes that share the work."""

    @property
    def speaks(self) -> bool:
        """Whether this one's answer is the agent's."""

    def agreed(self) -> AbstractContextManager[None]:
        """Ends on all when it has ended on all; an error of one is raised on all."""

    def apart(self, check: Check) -> AbstractContextManager[Check]:
        """As `agreed`, for work that takes long: what it gives is to be asked now and then, and raises also when
        another has failed."""

    def part(self, count: int) -> range:
        """Which of so many requests are this one's."""

    def batches(self, messages: Sequence[Message], token_budget: int) -> Iterator[list[int]]:
        """Messages to run together, by index; as many batches on all, where need be empty ones."""

    def joined(self, rows: Rows) -> Rows:
        """Rows of all messages, of those in which each has filled in its own and left the others 0."""

    def total(self, number: float) -> float:
        """The sum over all."""


class Alone:
    """All of it."""

    size = 1
    speaks = True

    def agreed(self) -> AbstractContextManager[None]:
        return nullcontext()

    def apart(self, check: Check) -> AbstractContextManager[Check]:
        return nullcontext(check)

    def part(self, count: int) -> range:
        return range(count)

    def batches(self, messages: Sequence[Message], token_budget: int) -> Iterator[list[int]]:
        return iter(groups(messages, range(len(messages)), token_budget))

    def joined(self, rows: Rows) -> Rows:
        return rows

    def total(self, number: float) -> float:
        return number


ALONE = Alone()
