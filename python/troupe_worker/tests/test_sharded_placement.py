"""Tests an agent of several ranks with ranks that hang, end in time after a cancellation, or die."""

from __future__ import annotations

import threading
import unittest
from typing import Any
from unittest import mock

from troupe_worker.calls import error_frame
from troupe_worker.errors import Cancelled, DeadlinePassed, WorkerError
from troupe_worker.frames import Frame, decode, encode

try:
    from ray.exceptions import GetTimeoutError, RayActorError

    from troupe_worker.cluster import actor_client, sharded_placement
    from troupe_worker.cluster.actor_client import ActorClient, FrameStream
    from troupe_worker.cluster.sharded_placement import ShardedAgentPlacement
except ModuleNotFoundError as error:
    if error.name != "ray":
        raise
    raise unittest.SkipTest("this Python has no Ray (requirements-ray.txt)") from error

#: Time that a hanging rank takes for a call, seconds; longer than every timeout in these tests.
HANG_SECONDS = 20
RESULT = encode({"kind": "result", "value": {}})


class _Actor:
    """A fake actor that records the calls of `actor.cancel.remote(header)`."""

    def __init__(self) -> None:
        self.cancel = self
        self.cancelled: list[dict[str, Any]] = []
        self.is_cancelled = threading.Event()

    def remote(self, header: dict[str, Any]) -> None:
        self.cancelled.append(header)
        self.is_cancelled.set()


class _Client(ActorClient):
    """Client of a fake rank, which ends a call when it is cancelled or, if `hangs`, ignores cancellations."""

    def __init__(self, *, hangs: bool, seconds: float = HANG_SECONDS) -> None:
        super().__init__("rank 0", _Actor())
        self._hangs = hangs
        self._seconds = seconds

    def call(self, data: bytes, header: dict[str, Any]) -> FrameStream:
        cancelled = threading.Event() if self._hangs else self.actor.is_cancelled
        yield True, error_frame("cancelled", "cancelled") if cancelled.wait(self._seconds) else RESULT


class _Placement(ShardedAgentPlacement):
    was_killed = False

    def kill(self) -> None:
        self.was_killed = True


class ShardedAgentPlacementTest(unittest.TestCase):
    def setUp(self) -> None:
        self.patch("_POLL_SECONDS", 0.02)
        self.patch("_GRACE_SECONDS", 0.2)

    def patch(self, name: str, seconds: float) -> None:
        patched = mock.patch.object(sharded_placement, name, seconds)
        patched.start()
        self.addCleanup(patched.stop)

    def call(
        self, placement: ShardedAgentPlacement, error: WorkerError | None, name: str = "forward"
    ) -> dict[str, Any]:
        """Runs a call whose check raises `error` after the ranks have started. Returns the last frame's header."""
        checks = 0

        def check() -> None:
            nonlocal checks
            checks += 1
            # Each acquisition of the lock checks once. `forward` acquires it once before the ranks start,
            # `generate` twice, because it unshards the weights first.
            if error is not None and checks > (1 if name == "forward" else 2):
                raise error

        header = {"call": name, "session": "s", "operation": "op", "model": "local"}
        frames = placement.call(Frame(header, {}, encode(header)), {"model": "remote"}, check)
        *_, (is_last, answer) = frames
        self.assertTrue(is_last)
        return decode(answer).header

    def test_ranks_that_ignore_a_deadline_or_cancellation_are_killed(self) -> None:
        for error, why in ((DeadlinePassed(), "deadline passed"), (Cancelled(), "cancelled")):
            for name in ("forward", "generate"):
                placement = _Placement(3, [_Client(hangs=True), _Client(hangs=True)])
                message = f"^agent 3 was lost: a rank does not end a call .*{why}"
                for _ in range(2):
                    with self.assertRaisesRegex(WorkerError, message) as caught:
                        self.call(placement, error, name)
                    self.assertEqual(caught.exception.kind, "lost")
                self.assertTrue(placement.was_killed)

    def test_if_one_rank_hangs_the_error_is_that_of_the_other(self) -> None:
        self.patch("_GRACE_SECONDS", 3)  # enough time for the other rank to answer on a busy machine
        placement = _Placement(3, [_Client(hangs=True), _Client(hangs=False)])
        self.assertEqual(self.call(placement, Cancelled())["error"]["kind"], "cancelled")
        self.assertEqual((placement.was_killed, placement.lost is None), (True, False))

    def test_ranks_that_end_in_time_stay_alive(self) -> None:
        self.patch("_GRACE_SECONDS", HANG_SECONDS)
        clients = [_Client(hangs=False), _Client(hangs=False)]
        placement = _Placement(3, list(clients))
        self.assertEqual(self.call(placement, Cancelled())["error"]["kind"], "cancelled")
        self.assertEqual((placement.was_killed, placement.lost), (False, None))
        for client in clients:
            names = {name: client.actor.cancelled[0][name] for name in ("call", "session", "operation", "model")}
            self.assertEqual(names, {"call": "forward", "session": "s", "operation": "op", "model": "remote"})

    def test_a_passed_deadline_is_reported_as_one(self) -> None:
        self.patch("_GRACE_SECONDS", HANG_SECONDS)
        placement = _Placement(3, [_Client(hangs=False), _Client(hangs=False)])
        self.assertEqual(self.call(placement, DeadlinePassed())["error"]["kind"], "deadline")
        self.assertIsNone(placement.lost)

    def test_a_rank_that_is_killed_while_the_process_group_forms_is_lost(self) -> None:
        for error, kind in (
            (RayActorError(error_msg="The actor died because its node has died."), "lost"),
            (GetTimeoutError("not in time"), "actor"),
        ):
            placement = _Placement(3, [ActorClient("rank 0", mock.Mock()), ActorClient("rank 1", mock.Mock())])
            ray = mock.Mock(get=mock.Mock(side_effect=["/a/folder", error]))
            client_ray = mock.Mock(get=mock.Mock(return_value={"node": "n"}))
            with (
                mock.patch.object(sharded_placement, "ray", ray),
                mock.patch.object(actor_client, "ray", client_ray),
                self.assertRaises(WorkerError) as caught,
            ):
                placement.start()
            self.assertEqual(caught.exception.kind, kind)

    def test_a_slow_call_without_cancellation_finishes(self) -> None:
        placement = _Placement(3, [_Client(hangs=True, seconds=1.0), _Client(hangs=True, seconds=0.1)])
        self.assertEqual(self.call(placement, None)["kind"], "result")
        self.assertIsNone(placement.lost)


if __name__ == "__main__":
    unittest.main()
