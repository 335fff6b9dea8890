"""Writes the GGUF fixtures of test/fixtures/gguf with the gguf package, and expected values from independent programs.

  blocks.gguf        random blocks of every tensor type, each with the values of gguf.quants.dequantize
  ARCHITECTURE.gguf  a tiny random model of every architecture, with log-probabilities from Transformers
  tokenizers.json    ids of llama.cpp for every pre-tokenizer and for SentencePiece models

Every tiny model is also opened with llama.cpp, whose log-probabilities must agree, so that the files are what its
converter would have made. Usage: python conformance/write_gguf_fixtures.py (in the folder of the repository)
"""

import json
import math
import os
import sys
import tempfile

import gguf
import numpy as np
import torch
from llama_cpp import LlamaCpp
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import (
    Gemma2Config,
    Gemma3TextConfig,
    LlamaConfig,
    MistralConfig,
    Qwen2Config,
    Qwen3Config,
    SmolLM3Config,
)
from transformers.models.auto import AutoModelForCausalLM
from varied_strings import varied_strings

OUT = "test/fixtures/gguf"
Q = gguf.GGMLQuantizationType
TYPES = [Q.F32, Q.F16, Q.BF16, Q.Q8_0, Q.Q4_0, Q.Q4_1, Q.Q5_0, Q.Q5_1, Q.Q2_K, Q.Q3_K, Q.Q4_K, Q.Q5_K, Q.Q6_K]
# positions of the half-precision numbers in a block; random bytes there could be infinite or not a number
HALVES = {
    Q.Q8_0: [0], Q.Q4_0: [0], Q.Q4_1: [0, 2], Q.Q5_0: [0], Q.Q5_1: [0, 2],
    Q.Q2_K: [80, 82], Q.Q3_K: [108], Q.Q4_K: [0, 2], Q.Q5_K: [0, 2], Q.Q6_K: [208],
}  # fmt: skip


def write_blocks() -> None:
    draw = np.random.default_rng(3)
    writer = gguf.GGUFWriter(f"{OUT}/blocks.gguf", "llama")
    for kind in TYPES:
        length, size = gguf.GGML_QUANT_SIZES[kind]
        blocks = 1024 // length
        raw = draw.integers(0, 256, (blocks, size), dtype=np.uint8)
        for at in HALVES.get(kind, []):
            scale = (draw.normal(size=blocks) * 10.0 ** draw.integers(-6, 3, blocks)).astype(np.float16)
            raw[:, at : at + 2] = scale.view(np.uint8).reshape(blocks, 2)
        if kind in (Q.F32, Q.F16, Q.BF16):
            values = draw.normal(size=1024).astype(np.float32)
            raw = values.view(np.uint8) if kind == Q.F32 else gguf.quants.quantize(values, kind).view(np.uint8)
        rows = np.ascontiguousarray(raw.reshape(2, -1))
        expected = gguf.quants.dequantize(rows, kind).reshape(2, 512)
        writer.add_tensor(kind.name, rows, raw_shape=rows.shape, raw_dtype=kind)
        writer.add_tensor(f"{kind.name}.expected", expected)
    finish(writer)


def finish(writer: gguf.GGUFWriter) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


SHAPE = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "max_position_embeddings": 128,
    "bos_token_id": 1,
    "eos_token_id": 0,
    "pad_token_id": None,
    "initializer_range": 0.3,
    "rms_norm_eps": 1e-5,
}
LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32}
A = gguf.MODEL_ARCH

# name: (architecture, configuration of Transformers)
MODELS = {
    "llama": (A.LLAMA, LlamaConfig(**SHAPE, attention_bias=True, mlp_bias=True, tie_word_embeddings=False)),
    "llama3": (A.LLAMA, LlamaConfig(**SHAPE, rope_theta=5e5, rope_scaling=LLAMA3, tie_word_embeddings=True)),
    "mistral3": (A.MISTRAL3, MistralConfig(**SHAPE, sliding_window=None)),
    "qwen2": (A.QWEN2, Qwen2Config(**SHAPE, rope_theta=1e6, tie_word_embeddings=True)),
    "qwen2-yarn": (A.QWEN2, Qwen2Config(**SHAPE, rope_scaling=YARN)),
    "qwen3": (A.QWEN3, Qwen3Config(**SHAPE, rope_theta=1e6, tie_word_embeddings=True)),
    "gemma2": (A.GEMMA2, Gemma2Config(**SHAPE, query_pre_attn_scalar=8, sliding_window=6, attn_logit_softcapping=2.0, final_logit_softcapping=4.0)),
    "gemma3": (A.GEMMA3, Gemma3TextConfig(**{**SHAPE, "num_hidden_layers": 6}, query_pre_attn_scalar=8, sliding_window=6, rope_scaling={"rope_type": "linear", "factor": 4.0})),
    "smollm3": (A.SMOLLM3, SmolLM3Config(**{**SHAPE, "num_hidden_layers": 4}, no_rope_layer_interval=4)),
}  # fmt: skip


