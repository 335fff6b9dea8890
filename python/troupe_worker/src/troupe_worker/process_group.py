"""The process group of one agent, whose ranks run on one node and share the agent's work and its weights.

The ranks find each other through a file on their node and communicate over the loopback interface. The group thus
needs no port, and no other host can join it. Collectives on weights and gradients use NCCL on GPUs, and Gloo on
CPUs. All other collectives use Gloo.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh

from .data_parallel import Check
from .error_classification import classify
from .errors import WorkerError
from .sequences import Message, Rows, length_grouped_batches

#: Timeouts of a collective during a pass, and of the barrier at the end of independent work.
_PASS_TIMEOUT = timedelta(minutes=30)
_INDEPENDENT_TIMEOUT = timedelta(days=1)
#: Interval at which independent work checks whether another rank has failed.
_POLL_SECONDS = 0.5
#: Size of the buffer with which a rank sends its error to the other ranks, bytes.
_ERROR_BYTES = 4096
#: Kind of the error that stops a rank because another rank has failed. Errors of other kinds are reported first.
_STOPPED = "stopped"


class AgentProcessGroup:
    """The process group of an agent, as seen from one rank; implements `DataParallel`."""

    def __init__(self, store: Any, rank: int, world_size: int, device: torch.device) -> None:
        """Requires that `torch.distributed` is initialized; see `init`."""
        self.rank = rank
        self.world_size = world_size
        self.is_rank_zero = rank == 0
        self.mesh: DeviceMesh = init_device_mesh(device.type, (world_size,))
        self._store = store
        self._control = dist.new_group(backend="gloo", timeout=_INDEPENDENT_TIMEOUT)
        #: Number of `independent_work` contexts so far, which makes each context's key in the store unique.
        self._independent_count = 0

    @staticmethod
    def init(rendezvous: Path, rank: int, world_size: int, device: torch.device) -> AgentProcessGroup:
        """Initializes `torch.distributed` and waits for all ranks. A process can join one group only.

        Args:
            rendezvous: path of the file through which the ranks find each other; equal on all ranks. The file must
                not exist yet.
        """
        loopback = next((name for _, name in socket.if_nameindex() if name in ("lo", "lo0")), None)
        if loopback is not None:
            os.environ["GLOO_SOCKET_IFNAME"] = os.environ["NCCL_SOCKET_IFNAME"] = loopback
        if device.type == "cuda":
            torch.cuda.set_device(0)  # each process sees only its own GPU, because Ray sets CUDA_VISIBLE_DEVICES
        store: Any = dist.FileStore(str(rendezvous), world_size)  # type: ignore[attr-defined]
        backend = "nccl" if device.type == "cuda" else "gloo"
        dist.init_process_group(backend, store=store, rank=rank, world_size=world_size, timeout=_PASS_TIMEOUT)
        return AgentProcessGroup(store, rank, world_size, device)

    @contextlib.contextmanager
    def raise_on_all_ranks(self) -> Iterator[None]:
        error: Exception | None = None
        try:
            yield
        except Exception as caught:
            error = caught
        self._exchange_errors(error)

    @contextlib.contextmanager
    def independent_work(self, check: Check) -> Iterator[Check]:
        self._independent_count += 1
        failure_key = f"failure-{self._independent_count}"
        last_poll = time.monotonic()

        def check_peers() -> None:
            nonlocal last_poll
            check()
            now = time.monotonic()
            if now - last_poll > _POLL_SECONDS:
                last_poll = now
                if self._store.check([failure_key]):
                    raise WorkerError("another rank has failed", _STOPPED)

        with self.raise_on_all_ranks():
            try:
                yield check_peers
            except BaseException:
                self._store.set(failure_key, "")
                raise

    def local_range(self, count: int) -> range:
        # The range is contiguous, because adjacent requests often have equal contexts and then share a prefill.
        return range(self.rank * count // self.world_size, (self.rank + 1) * count // self.world_size)

    def local_batches(self, messages: Sequence[Message], token_budget: int) -> Iterator[list[int]]:
        # Each rank takes every n-th of the messages sorted by length, so that all ranks get similar lengths.
        order = sorted(range(len(messages)), key=lambda index: -messages[index].inputs)
        per_rank = [
            length_grouped_batches(messages, order[rank :: self.world_size], token_budget)
            for rank in range(self.world_size)
        ]
        local = per_rank[self.rank]
        for index in range(max(len(batches) for batches in per_rank)):
            yield local[index] if index < len(local) else []

    def all_reduce_rows(self, rows: Rows) -> Rows:
        flat = torch.from_numpy(np.concatenate(rows)) if rows else torch.zeros(0)
        dist.all_reduce(flat, group=self._control)
        ends = np.cumsum([row.size for row in rows])
        return [flat.numpy()[end - row.size : end] for row, end in zip(rows, ends, strict=True)]

    def all_reduce_sum(self, number: float) -> float:
        total = torch.tensor([number], dtype=torch.float64)
        dist.all_reduce(total, group=self._control)
        return float(total)

    def all_gather_rows(self, local: Tensor, shape: Sequence[int]) -> Tensor:
        """Gathers a tensor whose rows are split over the ranks as by torch.chunk; a collective."""
        rows = -(-shape[0] // self.world_size)
        padded = local.contiguous()
        if local.shape[0] < rows:
            padded = local.new_zeros((rows, *shape[1:]))
            padded[: local.shape[0]] = local
        gathered = local.new_empty((rows * self.world_size, *shape[1:]))
        dist.all_gather_into_tensor(gathered, padded)
        return gathered[: shape[0]]

    def local_rows(self, full: Tensor) -> Tensor:
        """Returns this rank's rows of a complete tensor; the inverse of `all_gather_rows`."""
        rows = -(-full.shape[0] // self.world_size)
        return full[self.rank * rows : (self.rank + 1) * rows]

    def reduce_scatter_rows(self, full: Tensor) -> Tensor:
        """Sums tensors of equal shapes over all ranks, and returns this rank's rows of the sum; a collective."""
        rows = -(-full.shape[0] // self.world_size)
        padded = full.contiguous()
        if rows * self.world_size > full.shape[0]:
            padded = full.new_zeros((rows * self.world_size, *full.shape[1:]))
            padded[: full.shape[0]] = full
        reduced = full.new_empty((rows, *full.shape[1:]))
        dist.reduce_scatter_tensor(reduced, padded)
        return reduced[: self.local_rows(full).shape[0]]

    def _exchange_errors(self, error: Exception | None) -> None:
        """If ranks have errors, raises one of them on all ranks: that of the lowest rank that was not stopped."""
        failed = torch.tensor([0 if error is None else 1])
        dist.all_reduce(failed, op=dist.ReduceOp.MAX, group=self._control)
        if int(failed) == 0:
            return
        text = b"" if error is None else _encode(error)
        local = torch.zeros(_ERROR_BYTES, dtype=torch.uint8)
        local[: len(text)] = torch.frombuffer(bytearray(text), dtype=torch.uint8) if text else 0
        gathered = [torch.empty_like(local) for _ in range(self.world_size)]
        dist.all_gather(gathered, local, group=self._control)
        errors = [json.loads(text) for one in gathered if (text := bytes(one.numpy()).rstrip(b"\0"))]
        kind, message = next((one for one in errors if one[0] != _STOPPED), errors[0])
        raise WorkerError(message, kind) from error


def _encode(error: Exception) -> bytes:
    kind, message = classify(error)
    return json.dumps([kind, message[: _ERROR_BYTES // 8]]).encode()
