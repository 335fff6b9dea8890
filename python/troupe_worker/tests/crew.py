"""Ranks of one agent as processes of this machine, each with a service, told what a front would tell them."""

from __future__ import annotations

import multiprocessing
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from troupe_worker import operations
from troupe_worker.calls import LONE_CALLS
from troupe_worker.errors import DeadlinePassed
from troupe_worker.frames import Array, Frame, decode, encode
from troupe_worker.operations import Operation
from troupe_worker.ranks import Ranks
from troupe_worker.service import Service

_PATIENCE_SECONDS = 240


@dataclass
class Said:
    """What a call said: the last frame's value and arrays, and the frames before it."""

    value: dict[str, Any]
    arrays: dict[str, Array]
    frames: list[Frame] = field(default_factory=list)


class CallFailed(Exception):
    def __init__(self, header: dict[str, Any]) -> None:
        super().__init__(header["error"]["message"])
        self.kind = header["error"]["kind"]
        self.broken = header.get("broken", False)


class _Late(Operation):
    """Its deadline passes at the n-th look at it: in the middle of a pass, however fast the machine is."""

    def __init__(self, looks: int, deadline_seconds: float) -> None:
        super().__init__(deadline_seconds)
        self._looks = looks

    def check(self) -> None:
        super().check()
        self._looks -= 1
        if self._looks <= 0:
            raise DeadlinePassed


def ask(service: Service, data: bytes) -> list[bytes]:
    """All frames of a call. One that is `late_at_look` in its header ends at that look at its deadline."""
    frame = decode(data)
    looks = frame.header.get("late_at_look")
    kind = Operation if looks is None else partial(_Late, looks)
    with mock.patch.object(operations, "Operation", kind):
        operation = service.begin(frame)
    return [said for said in operation.frames(60) if said is not None]


class Single:
    """One process that has it all, in this one."""

    def __init__(self) -> None:
        self._service = Service("cpu")
        self._next = 0

    def call(
        self,
        name: str,
        params: dict[str, Any] | None = None,
        arrays: dict[str, Array] | None = None,
        **header: Any,
    ) -> Said:
        """Raises CallFailed where the answer is an error."""
        self._next += 1
        operation = f"op-{self._next}"
        said = {"session": "s", "operation": operation, "call": name, "params": params or {}, **header}
        return _said(self._ask(name, encode(said, arrays)))

    def _ask(self, name: str, data: bytes) -> list[bytes]:
        return ask(self._service, data)


class Crew(Single):
    """Several processes. `differently` is what the last of them is told instead of what stands in a call's header:
    what befalls one rank alone."""

    def __init__(self, size: int) -> None:
        super().__init__()
        context = multiprocessing.get_context("spawn")
        self._folder = tempfile.TemporaryDirectory()
        meeting = str(Path(self._folder.name) / "meeting")
        self._ends: list[Connection] = []
        self._processes = []
        self.answers: list[bytes] = []
        self.differently: dict[str, Any] = {}
        for rank in range(size):
            here, there = context.Pipe()
            process = context.Process(target=_serve, args=(there, meeting, rank, size), daemon=True)
            process.start()
            there.close()
            self._ends.append(here)
            self._processes.append(process)

    def close(self) -> None:
        for end in self._ends:
            end.close()
        for process in self._processes:
            process.kill()
            process.join()
        self._folder.cleanup()

    def _ask(self, name: str, data: bytes) -> list[bytes]:
        if name in LONE_CALLS:
            return self._of(0, data)
        frame = decode(data)
        other = encode({**frame.header, **self.differently}, frame.arrays)
        for end in self._ends:
            end.send_bytes(other if end is self._ends[-1] else data)
        frames: list[bytes] = []
        last: dict[int, bytes] = {}
        while len(last) < len(self._ends):
            for end in self._heard(end for place, end in enumerate(self._ends) if place not in last):
                *between, answer = end.recv()
                frames += between
                last[self._ends.index(end)] = answer
                if decode(answer).header.get("broken"):
                    return [answer]  # the others may say nothing any more
        self.answers = [last[place] for place in range(len(last))]
        return [*frames, self.answers[0]]

    def _of(self, place: int, data: bytes) -> list[bytes]:
        self._ends[place].send_bytes(data)
        self._heard([self._ends[place]])
        frames: list[bytes] = self._ends[place].recv()
        return frames

    def _heard(self, ends: Iterable[Connection]) -> list[Any]:
        heard = wait(list(ends), _PATIENCE_SECONDS)
        if not heard:
            raise TimeoutError("a rank says nothing")
        return heard

    @property
    def pids(self) -> list[int | None]:
        return [process.pid for process in self._processes]


def _said(frames: list[bytes]) -> Said:
    *between, last = (decode(frame) for frame in frames)
    if last.header["kind"] == "error":
        raise CallFailed(last.header)
    return Said(last.header["value"], last.arrays, between)


def _serve(end: Connection, meeting: str, rank: int, size: int) -> None:
    torch.set_num_threads(1)
    service = Service("cpu")
    service.join(Ranks.form(Path(meeting), rank, size, service.device))
    while True:
        try:
            data = end.recv_bytes()
        except (EOFError, OSError):
            return
        end.send(ask(service, data))
