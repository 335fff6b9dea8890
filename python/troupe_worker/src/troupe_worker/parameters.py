"""The numbers of one model: weights, gradients, AdamW moments, step count; snapshots that come back
byte for byte. With bfloat16 weights there are float32 masters beside them, which the optimiser moves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .adamw import AdamWParams, Slot, adamw_step, norm_of_squares, sum_of_squares
from .errors import BadRequest, WorkerError
from .pieces import UNDIVIDED, Pieces

Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class OptimizerState:
    """AdamW's state as saved beside a checkpoint."""

    step: int
    m: Tensors
    v: Tensors


@dataclass(frozen=True)
class Snapshot:
    """`weights` stay on the device, as references of divergences; what only a restore needs goes to the host."""

    weights: Tensors
    masters: Tensors | None
    m: Tensors | None
    v: Tensors | None
    step: int


class ParameterStore:
    """Owns what is trained of what `module` computes with."""

    def __init__(
        self,
        module: nn.Module,
        dtype: torch.dtype,
        device: torch.device,
        *,
        trained: Mapping[str, nn.Parameter] | None = None,
        pieces: Pieces = UNDIVIDED,
    ) -> None:
        """Takes a module whose parameters are float32 on the host, all of them its own.

        Args:
            trained: those that are trained where the others stay as they are, by their names on disk: float32
                and on the device already, as is all of the module.
            pieces: what of them is here. Everything that is kept beside them is kept in the same pieces.
        """
        self.device = device
        self._pieces = pieces
        self._masters: Tensors | None = {} if dtype != torch.float32 and trained is None else None
        if trained is None:
            self._place(module, dtype)
        self._parameters = dict(module.named_parameters()) if trained is None else dict(trained)
        self._gradients: Tensors | None = None
        self._broken = False
        self._m: Tensors | None = None
        self._v: Tensors | None = None
        self._step = 0
        #: Goes up whenever weights change: whoever has a copy of them sees whether it is stale.
        self.version = 0
        self._snapshots: dict[str, Snapshot] = {}
        self._next_snapshot = 0

    def _place(self, module: nn.Module, dtype: torch.dtype) -> None:
        """Parameters in `dtype` on the device, with masters where that is not float32."""
        for name, parameter in module.named_parameters():
            # a copy: mapped files are aligned otherwise, and alignment shows in the last bit of a product
            full = parameter.data.to(device=self.device, dtype=torch.float32, copy=True).contiguous()
            if self._masters is not None:
                self._masters[name] = full
            parameter.data = full.to(dtype)
            parameter.requires_grad_(True)
        for buffer in module.buffers():
            buffer.data = buffer.data.to(self.device)  # rotary frequencies stay float32

    @property
    def count(self) -> int:
        return sum(parameter.numel() for parameter in self._parameters.values())

    def weights(self, snapshot: str | None = None) -> Tensors | None:
        """Weights of a snapshot by name; None for the current ones, which are in the module already."""
        return None if snapshot is None else self._find(snapshot).weights

    def masters(self) -> Tensors:
        """The current weights in float32; live tensors."""
        return self._own() if self._masters is None else self._masters

    def _own(self) -> Tensors:
        """What the module computes with; live tensors."""
        return {name: self._pieces.own(parameter) for name, parameter in self._parameters.items()}

    def shapes(self) -> dict[str, torch.Size]:
        """Of whole tensors."""
        return {name: parameter.shape for name, parameter in self._parameters.items()}

    def contents(self) -> tuple[Tensors, OptimizerState]:
        """What a folder is to hold, whole; nothing where no files are written."""
        m, v = self._moments()
        return self.whole(self.masters()), OptimizerState(self._step, self.whole(m), self.whole(v))

    def whole(self, own: Tensors) -> Tensors:
        """Whole tensors from the pieces of all; nothing where no files are written."""
        if self._pieces is UNDIVIDED:
            return own
        found: Tensors = {}
        for name, tensor in own.items():
            whole = self._pieces.whole(tensor, self._parameters[name].shape)
            if self._pieces.keeps_files:
                found[name] = whole.to("cpu")
        return found

    def collect_gradients(self) -> None:
        """Adds what a backward pass left on the parameters to the float32 sums."""
        for name, parameter in self._parameters.items():
            part, parameter.grad = parameter.grad, None
            if part is None:
                continue
            self.add_gradient(name, self._pieces.own(part))

    def add_gradient(self, name: str, part: Tensor) -> None:
        """Adds to the sum of what is here of a parameter."""
        if self._gradients is None:
            self._gradients = {}
        if name in self._gradients:
            self._gradients[name].add_(part)
        else:
            self._gradients[name] = part.to(torch.float32)

    def break_gradients(self) -> None:
        """A backward pass ended half-way: until they are forgotten, no step may use the sums."""
        for parameter in self._parameters.values():
            parameter.grad = None
        self._broken = True

    def zero_gradients(self) -> None:
        self._gradients = None
        self._broken = False

    def gradients(self) -> Tensors:
        """The sums by name, zeros where nothing came; float32."""
        sums = self._gradients or {}
        return {
            name: sums[name] if name in sums else torch.zeros_like(own, dtype=torch.float32)
            for name, own in self._own().items()
        }

    @torch.no_grad()
    def step_adamw(self, params: AdamWParams) -> float:
        """One step on the sums, which are cleared. Returns the norm before clipping."""
        if self._broken:
            raise WorkerError("step: a backward pass ended half-way; zero the gradients or restore a snapshot")
        gradients = self.gradients()
        norm = norm_of_squares(self._pieces.total(sum_of_squares(gradients.values())))
        scale = params.max_grad_norm / norm if norm > params.max_grad_norm else 1.0
        m, v = self._moments()
        self._step += 1
        for name, weights in self.masters().items():
            slot = Slot(weights, gradients[name].contiguous(), m[name], v[name], decay=weights.ndim >= 2)
            adamw_step(slot, params, step=self._step, scale=scale)
        self._publish()
        self.version += 1
        self.zero_gradients()
        return norm

    def snapshot(self) -> str:
        name = f"snapshot-{self._next_snapshot}"
        self._next_snapshot += 1
        self._snapshots[name] = Snapshot(
            weights={key: own.clone() for key, own in self._own().items()},
            masters=self._hosted(self._masters),
            m=self._hosted(self._m),
            v=self._hosted(self._v),
            step=self._step,
        )
        return name

    @torch.no_grad()
    def restore(self, name: str) -> None:
        snapshot = self._find(name)
        self.version += 1
        for key, own in self._own().items():
            own.copy_(snapshot.weights[key])
        for key, values in (snapshot.masters or {}).items():
            self.masters()[key].copy_(values)
        if snapshot.m is None or snapshot.v is None:
            self._m = self._v = None
        else:
            m, v = self._moments()
            for key in m:
                m[key].copy_(snapshot.m[key])
                v[key].copy_(snapshot.v[key])
        self._step = snapshot.step
        self.zero_gradients()

    def release(self, name: str) -> None:
        self._snapshots.pop(name, None)

    @torch.no_grad()
    def load_optimizer_state(self, state: OptimizerState) -> None:
        """Takes whole moments."""
        m, v = self._moments()
        for key in m:
            m[key].copy_(self._pieces.share(state.m[key]))
            v[key].copy_(self._pieces.share(state.v[key]))
        self._step = state.step

    def _moments(self) -> tuple[Tensors, Tensors]:
        """Both moments; zeros until the first step."""
        if self._m is None or self._v is None:
            self._m = {key: torch.zeros_like(value) for key, value in self.masters().items()}
            self._v = {key: torch.zeros_like(value) for key, value in self.masters().items()}
        return self._m, self._v

    def _publish(self) -> None:
        """Rounds the masters to what the module computes with."""
        for key, values in (self._masters or {}).items():
            self._parameters[key].data.copy_(values)

    def _hosted(self, tensors: Tensors | None) -> Tensors | None:
        if tensors is None:
            return None
        return {key: tensor.to("cpu", copy=True) for key, tensor in tensors.items()}

    def _find(self, name: str) -> Snapshot:
        snapshot = self._snapshots.get(name)
        if snapshot is None:
            raise BadRequest(f'snapshot "{name}" does not exist; it was released')
        return snapshot
