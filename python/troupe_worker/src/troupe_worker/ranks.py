"""The processes of one agent, on one node, that share its work and its weights: a group of torch.distributed.

They find each other through a file of their node, and speak over its loopback alone: no port is to be agreed upon,
and nobody elsewhere can join. Weights and gradients go through NCCL on GPUs, through Gloo on CPUs; what is to be
decided together always through Gloo, where waiting costs nothing.
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

from .division import Check
from .errors import WorkerError
from .faults import describe
from .sequences import Message, Rows, groups

#: How long a rank waits for the others within a pass; and for them to end what each does by itself.
_PASS = timedelta(minutes=30)
_APART = timedelta(days=1)
#: How often a rank that works by itself looks whether another has failed.
_LOOK_SECONDS = 0.5
_ERROR_BYTES = 4096
#: Ends what a rank does because another has failed; the other says why.
_STOPPED = "stopped"


class Ranks:
    """One of `size` processes; see `Division`."""

    def __init__(self, store: Any, rank: int, size: int, device: torch.device) -> None:
        """The group must stand (`form`)."""
        self.rank = rank
        self.size = size
        self.speaks = rank == 0
        self.mesh: DeviceMesh = init_device_mesh(device.type, (size,))
        self._store = store
        self._control = dist.new_group(backend="gloo", timeout=_APART)
        self._errands = 0

    @staticmethod
    def form(meeting: Path, rank: int, size: int, device: torch.device) -> Ranks:
        """Waits until all have come. A process is in one group, for good.

        Args:
            meeting: a file that does not exist yet, the same for all
        """
        loopback = next((name for _, name in socket.if_nameindex() if name in ("lo", "lo0")), None)
        if loopback is not None:
            os.environ["GLOO_SOCKET_IFNAME"] = os.environ["NCCL_SOCKET_IFNAME"] = loopback
        if device.type == "cuda":
            torch.cuda.set_device(0)  # Ray shows each process its own
        store: Any = dist.FileStore(str(meeting), size)  # type: ignore[attr-defined]
        backend = "nccl" if device.type == "cuda" else "gloo"
        dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=_PASS)
        return Ranks(store, rank, size, device)

    @contextlib.contextmanager
    def agreed(self) -> Iterator[None]:
        error: Exception | None = None
        try:
            yield
        except Exception as caught:
            error = caught
        self._settle(error)

    @contextlib.contextmanager
    def apart(self, check: Check) -> Iterator[Check]:
        self._errands += 1
        alarm = f"alarm-{self._errands}"
        looked = time.monotonic()

        def watched() -> None:
            nonlocal looked
            check()
            now = time.monotonic()
            if now - looked > _LOOK_SECONDS:
                looked = now
                if self._store.check([alarm]):
                    raise WorkerError("another rank has failed", _STOPPED)

        with self.agreed():
            try:
                yield watched
            except BaseException:
                self._store.set(alarm, "")
                raise

    def part(self, count: int) -> range:
        """Neighbours stay together: requests with equal contexts follow each other."""
        return range(self.rank * count // self.size, (self.rank + 1) * count // self.size)

    def batches(self, messages: Sequence[Message], token_budget: int) -> Iterator[list[int]]:
        """Every rank gets messages of all lengths."""
        order = sorted(range(len(messages)), key=lambda index: -messages[index].inputs)
        shares = [groups(messages, order[rank :: self.size], token_budget) for rank in range(self.size)]
        own = shares[self.rank]
        for place in range(max(len(share) for share in shares)):
            yield own[place] if place < len(own) else []

    def joined(self, rows: Rows) -> Rows:
        flat = torch.from_numpy(np.concatenate(rows)) if rows else torch.zeros(0)
        dist.all_reduce(flat, group=self._control)
        ends = np.cumsum([row.size for row in rows])
        return [flat.numpy()[end - row.size : end] for row, end in zip(rows, ends, strict=True)]

    def total(self, number: float) -> float:
        sum_ = torch.tensor([number], dtype=torch.float64)
        dist.all_reduce(sum_, group=self._control)
        return float(sum_)

    def whole(self, own: Tensor, shape: Sequence[int]) -> Tensor:
        """A tensor of which each rank has some rows, as torch.chunk deals them out."""
        rows = -(-shape[0] // self.size)
        sent = own.contiguous()
        if own.shape[0] < rows:
            sent = own.new_zeros((rows, *shape[1:]))
            sent[: own.shape[0]] = own
        found = own.new_empty((rows * self.size, *shape[1:]))
        dist.all_gather_into_tensor(found, sent)
        return found[: shape[0]]

    def share(self, whole: Tensor) -> Tensor:
        """The own rows of a whole tensor, which has the shape that `whole` was told."""
        rows = -(-whole.shape[0] // self.size)
        return whole[self.rank * rows : (self.rank + 1) * rows]

    def total_rows(self, whole: Tensor) -> Tensor:
        """The own rows of the sum of all ranks' tensors of equal shape."""
        rows = -(-whole.shape[0] // self.size)
        sent = whole.contiguous()
        if rows * self.size > whole.shape[0]:
            sent = whole.new_zeros((rows * self.size, *whole.shape[1:]))
            sent[: whole.shape[0]] = whole
        found = whole.new_empty((rows, *whole.shape[1:]))
        dist.reduce_scatter_tensor(found, sent)
        return found[: self.share(whole).shape[0]]

    def _settle(self, error: Exception | None) -> None:
        """Raises the first rank's error on all, if any has one."""
        failed = torch.tensor([0 if error is None else 1])
        dist.all_reduce(failed, op=dist.ReduceOp.MAX, group=self._control)
        if int(failed) == 0:
            return
        text = b"" if error is None else _line(error)
        own = torch.zeros(_ERROR_BYTES, dtype=torch.uint8)
        own[: len(text)] = torch.frombuffer(bytearray(text), dtype=torch.uint8) if text else 0
        said = [torch.empty_like(own) for _ in range(self.size)]
        dist.all_gather(said, own, group=self._control)
        errors = [json.loads(text) for one in said if (text := bytes(one.numpy()).rstrip(b"\0"))]
        kind, message = next((one for one in errors if one[0] != _STOPPED), errors[0])
        raise WorkerError(message, kind) from error


def _line(error: Exception) -> bytes:
    kind, message = describe(error)
    return json.dumps([kind, message[: _ERROR_BYTES // 8]]).encode()
