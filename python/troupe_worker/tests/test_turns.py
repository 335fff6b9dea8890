"""Turns at an agent of several ranks: one alone, or many beside each other, and nobody waits without end."""

from __future__ import annotations

import threading
import unittest

from troupe_worker.cluster.turns import Turns
from troupe_worker.errors import Cancelled

PATIENCE_SECONDS = 20


def wanted() -> None:
    """Whoever waits goes on waiting."""


class TurnsTest(unittest.TestCase):
    def setUp(self) -> None:
        self.turns = Turns()
        self.log: list[str] = []

    def start(self, name: str, *, alone: bool) -> threading.Thread:
        def run() -> None:
            with (self.turns.alone if alone else self.turns.beside)(wanted):
                self.log.append(name)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    def test_those_beside_each_other_do_not_wait(self) -> None:
        with self.turns.beside(wanted):
            self.start("other", alone=False).join(PATIENCE_SECONDS)
        self.assertEqual(self.log, ["other"])

    def test_one_alone_waits_for_all_and_goes_before_those_who_come_later(self) -> None:
        with self.turns.beside(wanted):
            alone = self.start("alone", alone=True)
            while not self.turns._waiting:
                pass
            later = self.start("later", alone=False)
            later.join(0.2)
            self.assertEqual(self.log, [])
        for thread in (alone, later):
            thread.join(PATIENCE_SECONDS)
        self.assertEqual(self.log, ["alone", "later"])

    def test_a_wait_ends_when_the_call_is_not_wanted_any_more_and_leaves_nothing_behind(self) -> None:
        def unwanted() -> None:
            raise Cancelled

        with self.turns.alone(wanted):
            for take in (self.turns.alone, self.turns.beside):
                with self.assertRaises(Cancelled), take(unwanted):
                    self.fail("it was not its turn")
        self.start("next", alone=False).join(PATIENCE_SECONDS)
        self.start("last", alone=True).join(PATIENCE_SECONDS)
        self.assertEqual(self.log, ["next", "last"])

    def test_a_call_that_was_cancelled_while_it_waited_does_not_begin_when_its_turn_comes(self) -> None:
        cancelled, waiting = threading.Event(), threading.Event()

        def check() -> None:
            waiting.set()
            if cancelled.is_set():
                raise Cancelled

        def run(name: str, *, alone: bool) -> None:
            try:
                with (self.turns.alone if alone else self.turns.beside)(check):
                    self.log.append(f"{name} began")
            except Cancelled:
                self.log.append(f"{name} did not begin")

        for alone in (True, False):
            cancelled.clear()
            waiting.clear()
            thread = threading.Thread(target=run, args=(f"alone {alone}",), kwargs={"alone": alone}, daemon=True)
            with self.turns.alone(wanted):
                thread.start()
                self.assertTrue(waiting.wait(PATIENCE_SECONDS))
                cancelled.set()
            thread.join(PATIENCE_SECONDS)
        self.assertEqual(self.log, ["alone True did not begin", "alone False did not begin"])
        self.start("after", alone=True).join(PATIENCE_SECONDS)
        self.assertEqual(self.log[-1], "after")

    def test_one_who_fails_gives_the_turn_back(self) -> None:
        for take in (self.turns.alone, self.turns.beside):
            with self.assertRaises(ValueError), take(wanted):
                raise ValueError
        self.start("after", alone=True).join(PATIENCE_SECONDS)
        self.assertEqual(self.log, ["after"])


if __name__ == "__main__":
    unittest.main()
