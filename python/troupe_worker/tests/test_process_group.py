"""Tests that an agent of two ranks returns the results of a single process and handles errors of one rank."""

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

from .test_model import COTANGENTS, SCORE, STEP
from .tiny_model import VOCAB_SIZE, messages, ragged, write_tiny_model
from .worker_processes import Answer, CallFailed, MultiProcessWorker, SingleProcessWorker

LORA = {"rank": 2, "alpha": 4, "target_modules": "all-linear", "rslora": False}
#: Sequence length at which the attention of one layer needs half a gigabyte of memory.
LONG = 4096


class ProcessGroupTest(unittest.TestCase):
    folder: Path
    temporary: tempfile.TemporaryDirectory[str]
    multi: MultiProcessWorker
    single: SingleProcessWorker

    @classmethod
    def setUpClass(cls) -> None:
        torch.set_num_threads(1)
        cls.multi = MultiProcessWorker(2)
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.temporary.name)
        write_tiny_model(cls.folder / "tied")
        write_tiny_model(cls.folder / "untied", tie_word_embeddings=False)
        write_tiny_model(cls.folder / "long", max_position_embeddings=LONG)
        cls.single = SingleProcessWorker()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.multi.close()
        cls.temporary.cleanup()

    def load(self, worker: SingleProcessWorker, name: str = "tied", **changes: Any) -> str:
        params = {"dir": str(self.folder / name), "dtype": "float32", "token_budget": 8, "decode_batch": 2}
        return str(worker.call("load", {**params, "training": True, **changes}).value["model"])

    def pair(self, name: str = "tied", **changes: Any) -> list[tuple[SingleProcessWorker, str]]:
        return [(worker, self.load(worker, name, **changes)) for worker in (self.single, self.multi)]

    def train(
        self, worker: SingleProcessWorker, model: str, kl: dict[str, Any] | None = None
    ) -> tuple[Answer, Answer, Answer]:
        """Runs a backward pass and a step. Returns the answers of the calls `backward`, `gradients` and `step`."""
        params = {**SCORE, **({} if kl is None else {"kl": kl})}
        passed = worker.call("backward", params, {**messages(), **COTANGENTS}, model=model)
        return passed, worker.call("gradients", model=model), worker.call("step", STEP, model=model)

    def logp(self, worker: SingleProcessWorker, model: str) -> Array:
        return worker.call("forward", SCORE, messages(), model=model).arrays["logp"]

    def assert_close(self, actual: Answer, expected: Answer, tolerance: float) -> None:
        self.assertEqual(set(actual.arrays), set(expected.arrays))
        for name, array in expected.arrays.items():
            np.testing.assert_allclose(actual.arrays[name], array, atol=tolerance, err_msg=name)

    def test_results_of_all_calls_match_those_of_one_process(self) -> None:
        for name, changes, tolerance in (
            ("tied", {}, 2e-6),
            ("untied", {}, 2e-6),
            ("tied", {"lora": LORA}, 2e-6),
            ("tied", {"dtype": "bfloat16"}, 2e-2),
            ("untied", {"dtype": "bfloat16", "lora": LORA}, 2e-2),
        ):
            with self.subTest(name, **changes):
                self.compare(name, changes, tolerance)

    def compare(self, name: str, changes: dict[str, Any], tolerance: float) -> None:
        (single, single_model), (multi, multi_model) = pair = self.pair(name, **changes)
        snapshots = [worker.call("snapshot", model=model).value["snapshot"] for worker, model in pair]
        self.train(single, single_model)
        self.train(multi, multi_model)
        first, second = (
            self.train(worker, model, {"reference": snapshot, "weight": 0.3})
            for (worker, model), snapshot in zip(pair, snapshots, strict=True)
        )
        self.assert_close(second[0], first[0], 10 * tolerance)
        self.assertGreater(float(second[0].arrays["kl"].max()), 1e-3)
        self.assertEqual(first[1].value, second[1].value)
        for key, expected in first[1].arrays.items():
            error = np.abs(second[1].arrays[key] - expected).max() / max(1e-6, np.abs(expected).max())
            self.assertLess(error, 100 * tolerance, key)
        self.assert_close(second[2], first[2], 1e3 * tolerance)
        arrays = messages()
        for call, params in (("forward", {}), ("divergence", {"cur": snapshots[0]}), ("distributions", {})):
            with self.subTest(call):
                answers = [worker.call(call, {**SCORE, **params}, arrays, model=model) for worker, model in pair]
                self.assert_close(answers[1], answers[0], 10 * tolerance)
                self.assert_distributions_close(answers[1].frames, answers[0].frames, 10 * tolerance)
        sampled = [self.sample(worker, model) for worker, model in pair]
        self.assertEqual(sorted(sampled[0]), list(range(5)))
        if tolerance < 1e-3:  # not for bfloat16, because its rounding may change a sampled token
            self.assertEqual(sampled[0], sampled[1])
        for (worker, model), snapshot in zip(pair, snapshots, strict=True):
            before = self.logp(worker, model)
            moved = worker.call("snapshot", model=model).value["snapshot"]
            worker.call("restore", {"snapshot": snapshot}, model=model)
            self.assertGreater(float(np.abs(self.logp(worker, model) - before).max()), 1e-4)
            worker.call("divergence", {**SCORE, "cur": moved}, arrays, model=model)
            worker.call("restore", {"snapshot": moved}, model=model)
            np.testing.assert_array_equal(self.logp(worker, model), before)
            worker.call("release", {"snapshot": moved}, model=model)
            with self.assertRaisesRegex(CallFailed, "does not exist"):
                worker.call("restore", {"snapshot": moved}, model=model)
            worker.call("close", model=model)

    def assert_distributions_close(self, actual: list[Frame], expected: list[Frame], tolerance: float) -> None:
        """Compares frames by the index of their message, because they arrive in any order."""
        rows = [{one.header["index"]: one.arrays["logp"] for one in frames} for frames in (expected, actual)]
        self.assertEqual(set(rows[0]), set(rows[1]))
        for index, row in rows[0].items():
            np.testing.assert_allclose(rows[1][index], row, atol=tolerance)

    def sample(self, worker: SingleProcessWorker, model: str) -> dict[int, list[int]]:
        contexts = [[1, 2, 3], [4], [1, 2, 3], [5, 6, 7, 8, 9], [4]]
        arrays = {
            **ragged("context", [list(row) for row in contexts], np.int32),
            "streams": np.array([[9, index, 0] for index in range(5)], np.uint32),
        }
        params = {**SCORE, "max_tokens": 12, "end_tokens": [0]}
        sampled: dict[int, list[int]] = {}
        for frame in worker.call("sample", params, arrays, model=model).frames:
            ends = np.cumsum(frame.arrays["tokens_lengths"])
            for index, end, size in zip(frame.arrays["index"], ends, frame.arrays["tokens_lengths"], strict=True):
                sampled[int(index)] = frame.arrays["tokens"][end - size : end].tolist()
        return sampled

    def test_a_single_rank_samples_with_unsharded_weights(self) -> None:
        pair = self.pair()
        results = []
        for worker, model in pair:
            worker.call("unshard", model=model)
            stream = {"context": np.array([1, 2], np.int32), "stream": np.array([5, 6, 0], np.uint32)}
            params = {"temperature": 1.0, "top_p": 0.8, "max_tokens": 6, "end_tokens": []}
            served = worker.call("generate", params, stream, model=model)
            contexts = ragged("context", [[1, 2, 3], [4, 5]], np.int32)
            batch = worker.call("open_batch", {}, contexts, model=model).value["batch"]
            first = worker.call("load_row", {"batch": batch, "request": 1}, model=model).arrays["logits"]
            rows = {"keep": np.array([0], np.int32), "last": np.array([7], np.int32)}
            second = worker.call("step_rows", {"batch": batch}, rows, model=model).arrays["logits"]
            # This call of all ranks shards the weights again. The open batch must still work afterwards.
            logp = self.logp(worker, model)
            worker.call("unshard", model=model)
            third = worker.call("step_rows", {"batch": batch}, rows, model=model).arrays["logits"]
            results.append(([frame.arrays["token"][0] for frame in served.frames], first, second, logp, third))
            worker.call("close", model=model)
        self.assertEqual(results[0][0], results[1][0])
        self.assertEqual(results[1][2].size, VOCAB_SIZE)
        for expected, actual in zip(results[0][1:], results[1][1:], strict=True):
            np.testing.assert_allclose(actual, expected, atol=1e-5)

    def test_saved_folders_match_those_of_one_process(self) -> None:
        for name, changes in (("tied", {}), ("untied", {"lora": LORA})):
            with self.subTest(name, **changes):
                pair = self.pair(name, **changes)
                folders: list[Path] = []
                for worker, model in pair:
                    self.train(worker, model)
                    folders.append(Path(self.temporary.name) / f"saved-{name}-{len(folders)}")
                    worker.call("save", {"dir": str(folders[-1])}, model=model)
                for file in sorted(path.name for path in folders[0].iterdir()):
                    self.assertTrue((folders[1] / file).is_file(), file)
                    if not file.endswith(".safetensors"):
                        self.assertEqual((folders[1] / file).read_bytes(), (folders[0] / file).read_bytes())
                # Each worker resumes training from the folder that the other worker saved.
                resumed = [
                    (worker, self.load(worker, folder.name, optimizer=True))
                    for (worker, _), folder in zip(pair, reversed(folders), strict=True)
                ]
                for worker, model in (*pair, *resumed):
                    self.train(worker, model)
                logps = [self.logp(worker, model) for worker, model in (*pair, *resumed)]
                for logp in logps[1:]:
                    np.testing.assert_allclose(logp, logps[0], atol=1e-5)
                np.testing.assert_array_equal(logps[3], self.logp(*resumed[1]))
                for worker, model in (*pair, *resumed):
                    worker.call("close", model=model)

    def test_distributes_messages_of_any_number_and_length(self) -> None:
        rng = np.random.default_rng(3)
        for count in (0, 1, 9):
            sizes = rng.integers(0, 9, count)
            tokens = [rng.integers(0, VOCAB_SIZE, size).tolist() for size in sizes]
            arrays = {
                **ragged("context", [[1] * int(n) for n in rng.integers(1, 9, count)], np.int32),
                **ragged("tokens", tokens, np.int32),
            }
            answers = [worker.call("forward", SCORE, arrays, model=model) for worker, model in self.pair()]
            self.assert_close(answers[1], answers[0], 1e-5)

    def test_an_error_of_one_rank_is_raised_on_all_ranks_and_they_continue(self) -> None:
        model = self.load(self.multi)

        def assert_fails(pattern: str, kind: str, call: str, *args: Any, **last_rank_header: Any) -> None:
            self.multi.last_rank_header = last_rank_header
            with self.assertRaisesRegex(CallFailed, pattern) as caught:
                self.multi.call(call, *args, model=model)
            self.multi.last_rank_header = {}
            self.assertEqual((caught.exception.kind, caught.exception.desynchronized), (kind, False))
            errors = [decode(answer).header["error"] for answer in self.multi.answers]
            self.assertEqual(errors[0], errors[1])

        params = {"dir": str(self.folder / "tied"), "dtype": "float32", "token_budget": 8, "decode_batch": 2}
        missing = {**params, "dir": str(self.folder / "gone")}
        assert_fails("gone.*config.json: the file is missing", "model", "load", params, params=missing)
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
        assert_fails("routes tokens to experts", "model", "load", {**params, "dir": str(self.folder / "experts")})
        assert_fails(
            "the deadline passed|deadline", "deadline", "forward", SCORE, messages(), deadline_seconds=1e-9
        )
        # The last context is too long. It belongs to the messages of the second rank.
        arrays = {
            **ragged("context", [[1], [2], [3], [4] * 64], np.int32),
            "streams": np.zeros((4, 3), np.uint32),
        }
        assert_fails(
            "a context of 64 tokens leaves no room",
            "request",
            "sample",
            {**SCORE, "max_tokens": 60, "end_tokens": []},
            arrays,
        )
        # The deadline passes between two of many batches.
        many = {
            **ragged("context", [[1, 2]] * 60, np.int32),
            **ragged("tokens", [[3, 4, 5, 6, 7, 8]] * 60, np.int32),
            **ragged("cotangents", [[1.0] * 6] * 60, np.float32),
        }
        assert_fails("deadline", "deadline", "backward", SCORE, many, late_at_check=20)
        assert_fails("a backward pass did not finish", "engine", "step", STEP)
        self.multi.call("zero_gradients", model=model)
        single_model = self.load(self.single)
        for worker, name in ((self.multi, model), (self.single, single_model)):
            self.train(worker, name)
        np.testing.assert_allclose(self.logp(self.multi, model), self.logp(self.single, single_model), atol=1e-5)

    def test_z_out_of_memory_during_a_pass_is_reported_as_desynchronized(self) -> None:
        """Must run last (hence the z in its name), because the worker cannot be used afterwards."""
        model = self.load(self.multi, "long", token_budget=LONG)
        pid = self.multi.pids[1]
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
            self.multi.call("forward", SCORE, arrays, model=model)
        self.assertEqual((caught.exception.kind, caught.exception.desynchronized), ("memory", True))


if __name__ == "__main__":
    unittest.main()
