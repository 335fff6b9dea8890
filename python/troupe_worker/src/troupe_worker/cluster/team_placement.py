"""The placement of a client's team: a Ray placement group and the agents' actors.

The placement group has one bundle per agent: the resources that Ray reserves for the agent on one node.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import ray
from ray.util.placement_group import PlacementGroup, placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from ..errors import WorkerError
from .actor import AgentActor
from .actor_client import ActorClient
from .agent_placement import AgentPlacement
from .capacity import PLACEMENTS, PlacementRequest, require_capacity
from .sharded_placement import ShardedAgentPlacement

#: Maximum number of concurrent calls of an actor: `generate` calls, cancellations and file transfers.
_MAX_CONCURRENCY = 128
_POLL_SECONDS = 1.0


class TeamPlacement:
    """The placements of all agents of a client's team."""

    def __init__(self, request: PlacementRequest, check: Callable[[], None]) -> None:
        """Reserves the resources and creates all actors, which start concurrently.

        Raises:
            WorkerError: the cluster does not have the resources, or they are not free in time.
        """
        self.request = request
        self._group = _reserve(request, check)
        self.agents = [self._place(index) for index in range(request.agents)]

    def start(self, check: Callable[[], None]) -> None:
        """Waits until all actors are ready. Divides the memory of a node among the actors that use its CPUs.

        Raises:
            WorkerError: an actor cannot start.
        """
        for agent in self.agents:
            check()
            agent.start()
        if self.request.gpus > 0:
            return
        processes: Counter[str] = Counter()
        for agent in self.agents:
            processes[agent.info["node"]] += agent.processes
        ray.get(
            [
                actor.divide_memory.remote(processes[agent.info["node"]])
                for agent in self.agents
                for actor in agent.all_actors()
            ]
        )

    def next(self) -> AgentPlacement:
        """Selects the agent for the next model: the agent with the fewest models, in the order of the agents."""
        agent = min(self.agents, key=lambda agent: (agent.models, agent.index))
        agent.models += 1
        return agent

    def free(self) -> None:
        """Kills all actors and frees the resources."""
        for agent in self.agents:
            agent.kill()
        if self._group is not None:
            remove_placement_group(self._group)

    def _place(self, index: int) -> AgentPlacement:
        if self.request.ranks == 1:
            return AgentPlacement(index, ActorClient(f"agent {index}", self._create_actor(index)))
        clients = [
            ActorClient(f"rank {rank} of agent {index}", self._create_actor(index))
            for rank in range(self.request.ranks)
        ]
        return ShardedAgentPlacement(index, clients)

    def _create_actor(self, index: int) -> Any:
        """Creates one actor of an agent in the agent's bundle."""
        request = self.request
        strategy: Any = "SPREAD"
        if self._group is not None:
            strategy = PlacementGroupSchedulingStrategy(self._group, placement_group_bundle_index=index)
        remote = ray.remote(AgentActor).options(
            num_cpus=request.cpus_per_rank,
            num_gpus=request.gpus_per_rank,
            max_concurrency=_MAX_CONCURRENCY,
            max_restarts=0,
            scheduling_strategy=strategy,
        )
        return remote.remote(threads=request.threads, gpus=request.gpus_per_rank)


def _reserve(request: PlacementRequest, check: Callable[[], None]) -> PlacementGroup | None:
    """Waits until the placement group has its resources. Returns None if the request needs no resources."""
    deadline = time.monotonic() + request.wait_seconds
    while not require_capacity(request, ray.nodes()) and time.monotonic() < deadline:
        check()
        time.sleep(_POLL_SECONDS)
    if not request.bundle():
        return None
    group = placement_group([request.bundle()] * request.agents, strategy=PLACEMENTS[request.placement])
    try:
        while not group.wait(_POLL_SECONDS):
            check()
            if time.monotonic() > deadline:
                raise WorkerError(
                    f"{request.agents} agents with {request.cpus:g} CPUs and {request.gpus:g} GPUs each were not "
                    f"free within {request.wait_seconds:g} s; {_free_resources()}",
                    "capacity",
                )
    except BaseException:
        remove_placement_group(group)
        raise
    return group


def _free_resources() -> str:
    free = ray.available_resources()
    return f"free now: {free.get('CPU', 0.0):g} CPUs, {free.get('GPU', 0.0):g} GPUs"
