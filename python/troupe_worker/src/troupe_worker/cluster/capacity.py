"""Reads the resources that a team requests from a cluster, and checks whether the cluster has them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ..errors import BadRequest, WorkerError

PLACEMENTS = {"spread": "SPREAD", "pack": "PACK"}
#: Ray rounds resources to four decimal places.
_RESOLUTION = 1e-4


@dataclass(frozen=True)
class PlacementRequest:
    """Resources that a team requests; every agent gets the same."""

    agents: int
    #: Number of CPUs per agent.
    cpus: float
    #: Number of GPUs per agent; may be a fraction.
    gpus: float
    #: Number of CPU threads per rank.
    threads: int
    #: A key of PLACEMENTS.
    placement: str
    #: Maximum time to wait for free resources, seconds.
    wait_seconds: float
    #: Number of ranks per agent. Each rank is an actor with an equal part of the agent's CPUs, and with one GPU if
    #: the agent has GPUs.
    ranks: int
    #: Whether all nodes have the same folders at the same paths.
    shared_files: bool

    @staticmethod
    def read(params: dict[str, Any]) -> PlacementRequest:
        """Reads and checks the parameters of a `reserve` call.

        Raises:
            BadRequest: a parameter is missing or not valid.
        """

        def number(name: str, least: float, most: float) -> float:
            value = params.get(name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
                raise BadRequest(f"{name}: expected a number from {least:g} to {most:g}, got {value!r}")
            return float(value)

        gpus = number("gpus_per_agent", 0, 1024)
        if gpus > 1 and gpus != math.floor(gpus):
            raise BadRequest(f"gpus_per_agent: expected a whole number above 1, got {gpus:g}")
        placement = params.get("placement", "spread")
        if placement not in PLACEMENTS:
            raise BadRequest(f"placement: expected one of {', '.join(PLACEMENTS)}, got {placement!r}")
        cpus = number("cpus_per_agent", 0, 1024)
        threads = int(number("threads", 0, 1024))
        ranks = int(number("ranks_per_agent", 0, 1024)) or max(1, int(gpus))
        if gpus > 0 and ranks != max(1, gpus):
            raise BadRequest(f"ranks_per_agent: expected one for each of {gpus:g} GPUs, got {ranks}")
        if ranks > 1 and cpus == 0 and gpus == 0:
            raise BadRequest(f"cpus_per_agent: expected more than 0 for {ranks} ranks per agent, got 0")
        return PlacementRequest(
            agents=int(number("agents", 1, 64)),
            cpus=cpus,
            gpus=gpus,
            threads=threads or max(1, math.floor(cpus / ranks)),
            placement=str(placement),
            wait_seconds=number("wait_seconds", 0, 86_400),
            ranks=ranks,
            shared_files=params.get("shared_files") is True,
        )

    @property
    def cpus_per_rank(self) -> float:
        """CPUs of one rank, rounded down to four decimal places so that all ranks fit into the agent's bundle."""
        return self.cpus if self.ranks == 1 else math.floor(self.cpus / self.ranks / _RESOLUTION) * _RESOLUTION

    @property
    def gpus_per_rank(self) -> float:
        return self.gpus if self.ranks == 1 else min(1.0, self.gpus)

    def bundle(self) -> dict[str, float]:
        """Returns the resource bundle of one agent in the team's placement group."""
        return {name: amount for name, amount in (("CPU", self.cpus), ("GPU", self.gpus)) if amount > 0}


def require_capacity(request: PlacementRequest, nodes: list[dict[str, Any]]) -> bool:
    """Checks whether the live nodes are large enough for the team, including resources that are in use now.

    Returns:
        True if they are; False if they are not but a node is dead, because it may be replaced.

    Raises:
        WorkerError: the nodes are too small, and no node is dead.
    """
    alive = [node for node in nodes if node["Alive"]]
    if _fits(request, alive):
        return True
    if len(alive) < len(nodes):
        return False
    for name, each, key in (("GPU", request.gpus, "gpus_per_agent"), ("CPU", request.cpus, "cpus_per_agent")):
        available = [node["Resources"].get(name, 0.0) for node in alive]
        agents = sum(math.floor(amount / each + _RESOLUTION) for amount in available) if each else request.agents
        largest = max(available, default=0.0)
        is_enough_in_total = sum(available) + _RESOLUTION >= request.agents * each
        if agents < request.agents and is_enough_in_total and each > max(1.0, largest):
            raise WorkerError(
                f"an agent with {key} {each:g} must be on one node, the largest has {largest:g} {name}s; "
                f"lower {key}",
                "capacity",
            )
        if agents < request.agents:
            verb = "needs" if request.agents == 1 else "need"
            raise WorkerError(
                f"the cluster has {sum(available):g} {name}s on {len(available)} nodes, "
                f"{_agent_count(request)} with {key} {each:g} {verb} {request.agents * each:g}; "
                f"lower {key} or add nodes",
                "capacity",
            )
    raise WorkerError(
        f"no placement of {_agent_count(request)} with {request.cpus:g} CPUs and {request.gpus:g} GPUs each fits "
        f"the {len(alive)} nodes of the cluster",
        "capacity",
    )


def _agent_count(request: PlacementRequest) -> str:
    return "1 agent" if request.agents == 1 else f"{request.agents} agents"


def _fits(request: PlacementRequest, nodes: list[dict[str, Any]]) -> bool:
    """Whether all agents fit on the nodes. Adds up the number of agents that fit on each node."""
    agents = 0
    for node in nodes:
        amounts = [
            math.floor(node["Resources"].get(name, 0.0) / each + _RESOLUTION)
            for name, each in request.bundle().items()
        ]
        agents += min(amounts, default=request.agents)
    return agents >= request.agents
