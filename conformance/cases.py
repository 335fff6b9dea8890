"""Tiny models for the fixtures: one for each decoder family and for each feature that changes the results."""

import torch
import transformers as hf

VOCAB = 64
# All sizes differ, and hidden_size differs from num_attention_heads * head_dim, so that swapped dimensions fail.
COMMON = dict(
    vocab_size=VOCAB,
    hidden_size=24,
    intermediate_size=28,
    num_hidden_layers=3,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=8,
    max_position_embeddings=64,
    attention_dropout=0.0,
    bos_token_id=1,
    eos_token_id=0,
    pad_token_id=None,
)
WINDOW = 6
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16}
LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 16,
}
LINEAR = {"rope_type": "linear", "factor": 4.0}


def without(*keys):
    return {key: value for key, value in COMMON.items() if key not in keys}


def cases():
    """Returns the model configurations by name."""
    half = without("head_dim")
    return {
        "qwen3": hf.Qwen3Config(**COMMON, tie_word_embeddings=True, rope_theta=1e6),
        "qwen3-window-bias-yarn": hf.Qwen3Config(
            **COMMON,
            attention_bias=True,
            use_sliding_window=True,
            sliding_window=WINDOW,
            max_window_layers=1,
            rope_scaling=dict(YARN),
        ),
        "qwen2": hf.Qwen2Config(**half, tie_word_embeddings=True, rope_theta=1e6),
        "qwen2-yarn": hf.Qwen2Config(
            **half, rope_scaling={**YARN, "beta_fast": 16.0, "beta_slow": 2.0, "attention_factor": 1.3}
        ),
        "llama3": hf.LlamaConfig(**COMMON, tie_word_embeddings=True, rope_theta=5e5, rope_scaling=dict(LLAMA3)),
        "llama-linear-bias": hf.LlamaConfig(
            **COMMON, attention_bias=True, mlp_bias=True, rope_scaling=dict(LINEAR), rms_norm_eps=1e-5
        ),
        "smollm2": hf.LlamaConfig(
            **{**half, "num_key_value_heads": 1},
            tie_word_embeddings=True,
            rope_theta=1e5,
            is_llama_config=True,
            rope_interleaved=False,
        ),
        "mistral": hf.MistralConfig(**COMMON, sliding_window=WINDOW),
        "smollm3": hf.SmolLM3Config(**half, no_rope_layer_interval=2, rope_theta=5e6),
        "smollm3-window-bias": hf.SmolLM3Config(
            **{**half, "num_hidden_layers": 4},
            use_sliding_window=True,
            sliding_window=WINDOW,
            no_rope_layers=[1, 0, 1, 0],
            attention_bias=True,
            tie_word_embeddings=False,
        ),
        "gemma3": hf.Gemma3TextConfig(
            **COMMON,
            sliding_window=WINDOW,
            layer_types=["sliding_attention", "sliding_attention", "full_attention"],
            query_pre_attn_scalar=12,
            rope_theta=1e6,
            rope_local_base_freq=1e4,
            rope_scaling=dict(LINEAR),
        ),
        "gemma3-softcap-untied": hf.Gemma3TextConfig(
            **COMMON,
            sliding_window=WINDOW,
            sliding_window_pattern=2,
            query_pre_attn_scalar=8,
            final_logit_softcapping=3.0,
            attention_bias=True,
            tie_word_embeddings=False,
        ),
        "gemma2": hf.Gemma2Config(
            **COMMON,
            sliding_window=WINDOW,
            query_pre_attn_scalar=12,
            attn_logit_softcapping=2.0,
            final_logit_softcapping=4.0,
        ),
    }


def build(config, seed):
    """Returns a random model in which every parameter affects the output: no norm weight is 1 and no bias is 0."""
    torch.manual_seed(seed)
    model = hf.AutoModelForCausalLM.from_config(config, attn_implementation="eager").float().eval()
    return randomize(model, seed)


def randomize(model, seed):
    """Draws all parameters, so that no norm weight is 1 and no bias is 0, and returns the model."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if name.endswith("norm.weight"):
                parameter.add_(0.3 * noise)
            elif parameter.dim() == 1:
                parameter.copy_(0.3 * noise)
            else:
                parameter.copy_(noise * parameter.shape[1] ** -0.5)
    return model


def sequences(seed):
    """Returns contexts and messages. The longest exceed the sliding window and the original context length by far."""
    generator = torch.Generator().manual_seed(seed)
    lengths = [(3, 5), (1, 1), (30, 20), (9, 14), (1, 26)]
    draw = lambda n: torch.randint(1, VOCAB, (n,), generator=generator)
    return [(draw(context), draw(tokens)) for context, tokens in lengths]


def message_logp(model, context, tokens, temperature):
    """Returns the teacher-forced log-probability of every message token [T] and the logits [T, V].

    Args:
        context, tokens: token ids
    """
    sequence = torch.cat([context, tokens])
    logits = model(input_ids=sequence[None, :-1], use_cache=False).logits[0, len(context) - 1 :]
    rows = torch.log_softmax(logits / temperature, dim=-1)
    return rows.gather(1, tokens[:, None])[:, 0], logits
