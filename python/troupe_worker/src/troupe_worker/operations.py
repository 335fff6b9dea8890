"""Idempotent calls. The client gives every call an operation name, and the worker runs each operation only once.

An operation runs in a separate thread. The worker stores its frames for some time. A client whose connection broke
can repeat the call, and receives the stored frames.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator

from .errors import Cancelled, DeadlinePassed

#: Number of operations that are stored per channel. Calls of a model are sequential, so a client repeats only the
#: last one. The `load` calls of a session share a channel and may overlap.
REMEMBERED = 16
#: Maximum total size of the stored frames of a channel, bytes. The frames of a distribution can be very large.
REMEMBERED_BYTES = 2**26
#: Number of stored cancellations whose call has not arrived yet. A cancellation can arrive before its call,
#: because they use different connections.
_EARLY_CANCELLATIONS = 256


class Operation:
    """A call that is in flight or finished, with the frames it has emitted."""

    def __init__(self, deadline_seconds: float) -> None:
        self._deadline = time.monotonic() + deadline_seconds
        self._cancelled = threading.Event()
        self._changed = threading.Condition()
        self._frames: list[bytes] = []
        self._size = 0
        self._done = False

    def check(self) -> None:
        """Raises an error if the operation must end.

        Raises:
            Cancelled: the client cancelled the call.
            DeadlinePassed: the deadline of the call passed.
        """
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
        """Total size of the emitted frames, bytes."""
        return self._size

    def emit(self, frame: bytes, *, last: bool = False) -> None:
        """Appends an encoded frame."""
        with self._changed:
            self._size += len(frame)
            self._frames.append(frame)
            self._done = self._done or last
            self._changed.notify_all()

    def frames(self, heartbeat_seconds: float) -> Iterator[bytes | None]:
        """Yields all frames, from the first to the last. Yields None after `heartbeat_seconds` without a frame."""
        position = 0
        while True:
            with self._changed:
                if position >= len(self._frames) and not self._done:
                    self._changed.wait(heartbeat_seconds)
                new, done = self._frames[position:], self._done
            position += len(new)
            yield from new
            if not new and not done:
                yield None
            if done:
                return


class Operations:
    """All operations of a worker, by channel and name."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._channels: dict[str, OrderedDict[str, Operation]] = {}
        #: Operations that were cancelled before they arrived, oldest first.
        self._cancelled_early: OrderedDict[tuple[str, str], None] = OrderedDict()

    def begin(
        self, channel: str, name: str, deadline_seconds: float, run: Callable[[Operation], None]
    ) -> Operation:
        """Returns the operation with this name. If there is none, creates it and starts `run` in a new thread."""
        with self._lock:
            known = self._channels.setdefault(channel, OrderedDict())
            if name in known:
                return known[name]
            operation = known[name] = Operation(deadline_seconds)
            _evict_oldest(known)
            if (channel, name) in self._cancelled_early:
                del self._cancelled_early[channel, name]
                operation.cancel()
        threading.Thread(target=run, args=(operation,), name=name, daemon=True).start()
        return operation

    def cancel(self, channel: str, name: str) -> bool:
        """Cancels an operation. If its call has not arrived yet, cancels it on arrival and returns False."""
        with self._lock:
            operation = self._channels.get(channel, OrderedDict()).get(name)
            if operation is None:
                self._cancelled_early[channel, name] = None
                while len(self._cancelled_early) > _EARLY_CANCELLATIONS:
                    self._cancelled_early.popitem(last=False)
                return False
        operation.cancel()
        return True

    def drop_channel(self, channel: str) -> None:
        """Cancels and forgets the operations of a channel and of its sub-channels, e.g. `model-0/generate`."""
        with self._lock:
            names = [name for name in self._channels if name == channel or name.startswith(f"{channel}/")]
            for name in names:
                for operation in self._channels.pop(name).values():
                    operation.cancel()


def _evict_oldest(known: OrderedDict[str, Operation]) -> None:
    finished = [key for key, operation in known.items() if operation.done]
    size = sum(known[key].size for key in finished)
    while finished and (len(known) > REMEMBERED or size > REMEMBERED_BYTES):
        size -= known.pop(finished.pop(0)).size
