"""Sampling through vLLM, where it is installed (requirements-vllm.txt, on a CPU requirements-vllm-cpu.txt): draws
are the trainer's own distribution, with the weights as they are now.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tempfile
import unittest
import weakref
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    AutoModelForCausalLM,
    LlamaConfig,
    PretrainedConfig,
    Qwen2Config,
    Qwen3Config,
    SmolLM3Config,
)

from troupe_worker.admission import Admission
from troupe_worker.errors import BadModel, BadRequest, Cancelled, WorkerError
from troupe_worker.frames import Array
from troupe_worker.model import WorkerModel, load_options
from troupe_worker.service import Service
from troupe_worker.vllm_engine import VllmEngine
from troupe_worker.vllm_sampling import VllmSamplers
from troupe_worker.vllm_setup import vllm_version

from .test_model import COTANGENTS, STEP
from .tiny import call, messages, ragged, write_tiny_model

VOCABULARY = 31
#: Attention of vLLM takes heads of a few sizes only.
SHAPE: dict[str, Any] = {
    "vocab_size": VOCABULARY,
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
#: Where chance has a say in spite of that.
WARM = 8.0
LORA = {"rank": 2, "alpha": 4, "target_modules": "all-linear", "rslora": False}
Said = list[tuple[list[int], Array, str]]


def write_model(folder: Path, config: PretrainedConfig | None = None, *, seed: int = 3) -> None:
    """Weights large enough that every part of the network matters, and logits that lie far apart."""
    torch.manual_seed(seed)
    model: Any = AutoModelForCausalLM.from_config(config or Qwen3Config(**SHAPE, tie_word_embeddings=True))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.15 * torch.randn_like(parameter))
        model.model.norm.weight.mul_(10)
    model.save_pretrained(folder, safe_serialization=True)


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


@unittest.skipUnless(vllm_version(), "vLLM is not installed (requirements-vllm.txt)")
class VllmTest(unittest.TestCase):
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
        return service._models[service._load(call(params), "session")[0]["model"]].model

    def sample(
        self,
        model: WorkerModel,
        contexts: list[list[float]] = CONTEXTS,
        *,
        temperature: float = WARM,
        max_tokens: int = 12,
        first: int = 0,
        end: Sequence[int] = (0,),
        check: Callable[[], None] = lambda: None,
    ) -> Said:
        said: dict[int, tuple[list[int], Array, str]] = {}

        def emit(header: dict[str, Any], arrays: dict[str, Array]) -> None:
            ends, lengths = np.cumsum(arrays["tokens_lengths"]), arrays["tokens_lengths"]
            for place, end, length, finish in zip(arrays["index"], ends, lengths, header["finish"], strict=True):
                own = slice(end - length, end)
                self.assertNotIn(int(place), said)
                said[int(place)] = (arrays["tokens"][own].tolist(), arrays["logp"][own], finish)

        streams = np.array([[7, first + index, 0] for index in range(len(contexts))], np.uint32)
        params = {"temperature": temperature, "max_tokens": max_tokens, "end_tokens": list(end)}
        arrays = {**ragged("context", contexts, np.int32), "streams": streams}
        model.sample(call(params, arrays, check=check, emit=emit))
        return [said[index] for index in range(len(contexts))]

    def mismatch(self, model: WorkerModel, said: Said, temperature: float = WARM) -> float:
        """Largest difference to the trainer's own log-probabilities, nats."""
        tokens: list[list[float]] = [list(tokens) for tokens, _, _ in said]
        arrays = {**ragged("context", CONTEXTS, np.int32), **ragged("tokens", tokens, np.int32)}
        rescored = model.forward(call({"temperature": temperature}, arrays))[1]["logp"]
        return float(np.abs(rescored - np.concatenate([logp for _, logp, _ in said])).max())

    def logp(self, model: WorkerModel) -> Array:
        return model.forward(call({"temperature": WARM}, messages()))[1]["logp"]

    def greedy(self, model: WorkerModel) -> list[list[int]]:
        """As good as greedy: logits that differ by a hundredth are told apart."""
        return [tokens for tokens, _, _ in self.sample(model, temperature=0.01)]

    def train(self, model: WorkerModel, rate: float = 5e-2) -> None:
        model.backward(call({"temperature": WARM}, {**messages(), **COTANGENTS}))
        model.step(call({**STEP, "learning_rate": rate}))

    def test_draws_are_the_trainers_distribution(self) -> None:
        for name, folder in (("qwen3", self.folder), ("llama, untied", self.llama)):
            for temperature in (1.0, WARM, 13.0):
                with self.subTest(name, temperature=temperature):
                    model = self.load(folder)
                    said = self.sample(model, temperature=temperature)
                    self.assertLess(self.mismatch(model, said, temperature), 1e-4)
                    self.assertIn("vllm", model.facts()["sampler"])

    def test_families_of_decoders_agree_with_the_trainer(self) -> None:
        plain = {name: value for name, value in SHAPE.items() if name != "head_dim"} | {"hidden_size": 128}
        llama3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
        long = {"original_max_position_embeddings": 64}
        families: list[PretrainedConfig] = [
            Qwen2Config(**plain),
            SmolLM3Config(**plain, pad_token_id=0, bos_token_id=1),
            LlamaConfig(**SHAPE, rope_scaling={**llama3, **long}),
            Qwen3Config(**SHAPE, rope_scaling={"rope_type": "yarn", "factor": 8.0, **long}),
        ]
        for number, config in enumerate(families):
            with self.subTest(config.model_type):
                folder = Path(self.temporary.name) / f"family-{number}"
                write_model(folder, config)
                model = self.load(folder)
                said = self.sample(model, max_tokens=30)
                self.assertGreater(sum(len(tokens) for tokens, _, _ in said), 30)
                self.assertLess(self.mismatch(model, said), 1e-4)

    def test_greedy_tokens_are_those_of_the_model_itself(self) -> None:
        for name, folder in (("qwen3", self.folder), ("llama, untied", self.llama)):
            with self.subTest(name):
                own = self.greedy(self.load(folder, sampler="torch"))
                self.assertEqual(self.greedy(self.load(folder)), own)
                self.assertGreater(len({token for tokens in own for token in tokens}), 4)

    def test_messages_end_at_their_tokens_at_the_limit_and_where_the_model_does(self) -> None:
        model = self.load()
        end = set(range(4))
        said = self.sample(model, max_tokens=9, end=sorted(end))
        for tokens, logp, finish in said:
            self.assertEqual(finish, "stop" if tokens[-1] in end else "length")
            self.assertFalse(end & set(tokens[:-1]))
            self.assertTrue(finish == "stop" or len(tokens) == 9)
            self.assertEqual(len(tokens), logp.size)
        self.assertEqual({finish for _, _, finish in said}, {"stop", "length"})
        long: list[float] = [1 + index % 30 for index in range(509)]
        [(tokens, _, _)] = self.sample(model, [long], first=1)
        self.assertLessEqual(len(tokens), 3)
        wrongs: list[list[float]] = [[*long, 1, 2, 3], [], [VOCABULARY]]
        for wrong in wrongs:
            with self.assertRaises(BadRequest):
                self.sample(model, [wrong])
        with self.assertRaisesRegex(BadRequest, "temperatures >= 0.01, got 0.001"):
            self.sample(model, temperature=0.001)

    def test_a_stream_draws_the_same_message_again(self) -> None:
        model = self.load()
        whole = [tokens for tokens, _, _ in self.sample(model)]
        self.assertEqual([tokens for tokens, _, _ in self.sample(model)], whole)
        alone = [self.sample(model, [context], first=index)[0][0] for index, context in enumerate(CONTEXTS)]
        self.assertEqual(alone, whole)
        self.assertNotEqual([tokens for tokens, _, _ in self.sample(model, first=50)], whole)

    def test_tokens_come_as_often_as_the_model_says(self) -> None:
        model, count = self.load(decode_batch=256), 4000
        drawn = [tokens[0] for tokens, _, _ in self.sample(model, [[1, 2, 3]] * count, max_tokens=1)]
        arrays = {**ragged("context", [[1, 2, 3]] * VOCABULARY, np.int32)}
        arrays |= ragged("tokens", [[token] for token in range(VOCABULARY)], np.int32)
        p = np.exp(model.forward(call({"temperature": WARM}, arrays))[1]["logp"].astype(np.float64))
        expected, seen = count * p, np.bincount(drawn, minlength=VOCABULARY)
        frequent = expected >= 5
        rest = [expected[~frequent].sum(), seen[~frequent].sum()]
        statistic = float(((seen - expected) ** 2 / expected)[frequent].sum() + (rest[1] - rest[0]) ** 2 / rest[0])
        # 99.99% quantile of chi-squared is below f + 5.3 sqrt(f) + 10
        freedom = int(frequent.sum())
        self.assertGreater(freedom, 5)
        self.assertLess(statistic, freedom + 5.3 * freedom**0.5 + 10)

    def test_weights_are_handed_over_after_they_changed_and_only_then(self) -> None:
        model, own = self.load(), self.load(sampler="torch")
        loads: list[int] = []
        engine = self.engine(model)
        original = engine.load

        def load(weights: Iterable[tuple[str, torch.Tensor]]) -> None:
            loads.append(1)
            original(weights)

        engine.load = load  # type: ignore[method-assign]
        before = self.greedy(model)
        self.sample(model)
        self.assertEqual(len(loads), 1)
        snapshot = model.snapshot(call())[0]["snapshot"]
        for one in (model, own):
            self.train(one)
        after = self.greedy(model)
        self.assertNotEqual(after, before)
        self.assertEqual(after, self.greedy(own))
        self.assertLess(self.mismatch(model, self.sample(model)), 1e-4)
        self.assertEqual(len(loads), 2)
        model.restore(call({"snapshot": snapshot}))
        self.assertEqual(self.greedy(model), before)
        self.assertEqual(len(loads), 3)

    def test_keys_and_values_of_other_weights_are_forgotten(self) -> None:
        """A context of several blocks, so that vLLM would find it in its cache."""
        model, own = self.load(), self.load(sampler="torch")
        context: list[list[float]] = [[1 + (7 * index) % 30 for index in range(400)]]

        def likeliest(one: WorkerModel) -> tuple[list[int], list[float]]:
            [(tokens, logp, _)] = self.sample(one, context, max_tokens=6)
            return tokens, logp.tolist()

        likeliest(model)
        self.assertEqual(likeliest(model)[0], likeliest(model)[0])
        for one in (model, own):
            self.train(one)
        tokens, logp = likeliest(model)
        arrays = {**ragged("context", context, np.int32), **ragged("tokens", [list(tokens)], np.int32)}
        rescored = own.forward(call({"temperature": WARM}, arrays))[1]["logp"]
        np.testing.assert_allclose(logp, rescored, atol=1e-4)
        stats = self.engine(model)._engine.engine_core.engine_core.scheduler.kv_cache_manager
        self.assertTrue(stats.enable_caching)

    def test_an_engine_is_made_after_the_folder_is_gone(self) -> None:
        """Folders that travelled to another node go when they have been read; engines may come later."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_model(folder)
            model = self.load(folder, training=False)
        said = self.sample(model)
        self.assertLess(self.mismatch(model, said), 1e-4)
        self.assertEqual(said[0][0], self.sample(self.load())[0][0])

    def test_vllm_is_quiet_where_it_is_only_asked_what_it_knows(self) -> None:
        code = (
            "import sys; from pathlib import Path; from troupe_worker.vllm_sampling import _is_known; "
            "print(_is_known(Path(sys.argv[1])))"
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

    def test_models_of_one_shape_take_turns_in_one_engine(self) -> None:
        other = Path(self.temporary.name) / "other"
        write_model(other, seed=4)
        first, second = self.load(), self.load(other)
        self.assertIs(self.engine(first), self.engine(second))
        for one in (first, second, first):
            self.assertLess(self.mismatch(one, self.sample(one)), 1e-4)
        self.assertNotEqual(self.greedy(first), self.greedy(second))

    def test_adapters_share_a_base_and_follow_their_weights(self) -> None:
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

    def test_a_call_that_is_no_longer_wanted_leaves_nothing_under_way(self) -> None:
        model, checks = self.load(), []

        def check() -> None:
            checks.append(1)
            if len(checks) > 4:
                raise Cancelled

        with self.assertRaises(Cancelled):
            self.sample(model, [*CONTEXTS, *CONTEXTS], max_tokens=200, check=check)
        self.assertFalse(self.engine(model)._engine.has_unfinished_requests())
        said = self.sample(model)
        self.assertLess(self.mismatch(model, said), 1e-4)
        self.train(model)
        self.assertLess(self.mismatch(model, self.sample(model)), 1e-4)

    def test_an_engine_that_failed_is_replaced(self) -> None:
        model = self.load()
        before = self.greedy(model)

        def fail() -> None:
            raise RuntimeError("CUDA error: an illegal memory access\nwas encountered")

        self.engine(model)._engine.step = fail
        with self.assertRaisesRegex(WorkerError, "^vLLM: RuntimeError: CUDA error: an illegal memory access; set"):
            self.sample(model)
        self.assertEqual(self.greedy(model), before)

    def test_memory_that_was_given_back_is_taken_again(self) -> None:
        """vLLM's own sleep does nothing on a CPU; what must happen around it does."""
        for lora in (None, LORA):
            model = self.load(lora=lora)
            engine = self.engine(model)
            before = self.greedy(model)
            engine.sleeps = True
            model._sampler.rest()
            self.assertTrue(engine._engine.is_sleeping())
            self.assertEqual(self.greedy(model), before)
            self.assertFalse(engine._engine.is_sleeping())

    def test_bfloat16_differs_by_its_rounding(self) -> None:
        for lora in (None, LORA):
            model = self.load(dtype="bfloat16", lora=lora)
            said = self.sample(model)
            tokens = [len(tokens) for tokens, _, _ in said]
            self.assertGreater(sum(tokens), 20)
            self.assertLess(self.mismatch(model, said), 0.3)

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

    def test_its_copy_of_the_weights_is_counted(self) -> None:
        training = 28 * self.load(sampler="torch").facts()["parameters"]
        small = Service("cpu", training + 1000)
        with self.assertRaisesRegex(BadModel, "for vLLM, .* of weights and .* of keys and values, .* too little"):
            self.load(service=small)
        self.load(service=small, sampler="torch")
        served = self.load(service=Service("cpu", 8 * training // 28), training=False)
        self.assertEqual(self.logp(served).size, 7)
        with self.assertRaisesRegex(BadModel, "for vLLM, .* too little"):
            self.sample(served)
        roomy = self.load(training=False)
        self.assertLess(self.mismatch(roomy, self.sample(roomy)), 1e-4)

    def test_the_engine_goes_with_the_last_model(self) -> None:
        self.load()
        model = self.load()
        inner = weakref.ref(self.engine(model)._engine.model_executor)
        self.service._close("model-0")
        self.assertLess(self.mismatch(model, self.sample(model)), 1e-4)
        del model
        self.service._close("model-1")
        gc.collect()
        self.assertIsNone(inner())
        self.assertEqual(self.service._admission._promised, {})

    def engine(self, model: WorkerModel) -> VllmEngine:
        engine = model._sampler._home.engine  # type: ignore[attr-defined]
        assert isinstance(engine, VllmEngine)
        return engine


if __name__ == "__main__":
    unittest.main()
