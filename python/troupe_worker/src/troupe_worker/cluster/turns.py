"""Whose turn it is at an agent of several ranks: calls that all of them answer together come one at a time, in an
order that is the same for all; those that one answers alone go side by side in between.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LOOK_SECONDS = 1.0


class Turns:
    """Those who come alone go first, or they would wait for as long as messages are served."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._alone = False
        self._beside = 0
        self._waiting = 0

    @contextmanager
    def alone(self, check: Callable[[], None]) -> Iterator[None]:
        """Nobody else meanwhile. `check` ends the wait by raising."""
        with self._changed:
            self._waiting += 1
            try:
                while self._alone or self._beside:
                    check()
                    self._changed.wait(_LOOK_SECONDS)
                check()  # the ranks were told of a cancelled call before they knew it
                self._alone = True
            finally:
                self._waiting -= 1
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._alone = False
                self._changed.notify_all()

    @contextmanager
    def beside(self, check: Callable[[], None]) -> Iterator[None]:
        """Others of this kind meanwhile."""
        with self._changed:
            while self._alone or self._waiting:
                check()
                self._changed.wait(_LOOK_SECONDS)
            check()
            self._beside += 1
        try:
            yield
        finally:
            with self._changed:
                self._beside -= 1
                self._changed.notify_all()
