"""Estimates the memory of a model before it is loaded. If it is too large, the error names a setting that fits.

The estimate includes the weights and, for training, the gradients, two moments per weight, and the snapshot that
every stage takes at its start. It excludes activations and the KV cache, whose sizes engine.token_budget and
engine.decode_batch limit.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path

import torch

from .errors import BadModel
from .safetensors_header import read_tensor_infos

_GIB = 2**30
_SUGGESTED_RANK = 16


@dataclass(frozen=True)
class ModelSizes:
    """Parameter counts of a model, from the headers of its safetensors files."""

    parameters: int
    #: Number of rows plus number of columns of each projection, summed over layers. An adapter of the projection
    #: has rank times this number of parameters.
    projections: dict[str, int]

    def adapter(self, rank: int, targets: tuple[str, ...]) -> int:
        """Number of parameters of an adapter with this rank and these target projections."""
        return rank * sum(self.projections.get(target, 0) for target in targets)


@dataclass(frozen=True)
class MemoryPlan:
    """The settings that determine the memory of a model."""

    dtype: str
    training: bool
    #: Number of parameters of the adapter; None: all weights are trained.
    adapter: int | None
    #: Whether the model is on the CPU. If it is on a GPU, the optimizer state in its snapshots is in CPU memory
    #: and does not count.
    on_cpu: bool
    #: Whether the base model is already in memory.
    base_is_loaded: bool = False
    #: Number of ranks over which the model is sharded; each rank has its own memory.
    world_size: int = 1

    def bytes_needed(self, parameters: int) -> int:
        """Memory that one rank needs, bytes, if the full model or base model has this number of parameters."""
        weight = 4 if self.dtype == "float32" else 2
        if self.world_size > 1:
            return self._sharded_bytes(parameters, weight)
        if self.adapter is not None:
            base = 0 if self.base_is_loaded else weight * parameters
            return base + self.adapter * (_trained_bytes(4, self.on_cpu) if self.training else 4)
        if not self.training:
            # A bfloat16 model also has float32 master weights, even if it is not trained.
            return parameters * (weight if self.dtype == "float32" else weight + 4)
        return parameters * _trained_bytes(weight, self.on_cpu)

    def _sharded_bytes(self, parameters: int, weight: int) -> int:
        """Memory of one rank, bytes: its float32 shard of the model, and the complete model while it samples."""
        trained = _trained_bytes(4, self.on_cpu) if self.training else 4
        if self.adapter is None:
            return weight * parameters + trained * parameters // self.world_size
        shard = (weight * parameters + trained * self.adapter) // self.world_size
        return weight * parameters + 4 * self.adapter + shard


def _trained_bytes(weight: int, on_cpu: bool) -> int:
    """Bytes per trained parameter: weight, weight in the snapshot, master weight, gradient, and two moments.

    On a CPU, also the master weight and the moments in the snapshot.
    """
    master = 0 if weight == 4 else 4
    device = 2 * weight + master + 4 + 8
    return device + (master + 8 if on_cpu else 0)


def read_model_sizes(folder: Path) -> ModelSizes | None:
    """Reads the parameter counts of a model folder. Returns None if the files cannot be read.

    Loading the model then raises the error.
    """
    parameters = 0
    projections: dict[str, int] = {}
    try:
        for tensor in read_tensor_infos(folder):
            parameters += prod(tensor.shape)
            parts = tensor.name.split(".")
            if len(tensor.shape) == 2 and len(parts) > 1:
                projections[parts[-2]] = projections.get(parts[-2], 0) + sum(tensor.shape)
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        return None
    return ModelSizes(parameters, projections)


def free_bytes(device: torch.device) -> int | None:
    """Free memory of a device, bytes; None if the device does not report it."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(free) + int(cached)
    if device.type != "cpu":
        return None
    found = [amount for amount in (_available_bytes(), _cgroup_free_bytes()) if amount is not None]
    return min(found) if found else None


def _available_bytes() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return None


