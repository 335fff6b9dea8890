"""Compares exported GGUF files in llama.cpp with the log-probabilities and token ids of troupe.

    python conformance/gguf/check_export.py cases.json

`cases.json` is a list of cases, which conformance/gguf/cases.ts writes. Prints the largest difference per case, and
exits with 1 if a difference or their mean is above the tolerance of its case, or if token ids differ.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from llama_cpp import LlamaCpp


def compare(case):
    """Returns the differences in nats, and the texts with other token ids."""
    model = LlamaCpp(case["model"], lora=case.get("lora"), exact=True)
    differences = []
    for prompt in case["prompts"]:
        count = max(64, len(prompt["top"]))
        found = model.top_logprobs(prompt["ids"], count, force=case["force"])
        for token, logp in prompt["top"].items():
            if int(token) in found:
                differences.append(abs(found[int(token)] - logp))
        first = max(prompt["top"], key=lambda token: prompt["top"][token])
        assert int(first) in found, f"{case['name']}: expected token {first} among the first {count}"
    other = [text for text in case["texts"] if model.tokenize(text["text"]) != text["ids"]]
    return differences, other


def main(path):
    failed = False
    for case in json.loads(Path(path).read_text(encoding="utf-8")):
        differences, other = compare(case)
        largest, mean = max(differences), sum(differences) / len(differences)
        limit = case["tolerance"]
        failed |= largest > limit or mean > case.get("meanTolerance", limit) or len(other) > 0
        print(
            f"{case['name']}: largest difference {largest:.1e} nats, mean {mean:.1e}, "
            f"{len(other)} texts with other token ids"
        )
        for text in other[:3]:
            print(f"  {text['text']!r}: expected {text['ids']}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
