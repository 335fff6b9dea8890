"""Tests a model: optimizer, snapshots, folders, cancelled calls, and equal samples in batches of any size."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path
from typing import Any

import numpy as np
import torch

from troupe_worker import VERSION
from troupe_worker.adamw import AdamWParams, AdamWTensors, adamw_step
from troupe_worker.errors import BadModel, BadRequest, Cancelled, WorkerError
from troupe_worker.model import WorkerModel

from .tiny_model import call, messages, ragged, write_tiny_model

SCORE = {"temperature": 0.8}
STEP = {
    "learning_rate": 1e-2,
    "beta1": 0.9,
    "beta2": 0.999,
    "epsilon": 1e-8,
    "weight_decay": 0.01,
    "max_grad_norm": None,
}
COTANGENTS = ragged("cotangents", [[-1, 0.5], [-1, 2, -0.5, 1], [-1]], np.float32)


class ModelTest(unittest.TestCase):
    folder: Path
    temporary: tempfile.TemporaryDirectory[str]

    @classmethod
    def setUpClass(cls) -> None:
        torch.set_num_threads(1)
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.temporary.name) / "model"
        write_tiny_model(cls.folder)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.temporary.cleanup()

    def load(self, folder: Path | None = None, **changes: Any) -> WorkerModel:
        params = {"dir": str(folder or self.folder), "dtype": "float32", "token_budget": 8, "decode_batch": 2}
        return WorkerModel(call({**params, **changes}), torch.device("cpu"))

    def train(self, model: WorkerModel) -> None:
        model.backward(call(SCORE, {**messages(), **COTANGENTS}))
        model.step(call(STEP))

    def logp(self, model: WorkerModel) -> Any:
        return model.forward(call(SCORE, messages()))[1]["logp"]

    def test_steps_on_kept_gradients_equal_steps_on_recomputed_ones(self) -> None:
        for dtype in ("float32", "bfloat16"):
            kept, recomputed = self.load(dtype=dtype), self.load(dtype=dtype)
            for model in (kept, recomputed):
                self.train(model)  # so that the optimizer has moments
            starts = [model.snapshot(call())[0]["snapshot"] for model in (kept, recomputed)]
            kept.backward(call(SCORE, {**messages(), **COTANGENTS}))
            for scale in (1e-3, 1e-2):
                step = {**STEP, "learning_rate": scale}
                kept.restore(call({"snapshot": starts[0], "keep_gradients": True}))
                norm = kept.step(call({**step, "keep_gradients": True}))[1]["grad_norm"]
                recomputed.restore(call({"snapshot": starts[1]}))
                recomputed.backward(call(SCORE, {**messages(), **COTANGENTS}))
                np.testing.assert_array_equal(norm, recomputed.step(call(step))[1]["grad_norm"])
                np.testing.assert_array_equal(self.logp(kept), self.logp(recomputed))
            kept.zero_gradients(call())
            self.assertEqual(float(kept.step(call(STEP))[1]["grad_norm"][0]), 0)

    def test_a_step_after_a_cancelled_backward_pass_fails(self) -> None:
        model, batches = self.load(), []

        def check() -> None:
            batches.append(1)
            if len(batches) > 1:
                raise Cancelled

        before = self.logp(model)
        with self.assertRaises(Cancelled):
            model.backward(call(SCORE, {**messages(), **COTANGENTS}, check=check))
        with self.assertRaises(WorkerError):
            model.step(call(STEP))
        model.zero_gradients(call())
        self.assertEqual(float(model.step(call(STEP))[1]["grad_norm"][0]), 0)
        np.testing.assert_allclose(self.logp(model), before, atol=1e-2)

    def test_master_weights_accumulate_steps_below_the_resolution_of_bfloat16(self) -> None:
        model = self.load(dtype="bfloat16")
        masters = {name: tensor.clone() for name, tensor in model._parameters.master_weights().items()}
        snapshot = model.snapshot(call())[0]["snapshot"]
        for _ in range(3):
            model.backward(call(SCORE, {**messages(), **COTANGENTS}))
            model.step(call({**STEP, "learning_rate": 1e-6}))
        moved = model._parameters.master_weights()
        self.assertTrue(any(not torch.equal(moved[name], masters[name]) for name in masters))
        self.assertTrue(all(float((moved[n] - masters[n]).abs().max()) < 1e-4 for n in masters))
        model.restore(call({"snapshot": snapshot}))
        for name, tensor in model._parameters.master_weights().items():
            torch.testing.assert_close(tensor, masters[name], rtol=0, atol=0)

    def test_saving_and_loading_restores_weights_and_optimizer_exactly(self) -> None:
        model = self.load()
        self.train(model)
        saved = Path(self.temporary.name) / "saved"
        model.save(call({"dir": str(saved)}))
        loaded = self.load(saved, optimizer=True)
        for one in (model, loaded):
            self.train(one)
        np.testing.assert_array_equal(self.logp(model), self.logp(loaded))
        self.assertEqual([path.name for path in saved.iterdir() if path.name.startswith(".")], [])

    def test_rejects_missing_truncated_and_mismatched_folders(self) -> None:
        with self.assertRaisesRegex(BadModel, "config.json: the file is missing"):
            self.load(Path(self.temporary.name) / "nowhere")
        truncated = Path(self.temporary.name) / "truncated"
        truncated.mkdir()
        for name in ("config.json", "model.safetensors"):
            (truncated / name).write_bytes(
                (self.folder / name).read_bytes()[: 10**9 if name == "config.json" else 900]
            )
        with self.assertRaises(BadModel):
            self.load(truncated)
        deeper = Path(self.temporary.name) / "deeper"
        deeper.mkdir()
        config = (self.folder / "config.json").read_text()
        (deeper / "config.json").write_text(
            config.replace('"num_hidden_layers": 2', '"num_hidden_layers": 3').replace(
                '"full_attention",', '"full_attention", "full_attention",', 1
            )
        )
        (deeper / "model.safetensors").write_bytes((self.folder / "model.safetensors").read_bytes())
        with self.assertRaisesRegex(BadModel, "is missing"):
            self.load(deeper)

    def test_rejects_tokens_outside_the_vocabulary(self) -> None:
        model = self.load()
        for name, token in (("context", -1), ("tokens", 23)):
            arrays = messages()
            arrays[name] = arrays[name].copy()
            arrays[name][0] = token
            with self.assertRaisesRegex(BadRequest, f"from 0 to 22, got {token}"):
                model.forward(call(SCORE, arrays))

    def test_sampled_tokens_do_not_depend_on_the_batch(self) -> None:
        contexts = [[1, 2, 3], [4], [1, 2, 3], [5, 6, 7, 8, 9], [4], [2, 2]]

        def sample(order: list[int], batch_size: int) -> dict[int, list[int]]:
            model, sampled = self.load(decode_batch=batch_size), {}

            def emit(_header: dict[str, Any], arrays: dict[str, Any]) -> None:
                ends = np.cumsum(arrays["tokens_lengths"])
                for index, end, length in zip(arrays["index"], ends, arrays["tokens_lengths"], strict=True):
                    sampled[order[int(index)]] = arrays["tokens"][end - length : end].tolist()

            streams = np.array([[9, index, 0] for index in order], np.uint32)
            arrays = {**ragged("context", [list(contexts[i]) for i in order], np.int32), "streams": streams}
            model.sample(call({**SCORE, "max_tokens": 12, "end_tokens": [0]}, arrays, emit=emit))
            return sampled

        expected = sample(list(range(6)), 6)
        self.assertEqual(sorted(expected), list(range(6)))
        self.assertEqual(sample(list(range(6)), 2), expected)
        self.assertEqual(sample([5, 3, 1, 0, 2, 4], 4), expected)


class AdamWTest(unittest.TestCase):
    def test_the_first_step_is_the_sign_of_the_gradient_plus_decoupled_decay(self) -> None:
        weights = torch.tensor([[1.0, -2.0]])
        tensors = AdamWTensors(
            weights, torch.tensor([[3.0, -0.5]]), torch.zeros(1, 2), torch.zeros(1, 2), decay=True
        )
        params = AdamWParams(0.1, 0.9, 0.999, 0.0, 0.5, 1.0)
        adamw_step(tensors, params, step=1, scale=1.0)
        torch.testing.assert_close(weights, torch.tensor([[0.95 - 0.1, -1.9 + 0.1]]))


class PackageTest(unittest.TestCase):
    def test_pyproject_has_the_version_of_the_package(self) -> None:
        project = Path(__file__).parents[1] / "pyproject.toml"
        self.assertIn(f'version = "{VERSION}"', project.read_text())


if __name__ == "__main__":
    unittest.main()
