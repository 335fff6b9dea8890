"""Tests of the log-probabilities of the scorer."""

from __future__ import annotations

import unittest

import torch

from troupe_worker.scoring import _log_softmax


class LogSoftmaxTest(unittest.TestCase):
    def test_wide_vocabularies_are_normalized_to_float32_rounding(self) -> None:
        generator = torch.Generator().manual_seed(0)
        for vocabulary in (1_000, 151_936, 262_144):
            # Logits with the shape of real ones: a few likely tokens, and a tail 15 to 25 nats below them.
            logits = torch.randn(4, vocabulary, generator=generator) * 2 - 20
            logits[:, :5] = torch.randn(4, 5, generator=generator)
            error = _log_softmax(logits).double() - torch.log_softmax(logits.double(), dim=-1)
            self.assertLess(float(error.abs().max()), 4e-6)


if __name__ == "__main__":
    unittest.main()
