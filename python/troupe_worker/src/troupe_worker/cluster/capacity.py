"""What a team asks of a cluster, and whether the cluster has it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ..errors import BadRequest, WorkerError

PLACEMENTS = {"spread": "SPREAD", "pack": "PACK"}
#: Resources are compared with what Ray keeps: four digits.
_GRAIN = 1e-4


@dataclass(frozen=True)
class Need:
    """A share of the cluster for every agent."""

    agents: int
    cpus: float
    gpus: float
    threads: int
    placement: str
    wait_seconds: float
    #: Actors of each agent, which share its CPUs and have a GPU each where there are any.
    ranks: int
    #: Folders have the same paths on all nodes.
    shared_files: bool

    @staticmethod
    def read(params: dict[str, Any]) -> Need:
        """Checks what came over the wire.

        Raises:
            BadRequest: a number cannot be right.
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
        return Need(
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
        """Ray keeps four digits; rounded down, so that all fit the bundle."""
        return self.cpus if self.ranks == 1 else math.floor(self.cpus / self.ranks / _GRAIN) * _GRAIN

    @property
    def gpus_per_rank(self) -> float:
        return self.gpus if self.ranks == 1 else min(1.0, self.gpus)

    def bundle(self) -> dict[str, float]:
        """Of one agent."""
        return {name: amount for name, amount in (("CPU", self.cpus), ("GPU", self.gpus)) if amount > 0}


def require_capacity(need: Need, nodes: list[dict[str, Any]]) -> bool:
    """Whether the nodes that are alive can hold the team, everything else aside.

    Raises:
        WorkerError: they cannot, and no node died that may be replaced.
    """
    alive = [node for node in nodes if node["Alive"]]
    if _fits(need, alive):
        return True
    if len(alive) < len(nodes):
        return False
    for name, each, key in (("GPU", need.gpus, "gpus_per_agent"), ("CPU", need.cpus, "cpus_per_agent")):
        have = [node["Resources"].get(name, 0.0) for node in alive]
        room = sum(math.floor(amount / each + _GRAIN) for amount in have) if each else need.agents
        most = max(have, default=0.0)
        if room < need.agents and sum(have) + _GRAIN >= need.agents * each and each > max(1.0, most):
            raise WorkerError(
                f"an agent with {key} {each:g} must be on one node, the largest has {most:g} {name}s; lower {key}",
                "capacity",
            )
        if room < need.agents:
            verb = "needs" if need.agents == 1 else "need"
            raise WorkerError(
                f"the cluster has {sum(have):g} {name}s on {len(have)} nodes, "
                f"{_agents(need)} with {key} {each:g} {verb} {need.agents * each:g}; lower {key} or add nodes",
                "capacity",
            )
    raise WorkerError(
        f"no placement of {_agents(need)} with {need.cpus:g} CPUs and {need.gpus:g} GPUs each fits "
        f"the {len(alive)} nodes of the cluster",
        "capacity",
    )


def _agents(need: Need) -> str:
    return "1 agent" if need.agents == 1 else f"{need.agents} agents"


def _fits(need: Need, nodes: list[dict[str, Any]]) -> bool:
    """Every agent has equal needs, so nodes can be filled one by one."""
    room = 0
    for node in nodes:
        amounts = [
            math.floor(node["Resources"].get(name, 0.0) / each + _GRAIN) for name, each in need.bundle().items()
        ]
        room += min(amounts, default=need.agents)
    return room >= need.agents
