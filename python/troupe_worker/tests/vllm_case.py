"""Writes tiny models for vLLM on a CPU, and defines the base class of the tests that sample with vLLM."""

from __future__ import annotations

import tempfile
import unittest
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    PretrainedConfig,
    Qwen3Config,
)

from troupe_worker.frames import Array
from troupe_worker.model import WorkerModel
from troupe_worker.service import Service
from troupe_worker.vllm_engine import VllmEngine
from troupe_worker.vllm_setup import vllm_version

from .test_model import COTANGENTS, STEP
from .tiny_model import call, messages, ragged

VOCAB_SIZE = 31
#: Shape of the tiny model. Its head size of 32 is one of the few sizes that vLLM's attention supports.
SHAPE: dict[str, Any] = {
    "vocab_size": VOCAB_SIZE,
    "hidden_size": 48,
    "intermediate_size": 40,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "max_position_embeddings": 512,
    "eos_token_id": 0,
}
CONTEXTS: list[list[float]] = [[1, 2, 3], [4, 5], [6, 7, 8, 9], [1, 2, 3], [10], [1, 2, 3, 11]]
#: Temperature at which sampling is random although the logits of these models are large; see `write_model`.
HIGH_TEMPERATURE = 8.0
LORA = {"rank": 2, "alpha": 4, "target_modules": "all-linear", "rslora": False}
#: Tokens, log-probabilities and finish reason of each message.
Messages = list[tuple[list[int], Array, str]]


def write_model(folder: Path, config: PretrainedConfig | None = None, *, seed: int = 3) -> None:
    """Writes a model with weights so large that every layer affects the output and the logits differ widely."""
    torch.manual_seed(seed)
    model: Any = AutoModelForCausalLM.from_config(config or Qwen3Config(**SHAPE, tie_word_embeddings=True))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.15 * torch.randn_like(parameter))
        model.model.norm.weight.mul_(10)
    model.save_pretrained(folder, safe_serialization=True)


@unittest.skipUnless(vllm_version(), "vLLM is not installed (requirements-vllm.txt)")
class VllmCase(unittest.TestCase):
    temporary: tempfile.TemporaryDirectory[str]
    folder: Path
    llama: Path

    @classmethod
    def setUpClass(cls) -> None:
        torch.set_num_threads(1)
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.temporary.name) / "qwen3"
        cls.llama = Path(cls.temporary.name) / "llama"
        write_model(cls.folder)
        write_model(cls.llama, LlamaConfig(**SHAPE, tie_word_embeddings=False))

    @classmethod
    def tearDownClass(cls) -> None:
        cls.temporary.cleanup()

    def setUp(self) -> None:
        self.service = Service("cpu")
        self.addCleanup(self.service.drop_session, "session")

    def load(self, folder: Path | None = None, service: Service | None = None, **changes: Any) -> WorkerModel:
        params = {
            "dir": str(folder or self.folder),
            "dtype": "float32",
            "token_budget": 64,
            "decode_batch": 4,
            "training": True,
            "sampler": "vllm",
            "sampler_cache": 0.001,
            **changes,
        }
        service = service or self.service
        model = service._models[service._load(call(params), "session")[0]["model"]].model
        assert model is not None
        return model

    def sample(
        self,
        model: WorkerModel,
        contexts: list[list[float]] = CONTEXTS,
        *,
        temperature: float = HIGH_TEMPERATURE,
        max_tokens: int = 12,
        first: int = 0,
        end: Sequence[int] = (0,),
        check: Callable[[], None] = lambda: None,
    ) -> Messages:
        sampled: dict[int, tuple[list[int], Array, str]] = {}

        def emit(header: dict[str, Any], arrays: dict[str, Array]) -> None:
            ends, lengths = np.cumsum(arrays["tokens_lengths"]), arrays["tokens_lengths"]
            for index, end, length, finish in zip(arrays["index"], ends, lengths, header["finish"], strict=True):
                tokens = slice(end - length, end)
                self.assertNotIn(int(index), sampled)
                sampled[int(index)] = (arrays["tokens"][tokens].tolist(), arrays["logp"][tokens], finish)

        streams = np.array([[7, first + index, 0] for index in range(len(contexts))], np.uint32)
        params = {"temperature": temperature, "max_tokens": max_tokens, "end_tokens": list(end)}
        arrays = {**ragged("context", contexts, np.int32), "streams": streams}
        model.sample(call(params, arrays, check=check, emit=emit))
        return [sampled[index] for index in range(len(contexts))]

    def mismatch(self, model: WorkerModel, sampled: Messages, temperature: float = HIGH_TEMPERATURE) -> float:
        """Largest difference between vLLM's log-probabilities and those of the trained model, nats."""
        tokens: list[list[float]] = [list(tokens) for tokens, _, _ in sampled]
        arrays = {**ragged("context", CONTEXTS, np.int32), **ragged("tokens", tokens, np.int32)}
        rescored = model.forward(call({"temperature": temperature}, arrays))[1]["logp"]
        return float(np.abs(rescored - np.concatenate([logp for _, logp, _ in sampled])).max())

    def logp(self, model: WorkerModel) -> Array:
        return model.forward(call({"temperature": HIGH_TEMPERATURE}, messages()))[1]["logp"]

    def greedy(self, model: WorkerModel) -> list[list[int]]:
        """Returns tokens sampled at the lowest temperature that vLLM supports, where sampling is almost greedy."""
        return [tokens for tokens, _, _ in self.sample(model, temperature=0.01)]

    def train(self, model: WorkerModel, rate: float = 5e-2) -> None:
        model.backward(call({"temperature": HIGH_TEMPERATURE}, {**messages(), **COTANGENTS}))
        model.step(call({**STEP, "learning_rate": rate}))

    def engine(self, model: WorkerModel) -> VllmEngine:
        engine = model._sampler._shared.engine  # type: ignore[attr-defined]
        assert isinstance(engine, VllmEngine)
        return engine
