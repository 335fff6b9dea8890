"""An agent of several ranks, as the front sees it: what becomes of a call whose ranks do not answer."""

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

    from troupe_worker.cluster import rank, ranked_place
    from troupe_worker.cluster.rank import Rank, Saying
    from troupe_worker.cluster.ranked_place import RankedPlace
except ModuleNotFoundError as error:
    if error.name != "ray":
        raise
    raise unittest.SkipTest("this Python has no Ray (requirements-ray.txt)") from error

#: How long ranks that hang do so; what is to end them ends them long before.
HANG_SECONDS = 20
RESULT = encode({"kind": "result", "value": {}})


class _Actor:
    """What a place does with an actor besides calls: `actor.cancel.remote(header)`."""

    def __init__(self) -> None:
        self.cancel = self
        self.told: list[dict[str, Any]] = []
        self.is_told = threading.Event()

    def remote(self, header: dict[str, Any]) -> None:
        self.told.append(header)
        self.is_told.set()


class _Rank(Rank):
    """Ends a call when it is told that nobody waits any more; or does not, and hangs."""

    def __init__(self, *, hangs: bool, seconds: float = HANG_SECONDS) -> None:
        super().__init__("a rank", _Actor())
        self._hangs = hangs
        self._seconds = seconds

    def call(self, data: bytes, header: dict[str, Any]) -> Saying:
        told = threading.Event() if self._hangs else self.actor.is_told
        yield True, error_frame("cancelled", "nobody waits") if told.wait(self._seconds) else RESULT


class _Place(RankedPlace):
    was_killed = False

    def kill(self) -> None:
        self.was_killed = True


class RankedPlaceTest(unittest.TestCase):
    def setUp(self) -> None:
        self.patch("_LOOK_SECONDS", 0.02)
        self.patch("_GRACE_SECONDS", 0.2)

    def patch(self, name: str, seconds: float) -> None:
        patched = mock.patch.object(ranked_place, name, seconds)
        patched.start()
        self.addCleanup(patched.stop)

    def call(self, place: RankedPlace, error: WorkerError | None, name: str = "forward") -> dict[str, Any]:
        """The last that it says to a call. With an error nobody waits for it any more once it has begun."""
        looks = 0

        def check() -> None:
            nonlocal looks
            looks += 1
            # it is looked at before each turn that it takes
            if error is not None and looks > (1 if name == "forward" else 2):
                raise error

        header = {"call": name, "session": "s", "operation": "op", "model": "here"}
        *_, (is_last, answer) = place.call(Frame(header, {}, encode(header)), {"model": "there"}, check)
        self.assertTrue(is_last)
        return decode(answer).header

    def test_one_that_hangs_past_the_deadline_or_a_cancellation_ends_the_agent(self) -> None:
        for error, why in ((DeadlinePassed(), "deadline passed"), (Cancelled(), "cancelled")):
            for name in ("forward", "generate"):
                place = _Place(3, [_Rank(hangs=True), _Rank(hangs=True)])
                message = f"^agent 3 is gone: a rank does not end a call .*{why}"
                for _ in range(2):
                    with self.assertRaisesRegex(WorkerError, message) as caught:
                        self.call(place, error, name)
                    self.assertEqual(caught.exception.kind, "lost")
                self.assertTrue(place.was_killed)

    def test_where_only_one_of_them_hangs_the_other_says_what_was_wrong(self) -> None:
        self.patch("_GRACE_SECONDS", 3)  # the other's answer comes sooner on a busy machine too
        place = _Place(3, [_Rank(hangs=True), _Rank(hangs=False)])
        self.assertEqual(self.call(place, Cancelled())["error"]["kind"], "cancelled")
        self.assertEqual((place.was_killed, place.lost is None), (True, False))

    def test_those_that_end_in_time_are_told_of_it_whatever_overtook_what_and_go_on(self) -> None:
        self.patch("_GRACE_SECONDS", HANG_SECONDS)
        ranks = [_Rank(hangs=False), _Rank(hangs=False)]
        place = _Place(3, list(ranks))
        self.assertEqual(self.call(place, Cancelled())["error"]["kind"], "cancelled")
        self.assertEqual((place.was_killed, place.lost), (False, None))
        for one in ranks:
            names = {name: one.actor.told[0][name] for name in ("call", "session", "operation", "model")}
            self.assertEqual(names, {"call": "forward", "session": "s", "operation": "op", "model": "there"})

    def test_a_deadline_that_they_heed_is_told_as_one(self) -> None:
        self.patch("_GRACE_SECONDS", HANG_SECONDS)
        place = _Place(3, [_Rank(hangs=False), _Rank(hangs=False)])
        self.assertEqual(self.call(place, DeadlinePassed())["error"]["kind"], "deadline")
        self.assertIsNone(place.lost)

    def test_one_that_is_killed_while_they_find_each_other_is_lost(self) -> None:
        for error, kind in (
            (RayActorError(error_msg="The actor died because its node has died."), "lost"),
            (GetTimeoutError("not in time"), "actor"),
        ):
            place = _Place(3, [Rank("a rank", mock.Mock()), Rank("another", mock.Mock())])
            ray = mock.Mock(get=mock.Mock(side_effect=["/a/folder", error]))
            about = mock.Mock(get=mock.Mock(return_value={"node": "n"}))
            with (
                mock.patch.object(ranked_place, "ray", ray),
                mock.patch.object(rank, "ray", about),
                self.assertRaises(WorkerError) as caught,
            ):
                place.start()
            self.assertEqual(caught.exception.kind, kind)

    def test_a_call_that_somebody_waits_for_takes_as_long_as_it_takes(self) -> None:
        place = _Place(3, [_Rank(hangs=True, seconds=1.0), _Rank(hangs=True, seconds=0.1)])
        self.assertEqual(self.call(place, None)["kind"], "result")
        self.assertIsNone(place.lost)


if __name__ == "__main__":
    unittest.main()
