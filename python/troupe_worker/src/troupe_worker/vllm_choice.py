"""Whether a model is sampled through vLLM, and which models can take turns in one engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from .admission import weights_of
from .checkpoint import CONFIG
from .errors import BadModel, WorkerError
from .loading import LoadOptions
from .vllm_engine import complaints
from .vllm_setup import RANKS, settle_environment, vllm_version

#: Fields of a config.json that say nothing of what is computed.
_NAMES = ("_name_or_path", "torch_dtype", "dtype", "transformers_version")


def is_wanted(options: LoadOptions, ranks: int, device: torch.device) -> bool:
    """`auto`: on a GPU, where vLLM is installed and knows the architecture.

    Raises:
        WorkerError: it was asked for and cannot be had.
    """
    if options.sampler == "torch":
        return False
    folder, rank, _ = weights_of(options)
    obstacle = _obstacle(device, rank, ranks)
    if options.sampler == "vllm":
        if obstacle is not None:
            raise WorkerError(f"sampler: {obstacle}, or set sampler.kind to torch", "setting")
        return True
    return obstacle is None and device.type == "cuda" and knows_architecture(folder)


def _obstacle(device: torch.device, rank: int | None, ranks: int) -> str | None:
    """Why vLLM cannot be used here, and what to do about it."""
    if vllm_version() is None:
        what = "python/troupe_worker/requirements-vllm.txt"
        return f"expected vLLM in the worker's Python, got none; install {what} into it"
    if device.index not in (None, 0):
        return (
            f"vLLM runs on the first GPU that a process sees, got {device}; "
            f"set CUDA_VISIBLE_DEVICES to {device.index} and device to cuda"
        )
    if ranks > 1:
        return f"vLLM samples for agents of one GPU or process, got {ranks}; set ray.gpus_per_agent to at most 1"
    if rank is not None and rank > RANKS[-1]:
        return f"vLLM takes adapters of rank {RANKS[-1]} at most, got {rank}; lower engine.lora_rank"
    return None


def knows_architecture(folder: Path) -> bool:
    """Whether vLLM has the architecture that the folder's config.json names."""
    try:
        names = _config(folder).get("architectures") or []
    except BadModel:
        return False  # loading says what is wrong
    settle_environment()
    with complaints("vLLM"):
        from vllm import ModelRegistry

        known = ModelRegistry.get_supported_archs()
    return any(name in known for name in names)


def engine_rank(rank: int) -> int:
    """The rank that an engine is made for, whose adapters are of this one."""
    return next(size for size in RANKS if size >= rank)


def engine_key(options: LoadOptions, folder: Path, rank: int | None) -> object:
    """Models of one key can take turns in one engine: adapters of one base, or whole models of one shape."""
    if rank is not None:
        return (str(folder.resolve()), options.dtype, engine_rank(rank))
    fields = {name: value for name, value in _config(folder).items() if name not in _NAMES}
    return (json.dumps(fields, sort_keys=True), options.dtype)


def _config(folder: Path) -> dict[str, Any]:
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
