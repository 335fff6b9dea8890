"""Whether a model fits, before anything of it is read: what it will take, what there is, what would fit instead.

Counted is what certainly is needed: weights, and where they are trained gradients, two moments, and the snapshot
that every stage begins with. Activations and keys and values come on top; engine.token_budget and
engine.decode_batch bound those.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path

import torch

from .errors import BadModel
from .stored import stored_tensors

_GIB = 2**30
_SUGGESTED_RANK = 16


@dataclass(frozen=True)
class Sizes:
    """Numbers of a model, from the headers of its files."""

    parameters: int
    #: Rows plus columns of each kind of projection, summed over layers: rank times these are an adapter's numbers.
    projections: dict[str, int]

    def adapter(self, rank: int, targets: tuple[str, ...]) -> int:
        return rank * sum(self.projections.get(target, 0) for target in targets)


@dataclass(frozen=True)
class Plan:
    """How a model is to be held."""

    dtype: str
    training: bool
    #: Numbers of the adapter that is trained, where not all weights are.
    adapter: int | None
    #: Bytes on a GPU are apart from those that only a restore needs; on a CPU all are in one memory.
    on_cpu: bool
    #: The base is in memory already.
    shared: bool = False
    #: Processes that share the weights, each with as much memory.
    ranks: int = 1

    def bytes_needed(self, parameters: int) -> int:
        """In one process."""
        weight = 4 if self.dtype == "float32" else 2
        if self.ranks > 1:
            return self._dealt_out(parameters, weight)
        if self.adapter is not None:
            base = 0 if self.shared else weight * parameters
            return base + self.adapter * (_trained_bytes(4, self.on_cpu) if self.training else 4)
        if not self.training:
            # masters are made in any case
            return parameters * (weight if self.dtype == "float32" else weight + 4)
        return parameters * _trained_bytes(weight, self.on_cpu)

    def _dealt_out(self, parameters: int, weight: int) -> int:
        """Float32 pieces, whatever they compute in, and while messages are drawn the whole model besides."""
        own = _trained_bytes(4, self.on_cpu) if self.training else 4
        if self.adapter is None:
            return weight * parameters + own * parameters // self.ranks
        pieces = (weight * parameters + own * self.adapter) // self.ranks
        return weight * parameters + 4 * self.adapter + pieces


def _trained_bytes(weight: int, on_cpu: bool) -> int:
    """Per number that is trained: itself and its snapshot, the master, the gradient, two moments."""
    master = 0 if weight == 4 else 4
    device = 2 * weight + master + 4 + 8
    return device + (master + 8 if on_cpu else 0)


def read_sizes(folder: Path) -> Sizes | None:
    """Of a folder's safetensors; None where there are none that can be read, which loading says better."""
    parameters = 0
    projections: dict[str, int] = {}
    try:
        for tensor in stored_tensors(folder):
            parameters += prod(tensor.shape)
            parts = tensor.name.split(".")
            if len(tensor.shape) == 2 and len(parts) > 1:
                projections[parts[-2]] = projections.get(parts[-2], 0) + sum(tensor.shape)
    except (OSError, ValueError, KeyError, TypeError, struct.error):
        return None
    return Sizes(parameters, projections)


def free_bytes(device: torch.device) -> int | None:
    """What is free on a device now; None where nobody says."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(free) + int(cached)
    if device.type != "cpu":
        return None
    found = [amount for amount in (_available(), _cgroup_room()) if amount is not None]
    return min(found) if found else None


def _available() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return None


def _cgroup_room(root: Path = Path("/sys/fs/cgroup")) -> int | None:
    """What a container may still take, where it is bounded; pages of files do not count, they can go."""
    try:
        limit = int((root / "memory.max").read_text())
        used = int((root / "memory.current").read_text())
        stat = dict(line.split() for line in (root / "memory.stat").read_text().splitlines())
        return limit - used + int(stat.get("inactive_file", 0)) + int(stat.get("active_file", 0))
    except (OSError, ValueError):
        return None


@dataclass(frozen=True)
class Room:
    """What there is for models."""

    device: str
    #: Free when there were no models yet.
    total: int
    #: Promised to the models there are.
    promised: int
    models: int


def require_room(folder: Path, sizes: Sizes, plan: Plan, room: Room) -> int:
    """The bytes a model takes.

    Raises:
        BadModel: it does not fit; says how much is missing and what would fit.
    """
    needed = plan.bytes_needed(sizes.parameters)
    left = room.total - room.promised
    if needed <= left:
        return needed
    others = f" beside the {room.models} loaded already" if room.models else ""
    what = "training" if plan.training else "running"
    raise BadModel(
        f"{folder}: expected {_gib(needed)} free on {room.device} for {what} {_billions(sizes.parameters)} "
        f"parameters in {plan.dtype}{others}, got {_gib(max(0, left))}, "
        f"which is {_gib(needed - left)} too little; {_advice(sizes, plan, left)}"
    )


def require_sampler_room(folder: Path, weights: int, cache: int, room: Room) -> int:
    """The bytes that vLLM takes: a copy of the weights, keys and values.

    Raises:
        BadModel: they do not fit; says how much is missing and what to do.
    """
    needed, left = weights + cache, room.total - room.promised
    if needed <= left:
        return needed
    raise BadModel(
        f"{folder}: expected {_gib(needed)} free on {room.device} for vLLM, {_gib(weights)} of weights and "
        f"{_gib(cache)} of keys and values, beside what is loaded already, got {_gib(max(0, left))}, which is "
        f"{_gib(needed - left)} too little; lower sampler.cache, or set sampler.kind to torch"
    )


def _advice(sizes: Sizes, plan: Plan, left: int) -> str:
    """What would fit: the settings that change least first."""
    targets = tuple(sizes.projections)
    layers = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    adapter = sizes.adapter(_SUGGESTED_RANK, tuple(name for name in layers if name in targets))
    ways: list[tuple[str, Plan]] = []
    if plan.dtype == "float32":
        ways.append(("dtype bfloat16", replace(plan, dtype="bfloat16")))
    if not plan.on_cpu:
        cards = [count for count in (2, 4, 8) if count > plan.ranks]
        ways += [(f"ray.gpus_per_agent {count}", replace(plan, ranks=count)) for count in cards]
    if plan.adapter is None and plan.training and adapter > 0:
        lora = f"engine.lora_rank {_SUGGESTED_RANK}"
        ways.append((lora, replace(plan, adapter=adapter)))
        if plan.dtype == "float32":
            both = replace(plan, dtype="bfloat16", adapter=adapter)
            ways.append((f"{lora} with dtype bfloat16", both))
    for name, way in ways:
        needed = way.bytes_needed(sizes.parameters)
        if needed <= left:
            return f"{name} would fit ({_gib(needed)}{' each' if way.ranks > 1 else ''})"
    per_parameter = plan.bytes_needed(sizes.parameters) / max(1, sizes.parameters)
    fitting = int(max(0, left) / per_parameter) if per_parameter else 0
    return f"a model of at most {_billions(fitting)} parameters would fit, or fewer agents on this device"


def _gib(amount: int) -> str:
    return f"{amount / _GIB:.2f} GiB" if amount >= _GIB / 100 else f"{amount / 2**20:.2f} MiB"


def _billions(count: int) -> str:
    for size, name in ((10**9, " billion"), (10**6, " million"), (10**3, " thousand")):
        if count >= size:
            return f"{count / size:.2f}{name}"
    return str(count)