def add_metadata(writer: gguf.GGUFWriter, name: str, config) -> None:
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_theta)
    if name.startswith("llama"):
        writer.add_rope_dimension_count(config.head_dim)
    scaling = getattr(config, "rope_scaling", None) or {}
    if scaling.get("rope_type") in ("linear", "yarn"):
        writer.add_rope_scaling_type(gguf.RopeScalingType(scaling["rope_type"]))
        writer.add_rope_scaling_factor(scaling["factor"])
    if scaling.get("rope_type") == "yarn":
        writer.add_rope_scaling_orig_ctx_len(scaling["original_max_position_embeddings"])
    if name.startswith("gemma"):
        writer.add_sliding_window(config.sliding_window)
    if name == "gemma2":
        writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
        writer.add_final_logit_softcapping(config.final_logit_softcapping)


def bytes_of_characters() -> list[str]:
    """Returns the characters by which GPT-2 represents the bytes."""
    return sorted(pre_tokenizers.ByteLevel.alphabet())


def add_vocabulary(writer: gguf.GGUFWriter) -> None:
    tokens = ["<eos>", "<s>", "<|im_end|>", *bytes_of_characters()[:59], '!"', '!"#']
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types([3, 3, 3] + [1] * 61)
    writer.add_token_merges(['! "', '!" #'])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(0)


def permuted(values: np.ndarray, heads: int) -> np.ndarray:
    """Rows of a query or key projection in the order of llama.cpp, as in its converter."""
    return values.reshape(heads, 2, values.shape[0] // heads // 2, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)


def llama3_factors(config) -> np.ndarray:
    """Factor of each frequency, as in llama.cpp's converter."""
    scaling = config.rope_scaling
    original, low, high = (scaling[k] for k in ("original_max_position_embeddings", "low_freq_factor", "high_freq_factor"))
    factors = []
    for i in range(0, config.head_dim, 2):
        wavelength = 2 * math.pi * config.rope_theta ** (i / config.head_dim)
        if wavelength < original / high:
            factors.append(1.0)
        elif wavelength > original / low:
            factors.append(scaling["factor"])
        else:
            smooth = (original / wavelength - low) / (high - low)
            factors.append(1 / ((1 - smooth) / scaling["factor"] + smooth))
    return np.array(factors, np.float32)


def write_model(name: str) -> None:
    architecture, config = MODELS[name]
    torch.manual_seed(len(name))
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation="eager").eval()
    with torch.no_grad():
        for parameter_name, parameter in model.named_parameters():
            if parameter.dim() == 1:  # otherwise norms are all alike, and biases zero
                parameter.add_(torch.randn_like(parameter) * 0.2)
            else:
                parameter.copy_(parameter.half().float())  # files have half precision
    path = f"{OUT}/{name}.gguf"
    writer = gguf.GGUFWriter(path, gguf.MODEL_ARCH_NAMES[architecture])
    add_metadata(writer, name, config)
    add_vocabulary(writer)
    names = gguf.get_tensor_name_map(architecture, config.num_hidden_layers)
    if name == "llama3":
        writer.add_tensor("rope_freqs.weight", llama3_factors(config))
    for tensor_name, tensor in model.state_dict().items():
        if tensor_name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        values = tensor.numpy()
        if architecture in (A.LLAMA, A.MISTRAL3, A.SMOLLM3) and ".q_proj." in tensor_name:
            values = permuted(values, config.num_attention_heads)
        if architecture in (A.LLAMA, A.MISTRAL3, A.SMOLLM3) and ".k_proj." in tensor_name:
            values = permuted(values, config.num_key_value_heads)
        if name.startswith("gemma") and tensor_name.endswith("norm.weight"):
            values = values + 1
        mapped = names.get_name(tensor_name, (".weight", ".bias"))
        writer.add_tensor(mapped, values.astype(np.float16 if values.ndim == 2 else np.float32))
    finish(writer)
    tokens = [1, *(int(i) for i in torch.randint(3, 64, (23,)))]
    with torch.no_grad():
        logprobs = torch.log_softmax(model(torch.tensor([tokens])).logits[0].double(), -1)
    expected = [logprobs[i, tokens[i + 1]].item() for i in range(len(tokens) - 1)]
    check_with_llama_cpp(name, path, tokens, logprobs[-1])
    with open(f"{OUT}/{name}.json", "w") as file:
        json.dump({"tokens": tokens, "logprobs": expected}, file)
        file.write("\n")


def check_with_llama_cpp(name: str, path: str, tokens: list[int], logprobs: torch.Tensor) -> None:
    top = LlamaCpp(path).top_logprobs(tokens, 10)
    worst = max(abs(value - logprobs[token].item()) for token, value in top.items())
    print(f"{name}: llama.cpp differs from Transformers by {worst:.1e} nats")
    if worst > 0.02:  # llama.cpp computes with half precision in its caches
        sys.exit(f"{path}: llama.cpp and Transformers disagree")


