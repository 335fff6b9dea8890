"""Writes test/fixtures/peft: PEFT adapters for the checkpoints of write_fixtures.py, and PEFT's results with them.

    /tmp/conformance/bin/python conformance/write_peft_fixtures.py

A case has adapter_config.json and adapter_model.safetensors from `save_pretrained`; expected.safetensors with
log-probabilities of messages and the adapter's gradient of sum(cotangent * logp); expected.json with token ids.
"""

import json
import shutil
from pathlib import Path

import torch
import transformers as hf
from cases import message_logp, sequences
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file

FIXTURES = Path(__file__).parent.parent / "test" / "fixtures"
TEMPERATURE = 0.8
CASES = {
    "qwen2-all-linear": ("qwen2", dict(r=3, lora_alpha=6, target_modules="all-linear")),
    "gemma3-some-rslora": (
        "gemma3",
        dict(r=4, lora_alpha=5, target_modules=["q_proj", "v_proj", "up_proj", "down_proj"], use_rslora=True),
    ),
}


def write(name, base, settings, seed):
    folder = FIXTURES / "peft" / name
    shutil.rmtree(folder, ignore_errors=True)
    path = FIXTURES / "transformers" / base
    model = hf.AutoModelForCausalLM.from_pretrained(path, attn_implementation="eager", dtype=torch.float32)
    config = LoraConfig(task_type="CAUSAL_LM", lora_dropout=0.0, **settings)
    adapted = get_peft_model(model, config).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for key, parameter in adapted.named_parameters():
            if parameter.requires_grad:  # PEFT initialises B with 0; then the adapter has no effect
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    adapted.peft_config["default"].base_model_name_or_path = f"../../transformers/{base}"
    adapted.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    messages = sequences(seed)
    tensors, loss = {}, torch.zeros(())
    for i, (context, tokens) in enumerate(messages):
        logp, _ = message_logp(adapted, context, tokens, TEMPERATURE)
        cotangents = torch.randn(len(tokens), generator=torch.Generator().manual_seed(100 + i))
        loss = loss + (cotangents * logp).sum()
        tensors |= {f"logp.{i}": logp.detach(), f"cotangents.{i}": cotangents}
    loss.backward()
    for key, parameter in adapted.named_parameters():
        if parameter.requires_grad:
            tensors["d:" + key.replace(".default", "")] = parameter.grad
    save_file(tensors, folder / "expected.safetensors")
    expected = {
        "temperature": TEMPERATURE,
        "base": base,
        "sequences": [{"context": c.tolist(), "tokens": t.tolist()} for c, t in messages],
    }
    (folder / "expected.json").write_text(json.dumps(expected) + "\n")
    print(f"{name}: loss {loss.item():.4f}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for index, (name, (base, settings)) in enumerate(CASES.items()):
        write(name, base, settings, seed=31 + index)
