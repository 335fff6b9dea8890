"""Workers for tests: a service in this process, or one process per rank, each of which receives every call."""

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
from troupe_worker.calls import SINGLE_RANK_CALLS
from troupe_worker.errors import DeadlinePassed
from troupe_worker.frames import Array, Frame, decode, encode
from troupe_worker.operations import Operation
from troupe_worker.process_group import AgentProcessGroup
from troupe_worker.service import Service

_TIMEOUT_SECONDS = 240


@dataclass
class Answer:
    """Value and arrays of the last frame of a call, and all frames before the last one."""

    value: dict[str, Any]
    arrays: dict[str, Array]
    frames: list[Frame] = field(default_factory=list)


class CallFailed(Exception):
    """Raised if a call ended with an error frame."""

    def __init__(self, header: dict[str, Any]) -> None:
        super().__init__(header["error"]["message"])
        self.kind = header["error"]["kind"]
        self.desynchronized = header.get("desynchronized", False)


class _LateOperation(Operation):
    """An operation whose deadline passes at the n-th check, so that tests do not depend on the machine's speed."""

    def __init__(self, checks: int, deadline_seconds: float) -> None:
        super().__init__(deadline_seconds)
        self._checks = checks

    def check(self) -> None:
        super().check()
        self._checks -= 1
        if self._checks <= 0:
            raise DeadlinePassed


def run_call(service: Service, data: bytes) -> list[bytes]:
    """Runs a call and returns all frames.

    If the header has the field `late_at_check`, the deadline passes at the check with this number.
    """
    frame = decode(data)
    checks = frame.header.get("late_at_check")
    kind = Operation if checks is None else partial(_LateOperation, checks)
    with mock.patch.object(operations, "Operation", kind):
        operation = service.begin(frame)
    return [emitted for emitted in operation.frames(60) if emitted is not None]


class SingleProcessWorker:
    """A worker in this process; the agent has one rank."""

    def __init__(self) -> None:
        self._service = Service("cpu")
        self._next = 0

    def call(
        self,
        name: str,
        params: dict[str, Any] | None = None,
        arrays: dict[str, Array] | None = None,
        **header: Any,
    ) -> Answer:
        """
        Raises:
            CallFailed: the call ended with an error.
        """
        self._next += 1
        operation = f"op-{self._next}"
        fields = {"session": "s", "operation": operation, "call": name, "params": params or {}, **header}
        return _answer(self._run(name, encode(fields, arrays)))

    def _run(self, name: str, data: bytes) -> list[bytes]:
        return run_call(self._service, data)


class MultiProcessWorker(SingleProcessWorker):
    """A worker with several processes, one for each rank of the agent."""

    def __init__(self, world_size: int) -> None:
        super().__init__()
        context = multiprocessing.get_context("spawn")
        self._folder = tempfile.TemporaryDirectory()
        rendezvous = str(Path(self._folder.name) / "rendezvous")
        self._connections: list[Connection] = []
        self._processes = []
        #: Last frame that each rank returned for the most recent call.
        self.answers: list[bytes] = []
        #: Header fields that only the last rank receives, to cause an error on one rank only.
        self.last_rank_header: dict[str, Any] = {}
        for rank in range(world_size):
            here, there = context.Pipe()
            process = context.Process(target=_serve, args=(there, rendezvous, rank, world_size), daemon=True)
            process.start()
            there.close()
            self._connections.append(here)
            self._processes.append(process)

    def close(self) -> None:
        for connection in self._connections:
            connection.close()
        for process in self._processes:
            process.kill()
            process.join()
        self._folder.cleanup()

    def _run(self, name: str, data: bytes) -> list[bytes]:
        if name in SINGLE_RANK_CALLS:
            return self._run_on(0, data)
        frame = decode(data)
        modified = encode({**frame.header, **self.last_rank_header}, frame.arrays)
        for connection in self._connections:
            connection.send_bytes(modified if connection is self._connections[-1] else data)
        frames: list[bytes] = []
        last: dict[int, bytes] = {}
        while len(last) < len(self._connections):
            pending = (connection for rank, connection in enumerate(self._connections) if rank not in last)
            for connection in self._wait(pending):
                *between, answer = connection.recv()
                frames += between
                last[self._connections.index(connection)] = answer
                if decode(answer).header.get("desynchronized"):
                    return [answer]  # the other ranks block
        self.answers = [last[rank] for rank in range(len(last))]
        return [*frames, self.answers[0]]

    def _run_on(self, rank: int, data: bytes) -> list[bytes]:
        self._connections[rank].send_bytes(data)
        self._wait([self._connections[rank]])
        frames: list[bytes] = self._connections[rank].recv()
        return frames

    def _wait(self, connections: Iterable[Connection]) -> list[Any]:
        ready = wait(list(connections), _TIMEOUT_SECONDS)
        if not ready:
            raise TimeoutError("no rank answers")
        return ready

    @property
    def pids(self) -> list[int | None]:
        return [process.pid for process in self._processes]


def _answer(frames: list[bytes]) -> Answer:
    *between, last = (decode(frame) for frame in frames)
    if last.header["kind"] == "error":
        raise CallFailed(last.header)
    return Answer(last.header["value"], last.arrays, between)


def _serve(connection: Connection, rendezvous: str, rank: int, world_size: int) -> None:
    torch.set_num_threads(1)
    service = Service("cpu")
    service.join(AgentProcessGroup.init(Path(rendezvous), rank, world_size, service.device))
    while True:
        try:
            data = connection.recv_bytes()
        except (EOFError, OSError):
            return
        connection.send(run_call(service, data))
