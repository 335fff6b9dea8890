"""Loads a folder for an agent of several ranks: each maps the files, and keeps its own rows.

An adapter's base is dealt out with the adapter, so two models of one agent over one base have it twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from . import adapters
from .adapter_config import ADAPTER_CONFIG, AdapterConfig, base_folder, is_adapter_folder, read_adapter_config
from .checkpoint import Contents, load_checkpoint, save_checkpoint, write_folder
from .decoder import Decoder
from .loading import DTYPES, Loaded, LoadOptions, attention_of, read_moments
from .parameters import OptimizerState, ParameterStore, Tensors
from .ranks import Ranks
from .sharded_passes import ShardedPasses
from .sharding import Sharded, Shards, WholeWeights, require_shardable, shard
from .stored import mapped_dtype


@dataclass(frozen=True)
class _Dealt:
    """What a rank has made of a folder before it has spoken with the others."""

    sharded: Sharded
    #: What is trained, by its names in the store, and where it is in the module.
    trained: dict[str, nn.Parameter]
    paths: dict[str, str]
    kind: str
    #: The folder holds what is trained, not only what a fresh adapter is put on.
    is_saved: bool
    #: Of the weights.
    folder: Path
    write: Callable[[Path, Tensors, OptimizerState], None]


def load_sharded(options: LoadOptions, device: torch.device, ranks: Ranks) -> Loaded:
    """As `load`, by all ranks together.

    Raises:
        WorkerError: the folder cannot be used, by one of them or by all.
    """
    pieces = Shards(ranks)
    with ranks.agreed():
        dealt = _deal(options, device, ranks)
        sharded = dealt.sharded
        parameters = ParameterStore(sharded.entry, torch.float32, device, trained=dealt.trained, pieces=pieces)
        if dealt.is_saved:
            read_moments(options, parameters)
    whole = WholeWeights(sharded, pieces)
    whole.open()
    with ranks.agreed():
        decoder = Decoder(sharded.hollow, str(options.folder), dealt.paths)
    whole.close()

    def save(to: Path) -> None:
        weights, state = parameters.contents()  # every rank has its part in it
        with ranks.agreed():
            if ranks.speaks:
                dealt.write(to, weights, state)

    passes = ShardedPasses(sharded, ranks, decoder=decoder, trained=dealt.trained)
    count = sum(parameter.numel() for parameter in sharded.parameters.values())
    return Loaded(decoder, passes, whole, parameters, dealt.kind, count, dealt.folder, save)


def _deal(options: LoadOptions, device: torch.device, ranks: Ranks) -> _Dealt:
    folder = options.folder
    if is_adapter_folder(folder):
        config = read_adapter_config(folder)
        base = base_folder(folder, config.base, options.cwd)
        return _adapted(base, config, options=options, device=device, ranks=ranks)
    if options.lora is not None:
        return _adapted(folder, options.lora, options=options, device=device, ranks=ranks)
    return _full(options, device, ranks)


def _full(options: LoadOptions, device: torch.device, ranks: Ranks) -> _Dealt:
    folder = options.folder
    checkpoint = load_checkpoint(folder, attention=attention_of(folder, device), dtype=mapped_dtype(folder))
    require_shardable(checkpoint.model, str(folder))
    sharded = shard(
        checkpoint.model, ranks, device=device, compute=DTYPES[options.dtype], trained=None, where=str(folder)
    )

    def write(to: Path, weights: Tensors, state: OptimizerState) -> None:
        save_checkpoint(to, checkpoint.files, weights, state)

    trained = dict(sharded.parameters)
    return _Dealt(sharded, trained, {name: name for name in trained}, "full", True, folder, write)


def _adapted(
    base: Path, config: AdapterConfig, *, options: LoadOptions, device: torch.device, ranks: Ranks
) -> _Dealt:
    where = str(options.folder)
    checkpoint = load_checkpoint(base, attention=attention_of(base, device), dtype=mapped_dtype(base))
    model: Any = checkpoint.model
    require_shardable(model, where)
    tensors = adapters.inject(model, config, where)
    is_saved = is_adapter_folder(options.folder)
    if is_saved:
        adapters.read_weights(options.folder, tensors)
    else:
        adapters.start(tensors)
    paths = adapters.module_names(tensors, model)
    compute, trained_there = DTYPES[options.dtype], frozenset(paths.values())
    sharded = shard(model, ranks, device=device, compute=compute, trained=trained_there, where=where)

    def write(to: Path, weights: Tensors, state: OptimizerState) -> None:
        write_folder(to, Contents(adapters.WEIGHTS, weights, {ADAPTER_CONFIG: config.to_json()}), state)

    trained = {name: sharded.parameters[path] for name, path in paths.items()}
    return _Dealt(sharded, trained, paths, "lora", is_saved, base, write)
