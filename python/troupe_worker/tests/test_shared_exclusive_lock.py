"""Tests the shared-exclusive lock: exclusion, priority of exclusive acquisitions, and cancellation."""

from __future__ import annotations

import threading
import unittest

from troupe_worker.cluster.shared_exclusive_lock import SharedExclusiveLock
from troupe_worker.errors import Cancelled

TIMEOUT_SECONDS = 20


def not_cancelled() -> None:
    """A check that raises no error, so that the caller continues to wait."""


class SharedExclusiveLockTest(unittest.TestCase):
    def setUp(self) -> None:
        self.lock = SharedExclusiveLock()
        self.log: list[str] = []

    def start(self, name: str, *, exclusive: bool) -> threading.Thread:
        def run() -> None:
            with (self.lock.exclusive if exclusive else self.lock.shared)(not_cancelled):
                self.log.append(name)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    def test_shared_acquisitions_do_not_wait_for_each_other(self) -> None:
        with self.lock.shared(not_cancelled):
            self.start("other", exclusive=False).join(TIMEOUT_SECONDS)
        self.assertEqual(self.log, ["other"])

    def test_a_waiting_exclusive_acquisition_precedes_later_shared_ones(self) -> None:
        with self.lock.shared(not_cancelled):
            exclusive = self.start("exclusive", exclusive=True)
            while not self.lock._waiting_exclusive:
                pass
            later = self.start("later", exclusive=False)
            later.join(0.2)
            self.assertEqual(self.log, [])
        for thread in (exclusive, later):
            thread.join(TIMEOUT_SECONDS)
        self.assertEqual(self.log, ["exclusive", "later"])

    def test_a_cancelled_wait_does_not_block_others(self) -> None:
        def cancelled() -> None:
            raise Cancelled

        with self.lock.exclusive(not_cancelled):
            for acquire in (self.lock.exclusive, self.lock.shared):
                with self.assertRaises(Cancelled), acquire(cancelled):
                    self.fail("acquired a lock that another call has")
        self.start("next", exclusive=False).join(TIMEOUT_SECONDS)
        self.start("last", exclusive=True).join(TIMEOUT_SECONDS)
        self.assertEqual(self.log, ["next", "last"])

    def test_a_call_cancelled_during_its_wait_does_not_start(self) -> None:
        cancelled, waiting = threading.Event(), threading.Event()

        def check() -> None:
            waiting.set()
            if cancelled.is_set():
                raise Cancelled

        def run(name: str, *, exclusive: bool) -> None:
            try:
                with (self.lock.exclusive if exclusive else self.lock.shared)(check):
                    self.log.append(f"{name} started")
            except Cancelled:
                self.log.append(f"{name} cancelled")

        for exclusive in (True, False):
            cancelled.clear()
            waiting.clear()
            name = "exclusive" if exclusive else "shared"
            thread = threading.Thread(target=run, args=(name,), kwargs={"exclusive": exclusive}, daemon=True)
            with self.lock.exclusive(not_cancelled):
                thread.start()
                self.assertTrue(waiting.wait(TIMEOUT_SECONDS))
                cancelled.set()
            thread.join(TIMEOUT_SECONDS)
        self.assertEqual(self.log, ["exclusive cancelled", "shared cancelled"])
        self.start("after", exclusive=True).join(TIMEOUT_SECONDS)
        self.assertEqual(self.log[-1], "after")

    def test_an_error_releases_the_lock(self) -> None:
        for acquire in (self.lock.exclusive, self.lock.shared):
            with self.assertRaises(ValueError), acquire(not_cancelled):
                raise ValueError
        self.start("after", exclusive=True).join(TIMEOUT_SECONDS)
        self.assertEqual(self.log, ["after"])


if __name__ == "__main__":
    unittest.main()
