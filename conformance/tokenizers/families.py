"""Small tokenizers with the structure of well-known ones: normalizer, splits, model options, decoder and added tokens are
those of the original, the vocabulary is trained on a short text. `families()` yields pairs of name and tokenizer.
"""

from tokenizers import AddedToken, Regex, Tokenizer, decoders as D, models, normalizers as N, pre_tokenizers as P, processors, trainers

from variants import CORPUS, SPIECE, bpe, byte_level, fallback_bpe, split, unigram

LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
TEKKEN = rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
ENGLISH = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
O200K = rf"[^\r\n\p{{L}}\p{{N}}]?{UPPER}*{LOWER}+{ENGLISH}|[^\r\n\p{{L}}\p{{N}}]?{UPPER}+{LOWER}*{ENGLISH}|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
DEEPSEEK_V3 = r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
CLIP = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
BLOOM = r" ?[^(\s|[.,!?…。，、।۔،])]+"
TO_SPIECE = N.Sequence([N.Prepend("▁"), N.Replace(" ", "▁")])
NO_STRIP = D.Sequence([D.Replace("▁", " "), D.ByteFallback(), D.Fuse()])


def special(tokenizer, *tokens, **flags):
    tokenizer.add_special_tokens([AddedToken(token, **{"normalized": False, **flags}) for token in tokens])
    return tokenizer


def ordinary(tokenizer, *tokens, **flags):
    tokenizer.add_tokens([AddedToken(token, **flags) for token in tokens])
    return tokenizer


def steps(*parts):
    return P.Sequence([*parts, byte_level(use_regex=False)])


def regex_split(pattern):
    return P.Split(Regex(pattern), "isolated")


def chat(tokenizer):
    return special(tokenizer, "<|endoftext|>", "<|im_start|>", "<|im_end|>")


def llama2():
    tokenizer = fallback_bpe(TO_SPIECE, None, SPIECE)
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return tokenizer


def llama3():
    tokenizer = bpe(None, split(LLAMA3), D.ByteLevel(), ignore_merges=True)
    tokenizer.post_processor = processors.Sequence(
        [processors.ByteLevel(trim_offsets=True), processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])]
    )
    return special(tokenizer, "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")


def gemma(model):
    normalizer, splitter = N.Replace(" ", "▁"), P.Split(" ", "merged_with_previous")
    tokenizer = fallback_bpe(normalizer, splitter, NO_STRIP) if model == "BPE" else unigram(normalizer, splitter, NO_STRIP, byte_fallback=True)
    special(tokenizer, "<bos>", "<eos>", "<pad>", "<start_of_turn>", "<end_of_turn>")
    return ordinary(tokenizer, "\n\n", "\n\n\n", "▁▁", "▁▁▁", "\t\t", "<b>", "</b>", normalized=False)


def roberta():
    tokenizer = bpe(None, byte_level(), D.ByteLevel(), special=["<s>", "<pad>", "</s>", "<unk>"])
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False)
    return special(tokenizer, "<mask>", lstrip=True)


def bert(**options):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = N.BertNormalizer(**options)
    tokenizer.pre_tokenizer = P.BertPreTokenizer()
    tokenizer.decoder = D.WordPiece()
    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer.train_from_iterator(CORPUS, trainers.WordPieceTrainer(vocab_size=300, special_tokens=names, show_progress=False))
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


def clip():
    normalizer = N.Sequence([N.NFC(), N.Replace(Regex(r"\s+"), " "), N.Lowercase()])
    splitter = P.Sequence([P.Split(Regex(CLIP), "removed", invert=True), byte_level()])
    tokenizer = bpe(normalizer, splitter, D.ByteLevel(), special=["<|startoftext|>", "<|endoftext|>"], unk_token="<|endoftext|>", end_of_word_suffix="</w>")
    return special(tokenizer, "<|startoftext|>", "<|endoftext|>", normalized=True)


