"""What a model's calls work on: all weights of its own, or a frozen base that it shares and an adapter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from . import adapters
from .adapter_config import ADAPTER_CONFIG, AdapterConfig, base_folder, is_adapter_folder, read_adapter_config
from .adapters import FrozenBase, FrozenBases
from .checkpoint import Contents, load_checkpoint, read_optimizer, save_checkpoint, write_folder
from .decoder import Decoder
from .parameters import ParameterStore
from .scoring import Passes

SAMPLERS = ("auto", "vllm", "torch")
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class LoadOptions:
    """What a client asks for."""

    folder: Path
    #: Of DTYPES.
    dtype: str
    #: Also the optimiser's state, where the folder has one.
    optimizer: bool
    #: Whether it will be trained, for what memory that takes.
    training: bool
    #: A fresh adapter of this shape where the folder is a whole model; its `base` is the folder.
    lora: AdapterConfig | None
    #: Where the client is, for paths in adapters.
    cwd: Path
    #: Of SAMPLERS.
    sampler: str = "torch"
    #: Share of the memory for the keys and values of vLLM.
    sampler_cache: float = 0.2


class Whole(Protocol):
    """The weights that messages are drawn with, where they are not there all the time (sharding.py)."""

    def open(self) -> None:
        """Puts them together; all ranks at once."""

    def close(self) -> None:
        """Gives their memory back."""


class AlwaysWhole:
    def open(self) -> None:
        """They are there."""

    def close(self) -> None:
        """They stay."""


@dataclass(frozen=True)
class Loaded:
    """A model that computes."""

    #: Draws messages, while `whole` is open.
    decoder: Decoder
    #: Runs whole sequences.
    passes: Passes
    whole: Whole
    parameters: ParameterStore
    #: `full` or `lora`.
    kind: str
    #: Parameters, those of a base included.
    count: int
    #: The folder with the tokenizer.
    text: Path
    save: Callable[[Path], None]
    #: Kept alive for whoever adapts it next.
    base: FrozenBase | None = None
    adapter: AdapterConfig | None = None


def load(options: LoadOptions, device: torch.device, bases: FrozenBases) -> Loaded:
    """Loads a folder: a model, or an adapter with its base.

    Raises:
        BadModel: the folder cannot be used.
    """
    folder = options.folder
    if is_adapter_folder(folder):
        config = read_adapter_config(folder)
        base = _base(base_folder(folder, config.base, options.cwd), options.dtype, device, bases)
        return _adapted(base, config, options, saved=True)
    if options.lora is not None:
        return _adapted(_base(folder, options.dtype, device, bases), options.lora, options, saved=False)
    return _full(options, device)


def _full(options: LoadOptions, device: torch.device) -> Loaded:
    folder = options.folder
    checkpoint = load_checkpoint(folder, attention=attention_of(folder, device))
    parameters = ParameterStore(checkpoint.model, DTYPES[options.dtype], device)
    read_moments(options, parameters)

    def save(to: Path) -> None:
        save_checkpoint(to, checkpoint.files, *parameters.contents())

    decoder = Decoder(checkpoint.model, str(folder))
    return Loaded(decoder, decoder, AlwaysWhole(), parameters, "full", parameters.count, folder, save)


def _adapted(base: FrozenBase, config: AdapterConfig, options: LoadOptions, *, saved: bool) -> Loaded:
    model: Any = base.module()
    tensors = adapters.inject(model, config, str(options.folder))
    if saved:
        adapters.read_weights(options.folder, tensors)
    else:
        adapters.start(tensors)
    device = next(model.parameters()).device
    parameters = ParameterStore(model, torch.float32, device, trained=tensors)
    if saved:
        read_moments(options, parameters)

    def save(to: Path) -> None:
        weights, state = parameters.contents()
        write_folder(to, Contents(adapters.WEIGHTS, weights, {ADAPTER_CONFIG: config.to_json()}), state)

    decoder = Decoder(model, str(options.folder), adapters.module_names(tensors, model))
    count = base.count + parameters.count
    return Loaded(decoder, decoder, AlwaysWhole(), parameters, "lora", count, base.folder, save, base, config)


def _base(folder: Path, dtype: str, device: torch.device, bases: FrozenBases) -> FrozenBase:
    def read() -> FrozenBase:
        checkpoint = load_checkpoint(folder, attention=attention_of(folder, device), dtype=DTYPES[dtype])
        return FrozenBase.freeze(folder, checkpoint, device)

    return bases.find(folder, dtype, read)


def read_moments(options: LoadOptions, parameters: ParameterStore) -> None:
    """The optimiser's state, where it is asked for and there is one."""
    state = read_optimizer(options.folder, parameters.shapes()) if options.optimizer else None
    if state is not None:
        parameters.load_optimizer_state(state)


def attention_of(folder: Path, device: torch.device) -> str:
    """Eager attention rounds alike with and without gradients, and knows soft caps; on a GPU it is too slow."""
    return "eager" if device.type == "cpu" or _has_softcap(folder) else "sdpa"


def _has_softcap(folder: Path) -> bool:
    try:
        return '"attn_logit_softcapping"' in (folder / "config.json").read_text(encoding="utf-8")
    except OSError:
        return False  # loading says what is wrong
