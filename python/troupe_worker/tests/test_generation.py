"""Tests how requests of the serving batch finish."""

from __future__ import annotations

import unittest
from unittest import mock

from troupe_worker.errors import WorkerError
from troupe_worker.generation import _ActiveRequest


class ActiveRequestTest(unittest.TestCase):
    def test_an_error_of_the_batch_does_not_replace_the_result_of_a_finished_request(self) -> None:
        request = _ActiveRequest(mock.Mock(), 1)
        request.end()
        request.end(WorkerError("NaN in the logits of another request"))
        self.assertIsNone(request.error)
        cancelled = _ActiveRequest(mock.Mock(), 1)
        first = WorkerError("the call was cancelled")
        cancelled.end(first)
        cancelled.end(WorkerError("NaN in the logits of another request"))
        self.assertIs(cancelled.error, first)


if __name__ == "__main__":
    unittest.main()
