"""A call on its way to a model: what it asks, read with one clear line where it cannot be right."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .errors import BadRequest
from .frames import Array, Frame


@dataclass(frozen=True)
class Call:
    """A request on its way through a model: what it asks, and how to end early or say something in between."""

    frame: Frame
    check: Callable[[], None]
    emit: Callable[[dict[str, Any], dict[str, Array]], None]

    @property
    def params(self) -> dict[str, Any]:
        params: dict[str, Any] = self.frame.header.get("params") or {}
        return params

    def number(self, name: str) -> float:
        value = self.params.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise BadRequest(f"{name}: expected a number, got {value!r}")
        return float(value)

    def count(self, name: str) -> int:
        value = self.params.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise BadRequest(f"{name}: expected an integer >= 1, got {value!r}")
        return value

    def text(self, name: str) -> str:
        value = self.params.get(name)
        if not isinstance(value, str) or value == "":
            raise BadRequest(f"{name}: expected a text, got {value!r}")
        return value

    def temperature(self) -> float:
        value = self.number("temperature")
        if not value > 0:
            raise BadRequest(f"expected a temperature > 0, got {value}")
        return value


#: What a call answers: a JSON value and arrays.
Answer = tuple[dict[str, Any], dict[str, Array]]
