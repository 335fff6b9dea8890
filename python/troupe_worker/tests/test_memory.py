"""Tests memory estimates, reservations, and the error message for a model that does not fit."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path
from typing import Any

import torch

from troupe_worker.adapters import BaseModelCache
from troupe_worker.errors import BadModel
from troupe_worker.load_request import load_options
from troupe_worker.memory import DeviceMemory, MemoryPlan, free_bytes, read_model_sizes, require_memory
from troupe_worker.memory_budget import MemoryBudget
from troupe_worker.model import WorkerModel

from .tiny_model import call, write_tiny_model

CPU = torch.device("cpu")


class MemoryTest(unittest.TestCase):
    folder: Path
    temporary: tempfile.TemporaryDirectory[str]

    @classmethod
    def setUpClass(cls) -> None:
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.temporary.name)
        write_tiny_model(cls.folder)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.temporary.cleanup()

    def params(self, **changes: Any) -> dict[str, Any]:
        return {
            "dir": str(self.folder),
            "dtype": "float32",
            "token_budget": 8,
            "decode_batch": 2,
            "training": True,
            **changes,
        }

    def reserve(self, budget: MemoryBudget, **changes: Any) -> int:
        return budget.reserve_model(load_options(call(self.params(**changes))), BaseModelCache())

    def test_reads_the_sizes_of_a_model_from_its_headers(self) -> None:
        sizes = read_model_sizes(self.folder)
        assert sizes is not None
        model = WorkerModel(call(self.params()), CPU)
        self.assertEqual(sizes.parameters, model.facts()["parameters"])
        lora = {"rank": 3, "alpha": 1, "target_modules": "all-linear"}
        adapted = WorkerModel(call(self.params(lora=lora)), CPU)
        targets = tuple(adapted._loaded.parameters.master_weights())
        self.assertGreater(len(targets), 0)
        names = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
        self.assertEqual(sizes.adapter(3, names), adapted._parameters.count)
        self.assertIsNone(read_model_sizes(self.folder / "nowhere"))

    def test_estimates_the_memory_of_training(self) -> None:
        # The estimate counts weights, snapshot, gradient and two moments; on a CPU also the snapshot's moments.
        self.assertEqual(MemoryPlan("float32", True, None, on_cpu=False).bytes_needed(10), 200)
        self.assertEqual(MemoryPlan("float32", True, None, on_cpu=True).bytes_needed(10), 280)
        self.assertEqual(MemoryPlan("bfloat16", True, None, on_cpu=False).bytes_needed(10), 200)
        self.assertEqual(MemoryPlan("float32", False, None, on_cpu=True).bytes_needed(10), 40)
        self.assertEqual(MemoryPlan("bfloat16", True, 3, on_cpu=False).bytes_needed(10), 20 + 60)
        self.assertEqual(MemoryPlan("bfloat16", True, 3, on_cpu=False, base_is_loaded=True).bytes_needed(10), 60)

    def test_estimates_the_memory_of_one_of_several_ranks(self) -> None:
        # A rank needs a float32 shard of the training state, and the complete model while it samples.
        self.assertEqual(
            MemoryPlan("bfloat16", True, None, on_cpu=False, world_size=4).bytes_needed(100), 200 + 500
        )
        self.assertEqual(MemoryPlan("float32", True, None, on_cpu=True, world_size=4).bytes_needed(100), 400 + 700)
        self.assertEqual(
            MemoryPlan("float32", False, None, on_cpu=True, world_size=4).bytes_needed(100), 400 + 100
        )
        adapter = MemoryPlan("bfloat16", True, 4, on_cpu=False, world_size=4).bytes_needed(100)
        self.assertEqual(adapter, 200 + 16 + (200 + 80) // 4)
        sizes = read_model_sizes(self.folder)
        assert sizes is not None
        limit = 12 * sizes.parameters
        with self.assertRaises(BadModel):
            self.reserve(MemoryBudget(CPU, limit_bytes=limit))
        plan = MemoryPlan("float32", True, None, on_cpu=False)
        with self.assertRaisesRegex(BadModel, r"ray.gpus_per_agent 4 would fit \(0.02 MiB each\)"):
            require_memory(self.folder, sizes, plan, DeviceMemory("cuda", 9 * sizes.parameters, 0, 0))
        sharded = MemoryBudget(CPU, limit_bytes=limit)
        sharded.set_world_size(4)
        self.reserve(sharded)

    def test_keeps_the_reservations_of_earlier_models(self) -> None:
        sizes = read_model_sizes(self.folder)
        assert sizes is not None
        budget = MemoryBudget(CPU, limit_bytes=2 * 28 * sizes.parameters + 27)
        first = self.reserve(budget)
        self.reserve(budget)
        with self.assertRaisesRegex(BadModel, "beside the 2 loaded models, got .* too little"):
            self.reserve(budget)
        budget.release(first)
        self.reserve(budget)

    def test_reports_the_missing_memory_and_what_would_fit(self) -> None:
        sizes = read_model_sizes(self.folder)
        assert sizes is not None
        needed = 28 * sizes.parameters
        with self.assertRaisesRegex(BadModel, r"expected 0.0\d MiB free on cpu for training of 2.6\d thousand"):
            self.reserve(MemoryBudget(CPU, limit_bytes=needed - 1))
        with self.assertRaisesRegex(BadModel, r"a model of at most \d+ parameters would fit"):
            self.reserve(MemoryBudget(CPU, limit_bytes=100))
        with self.assertRaisesRegex(BadModel, "; dtype bfloat16 would fit"):
            lora = {"rank": 1, "alpha": 1, "target_modules": ["q_proj"]}
            self.reserve(MemoryBudget(CPU, limit_bytes=4 * sizes.parameters), lora=lora)
        self.reserve(MemoryBudget(CPU, limit_bytes=4 * sizes.parameters), training=False)
        self.reserve(MemoryBudget(CPU, free=lambda _: None))

    def test_divides_the_free_memory_between_processes(self) -> None:
        sizes = read_model_sizes(self.folder)
        assert sizes is not None
        budget = MemoryBudget(CPU, free=lambda _: 2 * 28 * sizes.parameters)
        budget.divide(2)
        self.reserve(budget)
        crowded = MemoryBudget(CPU, free=lambda _: 2 * 28 * sizes.parameters)
        crowded.divide(3)
        with self.assertRaises(BadModel):
            self.reserve(crowded)

    def test_measures_the_free_memory_of_this_machine(self) -> None:
        free = free_bytes(CPU)
        assert free is not None
        self.assertGreater(free, 2**20)
        self.assertIsNone(free_bytes(torch.device("meta")))


if __name__ == "__main__":
    unittest.main()
