"""Sampling through vLLM: one engine for all models of a shape, which take turns in it, as agents take turns on a
device. A model's weights, or its adapter, are handed over when it samples after they have changed, and not before.
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
from .admission import Admission, weights_of
from .checkpoint import CONFIG
from .loading import Loaded, LoadOptions
from .sampling import Completion, Request, Rules
from .vllm_choice import engine_key, engine_rank, is_wanted
from .vllm_engine import VllmEngine
from .vllm_setup import Shape, vllm_version

#: How often one who waits for a turn looks whether the answer is still wanted.
_TURN_SECONDS = 0.5


@dataclass
class Home:
    """An engine, once somebody has samples, and whose turn it is in it."""

    key: object
    #: The folder of whole weights that it is made for, and their config.json if no adapters are.
    folder: Path
    config: bytes
    #: Of the adapters in it, if it is for adapters.
    rank: int | None
    #: Most memory for keys and values.
    cache_bytes: int
    #: Promises it memory: when one enters who will be trained, and else with the first sample, since what is only
    #: served or scored is never sampled from.
    admit: Callable[[], int]
    promise: int | None = None
    users: int = 0
    engine: VllmEngine | None = None
    #: The model whose weights it holds, and which version of them.
    holds: tuple[int, int] | None = None
    turn: threading.Lock = field(default_factory=threading.Lock)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _asking: threading.Lock = field(default_factory=threading.Lock)

    def require_memory(self) -> None:
        """
        Raises:
            BadModel: there is too little.
        """
        with self._asking:  # one loads while another samples
            if self.promise is None:
                self.promise = self.admit()

    def stop(self) -> None:
        """Ends the engine, if there is one."""
        engine, self.engine, self.holds = self.engine, None, None
        if engine is not None:
            engine.close()


class VllmSamplers:
    """The engines of one device."""

    def __init__(self, device: torch.device, admission: Admission) -> None:
        self._device = device
        self._admission = admission
        self._homes: dict[object, Home] = {}

    def enter(self, options: LoadOptions, ranks: int) -> Home | None:
        """Where a model will be sampled from; None: with the model itself. Not for several threads at once; loads
        follow each other.

        Raises:
            WorkerError: vLLM was asked for and cannot be had, or there is too little memory.
        """
        if not is_wanted(options, ranks, self._device):
            return None
        folder, rank, _ = weights_of(options)
        key = engine_key(options, folder, rank)
        home = self._homes.get(key)
        if home is None:
            cache = self._admission.share_bytes(options.sampler_cache)
            admit = partial(self._admission.admit_sampler, folder, options.dtype, cache)
            config, room = ((folder / CONFIG).read_bytes(), None) if rank is None else (b"", engine_rank(rank))
            home = Home(key, folder, config, room, cache, admit)
        if options.training:
            home.require_memory()
        self._homes[key] = home
        home.users += 1
        return home

    def leave(self, home: Home | None) -> None:
        """The engine goes with the last model that samples in it."""
        if home is None:
            return
        home.users -= 1
        if home.users > 0:
            return
        self._homes.pop(home.key, None)
        with home.turn:
            home.stop()
        if home.promise is not None:
            self._admission.leave(home.promise)


class VllmSampler:
    """Draws one model's messages."""

    _numbers = itertools.count()

    def __init__(self, home: Home, loaded: Loaded, options: LoadOptions, *, slots: int, token_budget: int) -> None:
        """A model that will be trained is sampled from soon: what vLLM has against it is said now.

        Raises:
            WorkerError: vLLM cannot run it.
        """
        self.name = f"vllm {vllm_version()}"
        self._home = home
        self._loaded = loaded
        self._number = next(self._numbers)
        #: The adapter's number in the engine, and which version of it that is.
        self._adapter: tuple[int, int] | None = None
        decoder = loaded.decoder
        self._shape = Shape(
            folder=home.folder,
            dtype=options.dtype,
            device=loaded.parameters.device,
            vocab_size=decoder.vocab_size,
            max_positions=decoder.max_positions,
            slots=slots,
            token_budget=token_budget,
            bytes_per_token=decoder.cache_bytes_per_token,
            cache_bytes=home.cache_bytes,
            rank=home.rank,
            config=home.config,
        )
        if options.training:
            with home.turn:
                self._start()

    def sample(
        self,
        requests: Sequence[Request],
        rules: Rules,
        *,
        check: Callable[[], None],
        announce: Callable[[list[Completion]], None],
    ) -> None:
        with _turn(self._home, check):
            engine = self._start()
            try:
                engine.wake()
                adapter = self._hand_over(engine)
                engine.sample(requests, rules, adapter=adapter, check=check, announce=announce)
            finally:
                if engine.broken:  # the next call makes another
                    self._home.stop()

    def rest(self) -> None:
        home = self._home
        if home.engine is None or not home.engine.sleeps:
            return
        with home.turn:
            if home.engine is not None and home.engine.sleep(keep_weights=home.rank is not None):
                home.holds = None

    def _start(self) -> VllmEngine:
        home = self._home
        if home.engine is not None and home.engine.broken:
            home.stop()
        if home.engine is None:
            home.require_memory()
            home.engine = VllmEngine(self._shape)
            home.holds = None
        return home.engine

    def _hand_over(self, engine: VllmEngine) -> int | None:
        """Gives vLLM what it has not got yet; returns the number of the adapter, where there is one."""
        version = self._loaded.parameters.version
        if self._home.rank is not None:
            return self._hand_over_adapter(engine, version)
        if self._home.holds != (self._number, version):
            self._home.holds = None  # should copying fail half-way
            engine.load(self._weights())
            self._home.holds = (self._number, version)
        return None

    def _hand_over_adapter(self, engine: VllmEngine, version: int) -> int:
        """vLLM reads adapters from folders alone, and is told by their numbers what it may reuse."""
        known = self._adapter
        if known is not None and known[1] == version and engine.has(known[0]):
            return known[0]
        assert self._loaded.adapter is not None
        masters = self._loaded.parameters.masters()
        number = next(self._home.numbers)
        with tempfile.TemporaryDirectory(prefix="troupe-adapter-") as folder:
            (Path(folder) / ADAPTER_CONFIG).write_bytes(self._loaded.adapter.to_json())
            factors = {name: tensor.detach().cpu().contiguous() for name, tensor in masters.items()}
            save_file(factors, Path(folder) / WEIGHTS)
            engine.add(number, Path(folder))
        if known is not None:
            engine.remove(known[0])
        self._adapter = (number, version)
        return number

    def _weights(self) -> Iterator[tuple[str, Tensor]]:
        """What the module computes with, by names on disk."""
        for name, parameter in self._loaded.decoder.model.named_parameters():
            yield name, parameter.data


@contextmanager
def _turn(home: Home, check: Callable[[], None]) -> Iterator[None]:
    while not home.turn.acquire(timeout=_TURN_SECONDS):
        check()
    try:
        yield
    finally:
        home.turn.release()
