"""Calls that are applied once: an operation is named by its client, runs in a thread of its own, and keeps
what it said until the client has had time to ask again. A repeated call, after a lost answer, is given the
first one's frames.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator

from .errors import Cancelled, DeadlinePassed

#: Operations remembered per channel. Calls of a channel follow each other, so only the last is asked for
#: again; loads, which share a channel, may overlap.
REMEMBERED = 16
#: What they may hold: whole vocabularies are answers too.
REMEMBERED_BYTES = 2**26
#: Cancellations kept of operations that have not begun: the two come over connections of their own.
_EARLY = 256


class Operation:
    """One call under way, or its outcome."""

    def __init__(self, deadline_seconds: float) -> None:
        self._deadline = time.monotonic() + deadline_seconds
        self._cancelled = threading.Event()
        self._changed = threading.Condition()
        self._frames: list[bytes] = []
        self._size = 0
        self._done = False

    def check(self) -> None:
        """Raises when nobody waits for the answer any more."""
        if self._cancelled.is_set():
            raise Cancelled
        if time.monotonic() > self._deadline:
            raise DeadlinePassed

    def cancel(self) -> None:
        self._cancelled.set()

    @property
    def done(self) -> bool:
        return self._done

    @property
    def size(self) -> int:
        """Bytes that it keeps."""
        return self._size

    def say(self, frame: bytes, *, last: bool = False) -> None:
        with self._changed:
            self._size += len(frame)
            self._frames.append(frame)
            self._done = self._done or last
            self._changed.notify_all()

    def frames(self, heartbeat_seconds: float) -> Iterator[bytes | None]:
        """Everything it says from the beginning; None when it has been silent for so long."""
        place = 0
        while True:
            with self._changed:
                if place >= len(self._frames) and not self._done:
                    self._changed.wait(heartbeat_seconds)
                said, done = self._frames[place:], self._done
            place += len(said)
            yield from said
            if not said and not done:
                yield None
            if done:
                return


class Operations:
    """All operations of a worker, by channel and name."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._channels: dict[str, OrderedDict[str, Operation]] = {}
        #: What was cancelled before it began, oldest first.
        self._early: OrderedDict[tuple[str, str], None] = OrderedDict()

    def begin(
        self, channel: str, name: str, deadline_seconds: float, run: Callable[[Operation], None]
    ) -> Operation:
        """The operation of that name: the one there was, or a new one, started."""
        with self._lock:
            known = self._channels.setdefault(channel, OrderedDict())
            if name in known:
                return known[name]
            operation = known[name] = Operation(deadline_seconds)
            _forget_oldest(known)
            if (channel, name) in self._early:
                del self._early[channel, name]
                operation.cancel()
        threading.Thread(target=run, args=(operation,), name=name, daemon=True).start()
        return operation

    def cancel(self, channel: str, name: str) -> bool:
        """Whether there was one to cancel; one that is still on its way ends when it comes."""
        with self._lock:
            operation = self._channels.get(channel, OrderedDict()).get(name)
            if operation is None:
                self._early[channel, name] = None
                while len(self._early) > _EARLY:
                    self._early.popitem(last=False)
                return False
        operation.cancel()
        return True

    def forget(self, channel: str) -> None:
        """Cancels and drops what a channel and those under it remember."""
        with self._lock:
            names = [name for name in self._channels if name == channel or name.startswith(f"{channel}/")]
            for name in names:
                for operation in self._channels.pop(name).values():
                    operation.cancel()


def _forget_oldest(known: OrderedDict[str, Operation]) -> None:
    finished = [key for key, one in known.items() if one.done]
    size = sum(known[key].size for key in finished)
    while finished and (len(known) > REMEMBERED or size > REMEMBERED_BYTES):
        size -= known.pop(finished.pop(0)).size