def families(charsmap):
    """Yields pairs of name and tokenizer. `charsmap` is a compiled SentencePiece normalization (nmt_nfkc), which is large;
    only one tokenizer contains it, the others contain NFKC instead.
    """
    yield "GPT-2", special(bpe(None, byte_level(), D.ByteLevel()), "<|endoftext|>", normalized=True)
    yield "RoBERTa", roberta()
    yield "GPT-NeoX, OLMo, ModernBERT", ordinary(special(bpe(N.NFC(), byte_level(), D.ByteLevel()), "<|endoftext|>", "|||IP_ADDRESS|||"), *[" " * n for n in range(24, 1, -1)])  # fmt: skip
    yield "BLOOM", special(bpe(None, P.Sequence([regex_split(BLOOM), byte_level(use_regex=False)]), D.ByteLevel()), "<pad>")
    yield "Falcon", bpe(None, P.Sequence([P.Punctuation("contiguous"), byte_level(), P.Digits(False), regex_split("[0-9][0-9][0-9]")]), D.ByteLevel())
    yield "StarCoder, Granite", special(bpe(None, P.Sequence([P.Digits(True), byte_level()]), D.ByteLevel()), "<|endoftext|>", "<fim_prefix>", "<fim_suffix>")
    yield "SmolLM, SmolLM2", chat(bpe(None, P.Sequence([P.Digits(True), byte_level()]), D.ByteLevel()))
    yield "SmolLM3", ordinary(chat(llama3()), "<think>", "</think>", "<tool_call>", "</tool_call>", normalized=False)
    yield "Cohere", special(bpe(N.NFC(), P.Sequence([P.Digits(True), byte_level()]), D.ByteLevel()), "<|START_OF_TURN_TOKEN|>")
    yield "Llama 2, Mistral v0.1", llama2()
    yield "Llama 2, normalized special tokens", special(llama2(), "<s>", "</s>", "<unk>", "[INST]", normalized=True)
    yield "Phi-3", special(special(llama2(), "<|endoftext|>"), "<|assistant|>", "<|user|>", "<|end|>", "</s>", "[R]", rstrip=True)
    yield "Mistral v0.3", special(fallback_bpe(None, P.Metaspace(prepend_scheme="first", split=False), SPIECE), "[INST]", "[/INST]")
    yield "InternLM 2, Yi", fallback_bpe(N.Replace(" ", "▁"), None, NO_STRIP)
    yield "Llama 3", llama3()
    yield "Mistral Tekken", special(bpe(None, split(TEKKEN), D.ByteLevel(), ignore_merges=True), "[INST]", "[/INST]")
    yield "gpt-oss, Llama 4 (o200k)", special(bpe(None, split(O200K), D.ByteLevel()), "<|start|>", "<|message|>", "<|end|>")
    yield "Qwen 2, Qwen 2.5", chat(bpe(N.NFC(), split(QWEN2), D.ByteLevel(), continuing_subword_prefix="", end_of_word_suffix=""))
    yield "Qwen 3", ordinary(chat(bpe(N.NFC(), split(QWEN2), D.ByteLevel())), "<think>", "</think>", "<tool_call>", "</tool_call>", normalized=False)
    yield "GLM-4", special(bpe(None, split(QWEN2), D.ByteLevel()), "[gMASK]", "<sop>", "<|user|>", "<|assistant|>")
    yield "DeepSeek V3, R1", ordinary(special(bpe(N.Sequence([]), steps(regex_split(r"\p{N}{1,3}"), regex_split("[一-龥\u3040-ゟ゠-ヿ]+"), regex_split(DEEPSEEK_V3)), D.ByteLevel()), "<｜begin▁of▁sentence｜>"), "<｜User｜>", "<think>", normalized=False)  # fmt: skip
    yield "DeepSeek Coder", special(bpe(None, steps(regex_split("[\r\n]"), regex_split(r"\s?\p{L}+"), regex_split(r"\s?\p{P}+"), regex_split("[一-龥ࠀ-一가-\ud7ff]+"), P.Digits(True)), D.ByteLevel()), "<｜begin▁of▁sentence｜>")  # fmt: skip
    yield "Gemma, Gemma 2, Gemma 3", gemma("BPE")
    yield "Gemma as Unigram", gemma("Unigram")
    yield "T5", special(unigram(N.NFKC(), P.Sequence([P.WhitespaceSplit(), P.Metaspace()]), D.Metaspace(), size=300), "<pad>", "<extra_id_0>")
    yield "XLM-RoBERTa", special(unigram(N.Sequence([N.Precompiled(charsmap), N.Replace(Regex(" {2,}"), " ")]), P.Metaspace(), D.Metaspace(), size=300), "<mask>", lstrip=True)
    yield "ALBERT", special(unigram(N.Sequence([N.Replace("``", '"'), N.Replace("''", '"'), N.NFKD(), N.StripAccents(), N.Lowercase(), N.NFKC()]), P.Metaspace(), D.Metaspace()), "[CLS]", "[SEP]")  # fmt: skip
    yield "BERT uncased", bert(lowercase=True)
    yield "BERT cased", bert(lowercase=False)
    yield "CLIP", clip()
