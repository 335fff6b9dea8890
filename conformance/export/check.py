"""Loads exported folders in Transformers and compares log-probabilities with those troupe computed.

    troupe export RUN --out DIR
    node --import ./scripts/typescript.mjs conformance/export/score.ts DIR > scores.json
    python conformance/export/check.py DIR scores.json

`scores.json` has, per folder, sequences of token ids and the log-probability of each token but the first under
troupe's engine. The folders are loaded as any user would: AutoModelForCausalLM and AutoTokenizer.
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
        # computed in float32, whatever the numbers are kept in, as troupe does
        model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32).eval()
        assert model.generation_config.eos_token_id is not None, f"{name}: no token ends a message"
        largest = 0.0
        for row in rows:
            ids = torch.tensor([row["ids"]])
            with torch.no_grad():
                logits = model(ids).logits[0, :-1].log_softmax(-1)
            theirs = logits.gather(1, ids[0, 1:, None])[:, 0]
            largest = max(largest, (theirs - torch.tensor(row["logp"])).abs().max().item())
            chat = tokenizer.apply_chat_template([{"role": "user", "content": row["text"]}], add_generation_prompt=True)
            assert chat == row["chat"], f"{name}: {chat} is not {row['chat']}"
        kept = json.loads((path / "config.json").read_text(encoding="utf-8"))["torch_dtype"]
        print(f"{name}: {sum(p.numel() for p in model.parameters())} parameters in {kept}, largest difference {largest:.2e} nats")
        worst = max(worst, largest)
    return 0 if worst <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
