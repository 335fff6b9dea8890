"""Writes a small random model for each published config of test/fixtures/configs/real, computed by Transformers.

    python conformance/configs/write-shrunken.py FOLDER
    node --import ./scripts/typescript.mjs conformance/configs/compare-shrunken.ts FOLDER

The config.json of a model is the published file with smaller sizes, not what Transformers would write. Each folder
gets model.safetensors, and expected.json with log-probabilities of messages.
"""

import json
import sys
from pathlib import Path

import torch
import transformers

sys.path.insert(0, str(Path(__file__).parent.parent))
from cases import VOCAB, message_logp, randomize, sequences

REAL = Path(__file__).parent.parent.parent / "test" / "fixtures" / "configs" / "real" / "supported.json"
VISION = {
    "hidden_size": 16,
    "image_size": 28,
    "intermediate_size": 16,
    "num_attention_heads": 2,
    "num_hidden_layers": 1,
}


def shrunken(published):
    """Returns the file with small sizes. Gemma 3 keeps six layers, of which the last has full attention."""
    small = dict(published)
    if "text_config" in small:
        text = {"vocab_size": VOCAB, "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 256}
        small["text_config"] = shrunken({**text, **small["text_config"]})
        small["vision_config"] = {**small["vision_config"], **VISION}
        return small
    layers = 6 if small["model_type"] == "gemma3_text" else 4
    ratio = small["num_attention_heads"] // small["num_key_value_heads"]
    heads = 4 if ratio in (1, 2, 4) else ratio
    small |= {
        "hidden_size": 8 * heads,
        "intermediate_size": 24,
        "num_attention_heads": heads,
        "num_key_value_heads": heads // ratio if heads == 4 else 1,
        "num_hidden_layers": layers,
        "vocab_size": VOCAB,
    }
    if "head_dim" in small:
        small["head_dim"] = 16
    if small.get("sliding_window"):
        small["sliding_window"] = 8
    for key in ("layer_types", "no_rope_layers"):
        if key in small:
            small[key] = small[key][:layers]
    for key in ("bos_token_id", "eos_token_id", "pad_token_id"):
        if small.get(key) is not None:
            small[key] = 1
    return small


def write(folder, published, seed):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(shrunken(published), indent=2))
    config = transformers.AutoConfig.from_pretrained(folder)
    # a model that is made in bfloat16 keeps rounded constants, such as Gemma's factor of embeddings
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32, attn_implementation="eager")
    model.eval()
    randomize(model, seed)
    own = (folder / "config.json").read_text()
    model.save_pretrained(folder)
    (folder / "config.json").write_text(own)
    rows = []
    for context, tokens in sequences(seed):
        with torch.no_grad():
            logp, _ = message_logp(model, context, tokens, 1.0)
        rows.append({"context": context.tolist(), "tokens": tokens.tolist(), "logp": logp.tolist()})
    (folder / "expected.json").write_text(json.dumps(rows))


torch.set_num_threads(1)
for index, (name, published) in enumerate(json.loads(REAL.read_text()).items()):
    write(Path(sys.argv[1]) / name.replace("/", "--"), published, 11 + index)
print(f"written with Transformers {transformers.__version__}")
