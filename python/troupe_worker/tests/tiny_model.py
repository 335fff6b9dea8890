"""Writes a tiny model for tests with Transformers, and creates calls with a few messages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

from troupe_worker.frames import Array, Frame
from troupe_worker.model_call import Call

VOCAB_SIZE = 23


def write_tiny_model(folder: Path, **changes: Any) -> None:
    """Writes a model with fixed weights, which are so large that every layer affects the output."""
    shape = {
        "vocab_size": VOCAB_SIZE,
        "hidden_size": 12,
        "intermediate_size": 10,
        "num_hidden_layers": 2,
        "num_attention_heads": 6,
        "num_key_value_heads": 2,
        "head_dim": 4,
        "max_position_embeddings": 64,
        "tie_word_embeddings": True,
        "eos_token_id": 0,
    }
    config = Qwen3Config(**{**shape, **changes})
    torch.manual_seed(5)
    model = Qwen3ForCausalLM(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    model.save_pretrained(folder, safe_serialization=True)


def call(
    params: dict[str, Any] | None = None,
    arrays: dict[str, Array] | None = None,
    *,
    check: Callable[[], None] = lambda: None,
    emit: Callable[[dict[str, Any], dict[str, Array]], None] = lambda _header, _arrays: None,
) -> Call:
    """A call without a client."""
    return Call(Frame({"params": params or {}}, arrays or {}), check, emit)


def ragged(name: str, rows: list[list[float]], dtype: Any) -> dict[str, Array]:
    """Encodes rows as a ragged array: one array of the concatenated rows, and one array of their lengths."""
    flat = np.array([value for row in rows for value in row], dtype)
    return {name: flat, f"{name}_lengths": np.array([len(row) for row in rows], np.int32)}


def messages() -> dict[str, Array]:
    """Returns the arrays of three messages of different lengths."""
    return {
        **ragged("context", [[1, 2, 3], [4, 5], [6, 7, 8, 9]], np.int32),
        **ragged("tokens", [[10, 11], [12, 13, 14, 0], [15]], np.int32),
    }
