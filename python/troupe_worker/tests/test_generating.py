"""Messages for serving: how each ends."""

from __future__ import annotations

import unittest
from unittest import mock

from troupe_worker.errors import WorkerError
from troupe_worker.generating import _Message


class MessageTest(unittest.TestCase):
    def test_one_that_has_ended_is_not_failed_by_what_befalls_the_others_of_its_turn(self) -> None:
        message = _Message(mock.Mock(), 1)
        message.end()
        message.end(WorkerError("logits of another are no numbers"))
        self.assertIsNone(message.error)
        cancelled = _Message(mock.Mock(), 1)
        first = WorkerError("nobody wants it")
        cancelled.end(first)
        cancelled.end(WorkerError("logits of another are no numbers"))
        self.assertIs(cancelled.error, first)


if __name__ == "__main__":
    unittest.main()
