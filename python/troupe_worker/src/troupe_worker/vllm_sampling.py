"""Samples with vLLM. Models of the same architecture and size share an engine and use it one at a time.

Before a model samples, its weights (or its adapter) are copied to the engine, unless the engine already has them.
"""

from __future__ import annotations

import itertools
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from .adapter_config import ADAPTER_CONFIG
from .adapters import WEIGHTS
from .checkpoint import CONFIG
from .loading import LoadedModel, LoadOptions
from .memory_budget import MemoryBudget, resolve_weights
from .sampling import Completion, SamplingOptions, SamplingRequest
from .vllm_engine import VllmEngine
from .vllm_selection import engine_key, max_lora_rank, uses_vllm
from .vllm_setup import EngineConfig, vllm_version

#: Interval at which a call that waits for the engine checks for cancellation, seconds.
_LOCK_POLL_SECONDS = 0.5


@dataclass
class SharedEngine:
    """An engine that several models share. The first model that samples constructs it."""

    #: Key of the models that can share the engine; see `engine_key`.
    key: object
    #: Folder of the full model or base model.
    folder: Path
    #: Content of config.json, for full models; empty for adapters.
    config_json: bytes
    #: vLLM's max_lora_rank, for adapters; None for full models.
    max_lora_rank: int | None
    #: Maximum size of the KV cache, bytes.
    kv_cache_bytes: int
    #: Reserves the memory of the engine and returns the number of the reservation. It is called when a model is
    #: loaded for training, else at the first `sample` call, because models that are only served or scored never
    #: sample with vLLM.
    reserve: Callable[[], int]
    reservation: int | None = None
    #: Number of models that share the engine.
    users: int = 0
    engine: VllmEngine | None = None
    #: Id of the full model whose weights the engine has, and version of these weights.
    loaded_weights: tuple[int, int] | None = None
    #: Lock that is acquired for every use of the engine.
    lock: threading.Lock = field(default_factory=threading.Lock)
    adapter_ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _reserve_lock: threading.Lock = field(default_factory=threading.Lock)

    def require_memory(self) -> None:
        """Reserves the memory of the engine, unless it is already reserved.

        Raises:
            BadModel: there is too little memory.
        """
        with self._reserve_lock:  # a load and a `sample` call may run this method concurrently
            if self.reservation is None:
                self.reservation = self.reserve()

    def stop(self) -> None:
        """Closes the engine if there is one."""
        engine, self.engine, self.loaded_weights = self.engine, None, None
        if engine is not None:
            engine.close()


class VllmEnginePool:
    """The engines of one device."""

    def __init__(self, device: torch.device, memory: MemoryBudget) -> None:
        self._device = device
        self._memory = memory
        self._engines: dict[object, SharedEngine] = {}

    def acquire(self, options: LoadOptions, world_size: int) -> SharedEngine | None:
        """Returns the engine that samples for a model; None if the PyTorch model itself samples.

        Not thread-safe, because `load` calls are sequential.

        Raises:
            WorkerError: the options require vLLM, but it cannot be used, or there is too little memory.
        """
        if not uses_vllm(options, world_size, self._device):
            return None
        folder, rank, _ = resolve_weights(options)
        key = engine_key(options, folder, rank)
        shared = self._engines.get(key)
        if shared is None:
            cache = self._memory.bytes_of(options.sampler_cache)
            shared = SharedEngine(
                key=key,
                folder=folder,
                config_json=(folder / CONFIG).read_bytes() if rank is None else b"",
                max_lora_rank=None if rank is None else max_lora_rank(rank),
                kv_cache_bytes=cache,
                reserve=partial(self._memory.reserve_sampler, folder, options.dtype, cache),
            )
        if options.training:
            shared.require_memory()
        self._engines[key] = shared
        shared.users += 1
        return shared

    def release(self, shared: SharedEngine | None) -> None:
        """Removes a model from an engine. Closes the engine if no other model uses it."""
        if shared is None:
            return
        shared.users -= 1
        if shared.users > 0:
            return
        self._engines.pop(shared.key, None)
        with shared.lock:
            shared.stop()
        if shared.reservation is not None:
            self._memory.release(shared.reservation)


