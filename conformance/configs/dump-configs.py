"""Dumps what the config classes of the installed Transformers write, as a fixture.

Usage: python dump-configs.py OUT.json

For each supported family with small sizes: `to_dict()` of plain settings, and the config.json of `save_pretrained` of
plain settings, kinds of RoPE, sliding windows and biases. The rows of `to_dict()` leave
out what equals `base`, the `to_dict()` of the base class, and list in `without` what it has in addition. Needs no
PyTorch.
"""

import json
import sys
import tempfile
from pathlib import Path

import transformers

SIZES = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
}
FAMILIES = {
    "LlamaConfig": ("LlamaForCausalLM", {}),
    "MistralConfig": ("MistralForCausalLM", {"sliding_window": 64}),
    "Qwen2Config": ("Qwen2ForCausalLM", {}),
    "Qwen3Config": ("Qwen3ForCausalLM", {"head_dim": 16}),
    "SmolLM3Config": ("SmolLM3ForCausalLM", {}),
    "Gemma2Config": ("Gemma2ForCausalLM", {"head_dim": 16, "sliding_window": 64}),
    "Gemma3TextConfig": ("Gemma3ForCausalLM", {"head_dim": 16, "sliding_window": 64}),
}
YARN = {"factor": 4.0, "original_max_position_embeddings": 128}
LLAMA3 = {**YARN, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
VARIANTS = {
    "plain": {},
    "linear": {"rope_scaling": {"rope_type": "linear", "factor": 2.0}},
    "llama3": {"rope_scaling": {"rope_type": "llama3", **LLAMA3}},
    "yarn": {"rope_scaling": {"rope_type": "yarn", **YARN}},
    "windows": {"use_sliding_window": True, "sliding_window": 32, "max_window_layers": 2},
    "biases": {"attention_bias": True, "mlp_bias": True},
}


def saved(config):
    with tempfile.TemporaryDirectory() as folder:
        config.save_pretrained(folder)
        return json.loads((Path(folder) / "config.json").read_text())


def accepts(name, variant):
    """Whether the class has the settings; older classes know fewer kinds of RoPE."""
    if variant == "windows":
        return name.startswith(("Qwen", "SmolLM"))
    if variant == "biases":
        return name in ("LlamaConfig", "SmolLM3Config", "Qwen3Config", "Gemma3TextConfig")
    if variant in ("llama3", "yarn"):
        return version() >= (4, 45)
    return True


def as_json(values):
    return json.loads(json.dumps(values, default=str))


def version():
    return tuple(int(part) for part in transformers.__version__.split(".")[:2])


def main():
    base = as_json(transformers.PretrainedConfig().to_dict())
    rows = []
    for name, (architecture, own) in FAMILIES.items():
        config_class = getattr(transformers, name, None)
        if config_class is None:
            continue
        for variant, changes in VARIANTS.items():
            arguments = {**SIZES, **own, **json.loads(json.dumps(changes))}
            if not accepts(name, variant):
                continue
            if version() < (4, 43) and variant == "linear":
                arguments["rope_scaling"] = {"type": "linear", "factor": 2.0}
            config = config_class(**arguments, architectures=[architecture])
            row = {"class": name, "variant": variant}
            if variant == "plain":
                full = as_json(config.to_dict())
                own_keys = {key: value for key, value in full.items() if key not in base or base[key] != value}
                rows.append({**row, "by": "to_dict", "json": own_keys, "without": sorted(base.keys() - full.keys())})
            rows.append({**row, "by": "save_pretrained", "json": saved(config)})
    text = ",\n".join(json.dumps(row, sort_keys=True) for row in rows)
    header = json.dumps({"transformers": transformers.__version__, "base": base})[:-1]
    Path(sys.argv[1]).write_text(f'{header}, "configs": [\n{text}\n]}}\n')


main()
