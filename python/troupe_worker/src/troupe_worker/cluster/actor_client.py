"""The driver's client of one actor. Most agents have one actor; an agent of several ranks has one per rank."""

from __future__ import annotations

import re
import time
from collections.abc import Generator
from typing import Any

import ray
from ray.exceptions import ActorUnavailableError, GetTimeoutError, RayActorError, RayError

from ..calls import first_line
from ..errors import WorkerError

#: Timeout for the start of an actor, seconds. It is long, because importing PyTorch is slow on a busy machine.
START_SECONDS = 600.0
#: Frames of a call. Each comes with a flag that is True for the last frame.
FrameStream = Generator[tuple[bool, bytes], None, None]

_POLL_SECONDS = 1.0
#: Time after which the actor of an unreachable node counts as lost, seconds.
_RECOVERY_SECONDS = 30.0


class ActorClient:
    """Calls an actor. Raises a WorkerError of kind `lost` if the actor or its node dies."""

    def __init__(self, name: str, actor: Any) -> None:
        """
        Args:
            name: name for error messages, e.g. `agent 0` or `rank 1 of agent 0`
            actor: Ray's actor handle
        """
        self.name = name
        self.actor = actor
        #: Result of `AgentActor.info`; empty before `start`.
        self.info: dict[str, Any] = {}

    def start(self) -> None:
        """Waits until the actor has imported its packages and initialized its device.

        Raises:
            WorkerError: the actor cannot start. The error has the kind `lost` if the actor or its node died.
        """
        if self.info:
            return
        try:
            self.info = ray.get(self.actor.info.remote(), timeout=START_SECONDS)
        except GetTimeoutError as error:
            raise self.lost_error(f"did not start within {START_SECONDS:g} s") from error
        except RayActorError as error:
            raise _start_error(self.name, str(error)) from error

    def call(self, data: bytes, header: dict[str, Any]) -> FrameStream:
        """Yields the frames of a call as they arrive; see `AgentActor.call`.

        Raises:
            WorkerError: the actor or its node died; the error has the kind `lost`.
        """
        received, deadline = 0, 0.0
        while True:
            attempt_start = time.monotonic()
            try:
                # The frame contains the operation's name, so the actor recognizes a repeated call and sends all of
                # its frames again from the first one.
                frames = self.actor.call.options(num_returns="streaming").remote(data, header)
                for index, reference in enumerate(frames):
                    is_last, frame = ray.get(reference)
                    if index >= received:
                        received = index + 1
                        yield is_last, frame
                return
            except ActorUnavailableError as error:
                now = time.monotonic()
                if deadline == 0.0 or now - attempt_start > _RECOVERY_SECONDS:
                    # the actor was reachable since the last error, so wait for the full time again
                    deadline = now + _RECOVERY_SECONDS
                elif now > deadline:
                    raise self.lost_error(first_line(error)) from error
                time.sleep(_POLL_SECONDS)
            except RayActorError as error:
                raise self.lost_error(death_cause(str(error))) from error
            except RayError as error:  # e.g. the frame was stored on a node that died
                raise self.lost_error(f"{type(error).__name__}: {first_line(error)}") from error

    def lost_error(self, reason: str) -> WorkerError:
        return WorkerError(f"the actor of {self.name} was lost: {reason}", "lost")


def death_cause(message: str) -> str:
    """Returns the line of a Ray error message that names the cause of an actor's death; at most 300 characters."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    cause = next((line for line in lines if re.search(r"died|killed|exit|lost|unreachable", line)), "it died")
    return " ".join(cause.split())[:300]


def _start_error(name: str, message: str) -> WorkerError:
    missing = re.search(r"No module named '([\w.]+)'", message)
    if missing:
        return WorkerError(
            f'the Python on the node of {name} lacks the package "{missing[1]}"; '
            "install python/troupe_worker/requirements.txt on every node",
            "actor",
        )
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    reason = next((line for line in reversed(lines) if re.match(r"[\w.]*(Error|Exception)\b", line)), "")
    # If the actor's constructor raised no exception, the actor was killed. It may start on another node.
    kind = "actor" if reason else "lost"
    return WorkerError(f"the actor of {name} did not start: {reason or death_cause(message)}", kind)
