"""Small tokenizers, one for each feature of the Rust library. `variants()` yields pairs of name and JSON text."""

import json

from tokenizers import AddedToken, Regex, Tokenizer, decoders as D, models, normalizers as N, pre_tokenizers as P, processors, trainers

CORPUS = [
    "the quick brown fox jumps over the lazy dog", "Hello world, hello WORLD! 123 4567", "ñandú café naïve", "日本語 テスト 한국어",
    "don't can't I'm we've", "a b c d e f g h 0 1 2 3 4 5 6 7 8 9", "foo_bar-baz (x) [y] {z}", "   indented\n\n\ttext\r\n", "русский текст 中文",
] * 30  # fmt: skip
SPECIAL = ["<unk>", "<s>", "</s>"]
SPIECE = D.Sequence([D.Replace("▁", " "), D.ByteFallback(), D.Fuse(), D.Strip(" ", 1, 0)])
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


def assemble(tokenizer, normalizer=None, splitter=None, decoder=None):
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if splitter is not None:
        tokenizer.pre_tokenizer = splitter
    if decoder is not None:
        tokenizer.decoder = decoder
    return tokenizer


def unigram(*parts, byte_fallback=False, size=200):
    tokenizer = assemble(Tokenizer(models.Unigram()), *parts)
    tokenizer.train_from_iterator(
        CORPUS, trainers.UnigramTrainer(vocab_size=size, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False)
    )
    if not byte_fallback:
        return tokenizer
    content = json.loads(tokenizer.to_str())
    content["model"]["vocab"] += [[piece, 0.0] for piece in BYTES]
    content["model"]["byte_fallback"] = True
    return Tokenizer.from_str(json.dumps(content))


def is_byte_level(splitter):
    return splitter is not None and "ByteLevel" in str(splitter)


def bpe(*parts, size=400, special=tuple(SPECIAL), alphabet=(), **model):
    tokenizer = assemble(Tokenizer(models.BPE(**model)), *parts)
    letters = P.ByteLevel.alphabet() if is_byte_level(tokenizer.pre_tokenizer) or is_byte_level(tokenizer.normalizer) else list(alphabet)
    suffix = {"end_of_word_suffix": model["end_of_word_suffix"]} if "end_of_word_suffix" in model else {}
    prefix = {"continuing_subword_prefix": model["continuing_subword_prefix"]} if "continuing_subword_prefix" in model else {}
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=list(special), initial_alphabet=letters, show_progress=False, **suffix, **prefix
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def fallback_bpe(*parts, special=("<unk>", "<s>", "</s>"), **model):
    """BPE with one token for each byte, as converted from SentencePiece."""
    tokenizer = bpe(*parts, size=620, special=[*special, *BYTES], unk_token="<unk>", fuse_unk=True, byte_fallback=True, **model)
    # the trainer adds bytes as special tokens; converted files have them in the vocabulary only
    content = json.loads(tokenizer.to_str())
    content["added_tokens"] = [token for token in content["added_tokens"] if token["content"] in special]
    return Tokenizer.from_str(json.dumps(content))


def byte_level(**options):
    return P.ByteLevel(**{"add_prefix_space": False, **options})


def split(pattern, behavior="isolated", invert=False):
    """A byte-level splitter after a regular expression."""
    return P.Sequence([P.Split(Regex(pattern), behavior, invert), byte_level(use_regex=False)])


def plain():
    return bpe(None, byte_level(), D.ByteLevel())


def edited(tokenizer, **model):
    content = json.loads(tokenizer.to_str())
    content["model"].update(model)
    return json.dumps(content, ensure_ascii=False)


def added():
    tokenizer = plain()
    tokenizer.add_special_tokens(
        [AddedToken("<|im_start|>"), AddedToken("<|im_end|>"), AddedToken("<mask>", lstrip=True), AddedToken("[R]", rstrip=True)]
    )
    tokenizer.add_tokens(
        [AddedToken("WORD", single_word=True), AddedToken("fooX", normalized=True), AddedToken("barY", normalized=False), "  ", "\n\n"]
    )
    return tokenizer


def added_normalized():
    """Added tokens that are matched before or after lower casing."""
    tokenizer = bpe(N.Sequence([N.NFKC(), N.Lowercase()]), byte_level(), D.ByteLevel())
    tokenizer.add_special_tokens([AddedToken("<Mask>", lstrip=True, rstrip=True, normalized=True), AddedToken("<|im_end|>", normalized=False)])
    tokenizer.add_tokens([AddedToken("fooX", normalized=True, single_word=True), AddedToken("barY", normalized=False, rstrip=True)])
    return tokenizer


def cut_and_padded():
    tokenizer = plain()
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)])
    tokenizer.enable_truncation(8)
    tokenizer.enable_padding(length=8, pad_id=0, pad_token="<unk>")
    return tokenizer


def words(model, trainer, splitter, decoder=None, normalizer=None):
    tokenizer = assemble(Tokenizer(model), normalizer, splitter, decoder)
    tokenizer.train_from_iterator(CORPUS, trainer(vocab_size=200, special_tokens=["<unk>"], show_progress=False))
    return tokenizer


