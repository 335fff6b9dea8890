"""When messages are drawn through vLLM, and what is said where they cannot be."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

import torch

from troupe_worker.admission import Admission
from troupe_worker.errors import BadRequest, WorkerError
from troupe_worker.load_call import load_options
from troupe_worker.service import Service
from troupe_worker.vllm_sampling import VllmSamplers
from troupe_worker.vllm_setup import vllm_version

from .tiny import call, write_tiny_model
from .vllm_case import LORA, VllmCase, write_model


class WishTest(unittest.TestCase):
    """What is asked of a worker, with vLLM or without."""

    def load(self, folder: Path, service: Service | None = None, **changes: Any) -> Any:
        params = {"dir": str(folder), "dtype": "float32", "token_budget": 64, "decode_batch": 4, **changes}
        return (service or Service("cpu"))._load(call(params), "session")[0]

    def test_on_a_cpu_the_model_samples_itself_unless_told_otherwise(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            write_tiny_model(Path(folder))
            self.assertEqual(self.load(Path(folder))["sampler"], "torch")
            self.assertEqual(self.load(Path(folder), sampler="torch")["sampler"], "torch")

    def test_settings_that_cannot_be_are_refused(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            write_tiny_model(Path(folder))
            with self.assertRaisesRegex(BadRequest, "sampler: expected one of auto, vllm, torch, got 'sglang'"):
                self.load(Path(folder), sampler="sglang")
            for share in (0, 1, True, "much"):
                with self.assertRaisesRegex(BadRequest, "sampler_cache: expected a share between 0 and 1"):
                    self.load(Path(folder), sampler_cache=share)

    @unittest.skipIf(vllm_version(), "vLLM is installed")
    def test_vllm_that_is_not_there_is_missed_before_anything_is_read(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            write_tiny_model(Path(folder))
            (Path(folder) / "model.safetensors").write_bytes(b"damaged")
            with self.assertRaisesRegex(WorkerError, "sampler: expected vLLM in the worker's Python, got none; "):
                self.load(Path(folder), sampler="vllm")


class ChoiceTest(VllmCase):
    def test_vllm_is_quiet_where_it_is_only_asked_what_it_knows(self) -> None:
        code = (
            "import sys; from pathlib import Path; from troupe_worker.vllm_choice import knows_architecture; "
            "print(knows_architecture(Path(sys.argv[1])))"
        )
        quiet = {name: value for name, value in os.environ.items() if not name.startswith("VLLM_")}
        found = subprocess.run(
            [sys.executable, "-c", code, str(self.folder)],
            env={**quiet, "PYTHONPATH": str(Path(__file__).parents[1] / "src")},
            capture_output=True,
            text=True,
            check=True,
        )
        self.assertEqual(found.stdout, "True\n")
        self.assertNotIn("INFO", found.stderr)

    def test_what_vllm_cannot_run_is_said_in_one_line_before_any_work(self) -> None:
        tiny = Path(self.temporary.name) / "heads"
        write_tiny_model(tiny)
        with self.assertRaisesRegex(WorkerError, r"^vLLM cannot sample from .*heads: \w+: ") as caught:
            self.load(tiny)
        self.assertNotIn("\n", str(caught.exception))
        self.assertRegex(str(caught.exception), "set sampler.kind to torch to do without it$")
        self.assertEqual((self.service._models, self.service._samplers._homes), ({}, {}))
        self.assertEqual(self.service._admission._promised, {})
        asked = load_options(call({"dir": str(self.folder), "dtype": "float32", "sampler": "vllm"}))
        with self.assertRaisesRegex(WorkerError, "agents of one GPU or process, got 2"):
            self.service._samplers.enter(asked, 2)
        with self.assertRaisesRegex(WorkerError, "rank 512 at most, got 513"):
            self.load(lora={**LORA, "rank": 513})
        with self.assertRaisesRegex(WorkerError, "expected room for keys and values of at least 384 tokens"):
            self.load(sampler_cache=1e-6)

    def test_on_a_gpu_it_is_used_where_it_knows_the_architecture(self) -> None:
        unknown = Path(self.temporary.name) / "unknown"
        write_model(unknown)
        config = (unknown / "config.json").read_text()
        (unknown / "config.json").write_text(config.replace("Qwen3ForCausalLM", "NobodysForCausalLM"))

        def chosen(folder: Path, device: str, sampler: str = "auto", ranks: int = 1) -> bool:
            samplers = VllmSamplers(torch.device(device), Admission(torch.device(device), free=lambda _: 2**30))
            asked = load_options(call({"dir": str(folder), "dtype": "bfloat16", "sampler": sampler}))
            return samplers.enter(asked, ranks) is not None

        self.assertTrue(chosen(self.folder, "cuda"))
        self.assertTrue(chosen(self.llama, "cuda:0"))
        self.assertFalse(chosen(unknown, "cuda"))
        self.assertFalse(chosen(self.folder, "cpu"))
        self.assertFalse(chosen(self.folder, "cuda", "torch"))
        self.assertFalse(chosen(self.folder, "cuda", ranks=2))
        self.assertFalse(chosen(self.folder, "cuda:1"))
        with self.assertRaisesRegex(
            WorkerError, "first GPU that a process sees, got cuda:1; set CUDA_VISIBLE_DEV"
        ):
            chosen(self.folder, "cuda:1", "vllm")
