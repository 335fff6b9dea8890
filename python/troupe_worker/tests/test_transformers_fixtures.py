"""Compares the worker with stored results of Transformers, for every model family that the ONNX engine supports.

conformance/write_fixtures.py writes these results to test/fixtures/transformers.
"""

from __future__ import annotations

import json
import unittest
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from troupe_worker.model import WorkerModel

from .tiny_model import call, ragged

FIXTURES = Path(__file__).parents[3] / "test" / "fixtures" / "transformers"


class FixturesTest(unittest.TestCase):
    def test_matches_log_probabilities_gradients_and_greedy_tokens(self) -> None:
        folders = sorted(path for path in FIXTURES.iterdir() if path.is_dir())
        self.assertGreaterEqual(len(folders), 13)
        torch.set_num_threads(1)
        for folder in folders:
            with self.subTest(folder.name):
                self.compare(folder)

    def test_bfloat16_log_probabilities_are_close(self) -> None:
        for folder in sorted(path for path in FIXTURES.iterdir() if path.is_dir()):
            with self.subTest(folder.name):
                params = {"dir": str(folder), "dtype": "bfloat16", "token_budget": 80, "decode_batch": 3}
                expected = json.loads((folder / "expected.json").read_text())
                results = load_file(folder / "expected.safetensors")
                sequences = expected["sequences"]
                arrays = {
                    **ragged("context", [one["context"] for one in sequences], np.int32),
                    **ragged("tokens", [one["tokens"] for one in sequences], np.int32),
                }
                model = WorkerModel(call(params), torch.device("cpu"))
                logp = model.forward(call({"temperature": expected["temperature"]}, arrays))[1]["logp"]
                expected_logp = np.concatenate([results[f"logp.{i}"].numpy() for i in range(len(sequences))])
                self.assertLess(float(np.abs(logp - expected_logp).mean()), 0.1)

    def compare(self, folder: Path) -> None:
        params = {"dir": str(folder), "dtype": "float32", "token_budget": 80, "decode_batch": 3}
        model = WorkerModel(call(params), torch.device("cpu"))
        expected = json.loads((folder / "expected.json").read_text())
        results = load_file(folder / "expected.safetensors")
        sequences = expected["sequences"]
        cotangents = [results[f"cotangents.{i}"].tolist() for i in range(len(sequences))]
        arrays = {
            **ragged("context", [one["context"] for one in sequences], np.int32),
            **ragged("tokens", [one["tokens"] for one in sequences], np.int32),
            **ragged("cotangents", cotangents, np.float32),
        }
        score = {"temperature": expected["temperature"]}
        logp = model.backward(call(score, arrays))[1]["logp"]
        expected_logp = np.concatenate([results[f"logp.{i}"].numpy() for i in range(len(sequences))])
        np.testing.assert_allclose(logp, expected_logp, atol=1e-4)
        gradients = model._parameters.gradients()
        expected_gradients = {name[2:]: tensor for name, tensor in results.items() if name.startswith("d:")}
        self.assertEqual(set(gradients), set(expected_gradients))
        sizes = {name: float(tensor.abs().max()) for name, tensor in expected_gradients.items()}
        # Without rotary embeddings, the gradient of a key bias is 0 except for rounding, because the bias adds the
        # same number to all attention logits of a row.
        rounding = 1e-5 * max(sizes.values())
        for name, tensor in expected_gradients.items():
            error = float((gradients[name] - tensor).abs().max())
            self.assertLess(error, rounding if sizes[name] < rounding else 1e-3 * sizes[name], name)
        self.compare_greedy(model, expected["greedy"])

    def compare_greedy(self, model: WorkerModel, greedy: list[dict[str, Any]]) -> None:
        sampled: dict[int, list[int]] = {}

        def emit(_header: dict[str, Any], arrays: dict[str, Any]) -> None:
            ends = np.cumsum(arrays["tokens_lengths"])
            for index, end, length in zip(arrays["index"], ends, arrays["tokens_lengths"], strict=True):
                sampled[int(index)] = arrays["tokens"][end - length : end].tolist()

        arrays = {
            **ragged("context", [one["context"] for one in greedy], np.int32),
            "streams": np.array([[1, index, 0] for index in range(len(greedy))], np.uint32),
        }
        # At this temperature, sampling is greedy: a token whose logit is 2e-3 below the maximum has a relative
        # probability of e^-200.
        params = {"temperature": 1e-5, "max_tokens": len(greedy[0]["tokens"]), "end_tokens": []}
        model.sample(call(params, arrays, emit=emit))
        self.assertEqual([sampled[index] for index in range(len(greedy))], [one["tokens"] for one in greedy])


if __name__ == "__main__":
    unittest.main()
