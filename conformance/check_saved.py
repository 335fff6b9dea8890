"""Checks that Transformers and PEFT load folders that troupe saved and compute the same log-probabilities.

    node --import ./scripts/typescript.mjs conformance/save-folders.ts /tmp/saved && /tmp/conformance/bin/python conformance/check_saved.py /tmp/saved

Each folder in /tmp/saved is a model or an adapter. Its expected.json has messages and their log-probabilities.
"""

import json
import sys
from pathlib import Path

import torch
import transformers as hf
from cases import message_logp
from peft import PeftModel

TOLERANCE = 1e-4


def load(folder):
    options = dict(attn_implementation="eager", dtype=torch.float32)
    adapter = folder / "adapter_config.json"
    if not adapter.exists():
        return hf.AutoModelForCausalLM.from_pretrained(folder, **options)
    base = json.loads(adapter.read_text())["base_model_name_or_path"]
    return PeftModel.from_pretrained(hf.AutoModelForCausalLM.from_pretrained(base, **options), folder)


def check(folder):
    expected = json.loads((folder / "expected.json").read_text())
    model = load(folder).eval()
    worst = 0.0
    with torch.no_grad():
        for sequence in expected["sequences"]:
            context, tokens = (torch.tensor(sequence[key]) for key in ("context", "tokens"))
            logp, _ = message_logp(model, context, tokens, expected["temperature"])
            worst = max(worst, (logp - torch.tensor(sequence["logp"])).abs().max().item())
    print(f"{folder.name}: largest difference {worst:.1e} nats")
    return worst < TOLERANCE


if __name__ == "__main__":
    torch.set_num_threads(1)
    results = [check(path.parent) for path in sorted(Path(sys.argv[1]).glob("*/expected.json"))]
    sys.exit(0 if results and all(results) else 1)
