"""Decides whether vLLM samples for a model, and which models can share a vLLM engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from .checkpoint import CONFIG
from .errors import BadModel, WorkerError
from .loading import LoadOptions
from .memory_budget import resolve_weights
from .vllm_engine import one_line_errors
from .vllm_setup import LORA_RANKS, set_environment, vllm_version

#: Fields of a config.json that do not affect the computation.
_IGNORED_FIELDS = ("_name_or_path", "torch_dtype", "dtype", "transformers_version")


def uses_vllm(options: LoadOptions, world_size: int, device: torch.device) -> bool:
    """Whether vLLM samples for a model.

    With the sampler `auto`, vLLM samples on a GPU if it is installed and supports the architecture.

    Raises:
        WorkerError: the options require vLLM, but it cannot be used.
    """
    if options.sampler == "torch":
        return False
    folder, rank, _ = resolve_weights(options)
    obstacle = _obstacle(device, rank, world_size)
    if options.sampler == "vllm":
        if obstacle is not None:
            raise WorkerError(f"sampler: {obstacle}, or set sampler.kind to torch", "setting")
        return True
    return obstacle is None and device.type == "cuda" and supports_architecture(folder)


def _obstacle(device: torch.device, rank: int | None, world_size: int) -> str | None:
    """Explains why vLLM cannot be used, and which setting to change. Returns None if vLLM can be used."""
    if vllm_version() is None:
        requirements = "python/troupe_worker/requirements-vllm.txt"
        return f"expected vLLM in the worker's Python, got none; install {requirements} into it"
    if device.index not in (None, 0):
        return (
            f"vLLM runs on the first GPU that a process sees, got {device}; "
            f"set CUDA_VISIBLE_DEVICES to {device.index} and device to cuda"
        )
    if world_size > 1:
        return (
            f"vLLM samples for agents of one GPU or process, got {world_size}; set ray.gpus_per_agent to at most 1"
        )
    if rank is not None and rank > LORA_RANKS[-1]:
        return f"vLLM supports adapters of rank {LORA_RANKS[-1]} at most, got {rank}; lower engine.lora_rank"
    return None


def supports_architecture(folder: Path) -> bool:
    """Whether vLLM supports the architecture that is named in a model folder's config.json."""
    try:
        names = _read_config(folder).get("architectures") or []
    except BadModel:
        return False  # an unreadable file is ignored here; loading the model raises the error
    set_environment()
    with one_line_errors("vLLM"):
        from vllm import ModelRegistry

        supported = ModelRegistry.get_supported_archs()
    return any(name in supported for name in names)


def max_lora_rank(rank: int) -> int:
    """Returns the smallest `max_lora_rank` that vLLM supports and that is at least `rank`."""
    return next(size for size in LORA_RANKS if size >= rank)


def engine_key(options: LoadOptions, folder: Path, rank: int | None) -> object:
    """Returns the key of a model. Models with equal keys can share an engine.

    Adapters of one base model have equal keys, and full models whose config.json files are equivalent.
    """
    if rank is not None:
        return (str(folder.resolve()), options.dtype, max_lora_rank(rank))
    fields = {name: value for name, value in _read_config(folder).items() if name not in _IGNORED_FIELDS}
    return (json.dumps(fields, sort_keys=True), options.dtype)


def _read_config(folder: Path) -> dict[str, Any]:
    path = folder / CONFIG
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadModel(f"{path}: the file is missing; a model folder needs its config.json") from error
    except (OSError, ValueError) as error:
        raise BadModel(f"{path}: expected a JSON object ({error})") from error
    if not isinstance(fields, dict):
        raise BadModel(f"{path}: expected a JSON object, got {type(fields).__name__}")
    return fields
