"""What went wrong, as the client is told: a kind, and one line."""

from __future__ import annotations

import torch
import torch.distributed as dist

from .calls import first_line
from .errors import WorkerError


def describe(error: BaseException) -> tuple[str, str]:
    """Kind and line of whatever a library throws."""
    if isinstance(error, WorkerError):
        return error.kind, str(error)
    if is_shortage(error):
        return "memory", f"{first_line(error)}; lower engine.token_budget or engine.decode_batch"
    if is_parting(error):
        return "lost", f"the ranks of the agent have lost each other ({first_line(error)[:200]})"
    return "engine", f"{type(error).__name__}: {first_line(error)}"


def is_shortage(error: BaseException) -> bool:
    """Whether memory was asked for that is not there; on a CPU PyTorch says so in its words alone."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )


def is_parting(error: BaseException) -> bool:
    """Whether another rank went away: NCCL says so by type, Gloo in its words alone."""
    if dist.is_available() and isinstance(error, (dist.DistError, dist.DistBackendError)):
        return True
    return isinstance(error, RuntimeError) and "gloo" in str(error).lower()
