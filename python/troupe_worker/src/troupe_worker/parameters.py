"""Training state of a model: weights, accumulated gradients, AdamW moments, step count, and exact snapshots.

If the model computes in bfloat16, the optimizer updates float32 master weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .adamw import AdamWParams, AdamWTensors, adamw_step, norm_of_squares, sum_of_squares
from .errors import BadRequest, WorkerError
from .tensor_layout import UNSHARDED, TensorLayout

Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class OptimizerState:
    """AdamW state of a checkpoint: step count, and first and second moments by parameter name."""

    step: int
    m: Tensors
    v: Tensors


@dataclass(frozen=True)
class Snapshot:
    """Copy of the training state. `weights` are on the device, as a reference model; the rest is on the CPU."""

    weights: Tensors
    master_weights: Tensors | None
    m: Tensors | None
    v: Tensors | None
    step: int


class ParameterStore:
    """Owns the trained parameters of a module and their optimizer state."""

    def __init__(
        self,
        module: nn.Module,
        dtype: torch.dtype,
        device: torch.device,
        *,
        trained: Mapping[str, nn.Parameter] | None = None,
        layout: TensorLayout = UNSHARDED,
    ) -> None:
        """
        Args:
            module: the model. If `trained` is None, its parameters are float32 on the CPU and move to the device.
                Else it must be on the device.
            dtype: dtype of the weights with which the module computes
            trained: the trained parameters, in float32, by their names in files; None: all parameters are trained
            layout: whether this process has complete tensors or shards, for parameters, gradients, moments and
                snapshots
        """
        self.device = device
        self._layout = layout
        self._master_weights: Tensors | None = {} if dtype != torch.float32 and trained is None else None
        if trained is None:
            self._move_to_device(module, dtype)
        self._parameters = dict(module.named_parameters()) if trained is None else dict(trained)
        self._gradients: Tensors | None = None
        self._gradients_invalid = False
        self._m: Tensors | None = None
        self._v: Tensors | None = None
        self._step = 0
        #: Increases with every change of the weights. A copy of the weights is stale if its version is lower.
        self.version = 0
        self._snapshots: dict[str, Snapshot] = {}
        self._next_snapshot = 0

    def _move_to_device(self, module: nn.Module, dtype: torch.dtype) -> None:
        """Moves parameters to the device and casts them to `dtype`. If it is not float32, keeps float32 copies."""
        for name, parameter in module.named_parameters():
            # Copy, because the alignment of memory-mapped tensors can change the last bit of a matrix product.
            full = parameter.data.to(device=self.device, dtype=torch.float32, copy=True).contiguous()
            if self._master_weights is not None:
                self._master_weights[name] = full
            parameter.data = full.to(dtype)
            parameter.requires_grad_(True)
        for buffer in module.buffers():
            buffer.data = buffer.data.to(self.device)  # not cast, because rotary frequencies must remain float32

    @property
    def count(self) -> int:
        """Number of trained parameters."""
        return sum(parameter.numel() for parameter in self._parameters.values())

    def weights(self, snapshot: str | None = None) -> Tensors | None:
        """Returns the weights of a snapshot by name. Returns None if `snapshot` is None, i.e. the current weights.

        Raises:
            BadRequest: the snapshot does not exist.
        """
        return None if snapshot is None else self._get_snapshot(snapshot).weights

    def master_weights(self) -> Tensors:
        """Returns the current float32 weights by name, without copying them."""
        return self._local_weights() if self._master_weights is None else self._master_weights

    def _local_weights(self) -> Tensors:
        """Returns this process's part of the weights with which the module computes, without copying them."""
        return {name: self._layout.to_local(parameter) for name, parameter in self._parameters.items()}

    def shapes(self) -> dict[str, torch.Size]:
        """Shapes of the complete parameters by name."""
        return {name: parameter.shape for name, parameter in self._parameters.items()}

    def state_to_save(self) -> tuple[Tensors, OptimizerState]:
        """Returns the complete float32 weights and optimizer state; empty on ranks other than 0."""
        m, v = self._moments()
        weights = self.full_tensors(self.master_weights())
        return weights, OptimizerState(self._step, self.full_tensors(m), self.full_tensors(v))

    def full_tensors(self, local: Tensors) -> Tensors:
        """Gathers complete tensors from all ranks; a collective. Returns an empty dict on ranks other than 0."""
        if self._layout is UNSHARDED:
            return local
        full: Tensors = {}
        for name, tensor in local.items():
            gathered = self._layout.full_tensor(tensor, self._parameters[name].shape)
            if self._layout.is_rank_zero:
                full[name] = gathered.to("cpu")
        return full

    def accumulate_gradients(self) -> None:
        """Adds the `grad` of every parameter to the float32 accumulators, and clears it."""
        for name, parameter in self._parameters.items():
            gradient, parameter.grad = parameter.grad, None
            if gradient is None:
                continue
            self.add_gradient(name, self._layout.to_local(gradient))

    def add_gradient(self, name: str, local: Tensor) -> None:
        """Adds this process's part of a gradient to the accumulator of a parameter."""
        if self._gradients is None:
            self._gradients = {}
        if name in self._gradients:
            self._gradients[name].add_(local)
        else:
            self._gradients[name] = local.to(torch.float32)

    def invalidate_gradients(self) -> None:
        """Marks the accumulated gradients as incomplete. `step_adamw` then fails until they are set to zero."""
        for parameter in self._parameters.values():
            parameter.grad = None
        self._gradients_invalid = True

    def zero_gradients(self) -> None:
        self._gradients = None
        self._gradients_invalid = False

    def gradients(self) -> Tensors:
        """Returns the accumulated float32 gradients by name; zeros if no gradient was accumulated."""
        sums = self._gradients or {}
        return {
            name: sums[name] if name in sums else torch.zeros_like(local, dtype=torch.float32)
            for name, local in self._local_weights().items()
        }

    @torch.no_grad()
    def step_adamw(self, params: AdamWParams, *, keep_gradients: bool = False) -> float:
        """Takes one AdamW step with the accumulated gradients, and then clears them, unless `keep_gradients`.

        Returns:
            L2 norm of all gradients before clipping.

        Raises:
            WorkerError: a backward pass did not finish.
        """
        if self._gradients_invalid:
            raise WorkerError("step: a backward pass did not finish; zero the gradients or restore a snapshot")
        gradients = self.gradients()
        norm = norm_of_squares(self._layout.all_reduce_sum(sum_of_squares(gradients.values())))
        scale = params.max_grad_norm / norm if norm > params.max_grad_norm else 1.0
        m, v = self._moments()
        self._step += 1
        for name, weights in self.master_weights().items():
            gradient, decay = gradients[name].contiguous(), weights.ndim >= 2
            tensors = AdamWTensors(weights, gradient, m[name], v[name], decay=decay)
            adamw_step(tensors, params, step=self._step, scale=scale)
        self._cast_master_weights()
        self.version += 1
        if not keep_gradients:
            self.zero_gradients()
        return norm

    def snapshot(self) -> str:
        """Copies the training state. Returns the name of the snapshot."""
        name = f"snapshot-{self._next_snapshot}"
        self._next_snapshot += 1
        self._snapshots[name] = Snapshot(
            weights={key: local.clone() for key, local in self._local_weights().items()},
            master_weights=_to_cpu(self._master_weights),
            m=_to_cpu(self._m),
            v=_to_cpu(self._v),
            step=self._step,
        )
        return name

    @torch.no_grad()
    def restore(self, name: str, *, keep_gradients: bool = False) -> None:
        """Restores the training state of a snapshot. Clears the accumulated gradients, unless `keep_gradients`.

        Raises:
            BadRequest: the snapshot does not exist.
        """
        snapshot = self._get_snapshot(name)
        self.version += 1
        for key, local in self._local_weights().items():
            local.copy_(snapshot.weights[key])
        for key, values in (snapshot.master_weights or {}).items():
            self.master_weights()[key].copy_(values)
        if snapshot.m is None or snapshot.v is None:
            self._m = self._v = None
        else:
            m, v = self._moments()
            for key in m:
                m[key].copy_(snapshot.m[key])
                v[key].copy_(snapshot.v[key])
        self._step = snapshot.step
        if not keep_gradients:
            self.zero_gradients()

    def release(self, name: str) -> None:
        """Frees a snapshot."""
        self._snapshots.pop(name, None)

    @torch.no_grad()
    def load_optimizer_state(self, state: OptimizerState) -> None:
        """Loads the moments, of which this process keeps its part, and the step count."""
        m, v = self._moments()
        for key in m:
            m[key].copy_(self._layout.local_shard(state.m[key]))
            v[key].copy_(self._layout.local_shard(state.v[key]))
        self._step = state.step

    def _moments(self) -> tuple[Tensors, Tensors]:
        """Returns the first and second moments by name; zeros before the first step."""
        if self._m is None or self._v is None:
            self._m = {key: torch.zeros_like(value) for key, value in self.master_weights().items()}
            self._v = {key: torch.zeros_like(value) for key, value in self.master_weights().items()}
        return self._m, self._v

    def _cast_master_weights(self) -> None:
        """Copies the master weights to the module, rounded to the dtype with which the module computes."""
        for key, values in (self._master_weights or {}).items():
            self._parameters[key].data.copy_(values)

    def _get_snapshot(self, name: str) -> Snapshot:
        snapshot = self._snapshots.get(name)
        if snapshot is None:
            raise BadRequest(f'snapshot "{name}" does not exist; it was released')
        return snapshot


def _to_cpu(tensors: Tensors | None) -> Tensors | None:
    if tensors is None:
        return None
    return {key: tensor.to("cpu", copy=True) for key, tensor in tensors.items()}
