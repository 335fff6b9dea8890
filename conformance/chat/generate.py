"""Writes test/fixtures/chat: for each family a small tokenizer of its kind, a chat template with the same
features as its own, and what Transformers makes of twenty conversations.

    python -m pip install -r conformance/chat/requirements.txt
    python conformance/chat/generate.py            # writes the fixtures
    python conformance/chat/generate.py --check    # compares with those that are there

`python conformance/chat/generate.py --templates DIR --out OUT` does the same with other templates: a file
FAMILY.jinja in DIR takes the place of ours.
"""

import argparse
import datetime
import json
import sys
from pathlib import Path

import transformers.utils.chat_template_utils as chat_template_utils
from transformers import PreTrainedTokenizerFast

import tokenizers_of
from conversations import FAMILIES

HERE = Path(__file__).parent
FIXTURES = HERE.parent.parent / "test" / "fixtures" / "chat"

NAMES = {
    "qwen3": {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"},
    "qwen2_5": {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"},
    "llama3": {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"},
    "gemma3": {"bos_token": "<bos>", "eos_token": "<eos>", "pad_token": "<pad>", "unk_token": "<unk>"},
    "smollm2": {"bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "pad_token": "<|im_end|>"},
    "smollm3": {"bos_token": "<|begin_of_text|>", "eos_token": "<|im_end|>"},
    "mistral": {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"},
}
# where the template is kept: a file of its own, a text in tokenizer_config.json, or a list of named ones
KEPT = {"qwen2_5": "text", "smollm2": "text", "mistral": "list"}


class FixedDate(datetime.datetime):
    """The day that troupe tells templates it is."""

    @classmethod
    def now(cls, tz=None):
        return cls(2024, 7, 26, tzinfo=tz)


def template_of(family, folder):
    path = folder / f"{family}.jinja"
    text = (path if path.exists() else HERE / "templates" / f"{family}.jinja").read_text(encoding="utf-8")
    is_given = folder != HERE / "templates" and path.exists()
    if KEPT.get(family) != "list" or is_given:
        return text
    tools = (HERE / "templates" / f"{family}_tool_use.jinja").read_text(encoding="utf-8")
    return {"default": text, "tool_use": tools}


def write_family(family, folder, out):
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=getattr(tokenizers_of, family)(),
        clean_up_tokenization_spaces=family == "llama3",
        **NAMES[family],
    )
    tokenizer.chat_template = template_of(family, folder)
    out.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(out, save_jinja_files=family not in KEPT)
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
            made, kept = (
                json.loads((at / family / "conversations.json").read_text(encoding="utf-8"))
                for at in (Path(scratch), FIXTURES)
            )
            if made != kept:
                print(f"{family}: the fixtures are not what Transformers makes now", file=sys.stderr)
                return 1
    print(f"{len(FAMILIES)} families: the fixtures are what Transformers makes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
