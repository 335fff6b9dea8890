"""Lets a model in where there is room for it, and for what those let in before it will still ask for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import torch

from .adapter_config import base_folder, is_adapter_folder, read_adapter_config
from .adapters import FrozenBases
from .loading import LoadOptions
from .memory import Plan, Room, free_bytes, read_sizes, require_room, require_sampler_room

#: Taken for the memory of a device of which nobody says how much it has.
_UNKNOWN_BYTES = 2**33


class Admission:
    """The memory of one device."""

    def __init__(
        self,
        device: torch.device,
        limit_bytes: int | None = None,
        free: Callable[[torch.device], int | None] = free_bytes,
    ) -> None:
        self._device = device
        self._limit = limit_bytes
        self._free = free
        self._total: int | None = None
        self._promised: dict[int, int] = {}
        self._next = 0
        self._ranks = 1
        #: Loads follow each other, but the first sample of a model may come beside one.
        self._lock = threading.RLock()

    def deal_out(self, ranks: int) -> None:
        """Models are dealt out among so many processes with memory of their own, or a share of it."""
        self._ranks = ranks

    def admit(self, options: LoadOptions, bases: FrozenBases) -> int:
        """Promises memory to a model; returns the promise's number.

        Raises:
            BadModel: there is too little.
        """
        with self._lock:
            self._look()
            return self._promise(self._needed(options, bases))

    def share_bytes(self, share: float) -> int:
        """So much of all the memory that there is for models."""
        with self._lock:
            self._look()
        return int(share * (_UNKNOWN_BYTES if self._total is None else self._total))

    def admit_sampler(self, folder: Path, dtype: str, cache_bytes: int) -> int:
        """Promises memory to an engine that samples with weights of its own; returns the promise's number.

        Raises:
            BadModel: there is too little.
        """
        sizes = read_sizes(folder)
        with self._lock:
            self._look()
            if sizes is None or self._total is None:
                return self._promise(0)
            weights = sizes.parameters * (4 if dtype == "float32" else 2)
            return self._promise(require_sampler_room(folder, weights, cache_bytes, self._room()))

    def share(self, parts: int) -> None:
        """Leaves the other parts of what is free to others on the same machine."""
        free = self._free(self._device)
        if free is not None:
            self._limit = min(free // parts, self._limit or free)

    def leave(self, promise: int | None) -> None:
        if promise is not None:
            with self._lock:
                self._promised.pop(promise, None)

    def _look(self) -> None:
        """What is free is asked while there are no models yet."""
        if not self._promised:
            found = [size for size in (self._limit, self._free(self._device)) if size is not None]
            self._total = min(found) if found else None

    def _promise(self, amount: int) -> int:
        number = self._next
        self._next += 1
        self._promised[number] = amount
        return number

    def _room(self) -> Room:
        assert self._total is not None
        return Room(str(self._device), self._total, sum(self._promised.values()), len(self._promised))

    def _needed(self, options: LoadOptions, bases: FrozenBases) -> int:
        folder, rank, targets = weights_of(options)
        sizes = read_sizes(folder)
        if sizes is None or self._total is None:
            return 0  # loading says what is wrong; or nobody knows what is free
        plan = Plan(
            dtype=options.dtype,
            training=options.training,
            adapter=sizes.adapter(rank, targets) if rank else None,
            on_cpu=self._device.type == "cpu",
            shared=rank is not None and bases.holds(folder, options.dtype),
            ranks=self._ranks,
        )
        return require_room(options.folder, sizes, plan, self._room())


def weights_of(options: LoadOptions) -> tuple[Path, int | None, tuple[str, ...]]:
    """The folder of the weights, and the adapter's rank and projections where there is one."""
    folder = options.folder
    if is_adapter_folder(folder):
        config = read_adapter_config(folder)
        return base_folder(folder, config.base, options.cwd), config.rank, config.targets
    if options.lora is not None:
        return folder, options.lora.rank, options.lora.targets
    return folder, None, ()
