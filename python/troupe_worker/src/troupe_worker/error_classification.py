"""Converts any exception to an error kind of the wire protocol and a one-line message for the client."""

from __future__ import annotations

import torch
import torch.distributed as dist

from .calls import first_line
from .errors import WorkerError


def classify(error: BaseException) -> tuple[str, str]:
    """Returns the error kind of the wire protocol and a one-line message."""
    if isinstance(error, WorkerError):
        return error.kind, str(error)
    if is_out_of_memory(error):
        return "memory", f"{first_line(error)}; lower engine.token_budget or engine.decode_batch"
    if is_peer_failure(error):
        return "lost", f"the ranks of the agent lost their connection ({first_line(error)[:200]})"
    return "engine", f"{type(error).__name__}: {first_line(error)}"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed. On a CPU, PyTorch raises a RuntimeError that only its text identifies."""
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or (
        isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    )


def is_peer_failure(error: BaseException) -> bool:
    """Whether a collective failed because of another rank. Only the text identifies such an error of Gloo."""
    if dist.is_available() and isinstance(error, (dist.DistError, dist.DistBackendError)):
        return True
    return isinstance(error, RuntimeError) and "gloo" in str(error).lower()
