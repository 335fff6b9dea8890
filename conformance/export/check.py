"""Loads exported folders with Transformers and compares log-probabilities with those of troupe.

    troupe export RUN --out DIR
    node --import ./scripts/typescript.mjs conformance/export/score.ts DIR > scores.json
    python conformance/export/check.py DIR scores.json

`scores.json` has for each folder sequences of token ids, and the log-probability of each token but the first,
computed by troupe's engine. The folders are loaded with AutoModelForCausalLM and AutoTokenizer.
"""

import json
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

TOLERANCE = 1e-4


def main(folder, scores):
    worst = 0.0
    for name, rows in json.loads(Path(scores).read_text(encoding="utf-8")).items():
        path = Path(folder) / name
        tokenizer = AutoTokenizer.from_pretrained(path)
        # float32 is the dtype of troupe's engine; the file may have another one
        model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()
        assert model.generation_config.eos_token_id is not None, f"{name}: expected an eos_token_id, got none"
        largest = 0.0
        for row in rows:
            ids = torch.tensor([row["ids"]])
            with torch.no_grad():
                logits = model(ids).logits[0, :-1].log_softmax(-1)
            logp = logits.gather(1, ids[0, 1:, None])[:, 0]
            largest = max(largest, (logp - torch.tensor(row["logp"])).abs().max().item())
            chat = tokenizer.apply_chat_template([{"role": "user", "content": row["text"]}], add_generation_prompt=True)
            assert chat == row["chat"], f"{name}: expected chat tokens {row['chat']}, got {chat}"
        dtype = json.loads((path / "config.json").read_text(encoding="utf-8"))["torch_dtype"]
        count = sum(p.numel() for p in model.parameters())
        print(f"{name}: {count} parameters in {dtype}, largest difference {largest:.2e} nats")
        worst = max(worst, largest)
    return 0 if worst <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
