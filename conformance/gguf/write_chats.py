"""Writes the chats of a real GGUF model as Transformers renders and tokenizes them, for test/real-model.

    python conformance/gguf/write_chats.py MODEL.gguf REFERENCE.json OUT.json

REFERENCE.json comes from gguf_reference.py. The tokenizer that Transformers makes of a GGUF file has the splitting of
GPT-2. It gets the splitting of SmolLM2's tokenizer.json instead, with which its ids are those of llama.cpp for every
string of REFERENCE.json. Needs transformers, tokenizers and gguf.
"""

import json
import os
import sys
from pathlib import Path

from tokenizers import pre_tokenizers
from transformers import AutoTokenizer

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "chat"))

from conversations import assistant, smollm2, system, user

# the form of a team's prompt: instruction, few-shot examples, prompt
FEW_SHOT = {
    "messages": [
        system("Answer with the number alone."),
        user("Which number is larger, 35 or 82?"),
        assistant("82"),
        user("Which number is larger, 704 or 91?"),
        assistant("704"),
        user("Which number is larger, 612 or 1306?"),
    ]
}


def main(model, reference, out):
    tokenizer = AutoTokenizer.from_pretrained(os.path.dirname(model) or ".", gguf_file=os.path.basename(model))
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    expected = json.loads(Path(reference).read_text(encoding="utf-8"))
    for text, ids in zip(expected["strings"], expected["ids"], strict=True):
        assert tokenizer.encode(text, add_special_tokens=False) == ids, f"other ids than llama.cpp: {text!r}"
    rows = []
    for conversation in [FEW_SHOT, *smollm2()]:
        messages, generate = conversation["messages"], conversation.get("generate", True)
        text, ids = (
            tokenizer.apply_chat_template(messages, tokenize=tokenize, add_generation_prompt=generate)
            for tokenize in (False, True)
        )
        rows.append({"messages": messages, "generate": generate, "text": text, "ids": ids})
    lines = ",\n".join(json.dumps(row, ensure_ascii=True) for row in rows)
    Path(out).write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    print(f"{len(rows)} chats")


if __name__ == "__main__":
    main(*sys.argv[1:])
