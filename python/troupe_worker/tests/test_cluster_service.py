"""The front of a cluster: what stays of a client that is given up while something is made for it."""

from __future__ import annotations

import unittest
from typing import Any
from unittest import mock

from troupe_worker.frames import Frame, decode, encode

try:
    from troupe_worker.cluster import places, rank, service
    from troupe_worker.cluster.places import Place, Places
    from troupe_worker.cluster.rank import Rank, Saying
    from troupe_worker.cluster.service import ClusterService
except ModuleNotFoundError as error:
    if error.name != "ray":
        raise
    raise unittest.SkipTest("this Python has no Ray (requirements-ray.txt)") from error

#: Of two agents that are content with any node.
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
        for module in (places, rank, service):
            patched = mock.patch.object(module, "ray", self.ray)
            patched.start()
            self.addCleanup(patched.stop)
        self.service = ClusterService()

    def call(self, name: str, params: dict[str, Any]) -> dict[str, Any]:
        header = {"call": name, "session": "s", "operation": name, "params": params}
        said = self.service.begin(Frame(header, {}, encode(header))).frames(60)
        return decode([frame for frame in said if frame is not None][-1]).header

    def test_given_up_while_its_places_are_made_it_has_none(self) -> None:
        def give_up(*_call: Any, **_more: Any) -> Any:
            self.service.drop_abandoned(-1)
            return mock.DEFAULT

        for moment in (self.ray.nodes, self.ray.get):  # it waits for room, and for its actors
            with self.subTest(moment):
                self.ray.kill.reset_mock()
                moment.side_effect = give_up
                self.assertEqual(self.call("reserve", PARAMS)["error"]["kind"], "cancelled")
                moment.side_effect = None
                self.assertEqual(self.service._places, {})
                self.assertGreaterEqual(self.ray.kill.call_count, 2)

    def test_given_up_while_its_model_is_loaded_it_is_forgotten_in_time(self) -> None:
        self.assertEqual(self.call("reserve", PARAMS)["kind"], "result")
        answer = encode({"kind": "result", "value": {"model": "there", "text": "/a/folder"}})
        front = self.service

        class Given(Place):
            def call(self, *_call: Any) -> Saying:
                front.drop_abandoned(-1)
                yield True, answer

        reserved = front._places["s"]
        assert isinstance(reserved, Places)
        reserved.places = [Given(0, Rank("agent 0", mock.Mock()))]
        self.call("load", {"dir": "/a/folder"})
        front.drop_abandoned(-1)
        self.assertEqual(front._models, {})


if __name__ == "__main__":
    unittest.main()
