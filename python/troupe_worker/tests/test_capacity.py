"""Tests the validation of placement requests, the capacity checks, and their error messages."""

from __future__ import annotations

import unittest
from typing import Any

from troupe_worker.cluster.capacity import PlacementRequest, require_capacity
from troupe_worker.errors import BadRequest, WorkerError

PARAMS: dict[str, Any] = {
    "agents": 3,
    "cpus_per_agent": 1,
    "gpus_per_agent": 0.5,
    "ranks_per_agent": 0,
    "threads": 0,
    "placement": "spread",
    "wait_seconds": 10,
    "shared_files": False,
}


def node(cpus: float, gpus: float = 0, *, alive: bool = True) -> dict[str, Any]:
    resources = {"CPU": cpus, **({"GPU": gpus} if gpus else {})} if alive else {}
    return {"Alive": alive, "Resources": resources}


class CapacityTest(unittest.TestCase):
    def request(self, **changes: object) -> PlacementRequest:
        return PlacementRequest.read({**PARAMS, **changes})

    def capacity_error(self, request: PlacementRequest, *nodes: dict[str, Any]) -> str:
        with self.assertRaises(WorkerError) as caught:
            require_capacity(request, list(nodes))
        self.assertEqual(caught.exception.kind, "capacity")
        return str(caught.exception)

    def test_threads_default_to_the_cpus_of_a_rank(self) -> None:
        self.assertEqual([self.request(cpus_per_agent=cpus).threads for cpus in (0, 0.5, 4)], [1, 1, 4])
        self.assertEqual(self.request(cpus_per_agent=4, threads=2).threads, 2)

    def test_rejects_invalid_parameters(self) -> None:
        for changes, message in (
            ({"gpus_per_agent": 1.5}, "gpus_per_agent: expected a whole number above 1, got 1.5"),
            (
                {"gpus_per_agent": 2, "ranks_per_agent": 3},
                "ranks_per_agent: expected one for each of 2 GPUs, got 3",
            ),
            ({"gpus_per_agent": 0.5, "ranks_per_agent": 2}, "ranks_per_agent: expected one for each of 0.5 GPUs"),
            (
                {"gpus_per_agent": 0, "cpus_per_agent": 0, "ranks_per_agent": 2},
                "cpus_per_agent: expected more than 0 for 2 ranks per agent, got 0",
            ),
            ({"agents": 0}, "agents: expected a number from 1 to 64, got 0"),
            ({"cpus_per_agent": True}, "cpus_per_agent: expected a number from 0 to 1024, got True"),
            ({"placement": "wide"}, "placement: expected one of spread, pack, got 'wide'"),
        ):
            with self.assertRaises(BadRequest) as caught:
                self.request(**changes)
            self.assertTrue(str(caught.exception).startswith(message), caught.exception)

    def test_fractional_agents_share_a_gpu_but_do_not_span_two(self) -> None:
        self.assertTrue(require_capacity(self.request(), [node(4, 1), node(4, 1)]))
        self.assertTrue(require_capacity(self.request(gpus_per_agent=0.1, agents=10), [node(16, 1)]))
        self.assertEqual(
            self.capacity_error(self.request(gpus_per_agent=0.6), node(4, 1), node(4, 1)),
            "the cluster has 2 GPUs on 2 nodes, 3 agents with gpus_per_agent 0.6 need 1.8; "
            "lower gpus_per_agent or add nodes",
        )
        self.assertEqual(
            self.capacity_error(self.request(gpus_per_agent=0), node(2)),
            "the cluster has 2 CPUs on 1 nodes, 3 agents with cpus_per_agent 1 need 3; "
            "lower cpus_per_agent or add nodes",
        )

    def test_ranks_divide_the_resources_of_an_agent(self) -> None:
        gpus = self.request(gpus_per_agent=4, cpus_per_agent=6)
        self.assertEqual((gpus.ranks, gpus.gpus_per_rank, gpus.cpus_per_rank, gpus.threads), (4, 1, 1.5, 1))
        self.assertEqual(gpus.bundle(), {"CPU": 6, "GPU": 4})
        third = self.request(gpus_per_agent=0, ranks_per_agent=3)
        self.assertEqual((third.ranks, third.gpus_per_rank), (3, 0))
        self.assertLessEqual(3 * third.cpus_per_rank, 1)
        self.assertEqual((self.request().ranks, self.request().gpus_per_rank), (1, 0.5))

    def test_an_agent_does_not_span_nodes(self) -> None:
        request = self.request(agents=1, gpus_per_agent=4)
        self.assertEqual(
            self.capacity_error(request, node(8, 2), node(8, 2)),
            "an agent with gpus_per_agent 4 must be on one node, the largest has 2 GPUs; lower gpus_per_agent",
        )
        self.assertTrue(require_capacity(request, [node(8, 2), node(8, 4)]))

    def test_an_agent_does_not_combine_resources_of_different_nodes(self) -> None:
        request = self.request(agents=1, cpus_per_agent=4, gpus_per_agent=1)
        self.assertIn(
            "no placement of 1 agent with 4 CPUs and 1 GPUs", self.capacity_error(request, node(8), node(2, 1))
        )

    def test_waits_while_a_dead_node_may_be_replaced(self) -> None:
        self.assertFalse(require_capacity(self.request(), [node(1, 1), node(4, 1, alive=False)]))


if __name__ == "__main__":
    unittest.main()
