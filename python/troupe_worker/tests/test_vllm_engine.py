"""Tests the lifetime of a vLLM engine that several models share, and the copies of their weights to it."""

from __future__ import annotations

import gc
import tempfile
import weakref
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch

from troupe_worker.errors import BadModel, Cancelled, WorkerError
from troupe_worker.model import WorkerModel
from troupe_worker.service import Service

from .tiny_model import call, ragged
from .vllm_case import CONTEXTS, HIGH_TEMPERATURE, LORA, VllmCase, write_model


class EngineTest(VllmCase):
    def test_copies_weights_only_after_they_have_changed(self) -> None:
        model, reference = self.load(), self.load(sampler="torch")
        loads: list[int] = []
        engine = self.engine(model)
        original = engine.load_weights

        def load_weights(weights: Iterable[tuple[str, torch.Tensor]]) -> None:
            loads.append(1)
            original(weights)

        engine.load_weights = load_weights  # type: ignore[method-assign]
        before = self.greedy(model)
        self.sample(model)
        self.assertEqual(len(loads), 1)
        snapshot = model.snapshot(call())[0]["snapshot"]
        for one in (model, reference):
            self.train(one)
        after = self.greedy(model)
        self.assertNotEqual(after, before)
        self.assertEqual(after, self.greedy(reference))
        self.assertLess(self.mismatch(model, self.sample(model)), 1e-4)
        self.assertEqual(len(loads), 2)
        model.restore(call({"snapshot": snapshot}))
        self.assertEqual(self.greedy(model), before)
        self.assertEqual(len(loads), 3)

    def test_new_weights_clear_the_prefix_cache(self) -> None:
        """Uses a context that fills several blocks of the KV cache, which vLLM would otherwise reuse."""
        model, reference = self.load(), self.load(sampler="torch")
        context: list[list[float]] = [[1 + (7 * index) % 30 for index in range(400)]]

        def sample(one: WorkerModel) -> tuple[list[int], list[float]]:
            [(tokens, logp, _)] = self.sample(one, context, max_tokens=6)
            return tokens, logp.tolist()

        sample(model)
        self.assertEqual(sample(model)[0], sample(model)[0])
        for one in (model, reference):
            self.train(one)
        tokens, logp = sample(model)
        arrays = {**ragged("context", context, np.int32), **ragged("tokens", [list(tokens)], np.int32)}
        rescored = reference.forward(call({"temperature": HIGH_TEMPERATURE}, arrays))[1]["logp"]
        np.testing.assert_allclose(logp, rescored, atol=1e-4)
        manager = self.engine(model)._engine.engine_core.engine_core.scheduler.kv_cache_manager
        self.assertTrue(manager.enable_caching)

    def test_constructs_an_engine_after_the_folder_is_deleted(self) -> None:
        """On a cluster, a copied folder is deleted after the load, and the engine may be constructed later."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_model(folder)
            model = self.load(folder, training=False)
        sampled = self.sample(model)
        self.assertLess(self.mismatch(model, sampled), 1e-4)
        self.assertEqual(sampled[0][0], self.sample(self.load())[0][0])

    def test_models_of_one_shape_share_an_engine(self) -> None:
        other = Path(self.temporary.name) / "other"
        write_model(other, seed=4)
        first, second = self.load(), self.load(other)
        self.assertIs(self.engine(first), self.engine(second))
        for one in (first, second, first):
            self.assertLess(self.mismatch(one, self.sample(one)), 1e-4)
        self.assertNotEqual(self.greedy(first), self.greedy(second))

    def test_adapters_share_an_engine_and_their_weights_are_synchronized(self) -> None:
        first, second = self.load(lora=LORA), self.load(lora={**LORA, "rslora": True})
        self.assertIs(self.engine(first), self.engine(second))
        plain = self.greedy(self.load(sampler="torch"))
        self.assertEqual(self.greedy(first), plain)
        snapshot = first.snapshot(call())[0]["snapshot"]
        for _ in range(3):
            self.train(first)
        moved = self.greedy(first)
        self.assertNotEqual(moved, plain)
        self.assertLess(self.mismatch(first, self.sample(first)), 1e-4)
        self.assertEqual(self.greedy(second), plain)
        for _ in range(3):
            self.train(second)
        self.assertLess(self.mismatch(second, self.sample(second)), 1e-4)
        self.assertEqual(self.greedy(first), moved)
        first.restore(call({"snapshot": snapshot}))
        self.assertEqual(self.greedy(first), plain)
        known = self.engine(first)._engine.list_loras()
        self.assertEqual(len(known), 2)
        self.assertEqual(list(Path(tempfile.gettempdir()).glob("troupe-adapter-*")), [])

    def test_a_cancelled_call_leaves_no_unfinished_requests(self) -> None:
        model, checks = self.load(), []

        def check() -> None:
            checks.append(1)
            if len(checks) > 4:
                raise Cancelled

        with self.assertRaises(Cancelled):
            self.sample(model, [*CONTEXTS, *CONTEXTS], max_tokens=200, check=check)
        self.assertFalse(self.engine(model)._engine.has_unfinished_requests())
        sampled = self.sample(model)
        self.assertLess(self.mismatch(model, sampled), 1e-4)
        self.train(model)
        self.assertLess(self.mismatch(model, self.sample(model)), 1e-4)

    def test_replaces_a_failed_engine(self) -> None:
        model = self.load()
        before = self.greedy(model)

        def fail() -> None:
            raise RuntimeError("CUDA error: an illegal memory access\nwas encountered")

        self.engine(model)._engine.step = fail
        with self.assertRaisesRegex(WorkerError, "^vLLM: RuntimeError: CUDA error: an illegal memory access; set"):
            self.sample(model)
        self.assertEqual(self.greedy(model), before)

    def test_wakes_a_sleeping_engine(self) -> None:
        """On a CPU, vLLM's sleep frees no memory, but changes the engine's state as on a GPU."""
        for lora in (None, LORA):
            model = self.load(lora=lora)
            engine = self.engine(model)
            before = self.greedy(model)
            engine.can_sleep = True
            model._sampler.sleep()
            self.assertTrue(engine._engine.is_sleeping())
            self.assertEqual(self.greedy(model), before)
            self.assertFalse(engine._engine.is_sleeping())

    def test_reserves_memory_for_the_copy_of_the_weights(self) -> None:
        training = 28 * self.load(sampler="torch").facts()["parameters"]
        small = Service("cpu", training + 1000)
        with self.assertRaisesRegex(BadModel, "for vLLM, .* of weights and .* of KV cache, .* too little"):
            self.load(service=small)
        self.load(service=small, sampler="torch")
        served = self.load(service=Service("cpu", 8 * training // 28), training=False)
        self.assertEqual(self.logp(served).size, 7)
        with self.assertRaisesRegex(BadModel, "for vLLM, .* too little"):
            self.sample(served)
        roomy = self.load(training=False)
        self.assertLess(self.mismatch(roomy, self.sample(roomy)), 1e-4)

    def test_closes_the_engine_with_the_last_model(self) -> None:
        self.load()
        model = self.load()
        inner = weakref.ref(self.engine(model)._engine.model_executor)
        self.service._close("model-0")
        self.assertLess(self.mismatch(model, self.sample(model)), 1e-4)
        del model
        self.service._close("model-1")
        gc.collect()
        self.assertIsNone(inner())
        self.assertEqual(self.service._memory._reserved, {})
