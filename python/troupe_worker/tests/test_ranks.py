"""An agent of several ranks against one process that has it all: the same answers to every call."""

from __future__ import annotations

import resource
import tempfile
import unittest
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import Qwen3MoeConfig, Qwen3MoeForCausalLM

from troupe_worker.frames import Array, Frame, decode

from .crew import CallFailed, Crew, Said, Single
from .test_model import COTANGENTS, SCORE, STEP
from .tiny import VOCABULARY, messages, ragged, write_tiny_model

LORA = {"rank": 2, "alpha": 4, "target_modules": "all-linear", "rslora": False}
#: A sequence that needs half a gigabyte for the attention of a layer.
LONG = 4096


class RanksTest(unittest.TestCase):
    folder: Path
    temporary: tempfile.TemporaryDirectory[str]
    crew: Crew
    single: Single

    @classmethod
    def setUpClass(cls) -> None:
        torch.set_num_threads(1)
        cls.crew = Crew(2)
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.temporary.name)
        write_tiny_model(cls.folder / "tied")
        write_tiny_model(cls.folder / "untied", tie_word_embeddings=False)
        write_tiny_model(cls.folder / "long", max_position_embeddings=LONG)
        cls.single = Single()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.crew.close()
        cls.temporary.cleanup()

    def load(self, who: Single, name: str = "tied", **changes: Any) -> str:
        params = {"dir": str(self.folder / name), "dtype": "float32", "token_budget": 8, "decode_batch": 2}
        return str(who.call("load", {**params, "training": True, **changes}).value["model"])

    def pair(self, name: str = "tied", **changes: Any) -> list[tuple[Single, str]]:
        return [(who, self.load(who, name, **changes)) for who in (self.single, self.crew)]

    def train(self, who: Single, model: str, kl: dict[str, Any] | None = None) -> tuple[Said, Said, Said]:
        """A backward pass, its gradients, and a step."""
        params = {**SCORE, **({} if kl is None else {"kl": kl})}
        passed = who.call("backward", params, {**messages(), **COTANGENTS}, model=model)
        return passed, who.call("gradients", model=model), who.call("step", STEP, model=model)

    def logp(self, who: Single, model: str) -> Array:
        return who.call("forward", SCORE, messages(), model=model).arrays["logp"]

    def near(self, one: Said, other: Said, tolerance: float) -> None:
        self.assertEqual(set(one.arrays), set(other.arrays))
        for name, wanted in one.arrays.items():
            np.testing.assert_allclose(other.arrays[name], wanted, atol=tolerance, err_msg=name)

    def test_every_call_answers_as_one_process_does(self) -> None:
        for name, changes, tolerance in (
            ("tied", {}, 2e-6),
            ("untied", {}, 2e-6),
            ("tied", {"lora": LORA}, 2e-6),
            ("tied", {"dtype": "bfloat16"}, 2e-2),
            ("untied", {"dtype": "bfloat16", "lora": LORA}, 2e-2),
        ):
            with self.subTest(name, **changes):
                self.hold(name, changes, tolerance)

    def hold(self, name: str, changes: dict[str, Any], tolerance: float) -> None:
        (one, m), (crew, n) = pair = self.pair(name, **changes)
        said = [who.call("snapshot", model=model).value["snapshot"] for who, model in pair]
        self.train(one, m)
        self.train(crew, n)
        first, second = (
            self.train(who, model, {"reference": snapshot, "weight": 0.3})
            for (who, model), snapshot in zip(pair, said, strict=True)
        )
        self.near(first[0], second[0], 10 * tolerance)
        self.assertGreater(float(second[0].arrays["kl"].max()), 1e-3)
        self.assertEqual(first[1].value, second[1].value)
        for key, wanted in first[1].arrays.items():
            error = np.abs(second[1].arrays[key] - wanted).max() / max(1e-6, np.abs(wanted).max())
            self.assertLess(error, 100 * tolerance, key)
        self.near(first[2], second[2], 1e3 * tolerance)
        arrays = messages()
        for call, params in (("forward", {}), ("divergence", {"cur": said[0]}), ("distributions", {})):
            with self.subTest(call):
                answers = [who.call(call, {**SCORE, **params}, arrays, model=model) for who, model in pair]
                self.near(answers[0], answers[1], 10 * tolerance)
                self.distributed(answers[0].frames, answers[1].frames, 10 * tolerance)
        drawn = [self.sample(who, model) for who, model in pair]
        self.assertEqual(sorted(drawn[0]), list(range(5)))
        if tolerance < 1e-3:  # a draw of rounded numbers may fall to the other side
            self.assertEqual(drawn[0], drawn[1])
        for (who, model), snapshot in zip(pair, said, strict=True):
            before = self.logp(who, model)
            moved = who.call("snapshot", model=model).value["snapshot"]
            who.call("restore", {"snapshot": snapshot}, model=model)
            self.assertGreater(float(np.abs(self.logp(who, model) - before).max()), 1e-4)
            who.call("divergence", {**SCORE, "cur": moved}, arrays, model=model)
            who.call("restore", {"snapshot": moved}, model=model)
            np.testing.assert_array_equal(self.logp(who, model), before)
            who.call("release", {"snapshot": moved}, model=model)
            with self.assertRaisesRegex(CallFailed, "does not exist"):
                who.call("restore", {"snapshot": moved}, model=model)
            who.call("close", model=model)

    def distributed(self, wanted: list[Frame], frames: list[Frame], tolerance: float) -> None:
        """Distributions come a frame per message, from whoever has it."""
        rows = [{one.header["index"]: one.arrays["logp"] for one in some} for some in (wanted, frames)]
        self.assertEqual(set(rows[0]), set(rows[1]))
        for index, row in rows[0].items():
            np.testing.assert_allclose(rows[1][index], row, atol=tolerance)

    def sample(self, who: Single, model: str) -> dict[int, list[int]]:
        contexts = [[1, 2, 3], [4], [1, 2, 3], [5, 6, 7, 8, 9], [4]]
        arrays = {
            **ragged("context", [list(row) for row in contexts], np.int32),
            "streams": np.array([[9, index, 0] for index in range(5)], np.uint32),
        }
        params = {**SCORE, "max_tokens": 12, "end_tokens": [0]}
        drawn: dict[int, list[int]] = {}
        for frame in who.call("sample", params, arrays, model=model).frames:
            ends = np.cumsum(frame.arrays["tokens_lengths"])
            for index, end, size in zip(frame.arrays["index"], ends, frame.arrays["tokens_lengths"], strict=True):
                drawn[int(index)] = frame.arrays["tokens"][end - size : end].tolist()
        return drawn

    def test_one_rank_alone_draws_on_weights_that_were_put_together(self) -> None:
        pair = self.pair()
        answers = []
        for who, model in pair:
            who.call("gather", model=model)
            stream = {"context": np.array([1, 2], np.int32), "stream": np.array([5, 6, 0], np.uint32)}
            params = {"temperature": 1.0, "top_p": 0.8, "max_tokens": 6, "end_tokens": []}
            served = who.call("generate", params, stream, model=model)
            contexts = ragged("context", [[1, 2, 3], [4, 5]], np.int32)
            batch = who.call("open_batch", {}, contexts, model=model).value["batch"]
            first = who.call("load_row", {"batch": batch, "request": 1}, model=model).arrays["logits"]
            rows = {"keep": np.array([0], np.int32), "last": np.array([7], np.int32)}
            second = who.call("step_rows", {"batch": batch}, rows, model=model).arrays["logits"]
            # what all answer together takes the weights apart, and they are as good afterwards
            logp = self.logp(who, model)
            who.call("gather", model=model)
            third = who.call("step_rows", {"batch": batch}, rows, model=model).arrays["logits"]
            answers.append(([frame.arrays["token"][0] for frame in served.frames], first, second, logp, third))
            who.call("close", model=model)
        self.assertEqual(answers[0][0], answers[1][0])
        self.assertEqual(answers[1][2].size, VOCABULARY)
        for wanted, found in zip(answers[0][1:], answers[1][1:], strict=True):
            np.testing.assert_allclose(found, wanted, atol=1e-5)

    def test_folders_are_the_same_whoever_saved_them(self) -> None:
        for name, changes in (("tied", {}), ("untied", {"lora": LORA})):
            with self.subTest(name, **changes):
                pair = self.pair(name, **changes)
                folders: list[Path] = []
                for who, model in pair:
                    self.train(who, model)
                    folders.append(Path(self.temporary.name) / f"saved-{name}-{len(folders)}")
                    who.call("save", {"dir": str(folders[-1])}, model=model)
                for file in sorted(path.name for path in folders[0].iterdir()):
                    self.assertTrue((folders[1] / file).is_file(), file)
                    if not file.endswith(".safetensors"):
                        self.assertEqual((folders[1] / file).read_bytes(), (folders[0] / file).read_bytes())
                # each goes on from what the other saved
                again = [
                    (who, self.load(who, folder.name, optimizer=True))
                    for (who, _), folder in zip(pair, reversed(folders), strict=True)
                ]
                for who, model in (*pair, *again):
                    self.train(who, model)
                logps = [self.logp(who, model) for who, model in (*pair, *again)]
                for logp in logps[1:]:
                    np.testing.assert_allclose(logp, logps[0], atol=1e-5)
                np.testing.assert_array_equal(logps[3], self.logp(*again[1]))
                for who, model in (*pair, *again):
                    who.call("close", model=model)

    def test_many_messages_of_many_lengths_are_shared_out_whole(self) -> None:
        rng = np.random.default_rng(3)
        for count in (0, 1, 9):
            sizes = rng.integers(0, 9, count)
            tokens = [rng.integers(0, VOCABULARY, size).tolist() for size in sizes]
            arrays = {
                **ragged("context", [[1] * int(n) for n in rng.integers(1, 9, count)], np.int32),
                **ragged("tokens", tokens, np.int32),
            }
            answers = [who.call("forward", SCORE, arrays, model=model) for who, model in self.pair()]
            self.near(answers[0], answers[1], 1e-5)

    def test_what_befalls_one_rank_is_told_by_all_and_all_go_on(self) -> None:
        model = self.load(self.crew)

        def complaint(pattern: str, kind: str, call: str, *args: Any, **differently: Any) -> None:
            self.crew.differently = differently
            with self.assertRaisesRegex(CallFailed, pattern) as caught:
                self.crew.call(call, *args, model=model)
            self.crew.differently = {}
            self.assertEqual((caught.exception.kind, caught.exception.broken), (kind, False))
            said = [decode(answer).header["error"] for answer in self.crew.answers]
            self.assertEqual(said[0], said[1])

        params = {"dir": str(self.folder / "tied"), "dtype": "float32", "token_budget": 8, "decode_batch": 2}
        missing = {**params, "dir": str(self.folder / "gone")}
        complaint("gone.*config.json: the file is missing", "model", "load", params, params=missing)
        Qwen3MoeForCausalLM(
            Qwen3MoeConfig(
                vocab_size=23,
                hidden_size=8,
                intermediate_size=8,
                num_hidden_layers=1,
                num_attention_heads=2,
                num_key_value_heads=1,
                num_experts=2,
                moe_intermediate_size=4,
            )
        ).save_pretrained(self.folder / "experts")
        complaint("routes tokens to experts", "model", "load", {**params, "dir": str(self.folder / "experts")})
        complaint("the deadline passed|deadline", "deadline", "forward", SCORE, messages(), deadline_seconds=1e-9)
        # a context that leaves no room, in the second rank's share
        arrays = {
            **ragged("context", [[1], [2], [3], [4] * 64], np.int32),
            "streams": np.zeros((4, 3), np.uint32),
        }
        complaint(
            "a context of 64 tokens leaves no room",
            "request",
            "sample",
            {**SCORE, "max_tokens": 60, "end_tokens": []},
            arrays,
        )
        # in the middle of many batches
        many = {
            **ragged("context", [[1, 2]] * 60, np.int32),
            **ragged("tokens", [[3, 4, 5, 6, 7, 8]] * 60, np.int32),
            **ragged("cotangents", [[1.0] * 6] * 60, np.float32),
        }
        complaint("deadline", "deadline", "backward", SCORE, many, late_at_look=20)
        complaint("a backward pass ended half-way", "engine", "step", STEP)
        self.crew.call("zero_gradients", model=model)
        other = self.load(self.single)
        for who, name in ((self.crew, model), (self.single, other)):
            self.train(who, name)
        np.testing.assert_allclose(self.logp(self.crew, model), self.logp(self.single, other), atol=1e-5)

    def test_z_a_rank_without_memory_in_a_pass_says_so_and_that_the_others_wait_in_vain(self) -> None:
        """Last: nothing can be asked of this crew any more."""
        model = self.load(self.crew, "long", token_budget=LONG)
        pid = self.crew.pids[1]
        assert pid is not None
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + 200 * 2**20
        resource.prlimit(pid, resource.RLIMIT_AS, (limit, limit))
        size = LONG // 2
        arrays = {
            **ragged("context", [[1] * size, [1] * size], np.int32),
            **ragged("tokens", [[2] * size, [3] * size], np.int32),
        }
        with self.assertRaisesRegex(CallFailed, "can't allocate memory") as caught:
            self.crew.call("forward", SCORE, arrays, model=model)
        self.assertEqual((caught.exception.kind, caught.exception.broken), ("memory", True))


if __name__ == "__main__":
    unittest.main()
