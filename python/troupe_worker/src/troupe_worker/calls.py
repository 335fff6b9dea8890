"""What every front needs of a call before it knows anything about models: names, channels, errors as answers."""

from __future__ import annotations

from typing import Any, Protocol

from .errors import BadRequest
from .frames import Frame, encode
from .operations import Operation

#: Calls of a model that one rank of several answers alone, on weights that were put together before.
LONE_CALLS = frozenset({"generate", "open_batch", "load_row", "step_rows"})
LONGEST_DEADLINE_SECONDS = 7 * 24 * 3600.0


class Calls(Protocol):
    """Everything behind the HTTP front: one process's models, or a cluster's."""

    def hello(self) -> dict[str, Any]:
        """Who this is; checked by a client before anything else."""

    def begin(self, frame: Frame) -> Operation:
        """Starts a call, or finds it under way or done."""

    def cancel(self, header: dict[str, Any]) -> bool:
        """Asks a call to end at its next opportunity."""

    def touch(self, session: str) -> None:
        """A sign of life of a client."""

    def drop_abandoned(self, lease_seconds: float) -> None:
        """Frees what clients hold that were not heard of for a lease."""


def channel_of(header: dict[str, Any]) -> str:
    """Calls of one channel follow each other: a model's, or a client's that name no model of their own. Messages
    that are served run side by side, and asked again are drawn again alike: they push nobody else's answer out."""
    if header.get("call") in ("load", "close", "reserve", "leave"):
        return word(header, "session")
    model = word(header, "model")
    return f"{model}/generate" if header.get("call") == "generate" else model


def word(header: dict[str, Any], name: str) -> str:
    value = header.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 100:
        raise BadRequest(f"{name}: expected a name, got {value!r}")
    return value


def deadline_of(header: dict[str, Any]) -> float:
    """How long the client is willing to wait, seconds."""
    deadline = header.get("deadline_seconds", LONGEST_DEADLINE_SECONDS)
    if isinstance(deadline, bool) or not isinstance(deadline, (int, float)) or not deadline > 0:
        raise BadRequest(f"deadline_seconds: expected a number > 0, got {deadline!r}")
    return min(float(deadline), LONGEST_DEADLINE_SECONDS)


def error_frame(kind: str, message: str, *, broken: bool = False) -> bytes:
    """Args: broken: it befell one rank of several in the midst of a pass, and the others wait for it in vain."""
    return encode(
        {"kind": "error", "error": {"kind": kind, "message": message}, **({"broken": True} if broken else {})}
    )


def first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or ["no message"])[0]
