"""Tests for which models and options vLLM samples, and the errors if vLLM is required but cannot be used."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

import torch

from troupe_worker.errors import BadRequest, WorkerError
from troupe_worker.load_request import load_options
from troupe_worker.memory_budget import MemoryBudget
from troupe_worker.service import Service
from troupe_worker.vllm_sampling import VllmEnginePool
from troupe_worker.vllm_setup import vllm_version

from .tiny_model import call, write_tiny_model
from .vllm_case import LORA, VllmCase, write_model


class SamplerOptionTest(unittest.TestCase):
    """Tests the load option `sampler`; runs with and without an installed vLLM."""

    def load(self, folder: Path, service: Service | None = None, **changes: Any) -> Any:
        params = {"dir": str(folder), "dtype": "float32", "token_budget": 64, "decode_batch": 4, **changes}
        return (service or Service("cpu"))._load(call(params), "session")[0]

    def test_on_a_cpu_the_model_itself_samples_by_default(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            write_tiny_model(Path(folder))
            self.assertEqual(self.load(Path(folder))["sampler"], "torch")
            self.assertEqual(self.load(Path(folder), sampler="torch")["sampler"], "torch")

    def test_rejects_invalid_settings(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            write_tiny_model(Path(folder))
            with self.assertRaisesRegex(BadRequest, "sampler: expected one of auto, vllm, torch, got 'sglang'"):
                self.load(Path(folder), sampler="sglang")
            for fraction in (0, 1, True, "much"):
                with self.assertRaisesRegex(BadRequest, "sampler_cache: expected a fraction between 0 and 1"):
                    self.load(Path(folder), sampler_cache=fraction)

    @unittest.skipIf(vllm_version(), "vLLM is installed")
    def test_reports_missing_vllm_before_it_reads_weights(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            write_tiny_model(Path(folder))
            (Path(folder) / "model.safetensors").write_bytes(b"damaged")
            with self.assertRaisesRegex(WorkerError, "sampler: expected vLLM in the worker's Python, got none; "):
                self.load(Path(folder), sampler="vllm")


class SelectionTest(VllmCase):
    def test_the_architecture_check_prints_nothing(self) -> None:
        code = (
            "import sys; from pathlib import Path; "
            "from troupe_worker.vllm_selection import supports_architecture; "
            "print(supports_architecture(Path(sys.argv[1])))"
        )
        environment = {name: value for name, value in os.environ.items() if not name.startswith("VLLM_")}
        process = subprocess.run(
            [sys.executable, "-c", code, str(self.folder)],
            env={**environment, "PYTHONPATH": str(Path(__file__).parents[1] / "src")},
            capture_output=True,
            text=True,
            check=True,
        )
        self.assertEqual(process.stdout, "True\n")
        self.assertNotIn("INFO", process.stderr)

    def test_reports_unsupported_models_in_one_line_at_load(self) -> None:
        tiny = Path(self.temporary.name) / "heads"
        write_tiny_model(tiny)
        with self.assertRaisesRegex(WorkerError, r"^vLLM cannot sample from .*heads: \w+: ") as caught:
            self.load(tiny)
        self.assertNotIn("\n", str(caught.exception))
        self.assertRegex(str(caught.exception), "set sampler.kind to torch to sample without vLLM$")
        self.assertEqual((self.service._models, self.service._engines._engines), ({}, {}))
        self.assertEqual(self.service._memory._reserved, {})
        options = load_options(call({"dir": str(self.folder), "dtype": "float32", "sampler": "vllm"}))
        with self.assertRaisesRegex(WorkerError, "agents of one GPU or process, got 2"):
            self.service._engines.acquire(options, 2)
        with self.assertRaisesRegex(WorkerError, "rank 512 at most, got 513"):
            self.load(lora={**LORA, "rank": 513})
        with self.assertRaisesRegex(WorkerError, "expected a KV cache for at least 384 tokens"):
            self.load(sampler_cache=1e-6)

    def test_on_a_gpu_vllm_samples_supported_architectures(self) -> None:
        unknown = Path(self.temporary.name) / "unknown"
        write_model(unknown)
        config = (unknown / "config.json").read_text()
        (unknown / "config.json").write_text(config.replace("Qwen3ForCausalLM", "UnknownForCausalLM"))

        def is_selected(folder: Path, device: str, sampler: str = "auto", world_size: int = 1) -> bool:
            pool = VllmEnginePool(torch.device(device), MemoryBudget(torch.device(device), free=lambda _: 2**30))
            options = load_options(call({"dir": str(folder), "dtype": "bfloat16", "sampler": sampler}))
            return pool.acquire(options, world_size) is not None

        self.assertTrue(is_selected(self.folder, "cuda"))
        self.assertTrue(is_selected(self.llama, "cuda:0"))
        self.assertFalse(is_selected(unknown, "cuda"))
        self.assertFalse(is_selected(self.folder, "cpu"))
        self.assertFalse(is_selected(self.folder, "cuda", "torch"))
        self.assertFalse(is_selected(self.folder, "cuda", world_size=2))
        self.assertFalse(is_selected(self.folder, "cuda:1"))
        with self.assertRaisesRegex(
            WorkerError, "first GPU that a process sees, got cuda:1; set CUDA_VISIBLE_DEV"
        ):
            is_selected(self.folder, "cuda:1", "vllm")
