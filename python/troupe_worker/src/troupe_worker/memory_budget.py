"""Reserves memory for models. A model is loaded only if it fits beside the reservations of all loaded models."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import torch

from .adapter_config import base_folder, is_adapter_folder, read_adapter_config
from .adapters import BaseModelCache
from .loading import LoadOptions
from .memory import (
    DeviceMemory,
    MemoryPlan,
    free_bytes,
    read_model_sizes,
    require_memory,
    require_sampler_memory,
)

#: Memory, bytes, that is assumed for a device that does not report its free memory.
_UNKNOWN_BYTES = 2**33


class MemoryBudget:
    """The memory of one device and its reservations."""

    def __init__(
        self,
        device: torch.device,
        limit_bytes: int | None = None,
        free: Callable[[torch.device], int | None] = free_bytes,
    ) -> None:
        """
        Args:
            limit_bytes: maximum memory of all models together; None: the free memory of the device
            free: returns the free memory of a device, bytes; None if it is unknown
        """
        self._device = device
        self._limit = limit_bytes
        self._free = free
        self._total: int | None = None
        self._reserved: dict[int, int] = {}
        self._next = 0
        self._world_size = 1
        #: Needed because the first `sample` call of a model reserves memory for vLLM and may run during a load.
        self._lock = threading.RLock()

    def set_world_size(self, world_size: int) -> None:
        """Sets the number of ranks over which every model is sharded."""
        self._world_size = world_size

    def reserve_model(self, options: LoadOptions, bases: BaseModelCache) -> int:
        """Reserves memory for a model. Returns the number of the reservation.

        Raises:
            BadModel: there is too little memory.
        """
        with self._lock:
            self._measure_free()
            return self._reserve(self._bytes_needed(options, bases))

    def bytes_of(self, fraction: float) -> int:
        """Returns the given fraction of the memory that models may use on the device, bytes."""
        with self._lock:
            self._measure_free()
        return int(fraction * (_UNKNOWN_BYTES if self._total is None else self._total))

    def reserve_sampler(self, folder: Path, dtype: str, cache_bytes: int) -> int:
        """Reserves memory for a vLLM engine with a copy of the weights. Returns the number of the reservation.

        Raises:
            BadModel: there is too little memory.
        """
        sizes = read_model_sizes(folder)
        with self._lock:
            self._measure_free()
            if sizes is None or self._total is None:
                return self._reserve(0)
            weights = sizes.parameters * (4 if dtype == "float32" else 2)
            return self._reserve(require_sampler_memory(folder, weights, cache_bytes, self._memory()))

    def divide(self, processes: int) -> None:
        """Limits this process to 1/processes of the free memory, because several processes share it."""
        free = self._free(self._device)
        if free is not None:
            self._limit = min(free // processes, self._limit or free)

    def release(self, reservation: int | None) -> None:
        if reservation is not None:
            with self._lock:
                self._reserved.pop(reservation, None)

    def _measure_free(self) -> None:
        """Measures the free memory again if nothing is reserved."""
        if not self._reserved:
            found = [size for size in (self._limit, self._free(self._device)) if size is not None]
            self._total = min(found) if found else None

    def _reserve(self, amount: int) -> int:
        number = self._next
        self._next += 1
        self._reserved[number] = amount
        return number

    def _memory(self) -> DeviceMemory:
        assert self._total is not None
        return DeviceMemory(str(self._device), self._total, sum(self._reserved.values()), len(self._reserved))

    def _bytes_needed(self, options: LoadOptions, bases: BaseModelCache) -> int:
        folder, rank, targets = resolve_weights(options)
        sizes = read_model_sizes(folder)
        if sizes is None or self._total is None:
            return 0  # unreadable files raise an error when the model is loaded; unknown memory has no limit
        plan = MemoryPlan(
            dtype=options.dtype,
            training=options.training,
            adapter=sizes.adapter(rank, targets) if rank else None,
            on_cpu=self._device.type == "cpu",
            base_is_loaded=rank is not None and bases.contains(folder, options.dtype),
            world_size=self._world_size,
        )
        return require_memory(options.folder, sizes, plan, self._memory())


def resolve_weights(options: LoadOptions) -> tuple[Path, int | None, tuple[str, ...]]:
    """Returns the folder of the full model or base model, and the adapter's rank and target projections.

    Without an adapter, the rank is None.

    Raises:
        BadModel: the adapter's config or its base cannot be used.
    """
    folder = options.folder
    if is_adapter_folder(folder):
        config = read_adapter_config(folder)
        return base_folder(folder, config.base, options.cwd), config.rank, config.targets
    if options.lora is not None:
        return folder, options.lora.rank, options.lora.targets
    return folder, None, ()
