"""Parts of call handling that need no model: the handler interface, header fields, channels, error frames."""

from __future__ import annotations

from typing import Any, Protocol

from .errors import BadRequest
from .frames import Frame, encode
from .operations import Operation

#: Model calls that one rank of a sharded model answers without the other ranks, on weights that `unshard` gathered
#: before.
SINGLE_RANK_CALLS = frozenset({"generate", "open_batch", "load_row", "step_rows"})
LONGEST_DEADLINE_SECONDS = 7 * 24 * 3600.0


class CallHandler(Protocol):
    """Handles the requests of the HTTP server: the models of one process, or those of a cluster."""

    def hello(self) -> dict[str, Any]:
        """Identity and versions of the worker, which a client checks before its first call."""

    def begin(self, frame: Frame) -> Operation:
        """Starts a call, or returns the operation of the same name that is in flight or finished."""

    def cancel(self, header: dict[str, Any]) -> bool:
        """Requests that a call ends at its next check. Returns whether the call was known."""

    def touch(self, session: str) -> None:
        """Renews the lease of a client."""

    def drop_expired_sessions(self, lease_seconds: float) -> None:
        """Frees the resources of clients that were silent for longer than the lease."""


def channel_of(header: dict[str, Any]) -> str:
    """The channel of a call: the model's, or the session's for calls without a model of their own.

    `generate` calls of a model have a separate channel. They run concurrently and reproduce the same tokens when
    repeated, so their answers must not evict the remembered answers of other calls.
    """
    if header.get("call") in ("load", "close", "reserve", "leave"):
        return required_name(header, "session")
    model = required_name(header, "model")
    return f"{model}/generate" if header.get("call") == "generate" else model


def required_name(header: dict[str, Any], name: str) -> str:
    """A string of 1 to 100 characters from a frame header.

    Raises:
        BadRequest: the field is missing or not such a string.
    """
    value = header.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 100:
        raise BadRequest(f"{name}: expected a string of 1 to 100 characters, got {value!r}")
    return value


def deadline_of(header: dict[str, Any]) -> float:
    """Deadline of a call, seconds from now.

    Raises:
        BadRequest: the deadline is not a number > 0.
    """
    deadline = header.get("deadline_seconds", LONGEST_DEADLINE_SECONDS)
    if isinstance(deadline, bool) or not isinstance(deadline, (int, float)) or not deadline > 0:
        raise BadRequest(f"deadline_seconds: expected a number > 0, got {deadline!r}")
    return min(float(deadline), LONGEST_DEADLINE_SECONDS)


def error_frame(kind: str, message: str, *, desynchronized: bool = False) -> bytes:
    """An encoded frame of kind `error`.

    Args:
        desynchronized: the error hit one rank of several during a pass, so the other ranks block in a collective
    """
    flag = {"desynchronized": True} if desynchronized else {}
    return encode({"kind": "error", "error": {"kind": kind, "message": message}, **flag})


def first_line(error: BaseException) -> str:
    """First line of an exception's message."""
    return (str(error).strip().splitlines() or ["no message"])[0]
