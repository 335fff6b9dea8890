"""Loads a model for an agent of several ranks. Each rank memory-maps the files and copies its rows of each tensor.

A base model is sharded together with its adapter, so two adapters of an agent do not share a base model.
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
from .checkpoint import FolderContents, load_checkpoint, save_checkpoint, write_folder
from .decoder import Decoder
from .loading import DTYPES, LoadedModel, LoadOptions, attention_implementation, load_optimizer_state
from .parameters import OptimizerState, ParameterStore, Tensors
from .process_group import AgentProcessGroup
from .safetensors_header import memory_map_dtype
from .sharded_scoring import ShardedScoringModel
from .sharding import GatheredWeights, RowShards, ShardedModel, require_shardable, shard


@dataclass(frozen=True)
class _LocalShard:
    """The part of the model that this rank loads, without communicating with the other ranks."""

    sharded: ShardedModel
    #: Trained parameters by their names in files.
    trained: dict[str, nn.Parameter]
    #: Names of the trained parameters in the model by their names in files.
    module_names: dict[str, str]
    #: `full` or `lora`.
    kind: str
    #: Whether the folder contains the trained weights; False for a new adapter.
    is_saved: bool
    #: Folder of the full model or base model.
    folder: Path
    write: Callable[[Path, Tensors, OptimizerState], None]


def load_sharded(options: LoadOptions, device: torch.device, group: AgentProcessGroup) -> LoadedModel:
    """Loads a model like `load`, on all ranks together.

    Raises:
        WorkerError: at least one rank cannot use the folder; the error is raised on all ranks.
    """
    layout = RowShards(group)
    with group.raise_on_all_ranks():
        local = _load_shard(options, device, group)
        sharded = local.sharded
        parameters = ParameterStore(sharded.root, torch.float32, device, trained=local.trained, layout=layout)
        if local.is_saved:
            load_optimizer_state(options, parameters)
    weights = GatheredWeights(sharded, layout)
    weights.unshard()
    with group.raise_on_all_ranks():
        decoder = Decoder(sharded.empty_model, str(options.folder), local.module_names)
    weights.reshard()

    def save(to: Path) -> None:
        tensors, state = parameters.state_to_save()  # a collective
        with group.raise_on_all_ranks():
            if group.is_rank_zero:
                local.write(to, tensors, state)

    return LoadedModel(
        decoder=decoder,
        scoring_model=ShardedScoringModel(sharded, group, decoder=decoder, trained=local.trained),
        sampling_weights=weights,
        parameters=parameters,
        kind=local.kind,
        parameter_count=sum(parameter.numel() for parameter in sharded.parameters.values()),
        tokenizer_folder=local.folder,
        save=save,
    )


def _load_shard(options: LoadOptions, device: torch.device, group: AgentProcessGroup) -> _LocalShard:
    folder = options.folder
    if is_adapter_folder(folder):
        config = read_adapter_config(folder)
        base = base_folder(folder, config.base, options.cwd)
        return _load_adapter(base, config, options=options, device=device, group=group)
    if options.lora is not None:
        return _load_adapter(folder, options.lora, options=options, device=device, group=group)
    return _load_full(options, device, group)


def _load_full(options: LoadOptions, device: torch.device, group: AgentProcessGroup) -> _LocalShard:
    folder = options.folder
    attention = attention_implementation(folder, device)
    checkpoint = load_checkpoint(folder, attention=attention, dtype=memory_map_dtype(folder))
    require_shardable(checkpoint.model, str(folder))
    sharded = shard(
        checkpoint.model, group, device=device, compute=DTYPES[options.dtype], trained=None, where=str(folder)
    )

    def write(to: Path, weights: Tensors, state: OptimizerState) -> None:
        save_checkpoint(to, checkpoint.files, weights, state)

    trained = dict(sharded.parameters)
    return _LocalShard(sharded, trained, {name: name for name in trained}, "full", True, folder, write)


def _load_adapter(
    base: Path, config: AdapterConfig, *, options: LoadOptions, device: torch.device, group: AgentProcessGroup
) -> _LocalShard:
    where = str(options.folder)
    attention = attention_implementation(base, device)
    checkpoint = load_checkpoint(base, attention=attention, dtype=memory_map_dtype(base))
    model: Any = checkpoint.model
    require_shardable(model, where)
    tensors = adapters.inject(model, config, where)
    is_saved = is_adapter_folder(options.folder)
    if is_saved:
        adapters.read_weights(options.folder, tensors)
    else:
        adapters.initialize(tensors)
    module_names = adapters.module_names(tensors, model)
    trained_names = frozenset(module_names.values())
    compute = DTYPES[options.dtype]
    sharded = shard(model, group, device=device, compute=compute, trained=trained_names, where=where)

    def write(to: Path, weights: Tensors, state: OptimizerState) -> None:
        write_folder(to, FolderContents(adapters.WEIGHTS, weights, {ADAPTER_CONFIG: config.to_json()}), state)

    trained = {name: sharded.parameters[path] for name, path in module_names.items()}
    return _LocalShard(sharded, trained, module_names, "lora", is_saved, base, write)