def variants():
    for scheme in ("always", "first", "never"):
        for is_split in (True, False):
            space = {"prepend_scheme": scheme, "split": is_split}
            tokenizer = unigram(None, P.Metaspace(**space), D.Metaspace(**space))
            tokenizer.add_special_tokens(["<|im_end|>"])
            yield f"unigram Metaspace {scheme}{'' if is_split else ', not split'}", tokenizer
    nmt = N.Sequence([N.Nmt(), N.NFKC(), N.Replace(Regex(" {2,}"), " ")])
    yield "Unigram byte_fallback", unigram(nmt, P.Metaspace(), SPIECE, byte_fallback=True)
    yield "Unigram byte_fallback, no split", unigram(N.Replace(" ", "▁"), None, SPIECE, byte_fallback=True)
    yield "Unigram unknown", unigram(N.NFKC(), P.WhitespaceSplit(), None)
    yield "BPE byte-level", plain()
    yield "BPE byte-level add_prefix_space", bpe(None, byte_level(add_prefix_space=True), D.ByteLevel())
    yield "BPE byte-level normalizer", bpe(N.ByteLevel(), None, D.ByteLevel())
    yield "BPE byte-level regex of one's own", bpe(N.NFC(), split(r"\p{N}{1,3}|\s+(?!\S)|\s+|[^\s\p{L}\p{N}]+|\p{L}+"), D.ByteLevel())
    for behavior in ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"):
        yield f"Split {behavior}", bpe(None, split("[0-9]", behavior), D.ByteLevel())
        yield f"Split {behavior} inverted", bpe(None, split("[0-9]+", behavior, True), D.ByteLevel())
        yield f"Punctuation {behavior}", bpe(None, P.Sequence([P.Punctuation(behavior), byte_level()]), D.ByteLevel())
    yield "Split string", bpe(None, P.Sequence([P.Split("o", "merged_with_next"), byte_level()]), D.ByteLevel())
    for pattern in (r"\w+", r"\b", r"\d+", r"\s", r"[[:alpha:]]+|[[:punct:]]", r"\p{Han}+|\p{Hiragana}", r"(?i)WORLD|É", r"\p{Lu}\p{Ll}*|\p{M}", r"^.|.$", r"\h|\X{2}", r"(?<=o)\w(?!o)", r"\p{Emoji}|\p{Sc}|\p{Cn}"):  # fmt: skip
        yield f"Split regex {pattern}", bpe(None, split(pattern), D.ByteLevel())
    for individual in (True, False):
        yield f"Digits {'individual' if individual else 'together'}", bpe(None, P.Sequence([P.Digits(individual), byte_level()]), D.ByteLevel())
    yield "UnicodeScripts", bpe(None, P.Sequence([P.UnicodeScripts(), byte_level()]), D.ByteLevel())
    yield "FixedLength", bpe(None, P.Sequence([P.FixedLength(3), byte_level(use_regex=False)]), D.ByteLevel())
    yield "Whitespace", bpe(N.Sequence([N.NFD(), N.Lowercase(), N.StripAccents()]), P.Whitespace(), D.WordPiece(), unk_token="<unk>")
    yield "WhitespaceSplit, Strip, BPEDecoder", bpe(N.Strip(), P.WhitespaceSplit(), D.BPEDecoder(), unk_token="<unk>")
    yield "Strip left", bpe(N.Strip(True, False), byte_level(), D.ByteLevel())
    for lowercase in (True, False):
        for accents in (True, False, None):
            options = {"lowercase": lowercase, "strip_accents": accents}
            normalizer = N.BertNormalizer(**options)
            yield f"BertNormalizer {options}", bpe(normalizer, P.BertPreTokenizer(), None, unk_token="<unk>")
    yield "CharDelimiterSplit, Fuse", bpe(None, P.CharDelimiterSplit("_"), D.Fuse(), unk_token="<unk>")
    yield "Prepend, fuse_unk", bpe(N.Sequence([N.Prepend("▁"), N.Replace(" ", "▁")]), None, SPIECE, unk_token="<unk>", fuse_unk=True)
    yield "unknown characters are left out", bpe(None, P.Whitespace(), None)
    yield "BPE byte_fallback", fallback_bpe(N.Replace(" ", "▁"), None, SPIECE)
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        yield form, bpe(getattr(N, form)(), byte_level(), D.ByteLevel())
    for name in ("Lowercase", "StripAccents", "Nmt"):
        yield name, bpe(getattr(N, name)(), byte_level(), D.ByteLevel())
    yield "Replace regex", bpe(N.Replace(Regex(r"\s+"), " "), byte_level(), D.ByteLevel())
    yield "added tokens", added()
    yield "added tokens, normalized", added_normalized()
    yield "truncation and padding", cut_and_padded()
    yield "WordPiece", words(models.WordPiece(unk_token="<unk>"), trainers.WordPieceTrainer, P.BertPreTokenizer(), D.WordPiece())
    yield "WordPiece, no cleanup, short words", words(models.WordPiece(unk_token="<unk>", max_input_chars_per_word=6), trainers.WordPieceTrainer, P.WhitespaceSplit(), D.WordPiece(cleanup=False))  # fmt: skip
    yield "WordLevel", words(models.WordLevel(unk_token="<unk>"), trainers.WordLevelTrainer, P.Whitespace())
    yield "CTC", words(models.WordLevel(unk_token="<unk>"), trainers.WordLevelTrainer, P.Split("", "isolated"), D.CTC(pad_token="<unk>", word_delimiter_token="_"))  # fmt: skip
    content = json.loads(plain().to_str())
    yield "merges as strings", edited(plain(), merges=[" ".join(pair) for pair in content["model"]["merges"]])
    yield "ignore_merges", edited(plain(), ignore_merges=True)
    yield "unknown token outside of the vocabulary", bpe(None, P.Whitespace(), None, special=[], unk_token="[UNK]")
    yield "dropout 0", edited(plain(), dropout=0.0)
    yield "end_of_word_suffix", bpe(None, byte_level(), D.ByteLevel(), end_of_word_suffix="</w>")
    yield "continuing_subword_prefix", bpe(None, P.Whitespace(), D.WordPiece(), unk_token="<unk>", continuing_subword_prefix="##")
