"""Adapters through PEFT over a base that nobody trains, in memory once however many agents adapt it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from .adapter_config import AdapterConfig
from .calls import first_line
from .checkpoint import Checkpoint, twin
from .errors import BadModel, WorkerError
from .threefry import U32, child_key, uniforms

WEIGHTS = "adapter_model.safetensors"
#: Fresh adapters are always drawn alike, as the embedded engine draws them.
_SEED = 0
#: PEFT's name for the one adapter of a module; no file says it.
_NAME = "default"
#: The projections that the embedded engine keeps in one matrix, and so draws from one stream.
_STACKED = (("q_proj", "k_proj", "v_proj"), ("o_proj",), ("gate_proj", "up_proj"), ("down_proj",))
_FACTOR = re.compile(r"layers\.(\d+)\..*\b(\w+)\.lora_([AB])\.weight$")


@dataclass(frozen=True)
class FrozenBase:
    """A checkpoint on its device, every parameter as it stays."""

    folder: Path
    checkpoint: Checkpoint
    count: int

    @staticmethod
    def freeze(folder: Path, checkpoint: Checkpoint, device: torch.device) -> FrozenBase:
        model = checkpoint.model
        for tensor in (*model.parameters(), *model.buffers()):
            # a copy: mapped files are aligned otherwise, and alignment shows in the last bit of a product
            tensor.data = tensor.data.to(device=device, copy=True).contiguous()
        model.requires_grad_(False)
        return FrozenBase(folder, checkpoint, sum(parameter.numel() for parameter in model.parameters()))

    def module(self) -> nn.Module:
        """A module of its own over the base's tensors."""
        return twin(self.checkpoint.model)


class FrozenBases:
    """The bases in memory; each goes with the last model that adapts it."""

    def __init__(self) -> None:
        self._bases: WeakValueDictionary[tuple[Path, str], FrozenBase] = WeakValueDictionary()

    def holds(self, folder: Path, dtype: str) -> bool:
        return (folder.resolve(), dtype) in self._bases

    def find(self, folder: Path, dtype: str, read: Callable[[], FrozenBase]) -> FrozenBase:
        """Not for several threads at once; loads follow each other."""
        key = (folder.resolve(), dtype)
        base = self._bases.get(key)
        if base is None:
            base = self._bases[key] = read()
        return base


def inject(model: Any, config: AdapterConfig, where: str) -> dict[str, nn.Parameter]:
    """Builds an adapter into a module; returns its parameters, float32, by their names on disk.

    Raises:
        BadModel: the architecture has no such projections.
    """
    try:
        import peft  # takes seconds, and few need it
    except ImportError as error:
        raise WorkerError(f'adapters need the package "{error.name}"; install it', "package") from error
    device = next(model.parameters()).device
    lora = peft.LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,  # PEFT divides by it, whatever it is
        use_rslora=config.rslora,
        target_modules=list(config.targets),
        lora_dropout=0.0,
        bias="none",
    )
    try:
        peft.inject_adapter_in_model(lora, model, _NAME)
    except ValueError as error:
        reason = first_line(error)
        raise BadModel(f"{where}: {type(model).__name__} takes no such adapter ({reason})") from error
    parameters: dict[str, nn.Parameter] = {}
    for name, parameter in model.named_parameters():
        if f".{_NAME}." not in name:
            parameter.requires_grad_(False)
            continue
        parameter.data = parameter.data.to(device=device, dtype=torch.float32)
        parameter.requires_grad_(True)
        parameters[f"base_model.model.{name.replace(f'.{_NAME}.', '.')}"] = parameter
    found = {match[2] for name in parameters if (match := _FACTOR.search(name))}
    for target in config.targets:
        if target not in found:
            raise BadModel(f'{where}: {type(model).__name__} has no projection "{target}"')
    return parameters


def module_names(parameters: dict[str, nn.Parameter], model: nn.Module) -> dict[str, str]:
    """Names in the module by names on disk."""
    home = {id(parameter): name for name, parameter in model.named_parameters()}
    return {name: home[id(parameter)] for name, parameter in parameters.items()}


@torch.no_grad()
def start(parameters: dict[str, nn.Parameter]) -> None:
    """A fresh adapter, which changes nothing yet: B is 0, A uniform within 1/sqrt(columns), as PEFT draws it, from
    the streams of src/engine/onnx/lora/adapter-weights.ts."""
    factors = {match.groups(): tensor for name, tensor in parameters.items() if (match := _FACTOR.search(name))}
    layers = sorted({int(layer) for layer, _, _ in factors})
    seed = child_key((0, 0), _SEED)
    index = 0
    for layer in layers:
        for stack in _STACKED:
            tensors = [factors.get((str(layer), target, "A")) for target in stack]
            present = [tensor for tensor in tensors if tensor is not None]
            if not present:
                continue
            drawn = 0
            for tensor in present:
                tensor.copy_(_uniform(child_key(seed, index), drawn, tensor))
                drawn += tensor.numel()
            index += 2  # A and B of a stack are two parameters there
    for (_, _, factor), tensor in factors.items():
        if factor == "B":
            tensor.zero_()


def _uniform(key: tuple[int, int], first: int, like: Tensor) -> Tensor:
    count = like.numel()
    counters = np.arange(first, first + count, dtype=np.uint64).astype(np.uint32)
    words: list[U32] = [np.full(count, word, np.uint32) for word in key]
    bound = 1 / np.sqrt(like.shape[1])
    values = bound * (2 * uniforms(words[0], words[1], counters) - 1)
    return torch.from_numpy(values.astype(np.float32)).view(like.shape)


@torch.no_grad()
def read_weights(folder: Path, parameters: dict[str, nn.Parameter]) -> None:
    """Weights of a folder into an adapter.

    Raises:
        BadModel: a tensor is missing, has another shape, or has no place in the adapter.
    """
    path = folder / WEIGHTS
    if not path.is_file():
        raise BadModel(f"{path}: the file is missing; an adapter needs its weights")
    try:
        with safe_open(path, framework="pt") as file:
            names = set(file.keys())
            for name in sorted(set(parameters) ^ names):
                what = "is missing" if name in parameters else "has no place in the adapter"
                raise BadModel(f'{path}: tensor "{name}" {what}; adapter_config.json describes another')
            for name, parameter in parameters.items():
                tensor = file.get_tensor(name)
                if tensor.shape != parameter.shape:
                    raise BadModel(
                        f'{path}: tensor "{name}" has shape {list(tensor.shape)}, '
                        f"adapter_config.json asks for {list(parameter.shape)}; the two belong to different models"
                    )
                parameter.copy_(tensor)
    except SafetensorError as error:
        raise BadModel(f"{path}: the file is damaged ({first_line(error)})") from error
