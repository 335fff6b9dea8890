"""Writes the reference values of a real GGUF model: token ids and log-probabilities of llama.cpp, and log-probabilities
of Transformers on the dequantized weights in float32.

Usage: python conformance/gguf_reference.py MODEL.gguf OUT.json [STRINGS]

check-gguf.ts compares the engine with them. Needs xllamacpp, gguf, transformers and torch.
"""

import json
import os
import sys

import torch
from llama_cpp import LlamaCpp
from transformers import AutoModelForCausalLM
from varied_strings import varied_strings

PROMPTS = [
    "The capital of France is",
    "def fibonacci(n):\n    if n < 2:\n        return n\n    return",
    "Question: What is 17 + 26?\nAnswer:",
    "Once upon a time, there was a little girl who lived in a",
    "Die Hauptstadt von Deutschland ist",
]
TOP = 20


def main(model: str, out: str, count: int) -> None:
    llama = LlamaCpp(model)
    strings = varied_strings(count)
    ids = [llama.tokenize(text) for text in strings]
    prompts = [llama.tokenize(text) for text in PROMPTS]
    tops = [llama.top_logprobs(prompt, TOP) for prompt in prompts]
    del llama
    network = AutoModelForCausalLM.from_pretrained(
        os.path.dirname(model) or ".", gguf_file=os.path.basename(model), dtype=torch.float32
    )
    expected = []
    for prompt in prompts:
        with torch.no_grad():
            logits = network(torch.tensor([prompt])).logits[0]
        logprobs = torch.log_softmax(logits.double(), -1)
        expected.append(
            {
                # of each token after the first, given the tokens before it
                "tokens": [logprobs[i, prompt[i + 1]].item() for i in range(len(prompt) - 1)],
                "top": {int(i): logprobs[-1, i].item() for i in logprobs[-1].topk(TOP).indices},
            }
        )
    with open(out, "w", encoding="utf-8") as file:
        json.dump(
            {"strings": strings, "ids": ids, "prompts": prompts, "llama.cpp": tops, "transformers": expected},
            file,
            ensure_ascii=True,
            separators=(",", ":"),
        )
        file.write("\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 520)
