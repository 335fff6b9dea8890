"""Tests adapters: equality with results of PEFT, the shared base model, folders, and unsupported settings."""

from __future__ import annotations

import json
import tempfile
import unittest
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from transformers import GPT2Config, GPT2LMHeadModel

from troupe_worker.adapters import BaseModelCache
from troupe_worker.errors import BadModel, BadRequest
from troupe_worker.model import WorkerModel
from troupe_worker.threefry import child_key

from .test_model import COTANGENTS, SCORE, STEP
from .tiny_model import call, messages, ragged, write_tiny_model

FIXTURES = Path(__file__).parents[3] / "test" / "fixtures" / "peft"
LORA = {"rank": 2, "alpha": 4, "target_modules": "all-linear", "rslora": False}


class AdaptersTest(unittest.TestCase):
    folder: Path
    temporary: tempfile.TemporaryDirectory[str]

    @classmethod
    def setUpClass(cls) -> None:
        torch.set_num_threads(1)
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.temporary.name) / "base"
        write_tiny_model(cls.folder)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.temporary.cleanup()

    def load(self, folder: Path | None = None, bases: BaseModelCache | None = None, **changes: Any) -> WorkerModel:
        params = {"dir": str(folder or self.folder), "dtype": "float32", "token_budget": 80, "decode_batch": 2}
        return WorkerModel(call({**params, **changes}), torch.device("cpu"), bases)

    def train(self, model: WorkerModel) -> None:
        model.backward(call(SCORE, {**messages(), **COTANGENTS}))
        model.step(call(STEP))

    def logp(self, model: WorkerModel) -> Any:
        return model.forward(call(SCORE, messages()))[1]["logp"]

    def test_matches_log_probabilities_and_gradients_of_peft(self) -> None:
        folders = sorted(FIXTURES.iterdir())
        self.assertGreaterEqual(len(folders), 2)
        for folder in folders:
            with self.subTest(folder.name):
                expected = json.loads((folder / "expected.json").read_text())
                results = load_file(folder / "expected.safetensors")
                sequences = expected["sequences"]
                cotangents = [results[f"cotangents.{i}"].tolist() for i in range(len(sequences))]
                arrays = {
                    **ragged("context", [one["context"] for one in sequences], np.int32),
                    **ragged("tokens", [one["tokens"] for one in sequences], np.int32),
                    **ragged("cotangents", cotangents, np.float32),
                }
                model = self.load(folder)
                score = {"temperature": expected["temperature"]}
                logp = model.backward(call(score, arrays))[1]["logp"]
                expected_logp = np.concatenate([results[f"logp.{i}"].numpy() for i in range(len(sequences))])
                np.testing.assert_allclose(logp, expected_logp, atol=1e-4)
                gradients = model._parameters.gradients()
                self.assertEqual({f"d:{name}" for name in gradients}, {k for k in results if k.startswith("d:")})
                for name, tensor in gradients.items():
                    expected_gradient = results[f"d:{name}"]
                    error = float((tensor - expected_gradient).abs().max() / expected_gradient.abs().max())
                    self.assertLess(error, 1e-3, name)

    def test_adapters_share_a_base_model_and_do_not_change_it(self) -> None:
        bases = BaseModelCache()
        one, other = (self.load(bases=bases, lora=LORA) for _ in range(2))
        plain = self.load()
        # A new adapter does not change the output of the model.
        np.testing.assert_allclose(self.logp(one), self.logp(plain), atol=1e-6)
        before = self.logp(other)
        self.train(one)
        self.assertGreater(float(np.abs(self.logp(one) - before).max()), 1e-4)
        np.testing.assert_array_equal(self.logp(other), before)
        addresses = [
            {name.replace(".base_layer", ""): p.data_ptr() for name, p in model._decoder.model.named_parameters()}
            for model in (one, other)
        ]
        shared = [name for name in addresses[0] if addresses[0][name] == addresses[1][name]]
        self.assertEqual(shared, [name for name in addresses[0] if "lora_" not in name])
        self.assertEqual(one.facts()["kind"], "lora")
        # The parameter count of an adapter's model is that of the base model plus that of the adapter.
        self.assertEqual(one.facts()["parameters"] - plain.facts()["parameters"], one._parameters.count)
        del one, other
        self.assertEqual(len(bases._bases), 0)

    def test_divergence_compares_with_a_snapshot(self) -> None:
        model = self.load(lora=LORA)
        snapshot = model.snapshot(call())[0]["snapshot"]
        before = self.logp(model)
        same = model.divergence(call({**SCORE, "cur": snapshot}, messages()))[1]
        self.assertEqual(float(np.abs(same["kl_new_cur"]).max()), 0)
        self.train(model)
        moved = model.divergence(call({**SCORE, "cur": snapshot}, messages()))[1]
        self.assertGreater(float(moved["kl_new_cur"].max()), 0)
        model.restore(call({"snapshot": snapshot}))
        np.testing.assert_array_equal(self.logp(model), before)

    def test_saving_and_loading_restores_adapter_and_optimizer_exactly(self) -> None:
        model = self.load(lora=LORA)
        self.train(model)
        saved = Path(self.temporary.name) / "saved"
        model.save(call({"dir": str(saved)}))
        self.assertEqual(
            sorted(path.name for path in saved.iterdir()),
            ["adapter_config.json", "adapter_model.safetensors", "optimizer.safetensors"],
        )
        loaded = self.load(saved, optimizer=True)
        for one in (model, loaded):
            self.train(one)
        np.testing.assert_array_equal(self.logp(model), self.logp(loaded))

    def test_bfloat16_base_models_have_float32_adapters(self) -> None:
        model = self.load(lora=LORA, dtype="bfloat16")
        self.train(model)
        self.assertEqual({t.dtype for t in model._parameters.master_weights().values()}, {torch.float32})
        self.assertEqual(model._decoder.model.get_input_embeddings().weight.dtype, torch.bfloat16)
        self.assertTrue(np.isfinite(self.logp(model)).all())

    def test_rejects_unsupported_settings_by_name(self) -> None:
        model = self.load(lora=LORA)
        saved = Path(self.temporary.name) / "rejected"
        model.save(call({"dir": str(saved)}))
        config = json.loads((saved / "adapter_config.json").read_text())
        for changes, complaint in (
            ({"use_dora": True}, "use_dora: this adapter setting is not supported"),
            ({"bias": "all"}, 'bias: expected "none"'),
            ({"peft_type": "IA3"}, 'peft_type: expected "LORA"'),
            ({"r": 0}, "r: expected a positive integer, got 0"),
            ({"base_model_name_or_path": "../gone"}, '"../gone" does not exist'),
            ({"target_modules": ["q_porj"]}, 'got \\["q_porj"\\]'),
            ({"target_modules": ["q_proj"]}, "is not part of the adapter"),
            ({"r": 3}, "has shape \\[2, 12\\]"),
        ):
            with self.subTest(complaint):
                (saved / "adapter_config.json").write_text(json.dumps({**config, **changes}))
                with self.assertRaisesRegex(BadModel, complaint):
                    self.load(saved)
        for path in (saved / "adapter_config.json", saved / "adapter_model.safetensors"):
            path.unlink()
        with self.assertRaisesRegex(BadModel, "config.json: the file is missing"):
            self.load(saved)
        with self.assertRaisesRegex(BadRequest, "rank: expected an integer >= 1"):
            self.load(lora={**LORA, "rank": 0})

    def test_rejects_architectures_without_the_projections_in_one_line(self) -> None:
        folder = Path(self.temporary.name) / "gpt2"
        GPT2LMHeadModel(GPT2Config(vocab_size=23, n_positions=32, n_embd=8, n_layer=1, n_head=2)).save_pretrained(
            folder
        )
        with self.assertRaisesRegex(
            BadModel, r"^[^\n]*gpt2: GPT2LMHeadModel does not support this adapter \([^\n]+\)$"
        ):
            self.load(folder, lora=LORA)
        model = self.load(folder)  # full training works
        before = self.logp(model)
        self.train(model)
        self.assertGreater(float(np.abs(self.logp(model) - before).max()), 1e-4)

    def test_child_streams_match_those_of_typescript(self) -> None:
        # Expected keys are from src/core/rng.ts: randomStream(0).child(3), and a child name of more than 32 bits.
        self.assertEqual(child_key(child_key((0, 0), 0), 3), (3703367240, 1346744193))
        self.assertEqual(child_key((0, 0), 2**40 + 7), (1976174928, 58359000))


if __name__ == "__main__":
    unittest.main()
