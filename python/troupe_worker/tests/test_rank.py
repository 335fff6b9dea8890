"""One actor, as the front sees it: how long one that is not to be reached is waited for."""

from __future__ import annotations

import unittest
from collections.abc import Iterator
from typing import Any
from unittest import mock

from troupe_worker.errors import WorkerError

try:
    from ray.exceptions import ActorUnavailableError, RayActorError

    from troupe_worker.cluster import rank
except ModuleNotFoundError as error:
    if error.name != "ray":
        raise
    raise unittest.SkipTest("this Python has no Ray (requirements-ray.txt)") from error

Frames = list[tuple[bool, bytes]]


class _Actor:
    """Answers what a test says, attempt by attempt. A number: it is not to be reached after so many seconds."""

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


class RankTest(unittest.TestCase):
    def said(self, actor: _Actor) -> Frames:
        """All frames of a call, on the actor's own clock."""
        with (
            mock.patch.object(rank, "time", actor),
            mock.patch.object(rank, "ray", mock.Mock(get=lambda reference: reference)),
        ):
            return list(rank.Rank("agent 0", actor).call(b"", {}))

    def test_one_that_comes_back_goes_on_however_long_the_call_took_before(self) -> None:
        answer = [(False, b"some"), (True, b"end")]
        for before in (0.0, 10.0, 3000.0):
            self.assertEqual(self.said(_Actor(before, 1.0, answer)), answer)
            self.assertEqual(self.said(_Actor(before, 1.0, before, 1.0, answer)), answer)

    def test_one_that_does_not_come_back_is_given_up_after_its_time(self) -> None:
        for before in (0.0, 3000.0):
            actor = _Actor(before, *[1.0] * 100)
            with self.assertRaisesRegex(WorkerError, "^the actor of agent 0 is gone: ") as caught:
                self.said(actor)
            self.assertEqual(caught.exception.kind, "lost")
            self.assertAlmostEqual(actor.now - before, 1000 + rank._PATIENCE_SECONDS, delta=3)

    def test_one_that_is_killed_while_it_starts_is_lost_and_one_that_cannot_start_is_not(self) -> None:
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
            ("ModuleNotFoundError: No module named 'torch'", 'no package "torch"', "actor"),
        ):
            ray = mock.Mock(get=mock.Mock(side_effect=RayActorError(error_msg=message)))
            with mock.patch.object(rank, "ray", ray), self.assertRaisesRegex(WorkerError, pattern) as caught:
                rank.Rank("agent 0", mock.Mock()).start()
            self.assertEqual(caught.exception.kind, kind)


if __name__ == "__main__":
    unittest.main()
