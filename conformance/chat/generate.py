"""Writes test/fixtures/chat. For each model family there are a small tokenizer of the same kind, a chat template with
the same features, and the results of Transformers for twenty conversations.

    python -m pip install -r conformance/chat/requirements.txt
    python conformance/chat/generate.py            # writes the fixtures
    python conformance/chat/generate.py --check    # compares with the existing fixtures

`python conformance/chat/generate.py --templates DIR --out OUT` uses other templates: a file FAMILY.jinja in DIR
replaces the template of that family.
"""

import argparse
import datetime
import json
import sys
from pathlib import Path

import transformers.utils.chat_template_utils as chat_template_utils
from transformers import PreTrainedTokenizerFast

import tiny_tokenizers
from conversations import FAMILIES

HERE = Path(__file__).parent
FIXTURES = HERE.parent.parent / "test" / "fixtures" / "chat"

SPECIAL_TOKENS = {
    "qwen3": {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"},
    "qwen2_5": {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"},
    "llama3": {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"},
    "gemma3": {"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>"},
    "smollm2": {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "pad_token": "<|im_end|>"},
    "smollm3": {"bos_token": "<|begin_of_text|>", "eos_token": "<|im_end|>"},
    "mistral": {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"},
}
# How a family stores its template: in tokenizer_config.json as a string or as a list of named templates. Families that
# are not listed store it in chat_template.jinja.
TEMPLATE_STORAGE = {"qwen2_5": "string", "smollm2": "string", "mistral": "list"}


class FixedDate(datetime.datetime):
    """Clock with the same fixed date that troupe passes to templates."""

    @classmethod
    def now(cls, tz=None):
        return cls(2024, 7, 26, tzinfo=tz)


def template_of(family, folder):
    path = folder / f"{family}.jinja"
    text = (path if path.exists() else HERE / "templates" / f"{family}.jinja").read_text(encoding="utf-8")
    is_replaced = folder != HERE / "templates" and path.exists()
    if TEMPLATE_STORAGE.get(family) != "list" or is_replaced:
        return text
    tools = (HERE / "templates" / f"{family}_tool_use.jinja").read_text(encoding="utf-8")
    return {"default": text, "tool_use": tools}


def write_family(family, folder, out):
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=getattr(tiny_tokenizers, family)(),
        clean_up_tokenization_spaces=family == "llama3",
        **SPECIAL_TOKENS[family],
    )
    tokenizer.chat_template = template_of(family, folder)
    out.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(out, save_jinja_files=family not in TEMPLATE_STORAGE)
    compact(out / "tokenizer.json")
    rows = []
    conversations = FAMILIES[family]()
    assert len(conversations) == 20, f"{family}: {len(conversations)} conversations"
    for conversation in conversations:
        options = {
            "tools": conversation.get("tools"),
            "add_generation_prompt": conversation.get("generate", True),
            **conversation.get("kwargs", {}),
        }
        text = tokenizer.apply_chat_template(conversation["messages"], tokenize=False, **options)
        ids = tokenizer.apply_chat_template(conversation["messages"], tokenize=True, **options)
        decoded = tokenizer.decode(ids, clean_up_tokenization_spaces=False)
        rows.append({**conversation, "text": text, "ids": ids, "decoded": decoded})
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    (out / "conversations.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def compact(path):
    value = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--templates", type=Path, default=HERE / "templates")
    parser.add_argument("--out", type=Path, default=FIXTURES)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    chat_template_utils.datetime = FixedDate
    if not arguments.check:
        for family in FAMILIES:
            write_family(family, arguments.templates, arguments.out / family)
        return 0
    import tempfile

    with tempfile.TemporaryDirectory() as scratch:
        for family in FAMILIES:
            write_family(family, arguments.templates, Path(scratch) / family)
            generated, existing = (
                json.loads((root / family / "conversations.json").read_text(encoding="utf-8"))
                for root in (Path(scratch), FIXTURES)
            )
            if generated != existing:
                print(f"{family}: the fixtures differ from the results of Transformers", file=sys.stderr)
                return 1
    print(f"{len(FAMILIES)} families: the fixtures match the results of Transformers")
    return 0


if __name__ == "__main__":
    sys.exit(main())
