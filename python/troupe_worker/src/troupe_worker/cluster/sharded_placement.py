"""The placement of an agent whose model is sharded over several processes (ranks) of one node.

A call is sent to all ranks, and their frames are merged. Calls in SINGLE_RANK_CALLS are sent to one rank only. If
a rank dies, the agent is lost.
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

from ..calls import SINGLE_RANK_CALLS, error_frame, first_line
from ..errors import WorkerError
from ..frames import Frame, decode, encode
from .actor_client import ActorClient, FrameStream, death_cause
from .agent_placement import AgentPlacement
from .shared_exclusive_lock import SharedExclusiveLock

#: Timeout for the ranks to form their process group after all actors have started, seconds.
_JOIN_SECONDS = 180.0
#: Time within which all ranks must end a call after one rank has failed or the call was cancelled, seconds.
_GRACE_SECONDS = 60.0
_POLL_SECONDS = 1.0

#: Number of the rank, whether the frame is the last of the call, and the frame (or the error of the rank's actor).
_RankFrame = tuple[int, bool, bytes | WorkerError]


class ShardedAgentPlacement(AgentPlacement):
    """An agent with one actor per rank."""

    def __init__(self, index: int, clients: list[ActorClient]) -> None:
        super().__init__(index, clients[0])
        self._clients = clients
        self._lock = SharedExclusiveLock()
        #: Models whose complete weights are on every rank. A call that runs on a single rank needs them there.
        self._unsharded: set[str] = set()
        self._next = count()

    @property
    def processes(self) -> int:
        return len(self._clients)

    def start(self) -> None:
        for client in self._clients:
            client.start()
        nodes = {client.info["node"] for client in self._clients}
        if len(nodes) > 1:
            raise WorkerError(f"agent {self.index}: expected all ranks on one node, got {len(nodes)}", "actor")
        rendezvous = Path(ray.get(self.actor.make_folder.remote())) / "rendezvous"
        size = len(self._clients)
        joins = [
            client.actor.join.remote(str(rendezvous), rank, size) for rank, client in enumerate(self._clients)
        ]
        try:
            ray.get(joins, timeout=_JOIN_SECONDS)
        except GetTimeoutError as error:
            raise WorkerError(
                f"the {size} ranks of agent {self.index} did not form a process group within {_JOIN_SECONDS:g} s",
                "actor",
            ) from error
        except RayActorError as error:
            message = f"a rank of agent {self.index} was lost: {death_cause(str(error))}"
            raise WorkerError(message, "lost") from error
        except RayError as error:
            reason = first_line(getattr(error, "cause", None) or error)
            message = f"the ranks of agent {self.index} cannot form a process group: {reason}"
            raise WorkerError(message, "actor") from error

    def all_actors(self) -> list[Any]:
        return [client.actor for client in self._clients]

    def call(self, frame: Frame, header: dict[str, Any], check: Callable[[], None]) -> FrameStream:
        name, model = str(frame.header.get("call")), str(header.get("model"))
        if name not in SINGLE_RANK_CALLS:
            with self._lock.exclusive(check), closing(self._call_all(frame, header, check)) as frames:
                # the ranks shard the weights again before they run a call that involves all of them
                self._unsharded.discard(model)
                yield from frames
            return
        while True:
            with self._lock.shared(check):
                if model in self._unsharded:
                    with closing(self._select(name).call(bytes(frame.data), header)) as frames:
                        yield from frames
                    return
            with self._lock.exclusive(check):
                error = self._unshard(frame, model, check)
            if error is not None:
                yield True, error
                return

    def _unshard(self, frame: Frame, model: str, check: Callable[[], None]) -> bytes | None:
        """Gives every rank the complete weights of a model. Returns an error frame if that fails, else None."""
        if model in self._unsharded:
            return None
        header = {
            "session": frame.header.get("session"),
            "operation": f"unshard-{next(self._next)}",
            "call": "unshard",
            "model": model,
        }
        answer = [data for _, data in self._call_all(Frame(header, {}, encode(header)), {}, check)][-1]
        if decode(answer).header["kind"] == "error":
            return answer
        self._unsharded.add(model)
        return None

    def _select(self, name: str) -> ActorClient:
        """Selects the rank for a call: round-robin for `generate`, else rank 0, which stores the open batches."""
        return self._clients[next(self._next) % len(self._clients)] if name == "generate" else self._clients[0]

    def _call_all(self, frame: Frame, header: dict[str, Any], check: Callable[[], None]) -> FrameStream:
        """Sends a call to all ranks. Yields the intermediate frames of all ranks, and then the last frame.

        The last frame is that of rank 0, or the error frame of a rank that failed.
        """
        self._require_alive()
        frames: queue.Queue[_RankFrame] = queue.Queue()
        for rank, client in enumerate(self._clients):
            call = (bytes(frame.data), header)
            threading.Thread(target=_forward_frames, args=(rank, client, call, frames), daemon=True).start()
        answers: dict[int, bytes] = {}
        failure: bytes | None = None
        cancellation: WorkerError | None = None
        deadline = float("inf")
        while len(answers) < len(self._clients):
            try:
                rank, is_last, data = frames.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                cancellation = cancellation or _cancellation(check)
                if cancellation is not None:
                    # Cancel again at every poll, because a cancellation may arrive before its call.
                    self.cancel({**frame.header, **header})
                    deadline = min(deadline, time.monotonic() + _GRACE_SECONDS)
                if time.monotonic() < deadline:
                    continue
                if failure is None:
                    raise self._kill_agent(
                        f"agent {self.index} was lost: a rank does not end a call ({cancellation})"
                    ) from None
                self._kill_agent(f"agent {self.index} was lost: a rank does not answer since another has failed")
                break
            if isinstance(data, WorkerError):
                raise self._kill_agent(str(data))
            if not is_last:
                yield False, data
                continue
            answers[rank] = data
            answer = decode(data).header
            if answer["kind"] != "error":
                continue
            if failure is None:
                failure, deadline = data, time.monotonic() + _GRACE_SECONDS
            if answer.get("desynchronized"):
                reason = str(answer["error"]["message"])
                error = self._kill_agent(
                    f"agent {self.index} was lost: an error desynchronized its ranks ({reason})"
                )
                if answer["error"]["kind"] == "lost":
                    raise error
                failure = data
                break
        if failure is not None and cancellation is not None and _error_kind(failure) == "cancelled":
            # If the deadline passed, this driver cancelled the ranks, so their frames report a cancellation.
            # Report the passed deadline instead.
            failure = error_frame(cancellation.kind, str(cancellation))
        yield True, answers[0] if failure is None else failure

    def _kill_agent(self, reason: str) -> WorkerError:
        """Kills all ranks, because running ranks may block in a collective. Returns the error to raise."""
        if self.lost is None:
            self.lost = reason
            self.kill()
        return WorkerError(self.lost, "lost")


def _error_kind(frame: bytes) -> str:
    return str(decode(frame).header["error"]["kind"])


def _cancellation(check: Callable[[], None]) -> WorkerError | None:
    """Returns the error that `check` raises if the call was cancelled or its deadline passed; else None."""
    try:
        check()
    except WorkerError as error:
        return error
    return None


def _forward_frames(
    rank: int, client: ActorClient, call: tuple[bytes, dict[str, Any]], frames: queue.Queue[_RankFrame]
) -> None:
    """Runs a call on one rank, and puts the frames into the queue that all ranks share."""
    try:
        for is_last, frame in client.call(*call):
            frames.put((rank, is_last, frame))
            if is_last:
                return
        frames.put((rank, True, client.lost_error("a call ended without a result")))
    except WorkerError as error:
        frames.put((rank, True, error))
    except Exception as error:  # any exception of Ray
        frames.put((rank, True, client.lost_error(f"{type(error).__name__}: {first_line(error)}")))
