"""An agent of several ranks, on one node: they are told every call at once, and what they say is told as if one
had said it. One that dies takes the agent with it.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayActorError, RayError

from ..calls import LONE_CALLS, error_frame, first_line
from ..errors import WorkerError
from ..frames import Frame, decode, encode
from .places import Place
from .rank import Rank, Saying, cause_of
from .turns import Turns

#: How long ranks may take to find each other once all of them run.
_JOIN_SECONDS = 180.0
#: How long ranks may go on after one has ended a call with an error that they do not share, or after nobody waits
#: for the answer any more.
_GRACE_SECONDS = 60.0
_LOOK_SECONDS = 1.0


class RankedPlace(Place):
    """See `Place`."""

    def __init__(self, index: int, ranks: list[Rank]) -> None:
        super().__init__(index, ranks[0])
        self._ranks = ranks
        self._turns = Turns()
        #: Models whose weights are put together now, for calls that one rank answers alone.
        self._gathered: set[str] = set()
        self._next = count()

    @property
    def processes(self) -> int:
        return len(self._ranks)

    def start(self) -> None:
        for rank in self._ranks:
            rank.start()
        nodes = {rank.about["node"] for rank in self._ranks}
        if len(nodes) > 1:
            raise WorkerError(f"agent {self.index}: expected all ranks on one node, got {len(nodes)}", "actor")
        meeting = Path(ray.get(self.actor.make_folder.remote())) / "meeting"
        size = len(self._ranks)
        joining = [rank.actor.join.remote(str(meeting), place, size) for place, rank in enumerate(self._ranks)]
        try:
            ray.get(joining, timeout=_JOIN_SECONDS)
        except GetTimeoutError as error:
            raise WorkerError(
                f"the {size} ranks of agent {self.index} did not find each other within {_JOIN_SECONDS:g} s",
                "actor",
            ) from error
        except RayActorError as error:
            message = f"a rank of agent {self.index} is gone: {cause_of(str(error))}"
            raise WorkerError(message, "lost") from error
        except RayError as error:
            reason = first_line(getattr(error, "cause", None) or error)
            raise WorkerError(f"the ranks of agent {self.index} cannot form a group: {reason}", "actor") from error

    def all_actors(self) -> list[Any]:
        return [rank.actor for rank in self._ranks]

    def call(self, frame: Frame, header: dict[str, Any], check: Callable[[], None]) -> Saying:
        name, model = str(frame.header.get("call")), str(header.get("model"))
        if name not in LONE_CALLS:
            with self._turns.alone(check), closing(self._together(frame, header, check)) as said:
                self._gathered.discard(model)
                yield from said
            return
        while True:
            with self._turns.beside(check):
                if model in self._gathered:
                    with closing(self._lone(name).call(bytes(frame.data), header)) as said:
                        yield from said
                    return
            with self._turns.alone(check):
                answer = self._gather(frame, model, check)
            if answer is not None:
                yield True, answer
                return

    def _gather(self, frame: Frame, model: str, check: Callable[[], None]) -> bytes | None:
        """Puts a model's weights together on every rank. Returns what went wrong."""
        if model in self._gathered:
            return None
        header = {
            "session": frame.header.get("session"),
            "operation": f"gather-{next(self._next)}",
            "call": "gather",
            "model": model,
        }
        answer = [said for _, said in self._together(Frame(header, {}, encode(header)), {}, check)][-1]
        if decode(answer).header["kind"] == "error":
            return answer
        self._gathered.add(model)
        return None

    def _lone(self, name: str) -> Rank:
        """Messages that are served are shared out; batches that stay open are all the first's."""
        return self._ranks[next(self._next) % len(self._ranks)] if name == "generate" else self._ranks[0]

    def _together(self, frame: Frame, header: dict[str, Any], check: Callable[[], None]) -> Saying:
        """What the ranks say on the way, as it comes, and what the first answers, or an error of any."""
        self._require()
        said: queue.Queue[tuple[int, bool, bytes | WorkerError]] = queue.Queue()
        for place, rank in enumerate(self._ranks):
            call = (bytes(frame.data), header)
            threading.Thread(target=_pump, args=(place, rank, call, said), daemon=True).start()
        answers: dict[int, bytes] = {}
        failure: bytes | None = None
        unwanted: WorkerError | None = None
        until = float("inf")
        while len(answers) < len(self._ranks):
            try:
                place, is_last, what = said.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                unwanted = unwanted or _complaint(check)
                if unwanted is not None:
                    self.cancel({**frame.header, **header})  # every time: it may have overtaken the call
                    until = min(until, time.monotonic() + _GRACE_SECONDS)
                if time.monotonic() < until:
                    continue
                if failure is None:
                    raise self._end(
                        f"agent {self.index} is gone: a rank does not end a call ({unwanted})"
                    ) from None
                self._end(f"agent {self.index} is gone: a rank does not answer since another has failed")
                break
            if isinstance(what, WorkerError):
                raise self._end(str(what))
            if not is_last:
                yield False, what
                continue
            answers[place] = what
            answer = decode(what).header
            if answer["kind"] != "error":
                continue
            if failure is None:
                failure, until = what, time.monotonic() + _GRACE_SECONDS
            if answer.get("broken"):
                why = str(answer["error"]["message"])
                error = self._end(f"agent {self.index} is gone: its ranks were parted by an error ({why})")
                if answer["error"]["kind"] == "lost":
                    raise error
                failure = what
                break
        if failure is not None and unwanted is not None and decode(failure).header["error"]["kind"] == "cancelled":
            failure = error_frame(unwanted.kind, str(unwanted))  # they were told no more than that nobody waits
        yield True, answers[0] if failure is None else failure

    def _end(self, why: str) -> WorkerError:
        """Nothing can be asked of those that are left: they wait for each other. Returns what to raise."""
        if self.lost is None:
            self.lost = why
            self.kill()
        return WorkerError(self.lost, "lost")


def _complaint(check: Callable[[], None]) -> WorkerError | None:
    """Why nobody waits for the answer any more, if so."""
    try:
        check()
    except WorkerError as error:
        return error
    return None


def _pump(
    place: int,
    rank: Rank,
    call: tuple[bytes, dict[str, Any]],
    said: queue.Queue[tuple[int, bool, bytes | WorkerError]],
) -> None:
    """What one rank says, into the queue of all."""
    try:
        for is_last, frame in rank.call(*call):
            said.put((place, is_last, frame))
            if is_last:
                return
        said.put((place, True, rank.gone("it ended a call without an answer")))
    except WorkerError as error:
        said.put((place, True, error))
    except Exception as error:  # whatever Ray throws
        said.put((place, True, rank.gone(f"{type(error).__name__}: {first_line(error)}")))
