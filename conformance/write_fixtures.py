"""Writes test/fixtures/transformers: tiny random checkpoints, and the results that Transformers computes with them.

    python -m venv /tmp/conformance && /tmp/conformance/bin/pip install -r conformance/requirements.txt
    /tmp/conformance/bin/python conformance/write_fixtures.py

A case has config.json and model.safetensors from `save_pretrained`; expected.safetensors with logits and
log-probabilities of messages and the gradient of sum(cotangent * logp); expected.json with token ids and greedy
continuations.
"""

import json
import shutil
import sys
from pathlib import Path

import torch
from cases import VOCAB, build, cases, message_logp, sequences
from safetensors.torch import save_file

ROOT = Path(__file__).parent.parent / "test" / "fixtures" / "transformers"
TEMPERATURE = 0.8
NEW_TOKENS = 24


def greedy(model, context):
    """Returns the greedy continuation, and the smallest difference of any step between its two largest logits."""
    generated = model.generate(
        context[None],
        do_sample=False,
        max_new_tokens=NEW_TOKENS,
        eos_token_id=None,
        pad_token_id=0,
        return_dict_in_generate=True,
        output_logits=True,
    )
    best = torch.topk(torch.cat(generated.logits), 2).values
    return generated.sequences[0, len(context) :].tolist(), (best[:, 0] - best[:, 1]).min().item()


def write(name, config, seed):
    folder = ROOT / name
    shutil.rmtree(folder, ignore_errors=True)
    while True:
        model = build(config, seed)
        messages = sequences(seed)
        with torch.no_grad():
            continuations = [greedy(model, context) for context, _ in messages[2:4]]
        margin = min(m for _, m in continuations)
        if margin > 2e-3:
            break
        seed += 100  # rounding could change a continuation with a smaller margin
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    tensors, loss = {}, torch.zeros(())
    for i, (context, tokens) in enumerate(messages):
        logp, logits = message_logp(model, context, tokens, TEMPERATURE)
        cotangents = torch.randn(len(tokens), generator=torch.Generator().manual_seed(100 + i))
        loss = loss + (cotangents * logp).sum()
        tensors |= {f"logp.{i}": logp.detach(), f"cotangents.{i}": cotangents}
        tensors[f"logits.{i}"] = logits.detach()[-1:].contiguous()
    loss.backward()
    for parameter, value in model.named_parameters():
        tensors[f"d:{parameter}"] = value.grad
    save_file(tensors, folder / "expected.safetensors")
    expected = {
        "temperature": TEMPERATURE,
        "sequences": [{"context": c.tolist(), "tokens": t.tolist()} for c, t in messages],
        "greedy": [
            {"context": c.tolist(), "tokens": tokens}
            for (c, _), (tokens, _) in zip(messages[2:4], continuations)
        ],
    }
    (folder / "expected.json").write_text(json.dumps(expected) + "\n")
    print(f"{name}: seed {seed}, loss {loss.item():.4f}, smallest margin {margin:.4f}, vocabulary {VOCAB}")


if __name__ == "__main__":
    torch.set_num_threads(1)  # more threads slow down such small matrices
    chosen = sys.argv[1:]
    for index, (name, config) in enumerate(cases().items()):
        if not chosen or name in chosen:
            write(name, config, seed=11 + index)
