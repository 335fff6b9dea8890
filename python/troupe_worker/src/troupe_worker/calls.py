"""Parts of call handling that need no model: the handler's interface, header fields, channels, error frames.

A channel is a group of calls whose results are stored together (operations.py).
"""

from __future__ import annotations

from typing import Any, Protocol

from .errors import BadRequest
from .frames import Frame, encode
from .operations import Operation

#: Model calls that a single rank of a sharded model can run, after the call `unshard` has given every rank the
#: complete weights. All ranks take part in every other call.
SINGLE_RANK_CALLS = frozenset({"generate", "open_batch", "load_row", "step_rows"})
LONGEST_DEADLINE_SECONDS = 7 * 24 * 3600.0


class CallHandler(Protocol):
    """Handles the requests of the HTTP server, with models in this process or on a cluster."""

    def hello(self) -> dict[str, Any]:
        """Returns the worker's name and versions, which a client checks before its first call."""

    def begin(self, frame: Frame) -> Operation:
        """Starts the call that a frame describes.

        If an operation with the frame's operation name already exists, returns it instead.
        """

    def cancel(self, header: dict[str, Any]) -> bool:
        """Requests that a call ends at its next cancellation check. Returns whether the call was known."""

    def touch(self, session: str) -> None:
        """Renews the lease of a client."""

    def drop_expired_sessions(self, lease_seconds: float) -> None:
        """Frees the resources of clients that have sent no request for longer than the lease."""


def channel_of(header: dict[str, Any]) -> str:
    """Returns the channel of a call: that of its model, or that of the session for calls like `load`.

    `generate` calls of a model have a separate channel, because many of them run at once and their stored results
    must not evict the stored results of other calls. If a `generate` result was evicted, the client can repeat the
    call, which samples the same tokens.
    """
    if header.get("call") in ("load", "close", "reserve", "leave"):
        return required_name(header, "session")
    model = required_name(header, "model")
    return f"{model}/generate" if header.get("call") == "generate" else model


def required_name(header: dict[str, Any], name: str) -> str:
    """Reads a string of 1 to 100 characters from a frame header.

    Raises:
        BadRequest: the field is missing, is not a string, or has another length.
    """
    value = header.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 100:
        raise BadRequest(f"{name}: expected a string of 1 to 100 characters, got {value!r}")
    return value


def deadline_of(header: dict[str, Any]) -> float:
    """Reads the deadline of a call, seconds from now.

    Raises:
        BadRequest: the deadline is not a number > 0.
    """
    deadline = header.get("deadline_seconds", LONGEST_DEADLINE_SECONDS)
    if isinstance(deadline, bool) or not isinstance(deadline, (int, float)) or not deadline > 0:
        raise BadRequest(f"deadline_seconds: expected a number > 0, got {deadline!r}")
    return min(float(deadline), LONGEST_DEADLINE_SECONDS)


def error_frame(kind: str, message: str, *, desynchronized: bool = False) -> bytes:
    """Encodes a frame of kind `error`.

    Args:
        desynchronized: whether the other ranks of the agent may be blocked in a collective, because this rank had
            an unexpected error during a call of all ranks
    """
    flag = {"desynchronized": True} if desynchronized else {}
    return encode({"kind": "error", "error": {"kind": kind, "message": message}, **flag})


def first_line(error: BaseException) -> str:
    """Returns the first line of an exception's message."""
    return (str(error).strip().splitlines() or ["no message"])[0]
