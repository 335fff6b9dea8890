"""Where the agents of one client's team live: a placement group with a bundle per agent, an actor in each, or
several."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import ray
from ray.util.placement_group import PlacementGroup, placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from ..errors import WorkerError
from ..frames import Frame
from .actor import AgentActor
from .capacity import PLACEMENTS, Need, require_capacity
from .rank import Rank, Saying

#: Calls of an actor under way at once: many messages that are served, cancelling and copying beside them.
_THREADS = 128
_POLL_SECONDS = 1.0


class Place:
    """One agent's share of the cluster and what runs in it: one actor, or more (ranked_place.py)."""

    def __init__(self, index: int, rank: Rank) -> None:
        self.index = index
        self.models = 0
        self._rank = rank
        #: Where the bases of its adapters are on its node, by their folders here; they stay, for others to share.
        self.bases: dict[str, str] = {}
        self.lost: str | None = None

    @property
    def actor(self) -> Any:
        """The one that has to do with files."""
        return self._rank.actor

    @property
    def about(self) -> dict[str, Any]:
        return self._rank.about

    @property
    def processes(self) -> int:
        return 1

    def all_actors(self) -> list[Any]:
        return [self.actor]

    def start(self) -> None:
        """Waits until its actors have their packages and their devices.

        Raises:
            WorkerError: one cannot start, in one line.
        """
        self._rank.start()

    def call(self, frame: Frame, header: dict[str, Any], check: Callable[[], None]) -> Saying:
        """Frames of a call as they come, with whether each is the last.

        Args:
            header: what stands in the frame's header instead
            check: ends a wait for others by raising

        Raises:
            WorkerError: an actor or its node died, of kind `lost`.
        """
        self._require()
        try:
            yield from self._rank.call(bytes(frame.data), header)
        except WorkerError as error:
            self.lost = str(error)
            raise

    def cancel(self, header: dict[str, Any]) -> None:
        for actor in self.all_actors():
            actor.cancel.remote(header)

    def kill(self) -> None:
        for actor in self.all_actors():
            ray.kill(actor)

    def lose(self, why: str) -> WorkerError:
        """Marks the place as gone. Returns what to raise."""
        self.lost = f"the actor of agent {self.index} is gone: {why}"
        return WorkerError(self.lost, "lost")

    def _require(self) -> None:
        if self.lost is not None:
            raise WorkerError(self.lost, "lost")


class Places:
    """All places of one client."""

    def __init__(self, need: Need, check: Callable[[], None]) -> None:
        """Reserves what the team needs; actors begin to start, all at once.

        Raises:
            WorkerError: the cluster does not have it, or does not get free in time.
        """
        self.need = need
        self._group = _reserve(need, check)
        self.places = [self._place(index) for index in range(need.agents)]

    def start(self, check: Callable[[], None]) -> None:
        """Waits for all actors; those that compute on the CPUs of one node divide its memory.

        Raises:
            WorkerError: one cannot start.
        """
        for place in self.places:
            check()
            place.start()
        if self.need.gpus > 0:
            return
        nodes: Counter[str] = Counter()
        for place in self.places:
            nodes[place.about["node"]] += place.processes
        ray.get(
            [
                actor.share_memory.remote(nodes[place.about["node"]])
                for place in self.places
                for actor in place.all_actors()
            ]
        )

    def next(self) -> Place:
        """Where the next model goes: agents are loaded in order, a second model of each joins its first."""
        place = min(self.places, key=lambda place: (place.models, place.index))
        place.models += 1
        return place

    def free(self) -> None:
        """Gives everything back."""
        for place in self.places:
            place.kill()
        if self._group is not None:
            remove_placement_group(self._group)

    def _place(self, index: int) -> Place:
        if self.need.ranks == 1:
            return Place(index, Rank(f"agent {index}", self._actor(index)))
        from .ranked_place import RankedPlace  # which is built on this

        ranks = [Rank(f"rank {rank} of agent {index}", self._actor(index)) for rank in range(self.need.ranks)]
        return RankedPlace(index, ranks)

    def _actor(self, index: int) -> Any:
        """One of the equal ones in the bundle of an agent."""
        need = self.need
        strategy: Any = "SPREAD"
        if self._group is not None:
            strategy = PlacementGroupSchedulingStrategy(self._group, placement_group_bundle_index=index)
        remote = ray.remote(AgentActor).options(
            num_cpus=need.cpus_per_rank,
            num_gpus=need.gpus_per_rank,
            max_concurrency=_THREADS,
            max_restarts=0,
            scheduling_strategy=strategy,
        )
        return remote.remote(threads=need.threads, gpus=need.gpus_per_rank)


def _reserve(need: Need, check: Callable[[], None]) -> PlacementGroup | None:
    until = time.monotonic() + need.wait_seconds
    while not require_capacity(need, ray.nodes()) and time.monotonic() < until:
        check()
        time.sleep(_POLL_SECONDS)
    if not need.bundle():
        return None
    group = placement_group([need.bundle()] * need.agents, strategy=PLACEMENTS[need.placement])
    try:
        while not group.wait(_POLL_SECONDS):
            check()
            if time.monotonic() > until:
                raise WorkerError(
                    f"{need.agents} agents with {need.cpus:g} CPUs and {need.gpus:g} GPUs each did not get free "
                    f"within {need.wait_seconds:g} s; {_free()}",
                    "capacity",
                )
    except BaseException:
        remove_placement_group(group)
        raise
    return group


def _free() -> str:
    free = ray.available_resources()
    return f"free now: {free.get('CPU', 0.0):g} CPUs, {free.get('GPU', 0.0):g} GPUs"
