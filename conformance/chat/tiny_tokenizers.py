"""Trains a small tokenizer for each model family on corpus.txt.

The normalizer, pre-tokenizer, model and decoder are those of the family. The vocabulary has a few hundred tokens.
"""

import json
from collections import Counter
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from tokenizers.trainers import BpeTrainer

CORPUS = Path(__file__).with_name("corpus.txt").read_text(encoding="utf-8").splitlines(keepends=True)

# Rare characters are not in the training text, so that encoding them needs the byte fallback.
COUNTS = Counter("".join(CORPUS))
COMMON = set(sorted(COUNTS, key=lambda character: (-COUNTS[character], character))[:100])

QWEN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LLAMA = QWEN.replace(r"\p{N}|", r"\p{N}{1,3}|")


def byte_level(pattern, specials, added=(), *, size=700, ignore_merges=False, normalizer=None, digits=False):
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if digits:
        first = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    else:
        first = [
            pre_tokenizers.Split(Regex(pattern), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(first)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        CORPUS,
        BpeTrainer(vocab_size=size, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False),
    )
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    tokenizer.add_special_tokens(list(specials))
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in added])
    return tokenizer


def byte_fallback(specials, added=(), *, size=600, gemma):
    """Returns a tokenizer like those of SentencePiece: spaces become ▁, unknown characters become byte tokens."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    if gemma:
        tokenizer.normalizer = normalizers.Replace(" ", "▁")
        tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", behavior="merged_with_previous")
        steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
        steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    tokenizer.decoder = decoders.Sequence(steps)
    tokens = list(specials) + [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = BpeTrainer(vocab_size=size, special_tokens=tokens, show_progress=False)
    lines = ["".join(character for character in line if character in COMMON) for line in CORPUS]
    words = [word + "\n" for line in lines for word in line.rstrip("\n").split(" ")] if gemma else lines
    tokenizer.train_from_iterator(words, trainer)
    config = json.loads(tokenizer.to_str())
    config["added_tokens"] = [token for token in config["added_tokens"] if token["content"] in specials]
    tokenizer = Tokenizer.from_str(json.dumps(config))
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in added])
    return tokenizer


CHATML = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TAGS = ["<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>", "<think>", "</think>"]
LLAMA_SPECIAL = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]


def with_bos(tokenizer, bos):
    bos_id = tokenizer.token_to_id(bos)
    template = processors.TemplateProcessing(
        single=f"{bos} $A", pair=f"{bos} $A {bos}:1 $B:1", special_tokens=[(bos, bos_id)]
    )
    tokenizer.post_processor = template
    return tokenizer


def qwen3():
    return byte_level(QWEN, CHATML, TAGS, normalizer=normalizers.NFC())


def qwen2_5():
    return byte_level(QWEN, CHATML, TAGS[:2], normalizer=normalizers.NFC(), size=650)


def llama3():
    return with_bos(byte_level(LLAMA, LLAMA_SPECIAL, ignore_merges=True), "<|begin_of_text|>")


def gemma3():
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>", "<start_of_image>"]
    added = ["\n" * count for count in range(1, 5)] + ["▁" * count for count in range(2, 6)] + ["<table>", "<td>"]
    return with_bos(byte_fallback(special, added, gemma=True), "<bos>")


def smollm2():
    return byte_level(None, CHATML + ["<repo_name>"], digits=True)


def smollm3():
    return byte_level(LLAMA, LLAMA_SPECIAL[:2] + CHATML[1:], TAGS, ignore_merges=True)


def mistral():
    special = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[TOOL_CALLS]", "[AVAILABLE_TOOLS]"]
    special += ["[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]"]
    return with_bos(byte_fallback(special, gemma=False), "<s>")
