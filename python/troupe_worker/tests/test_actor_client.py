"""Tests the client of an actor with actors that are unreachable, are killed, or cannot start."""

from __future__ import annotations

import unittest
from collections.abc import Iterator
from typing import Any
from unittest import mock

from troupe_worker.errors import WorkerError

try:
    from ray.exceptions import ActorUnavailableError, RayActorError

    from troupe_worker.cluster import actor_client
except ModuleNotFoundError as error:
    if error.name != "ray":
        raise
    raise unittest.SkipTest("this Python has no Ray (requirements-ray.txt)") from error

Frames = list[tuple[bool, bytes]]


class _Actor:
    """A fake actor. Each call takes the next attempt of a list: frames, or seconds until the connection fails."""

    def __init__(self, *attempts: float | Frames) -> None:
        self.now = 1000.0
        self._attempts = list(attempts)
        self.call = self

    def options(self, **_options: Any) -> _Actor:
        return self

    def remote(self, _data: bytes, _header: dict[str, Any]) -> Iterator[tuple[bool, bytes]]:
        attempt = self._attempts.pop(0)
        if isinstance(attempt, list):
            yield from attempt
            return
        self.now += attempt
        raise ActorUnavailableError("it cannot be reached", None)

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class ActorClientTest(unittest.TestCase):
    def frames(self, actor: _Actor) -> Frames:
        """Returns all frames of a call. The fake actor's clock replaces that of the client."""
        with (
            mock.patch.object(actor_client, "time", actor),
            mock.patch.object(actor_client, "ray", mock.Mock(get=lambda reference: reference)),
        ):
            return list(actor_client.ActorClient("agent 0", actor).call(b"", {}))

    def test_continues_when_the_actor_recovers_even_after_a_long_call(self) -> None:
        answer = [(False, b"some"), (True, b"end")]
        for before in (0.0, 10.0, 3000.0):
            self.assertEqual(self.frames(_Actor(before, 1.0, answer)), answer)
            self.assertEqual(self.frames(_Actor(before, 1.0, before, 1.0, answer)), answer)

    def test_an_actor_that_does_not_recover_is_lost_after_a_timeout(self) -> None:
        for before in (0.0, 3000.0):
            actor = _Actor(before, *[1.0] * 100)
            with self.assertRaisesRegex(WorkerError, "^the actor of agent 0 was lost: ") as caught:
                self.frames(actor)
            self.assertEqual(caught.exception.kind, "lost")
            self.assertAlmostEqual(actor.now - before, 1000 + actor_client._RECOVERY_SECONDS, delta=3)

    def test_an_actor_killed_at_its_start_is_lost_but_a_failed_start_is_an_error(self) -> None:
        for message, pattern, kind in (
            (
                "The actor died because its node has died.\n\tactor_id: 1",
                "start: The actor died because its node",
                "lost",
            ),
            (
                "The actor died because of an error in its creation task\nTraceback\nValueError: bad",
                "bad$",
                "actor",
            ),
            ("ModuleNotFoundError: No module named 'torch'", 'lacks the package "torch"', "actor"),
        ):
            ray = mock.Mock(get=mock.Mock(side_effect=RayActorError(error_msg=message)))
            with (
                mock.patch.object(actor_client, "ray", ray),
                self.assertRaisesRegex(WorkerError, pattern) as caught,
            ):
                actor_client.ActorClient("agent 0", mock.Mock()).start()
            self.assertEqual(caught.exception.kind, kind)


if __name__ == "__main__":
    unittest.main()
