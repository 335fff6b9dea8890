"""A call to a model, with methods that read and check its parameters."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .errors import BadRequest
from .frames import Array, Frame


@dataclass(frozen=True)
class Call:
    """A call to a model. Methods that read a parameter raise BadRequest if its value is not valid."""

    frame: Frame
    #: Raises an error if the call was cancelled or its deadline passed.
    check: Callable[[], None]
    #: Sends an intermediate frame to the client.
    emit: Callable[[dict[str, Any], dict[str, Array]], None]

    @property
    def params(self) -> dict[str, Any]:
        params: dict[str, Any] = self.frame.header.get("params") or {}
        return params

    def number(self, name: str) -> float:
        """Reads a finite number."""
        value = self.params.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise BadRequest(f"{name}: expected a number, got {value!r}")
        return float(value)

    def positive_integer(self, name: str) -> int:
        value = self.params.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise BadRequest(f"{name}: expected an integer >= 1, got {value!r}")
        return value

    def string(self, name: str) -> str:
        """Reads a string that is not empty."""
        value = self.params.get(name)
        if not isinstance(value, str) or value == "":
            raise BadRequest(f"{name}: expected a non-empty string, got {value!r}")
        return value

    def flag(self, name: str) -> bool:
        """Reads an optional boolean; False if it is absent."""
        value = self.params.get(name, False)
        if not isinstance(value, bool):
            raise BadRequest(f"{name}: expected true or false, got {value!r}")
        return value

    def temperature(self) -> float:
        value = self.number("temperature")
        if not value > 0:
            raise BadRequest(f"expected a temperature > 0, got {value}")
        return value


#: Result of a call: a JSON object and named flat arrays.
CallResult = tuple[dict[str, Any], dict[str, Array]]
