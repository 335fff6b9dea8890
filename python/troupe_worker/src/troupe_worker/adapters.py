"""LoRA adapters, implemented with PEFT. All adapters of a base model share its frozen weights in memory."""

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
from .checkpoint import Checkpoint, copy_sharing_tensors
from .errors import BadModel, WorkerError
from .threefry import U32, child_key, uniforms

WEIGHTS = "adapter_model.safetensors"
#: Seed of new adapters. The ONNX engine uses this seed too, so both engines create equal adapters.
_SEED = 0
#: PEFT's name for the adapter in the names of a module's parameters; names in files do not contain it.
_ADAPTER_NAME = "default"
#: Groups of projections. The ONNX engine fuses each group to one matrix, initialized from one random stream.
_FUSED_PROJECTIONS = (("q_proj", "k_proj", "v_proj"), ("o_proj",), ("gate_proj", "up_proj"), ("down_proj",))
_FACTOR = re.compile(r"layers\.(\d+)\..*\b(\w+)\.lora_([AB])\.weight$")


@dataclass(frozen=True)
class FrozenBase:
    """A base model on its device, with frozen parameters."""

    folder: Path
    checkpoint: Checkpoint
    #: Number of parameters.
    count: int

    @staticmethod
    def from_checkpoint(folder: Path, checkpoint: Checkpoint, device: torch.device) -> FrozenBase:
        """Moves the model of a checkpoint to the device and freezes its parameters."""
        model = checkpoint.model
        for tensor in (*model.parameters(), *model.buffers()):
            # Copy, because the alignment of memory-mapped tensors can change the last bit of a matrix product.
            tensor.data = tensor.data.to(device=device, copy=True).contiguous()
        model.requires_grad_(False)
        return FrozenBase(folder, checkpoint, sum(parameter.numel() for parameter in model.parameters()))

    def module(self) -> nn.Module:
        """Returns a new module that shares the tensors of the base model."""
        return copy_sharing_tensors(self.checkpoint.model)


class BaseModelCache:
    """The base models in memory, by folder and dtype. A base model is freed with the last model that uses it."""

    def __init__(self) -> None:
        self._bases: WeakValueDictionary[tuple[Path, str], FrozenBase] = WeakValueDictionary()

    def contains(self, folder: Path, dtype: str) -> bool:
        return (folder.resolve(), dtype) in self._bases

    def get_or_load(self, folder: Path, dtype: str, read: Callable[[], FrozenBase]) -> FrozenBase:
        """Returns the cached base model, or reads it. Not thread-safe, because `load` calls are sequential."""
        key = (folder.resolve(), dtype)
        base = self._bases.get(key)
        if base is None:
            base = self._bases[key] = read()
        return base


def inject(model: Any, config: AdapterConfig, where: str) -> dict[str, nn.Parameter]:
    """Adds an adapter to a module. Returns the adapter's float32 parameters by their names in adapter files.

    Args:
        where: folder of the model, for error messages

    Raises:
        BadModel: the architecture does not have the target projections.
        WorkerError: PEFT is not installed.
    """
    try:
        import peft  # imported only when needed, because that takes seconds
    except ImportError as error:
        raise WorkerError(f'adapters need the package "{error.name}"; install it', "package") from error
    device = next(model.parameters()).device
    lora = peft.LoraConfig(
        r=config.rank,
        lora_alpha=config.alpha,  # PEFT declares alpha as an int but accepts floats
        use_rslora=config.rslora,
        target_modules=list(config.targets),
        lora_dropout=0.0,
        bias="none",
    )
    try:
        peft.inject_adapter_in_model(lora, model, _ADAPTER_NAME)
    except ValueError as error:
        reason = first_line(error)
        raise BadModel(f"{where}: {type(model).__name__} does not support this adapter ({reason})") from error
    parameters: dict[str, nn.Parameter] = {}
    for name, parameter in model.named_parameters():
        if f".{_ADAPTER_NAME}." not in name:
            parameter.requires_grad_(False)
            continue
        parameter.data = parameter.data.to(device=device, dtype=torch.float32)
        parameter.requires_grad_(True)
        parameters[f"base_model.model.{name.replace(f'.{_ADAPTER_NAME}.', '.')}"] = parameter
    found = {match[2] for name in parameters if (match := _FACTOR.search(name))}
    for target in config.targets:
        if target not in found:
            raise BadModel(f'{where}: {type(model).__name__} has no projection "{target}"')
    return parameters


def module_names(parameters: dict[str, nn.Parameter], model: nn.Module) -> dict[str, str]:
    """Maps the names of the adapter's parameters in files to their names in the module."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return {name: names[id(parameter)] for name, parameter in parameters.items()}


@torch.no_grad()
def initialize(parameters: dict[str, nn.Parameter]) -> None:
    """Initializes a new adapter. It does not change the model's output at first, because B is 0.

    A is uniform in +-1/sqrt(columns), the distribution that PEFT uses. The random streams are those of
    src/engine/onnx/lora/adapter-weights.ts.
    """
    factors = {match.groups(): tensor for name, tensor in parameters.items() if (match := _FACTOR.search(name))}
    layers = sorted({int(layer) for layer, _, _ in factors})
    seed = child_key((0, 0), _SEED)
    index = 0
    for layer in layers:
        for group in _FUSED_PROJECTIONS:
            tensors = [factors.get((str(layer), target, "A")) for target in group]
            present = [tensor for tensor in tensors if tensor is not None]
            if not present:
                continue
            offset = 0
            for tensor in present:
                tensor.copy_(_uniform(child_key(seed, index), offset, tensor))
                offset += tensor.numel()
            index += 2  # the ONNX engine gives A and B of a fused matrix one number each
    for (_, _, factor), tensor in factors.items():
        if factor == "B":
            tensor.zero_()


def _uniform(key: tuple[int, int], first: int, like: Tensor) -> Tensor:
    """Draws uniform values in +-1/sqrt(columns) with the shape of `like`, from position `first` of a stream."""
    count = like.numel()
    counters = np.arange(first, first + count, dtype=np.uint64).astype(np.uint32)
    words: list[U32] = [np.full(count, word, np.uint32) for word in key]
    bound = 1 / np.sqrt(like.shape[1])
    values = bound * (2 * uniforms(words[0], words[1], counters) - 1)
    return torch.from_numpy(values.astype(np.float32)).view(like.shape)


@torch.no_grad()
def read_weights(folder: Path, parameters: dict[str, nn.Parameter]) -> None:
    """Copies the weights of an adapter folder into the adapter's parameters.

    Raises:
        BadModel: the file is missing or corrupted, or its tensors do not match adapter_config.json.
    """
    path = folder / WEIGHTS
    if not path.is_file():
        raise BadModel(f"{path}: the file is missing; an adapter needs its weights")
    try:
        with safe_open(path, framework="pt") as file:
            names = set(file.keys())
            for name in sorted(set(parameters) ^ names):
                what = "is missing" if name in parameters else "is not part of the adapter"
                raise BadModel(f'{path}: tensor "{name}" {what}; the file does not match adapter_config.json')
            for name, parameter in parameters.items():
                tensor = file.get_tensor(name)
                if tensor.shape != parameter.shape:
                    raise BadModel(
                        f'{path}: tensor "{name}" has shape {list(tensor.shape)}, '
                        f"adapter_config.json describes {list(parameter.shape)}; they belong to different models"
                    )
                parameter.copy_(tensor)
    except SafetensorError as error:
        raise BadModel(f"{path}: the file is corrupted ({first_line(error)})") from error
