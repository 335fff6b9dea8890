"""The placement of one agent on the cluster: its actor, and the state of the actor's models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ray

from ..errors import WorkerError
from ..frames import Frame
from .actor_client import ActorClient, FrameStream


class AgentPlacement:
    """An agent with one actor. For agents with several actors, see sharded_placement.py."""

    def __init__(self, index: int, client: ActorClient) -> None:
        self.index = index
        #: Number of models that are loaded in the actor.
        self.models = 0
        self._client = client
        #: For each base model that was copied to the actor's node: its folder on the driver's machine (key) and
        #: the path of the copy on the node (value).
        self.uploaded_bases: dict[str, str] = {}
        #: Error message if an actor of the agent died; else None.
        self.lost: str | None = None

    @property
    def actor(self) -> Any:
        """The actor that reads and writes files: the agent's only actor, or the actor of its rank 0."""
        return self._client.actor

    @property
    def info(self) -> dict[str, Any]:
        """See `AgentActor.info`."""
        return self._client.info

    @property
    def processes(self) -> int:
        """Number of actors."""
        return 1

    def all_actors(self) -> list[Any]:
        return [self.actor]

    def start(self) -> None:
        """Waits until all actors are ready.

        Raises:
            WorkerError: an actor cannot start.
        """
        self._client.start()

    def call(self, frame: Frame, header: dict[str, Any], check: Callable[[], None]) -> FrameStream:
        """Yields the frames of a call as they arrive. Each comes with a flag that is True for the last frame.

        Args:
            header: header fields that replace those of the frame
            check: raises an error if the call is cancelled or its deadline has passed

        Raises:
            WorkerError: an actor or its node died; the error has the kind `lost`.
        """
        self._require_alive()
        try:
            yield from self._client.call(bytes(frame.data), header)
        except WorkerError as error:
            self.lost = str(error)
            raise

    def cancel(self, header: dict[str, Any]) -> None:
        for actor in self.all_actors():
            actor.cancel.remote(header)

    def kill(self) -> None:
        for actor in self.all_actors():
            ray.kill(actor)

    def mark_lost(self, reason: str) -> WorkerError:
        """Marks the agent as lost, i.e. not usable any more. Returns the error for the caller to raise."""
        self.lost = f"the actor of agent {self.index} was lost: {reason}"
        return WorkerError(self.lost, "lost")

    def _require_alive(self) -> None:
        if self.lost is not None:
            raise WorkerError(self.lost, "lost")
