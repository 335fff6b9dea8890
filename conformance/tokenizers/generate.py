"""Writes what the Rust tokenizers library and Transformers compute with many tokenizers, for
test/tokenizer-conformance.test.ts.

    python -m pip install -r conformance/tokenizers/requirements.txt
    python conformance/tokenizers/generate.py                     # writes the fixture of the tests
    python conformance/tokenizers/generate.py --texts 2000 --models DIR DIR --out /tmp/cases.json.gz
    TROUPE_TOKENIZER_CASES=/tmp/cases.json.gz npx vitest run test/tokenizer-conformance.test.ts

`--models` adds the tokenizers of checkpoints. Texts are encoded without special tokens and decoded with them.
"""

import argparse
import gzip
import io
import json
import random
import tempfile
from pathlib import Path

from sentencepiece import SentencePieceTrainer, sentencepiece_model_pb2
from tokenizers import Tokenizer, decoders
from transformers import AutoTokenizer

from families import families
from texts import texts
from variants import CORPUS, added, bpe, byte_level, edited, plain, variants

FIXTURE = Path(__file__).parent.parent.parent / "test" / "fixtures" / "tokenizers" / "cases.json.gz"


def charsmap():
    """Returns SentencePiece's compiled rules nmt_nfkc."""
    model = io.BytesIO()
    SentencePieceTrainer.train(sentence_iterator=iter(CORPUS), model_writer=model, vocab_size=130, hard_vocab_limit=False, minloglevel=2)
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(model.getvalue())
    return proto.normalizer_spec.precompiled_charsmap


def result(function, value):
    """Returns the result of a function; None if the library raises an error."""
    try:
        return function(value)
    except Exception:  # the library raises no other class
        return None


def expected(encode, decode, size, inputs):
    """Returns ids and decoded text of each input, and decoded texts of random ids."""
    ids = [result(encode, text) for text in inputs]
    rng = random.Random(size)
    drawn = [[rng.randrange(size) for _ in range(rng.randint(1, 6))] for _ in range(20)]
    decoded = [None if tokens is None else decode(tokens) for tokens in ids]
    return {
        "ids": ids,
        # true: the text itself
        "decoded": [back == text or back for back, text in zip(decoded, inputs, strict=True)],
        "random": [[tokens, decode(tokens)] for tokens in drawn],
    }


def by_rust(content, inputs):
    tokenizer = Tokenizer.from_str(content)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return expected(
        lambda text: tokenizer.encode(text, add_special_tokens=False).ids,
        lambda ids: tokenizer.decode(ids, skip_special_tokens=False),
        max(tokenizer.get_vocab().values()) + 1,
        inputs,
    )


def by_transformers(content, config, inputs):
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "tokenizer.json").write_text(content, encoding="utf-8")
        Path(folder, "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
        tokenizer = AutoTokenizer.from_pretrained(folder)
    return expected(
        lambda text: tokenizer.encode(text, add_special_tokens=False),
        lambda ids: tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False),
        len(tokenizer),
        inputs,
    )


def configured():
    """Yields name, tokenizer.json and tokenizer_config.json of checkpoints whose two files disagree."""
    base = {"tokenizer_class": "PreTrainedTokenizerFast"}
    prefixed = bpe(None, byte_level(add_prefix_space=True), decoders.ByteLevel())
    yield "add_prefix_space in tokenizer.json only", prefixed, base
    yield "add_prefix_space in both files", prefixed, {**base, "add_prefix_space": True}
    yield "add_prefix_space in tokenizer_config.json only", plain(), {**base, "add_prefix_space": True}
    token = {"lstrip": True, "rstrip": False, "normalized": False, "single_word": False, "special": True}
    size = plain().get_vocab_size()
    listed = {str(size): {**token, "content": "<mask>"}, str(size + 1): {**token, "content": "fooX", "special": False}}
    yield "added_tokens_decoder with more tokens", plain(), {**base, "added_tokens_decoder": listed}
    yield "eos_token that is an ordinary token", plain(), {**base, "eos_token": "the", "additional_special_tokens": ["qu"]}
    yield "special tokens with other flags", added(), {**base, "eos_token": "<mask>", "pad_token": {**token, "content": "<|im_end|>", "__type": "AddedToken"}}


def small_cases(inputs):
    for name, tokenizer in [*variants(), *families(charsmap())]:
        content = tokenizer if isinstance(tokenizer, str) else tokenizer.to_str()
        yield {"name": name, "json": content, **by_rust(content, inputs)}
    for name, tokenizer, config in configured():
        content = tokenizer.to_str()
        yield {"name": name, "json": content, "config": config, **by_transformers(content, config, inputs)}
    yield {"name": "dropout 0.5", "json": edited(plain(), dropout=0.5), "refused": "model.dropout"}
    yield {"name": "a mark before the JSON text", "json": "\ufeff" + plain().to_str(), **by_rust(plain().to_str(), inputs)}


def model_cases(folders, inputs):
    for folder in folders:
        content = Path(folder, "tokenizer.json").read_text(encoding="utf-8")
        yield {"name": Path(folder).name, "folder": folder, **by_rust(content, inputs)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=170)
    parser.add_argument("--models", nargs="*", default=[])
    parser.add_argument("--out", type=Path, default=FIXTURE)
    options = parser.parse_args()
    inputs = texts(options.texts)
    cases = [*small_cases(inputs), *model_cases(options.models, inputs)]
    text = json.dumps({"texts": inputs, "cases": cases}, ensure_ascii=True, separators=(",", ":"))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(f"{options.out}: {len(cases)} tokenizers, {len(inputs)} texts, {options.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
