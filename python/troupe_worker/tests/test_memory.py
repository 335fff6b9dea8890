"""Whether models fit: what they are said to take, and what is said when they do not."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path
from typing import Any

import torch

from troupe_worker.adapters import FrozenBases
from troupe_worker.admission import Admission
from troupe_worker.errors import BadModel
from troupe_worker.load_call import load_options
from troupe_worker.memory import Plan, Room, free_bytes, read_sizes, require_room
from troupe_worker.model import WorkerModel

from .tiny import call, write_tiny_model

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

    def admit(self, admission: Admission, **changes: Any) -> int:
        return admission.admit(load_options(call(self.params(**changes))), FrozenBases())

    def test_sizes_are_those_of_the_model(self) -> None:
        sizes = read_sizes(self.folder)
        assert sizes is not None
        model = WorkerModel(call(self.params()), CPU)
        self.assertEqual(sizes.parameters, model.facts()["parameters"])
        lora = {"rank": 3, "alpha": 1, "target_modules": "all-linear"}
        adapted = WorkerModel(call(self.params(lora=lora)), CPU)
        targets = tuple(adapted._loaded.parameters.masters())
        self.assertGreater(len(targets), 0)
        names = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
        self.assertEqual(sizes.adapter(3, names), adapted._parameters.count)
        self.assertIsNone(read_sizes(self.folder / "nowhere"))

    def test_counts_what_training_keeps(self) -> None:
        # weights, snapshot, gradient, two moments; on a CPU the snapshot's moments are in the same memory
        self.assertEqual(Plan("float32", True, None, on_cpu=False).bytes_needed(10), 200)
        self.assertEqual(Plan("float32", True, None, on_cpu=True).bytes_needed(10), 280)
        self.assertEqual(Plan("bfloat16", True, None, on_cpu=False).bytes_needed(10), 200)
        self.assertEqual(Plan("float32", False, None, on_cpu=True).bytes_needed(10), 40)
        self.assertEqual(Plan("bfloat16", True, 3, on_cpu=False).bytes_needed(10), 20 + 60)
        self.assertEqual(Plan("bfloat16", True, 3, on_cpu=False, shared=True).bytes_needed(10), 60)

    def test_counts_what_one_of_several_ranks_keeps(self) -> None:
        # float32 pieces of all that training keeps, and the whole model while messages are drawn
        self.assertEqual(Plan("bfloat16", True, None, on_cpu=False, ranks=4).bytes_needed(100), 200 + 500)
        self.assertEqual(Plan("float32", True, None, on_cpu=True, ranks=4).bytes_needed(100), 400 + 700)
        self.assertEqual(Plan("float32", False, None, on_cpu=True, ranks=4).bytes_needed(100), 400 + 100)
        adapter = Plan("bfloat16", True, 4, on_cpu=False, ranks=4).bytes_needed(100)
        self.assertEqual(adapter, 200 + 16 + (200 + 80) // 4)
        sizes = read_sizes(self.folder)
        assert sizes is not None
        room = 12 * sizes.parameters
        with self.assertRaises(BadModel):
            self.admit(Admission(CPU, limit_bytes=room))
        plan = Plan("float32", True, None, on_cpu=False)
        with self.assertRaisesRegex(BadModel, r"ray.gpus_per_agent 4 would fit \(0.02 MiB each\)"):
            require_room(self.folder, sizes, plan, Room("cuda", 9 * sizes.parameters, 0, 0))
        dealt_out = Admission(CPU, limit_bytes=room)
        dealt_out.deal_out(4)
        self.admit(dealt_out)

    def test_those_that_came_before_keep_what_they_will_ask_for(self) -> None:
        sizes = read_sizes(self.folder)
        assert sizes is not None
        admission = Admission(CPU, limit_bytes=2 * 28 * sizes.parameters + 27)
        first = self.admit(admission)
        self.admit(admission)
        with self.assertRaisesRegex(BadModel, "beside the 2 loaded already, got .* too little"):
            self.admit(admission)
        admission.leave(first)
        self.admit(admission)

    def test_says_what_is_missing_and_what_would_fit(self) -> None:
        sizes = read_sizes(self.folder)
        assert sizes is not None
        needed = 28 * sizes.parameters
        with self.assertRaisesRegex(BadModel, r"expected 0.0\d MiB free on cpu for training 2.6\d thousand"):
            self.admit(Admission(CPU, limit_bytes=needed - 1))
        with self.assertRaisesRegex(BadModel, r"a model of at most \d+ parameters would fit"):
            self.admit(Admission(CPU, limit_bytes=100))
        with self.assertRaisesRegex(BadModel, "; dtype bfloat16 would fit"):
            lora = {"rank": 1, "alpha": 1, "target_modules": ["q_proj"]}
            self.admit(Admission(CPU, limit_bytes=4 * sizes.parameters), lora=lora)
        self.admit(Admission(CPU, limit_bytes=4 * sizes.parameters), training=False)
        self.admit(Admission(CPU, free=lambda _: None))

    def test_a_part_of_what_is_free_can_be_left_to_others(self) -> None:
        sizes = read_sizes(self.folder)
        assert sizes is not None
        admission = Admission(CPU, free=lambda _: 2 * 28 * sizes.parameters)
        admission.share(2)
        self.admit(admission)
        crowded = Admission(CPU, free=lambda _: 2 * 28 * sizes.parameters)
        crowded.share(3)
        with self.assertRaises(BadModel):
            self.admit(crowded)

    def test_this_machine_says_what_is_free(self) -> None:
        free = free_bytes(CPU)
        assert free is not None
        self.assertGreater(free, 2**20)
        self.assertIsNone(free_bytes(torch.device("meta")))


if __name__ == "__main__":
    unittest.main()