def _cgroup_free_bytes(root: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Free memory within the container's limit, bytes; None if it has no limit. The page cache counts as free."""
    try:
        limit = int((root / "memory.max").read_text())
        used = int((root / "memory.current").read_text())
        stat = dict(line.split() for line in (root / "memory.stat").read_text().splitlines())
        return limit - used + int(stat.get("inactive_file", 0)) + int(stat.get("active_file", 0))
    except (OSError, ValueError):
        return None


@dataclass(frozen=True)
class DeviceMemory:
    """Memory of a device that is available to models, bytes."""

    device: str
    #: Free memory before the first model was loaded.
    total: int
    #: Memory reserved for the loaded models.
    reserved: int
    #: Number of loaded models.
    models: int


def require_memory(folder: Path, sizes: ModelSizes, plan: MemoryPlan, memory: DeviceMemory) -> int:
    """Returns the memory that a model needs, bytes.

    Raises:
        BadModel: the model does not fit; the message names the missing amount and a setting that would fit.
    """
    needed = plan.bytes_needed(sizes.parameters)
    left = memory.total - memory.reserved
    if needed <= left:
        return needed
    others = f" beside the {memory.models} loaded models" if memory.models else ""
    use = "training" if plan.training else "inference"
    raise BadModel(
        f"{folder}: expected {_gib(needed)} free on {memory.device} for {use} of "
        f"{_readable_count(sizes.parameters)} parameters in {plan.dtype}{others}, got {_gib(max(0, left))}, "
        f"which is {_gib(needed - left)} too little; {_advice(sizes, plan, left)}"
    )


def require_sampler_memory(folder: Path, weights: int, cache: int, memory: DeviceMemory) -> int:
    """Returns the memory that vLLM needs, bytes: a copy of the weights and the KV cache.

    Raises:
        BadModel: vLLM does not fit; the message names the missing amount and the settings to change.
    """
    needed, left = weights + cache, memory.total - memory.reserved
    if needed <= left:
        return needed
    raise BadModel(
        f"{folder}: expected {_gib(needed)} free on {memory.device} for vLLM, {_gib(weights)} of weights and "
        f"{_gib(cache)} of KV cache, beside the loaded models, got {_gib(max(0, left))}, which is "
        f"{_gib(needed - left)} too little; lower sampler.cache, or set sampler.kind to torch"
    )


def _advice(sizes: ModelSizes, plan: MemoryPlan, left: int) -> str:
    """Suggests the first setting with which the model fits. Tries settings in order of effect on the results."""
    targets = tuple(sizes.projections)
    layers = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    adapter = sizes.adapter(_SUGGESTED_RANK, tuple(name for name in layers if name in targets))
    alternatives: list[tuple[str, MemoryPlan]] = []
    if plan.dtype == "float32":
        alternatives.append(("dtype bfloat16", replace(plan, dtype="bfloat16")))
    if not plan.on_cpu:
        gpus = [count for count in (2, 4, 8) if count > plan.world_size]
        alternatives += [(f"ray.gpus_per_agent {count}", replace(plan, world_size=count)) for count in gpus]
    if plan.adapter is None and plan.training and adapter > 0:
        lora = f"engine.lora_rank {_SUGGESTED_RANK}"
        alternatives.append((lora, replace(plan, adapter=adapter)))
        if plan.dtype == "float32":
            both = replace(plan, dtype="bfloat16", adapter=adapter)
            alternatives.append((f"{lora} with dtype bfloat16", both))
    for name, alternative in alternatives:
        needed = alternative.bytes_needed(sizes.parameters)
        if needed <= left:
            return f"{name} would fit ({_gib(needed)}{' each' if alternative.world_size > 1 else ''})"
    per_parameter = plan.bytes_needed(sizes.parameters) / max(1, sizes.parameters)
    largest = int(max(0, left) / per_parameter) if per_parameter else 0
    return f"a model of at most {_readable_count(largest)} parameters would fit, or fewer agents on this device"


def _gib(amount: int) -> str:
    return f"{amount / _GIB:.2f} GiB" if amount >= _GIB / 100 else f"{amount / 2**20:.2f} MiB"


def _readable_count(count: int) -> str:
    for size, name in ((10**9, " billion"), (10**6, " million"), (10**3, " thousand")):
        if count >= size:
            return f"{count / size:.2f}{name}"
    return str(count)
