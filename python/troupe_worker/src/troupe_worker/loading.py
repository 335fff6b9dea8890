"""Loads a model: a full model with trainable weights, or a frozen base model with a trainable LoRA adapter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from . import adapters
from .adapter_config import ADAPTER_CONFIG, AdapterConfig, base_folder, is_adapter_folder, read_adapter_config
from .adapters import BaseModelCache, FrozenBase
from .checkpoint import FolderContents, load_checkpoint, read_optimizer, save_checkpoint, write_folder
from .decoder import Decoder
from .parameters import ParameterStore
from .scoring import ScoringModel

SAMPLERS = ("auto", "vllm", "torch")
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True)
class LoadOptions:
    """Options of a `load` call."""

    #: Folder of the model or the adapter to load.
    folder: Path
    #: A key of DTYPES.
    dtype: str
    #: Whether to load the optimizer state, if the folder has one.
    optimizer: bool
    #: Whether the model will be trained, which needs more memory.
    training: bool
    #: Configuration of a new adapter for the model in `folder`; None: no new adapter.
    lora: AdapterConfig | None
    #: Working directory of the client, for relative paths in adapter configs.
    cwd: Path
    #: One of SAMPLERS.
    sampler: str = "torch"
    #: Fraction of the device's memory for models that vLLM's KV cache uses, 0..1.
    sampler_cache: float = 0.2


class SamplingWeights(Protocol):
    """The complete weights of a model. A sharded model has them only while it samples (sharding.py)."""

    def unshard(self) -> None:
        """Gathers the weights from all ranks; a collective."""

    def reshard(self) -> None:
        """Frees the gathered weights of this rank."""


class ResidentWeights:
    """Weights of a model that is not sharded; this process always has all of them."""

    def unshard(self) -> None:
        """Does nothing."""

    def reshard(self) -> None:
        """Does nothing."""


@dataclass(frozen=True)
class LoadedModel:
    """A model that is ready to compute."""

    #: Decoder for sampling. Call `sampling_weights.unshard()` before using it.
    decoder: Decoder
    #: Model for passes over complete messages: scoring and training.
    scoring_model: ScoringModel
    sampling_weights: SamplingWeights
    parameters: ParameterStore
    #: `full` or `lora`.
    kind: str
    #: Total number of parameters, including those of a base model.
    parameter_count: int
    #: The folder that contains the tokenizer: that of the full model or of the base model.
    tokenizer_folder: Path
    #: Writes weights and optimizer state to a folder; a collective for a sharded model.
    save: Callable[[Path], None]
    #: Base model of an adapter. This reference keeps it in the cache of base models.
    base: FrozenBase | None = None
    adapter: AdapterConfig | None = None


def load(options: LoadOptions, device: torch.device, bases: BaseModelCache) -> LoadedModel:
    """Loads a model folder, or an adapter folder and its base model.

    Raises:
        BadModel: the folder cannot be used.
    """
    folder = options.folder
    if is_adapter_folder(folder):
        config = read_adapter_config(folder)
        base = _load_base(base_folder(folder, config.base, options.cwd), options.dtype, device, bases)
        return _load_adapter(base, config, options, is_saved=True)
    if options.lora is not None:
        base = _load_base(folder, options.dtype, device, bases)
        return _load_adapter(base, options.lora, options, is_saved=False)
    return _load_full(options, device)


def _load_full(options: LoadOptions, device: torch.device) -> LoadedModel:
    folder = options.folder
    checkpoint = load_checkpoint(folder, attention=attention_implementation(folder, device))
    parameters = ParameterStore(checkpoint.model, DTYPES[options.dtype], device)
    load_optimizer_state(options, parameters)

    def save(to: Path) -> None:
        save_checkpoint(to, checkpoint.files, *parameters.state_to_save())

    decoder = Decoder(checkpoint.model, str(folder))
    return LoadedModel(
        decoder=decoder,
        scoring_model=decoder,
        sampling_weights=ResidentWeights(),
        parameters=parameters,
        kind="full",
        parameter_count=parameters.count,
        tokenizer_folder=folder,
        save=save,
    )


def _load_adapter(base: FrozenBase, config: AdapterConfig, options: LoadOptions, *, is_saved: bool) -> LoadedModel:
    model: Any = base.module()
    tensors = adapters.inject(model, config, str(options.folder))
    if is_saved:
        adapters.read_weights(options.folder, tensors)
    else:
        adapters.initialize(tensors)
    device = next(model.parameters()).device
    parameters = ParameterStore(model, torch.float32, device, trained=tensors)
    if is_saved:
        load_optimizer_state(options, parameters)

    def save(to: Path) -> None:
        weights, state = parameters.state_to_save()
        write_folder(to, FolderContents(adapters.WEIGHTS, weights, {ADAPTER_CONFIG: config.to_json()}), state)

    decoder = Decoder(model, str(options.folder), adapters.module_names(tensors, model))
    return LoadedModel(
        decoder=decoder,
        scoring_model=decoder,
        sampling_weights=ResidentWeights(),
        parameters=parameters,
        kind="lora",
        parameter_count=base.count + parameters.count,
        tokenizer_folder=base.folder,
        save=save,
        base=base,
        adapter=config,
    )


def _load_base(folder: Path, dtype: str, device: torch.device, bases: BaseModelCache) -> FrozenBase:
    def read() -> FrozenBase:
        attention = attention_implementation(folder, device)
        checkpoint = load_checkpoint(folder, attention=attention, dtype=DTYPES[dtype])
        return FrozenBase.from_checkpoint(folder, checkpoint, device)

    return bases.get_or_load(folder, dtype, read)


def load_optimizer_state(options: LoadOptions, parameters: ParameterStore) -> None:
    """Loads the optimizer state if it was requested and the folder has one."""
    state = read_optimizer(options.folder, parameters.shapes()) if options.optimizer else None
    if state is not None:
        parameters.load_optimizer_state(state)


def attention_implementation(folder: Path, device: torch.device) -> str:
    """Selects Transformers' `attn_implementation`: `sdpa` on a GPU, `eager` on a CPU or with a soft cap.

    A soft cap limits the attention logits, which only `eager` supports. `eager` also rounds identically with and
    without gradients, but it is slow on a GPU.
    """
    return "eager" if device.type == "cpu" or _has_softcap(folder) else "sdpa"


def _has_softcap(folder: Path) -> bool:
    try:
        return '"attn_logit_softcapping"' in (folder / "config.json").read_text(encoding="utf-8")
    except OSError:
        return False  # an unreadable file is ignored here; loading the model raises the error
