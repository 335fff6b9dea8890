"""A shared-exclusive lock for the calls of an agent of several ranks.

A call of all ranks acquires the lock exclusively, so that all ranks run these calls in the same order. Calls of a
single rank acquire it shared and run concurrently.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: Interval at which a waiting call checks for cancellation, seconds.
_POLL_SECONDS = 1.0


class SharedExclusiveLock:
    """A shared-exclusive lock.

    Exclusive acquisitions have priority, so that a steady stream of shared acquisitions cannot starve them.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._is_exclusive = False
        self._shared = 0
        self._waiting_exclusive = 0

    @contextmanager
    def exclusive(self, check: Callable[[], None]) -> Iterator[None]:
        """Acquires the lock exclusively. Calls `check` while it waits; an error of `check` ends the wait."""
        with self._changed:
            self._waiting_exclusive += 1
            try:
                while self._is_exclusive or self._shared:
                    check()
                    self._changed.wait(_POLL_SECONDS)
                check()  # a call that was cancelled during the wait must not reach the ranks
                self._is_exclusive = True
            finally:
                self._waiting_exclusive -= 1
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._is_exclusive = False
                self._changed.notify_all()

    @contextmanager
    def shared(self, check: Callable[[], None]) -> Iterator[None]:
        """Acquires the lock shared. Calls `check` while it waits; an error of `check` ends the wait."""
        with self._changed:
            while self._is_exclusive or self._waiting_exclusive:
                check()
                self._changed.wait(_POLL_SECONDS)
            check()
            self._shared += 1
        try:
            yield
        finally:
            with self._changed:
                self._shared -= 1
                self._changed.notify_all()
