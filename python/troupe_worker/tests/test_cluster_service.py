"""Tests that the driver of a cluster frees all resources of sessions that expire during `reserve` or `load`."""

from __future__ import annotations

import unittest
from typing import Any
from unittest import mock

from troupe_worker.frames import Frame, decode, encode

try:
    from troupe_worker.cluster import actor_client, agent_placement, service, team_placement
    from troupe_worker.cluster.actor_client import ActorClient, FrameStream
    from troupe_worker.cluster.agent_placement import AgentPlacement
    from troupe_worker.cluster.service import ClusterService
    from troupe_worker.cluster.team_placement import TeamPlacement
except ModuleNotFoundError as error:
    if error.name != "ray":
        raise
    raise unittest.SkipTest("this Python has no Ray (requirements-ray.txt)") from error

#: Parameters of a `reserve` call for two agents that need no resources and fit on any node.
PARAMS = {
    "agents": 2,
    "cpus_per_agent": 0,
    "gpus_per_agent": 0,
    "ranks_per_agent": 0,
    "threads": 1,
    "placement": "spread",
    "wait_seconds": 0,
    "shared_files": True,
}


class ClusterServiceTest(unittest.TestCase):
    def setUp(self) -> None:
        self.ray = mock.Mock(nodes=mock.Mock(return_value=[{"Alive": True, "Resources": {}}]))
        self.ray.get.return_value = {"node": "n"}
        for module in (actor_client, agent_placement, service, team_placement):
            patched = mock.patch.object(module, "ray", self.ray)
            patched.start()
            self.addCleanup(patched.stop)
        self.service = ClusterService()

    def call(self, name: str, params: dict[str, Any]) -> dict[str, Any]:
        header = {"call": name, "session": "s", "operation": name, "params": params}
        frames = self.service.begin(Frame(header, {}, encode(header))).frames(60)
        return decode([frame for frame in frames if frame is not None][-1]).header

    def test_a_session_that_expires_during_reserve_keeps_no_actors(self) -> None:
        def expire(*_call: Any, **_more: Any) -> Any:
            self.service.drop_expired_sessions(-1)
            return mock.DEFAULT

        # `reserve` calls ray.nodes while it waits for resources, and ray.get while it waits for its actors.
        for function in (self.ray.nodes, self.ray.get):
            with self.subTest(function):
                self.ray.kill.reset_mock()
                function.side_effect = expire
                self.assertEqual(self.call("reserve", PARAMS)["error"]["kind"], "cancelled")
                function.side_effect = None
                self.assertEqual(self.service._teams, {})
                self.assertGreaterEqual(self.ray.kill.call_count, 2)

    def test_a_model_whose_session_expires_during_load_is_freed_later(self) -> None:
        self.assertEqual(self.call("reserve", PARAMS)["kind"], "result")
        answer = encode({"kind": "result", "value": {"model": "model-0", "tokenizer_dir": "/a/folder"}})
        driver = self.service

        class ExpiringPlacement(AgentPlacement):
            def call(self, *_call: Any) -> FrameStream:
                driver.drop_expired_sessions(-1)
                yield True, answer

        team = driver._teams["s"]
        assert isinstance(team, TeamPlacement)
        team.agents = [ExpiringPlacement(0, ActorClient("agent 0", mock.Mock()))]
        self.call("load", {"dir": "/a/folder"})
        driver.drop_expired_sessions(-1)
        self.assertEqual(driver._models, {})


if __name__ == "__main__":
    unittest.main()