# one name of each group of pre-tokenizers with the same expressions
PRE_TOKENIZERS = [
    "default", "gpt-2", "llama-bpe", "smaug-bpe", "qwen2", "qwen35", "smollm", "deepseek-llm", "deepseek-coder",
    "deepseek-v3", "falcon", "tekken", "gpt-4o", "seed-coder", "bailingmoe", "minicpm5", "ufakzeka", "glm4",
]  # fmt: skip


def byte_level_vocabulary(texts: list[str]) -> tuple[list[str], list[str]]:
    """Trains merges on whole texts, so that they cross every boundary that a pre-tokenizer can make."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    trainer = trainers.BpeTrainer(vocab_size=900, initial_alphabet=bytes_of_characters(), show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    ids = model["vocab"]
    return sorted(ids, key=ids.get), [" ".join(pair) for pair in model["merges"]]


def sentencepiece_vocabulary(texts: list[str]) -> tuple[list[str], list[float], list[int]]:
    """Trains merges on whole texts and gives tokens the scores that SentencePiece gives to them."""
    tokenizer = Tokenizer(models.BPE())
    trainer = trainers.BpeTrainer(vocab_size=700, show_progress=False)
    tokenizer.train_from_iterator([text.replace(" ", "▁") for text in texts], trainer)
    ids = tokenizer.get_vocab()
    learned = sorted(ids, key=ids.get)
    pieces = [text for text in learned if len(text) > 1]
    pieces += sorted(set("".join(pieces)))  # as in SentencePiece, the characters of tokens are tokens
    special = [("<unk>", 0.0, 2), ("<s>", 0.0, 3), ("</s>", 0.0, 3)]
    special += [(f"<0x{byte:02X}>", 0.0, 6) for byte in range(256)]
    special += [("  ", -1000.0, 4), ("   ", -1000.0, 4), ("\n\n", -1000.0, 4)]
    taken = {text for text, _, _ in special}
    pieces = [text for text in pieces if "\0" not in text]  # llama.cpp ends a token there
    rows = special + [(text, -float(i), 1) for i, text in enumerate(p for p in pieces if p not in taken)]
    return [r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows]


def write_vocabulary_file(path: str, add) -> None:
    """Writes a file with the vocabulary that `add` writes and a minimal model, which llama.cpp demands."""
    writer = gguf.GGUFWriter(path, "llama")
    count = add(writer)
    writer.add_context_length(64)
    writer.add_embedding_length(32)
    writer.add_block_count(1)
    writer.add_feed_forward_length(32)
    writer.add_head_count(1)
    writer.add_layer_norm_rms_eps(1e-5)
    zeros = {"token_embd": (count, 32), "output_norm": (32,), "blk.0.attn_norm": (32,), "blk.0.ffn_norm": (32,)}
    matrices = ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"]
    for name, shape in {**zeros, **{f"blk.0.{name}": (32, 32) for name in matrices}}.items():
        writer.add_tensor(f"{name}.weight", np.zeros(shape, np.float16 if len(shape) == 2 else np.float32))
    finish(writer)


def write_tokenizers() -> None:
    texts = [text for text in varied_strings(600, seed=11) if "<|" not in text]
    strings = varied_strings(230)[::2]
    tokens, merges = byte_level_vocabulary(texts)
    special = ["<|endoftext|>", "<|im_end|>", "<tag>"]
    tokens += special
    pieces, scores, types = sentencepiece_vocabulary(texts)

    def byte_level(name: str):
        def add(writer: gguf.GGUFWriter) -> int:
            writer.add_tokenizer_model("gpt2")
            writer.add_tokenizer_pre(name)
            writer.add_token_list(tokens)
            writer.add_token_types([1] * (len(tokens) - 3) + [3, 3, 4])
            writer.add_token_merges(merges)
            writer.add_eos_token_id(len(tokens) - 3)
            writer.add_bos_token_id(len(tokens) - 3)
            return len(tokens)

        return add

    def sentencepiece(prefix: bool):
        def add(writer: gguf.GGUFWriter) -> int:
            writer.add_tokenizer_model("llama")
            writer.add_tokenizer_pre("default")
            writer.add_token_list(pieces)
            writer.add_token_scores(scores)
            writer.add_token_types(types)
            writer.add_add_space_prefix(prefix)
            return len(pieces)

        return add

    ids = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, add in {
            **{f"gpt2 {name}": byte_level(name) for name in PRE_TOKENIZERS},
            "llama prefix": sentencepiece(True),
            "llama": sentencepiece(False),
        }.items():
            path = f"{folder}/tokenizer.gguf"
            write_vocabulary_file(path, add)
            llama = LlamaCpp(path)
            ids[name] = [llama.tokenize(text) for text in strings]
            del llama
    expected = {
        "strings": strings,
        "gpt2": {"tokens": tokens, "merges": merges},
        "llama": {"tokens": pieces, "scores": scores, "types": types},
        "ids": ids,
    }
    with open(f"{OUT}/tokenizers.json", "w", encoding="utf-8") as file:
        json.dump(expected, file, ensure_ascii=True, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    os.makedirs(OUT, exist_ok=True)
    only = sys.argv[1:]
    if not only:
        write_blocks()
    for model_name in only or MODELS:
        write_model(model_name)
    write_tokenizers()