class VllmSampler:
    """Samples the messages of one model through a shared engine; implements `Sampler`."""

    _ids = itertools.count()

    def __init__(
        self,
        shared: SharedEngine,
        loaded: LoadedModel,
        options: LoadOptions,
        *,
        decode_batch: int,
        token_budget: int,
    ) -> None:
        """Creates the sampler. If the model will be trained, constructs the engine at once to report errors early.

        Raises:
            WorkerError: vLLM cannot run the model.
        """
        self.name = f"vllm {vllm_version()}"
        self._shared = shared
        self._loaded = loaded
        self._id = next(self._ids)
        #: Id of the adapter in the engine, and version of its weights.
        self._adapter: tuple[int, int] | None = None
        decoder = loaded.decoder
        self._config = EngineConfig(
            folder=shared.folder,
            dtype=options.dtype,
            device=loaded.parameters.device,
            vocab_size=decoder.vocab_size,
            max_positions=decoder.max_positions,
            decode_batch=decode_batch,
            token_budget=token_budget,
            kv_bytes_per_token=decoder.cache_bytes_per_token,
            kv_cache_bytes=shared.kv_cache_bytes,
            max_lora_rank=shared.max_lora_rank,
            config_json=shared.config_json,
        )
        if options.training:
            with shared.lock:
                self._require_engine()

    def sample(
        self,
        requests: Sequence[SamplingRequest],
        options: SamplingOptions,
        *,
        check: Callable[[], None],
        on_completions: Callable[[list[Completion]], None],
    ) -> None:
        with _acquired(self._shared.lock, check):
            engine = self._require_engine()
            try:
                engine.wake()
                adapter = self._sync_weights(engine)
                engine.sample(requests, options, adapter=adapter, check=check, on_completions=on_completions)
            finally:
                if engine.failed:  # close the engine; the next call constructs a new one
                    self._shared.stop()

    def sleep(self) -> None:
        shared = self._shared
        if shared.engine is None or not shared.engine.can_sleep:
            return
        with shared.lock:
            keep_weights = shared.max_lora_rank is not None
            if shared.engine is not None and shared.engine.sleep(keep_weights=keep_weights):
                shared.loaded_weights = None

    def _require_engine(self) -> VllmEngine:
        shared = self._shared
        if shared.engine is not None and shared.engine.failed:
            shared.stop()
        if shared.engine is None:
            shared.require_memory()
            shared.engine = VllmEngine(self._config)
            shared.loaded_weights = None
        return shared.engine

    def _sync_weights(self, engine: VllmEngine) -> int | None:
        """Copies the weights to the engine if they changed. Returns the adapter's id; None for a full model."""
        version = self._loaded.parameters.version
        if self._shared.max_lora_rank is not None:
            return self._sync_adapter(engine, version)
        if self._shared.loaded_weights != (self._id, version):
            self._shared.loaded_weights = None  # in case the copy fails
            engine.load_weights(self._weights())
            self._shared.loaded_weights = (self._id, version)
        return None

    def _sync_adapter(self, engine: VllmEngine, version: int) -> int:
        """Loads the adapter into the engine if it changed. Returns its id in the engine.

        Uses a temporary folder, because vLLM loads adapters only from folders.
        """
        known = self._adapter
        if known is not None and known[1] == version and engine.has_adapter(known[0]):
            return known[0]
        assert self._loaded.adapter is not None
        weights = self._loaded.parameters.master_weights()
        adapter_id = next(self._shared.adapter_ids)
        with tempfile.TemporaryDirectory(prefix="troupe-adapter-") as folder:
            (Path(folder) / ADAPTER_CONFIG).write_bytes(self._loaded.adapter.to_json())
            tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
            save_file(tensors, Path(folder) / WEIGHTS)
            engine.add_adapter(adapter_id, Path(folder))
        if known is not None:
            engine.remove_adapter(known[0])
        self._adapter = (adapter_id, version)
        return adapter_id

    def _weights(self) -> Iterator[tuple[str, Tensor]]:
        """Yields the weights with which the module computes, with their names in files."""
        for name, parameter in self._loaded.decoder.model.named_parameters():
            yield name, parameter.data


@contextmanager
def _acquired(lock: threading.Lock, check: Callable[[], None]) -> Iterator[None]:
    """Acquires a lock. Calls `check` while it waits; an error that `check` raises ends the wait."""
    while not lock.acquire(timeout=_LOCK_POLL_SECONDS):
        check()
    try:
        yield
    finally:
        lock.release()
